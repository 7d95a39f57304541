/** What comes out of the back end, by example: short programs whole, and the facts that loaders and the kernel's verifier rely on. */
import { describe, expect, it } from 'vitest';
import { type GenerateOptions, generate } from '../../core/codegen/index.ts';
import { assertWellFormed } from '../../core/ir/check.ts';
import { optimize } from '../../core/ir/index.ts';
import { moveToScratch } from '../../core/ir/passes/scratch.ts';
import { parseModule } from '../../core/ir/text.ts';
import { disassemble } from '../../core/isa/disasm.ts';
import { execute } from './execute.ts';

function program(text: string, options: GenerateOptions = {}) {
  const out = generate(optimize(parseModule(text), { check: true }), options);
  expect(out.diagnostics).toEqual([]);
  return out.progs[0]!;
}

/** Instruction texts without addresses. */
function code(text: string, options: GenerateOptions = {}): string[] {
  return disassemble(program(text, options).insns)
    .trim()
    .split('\n')
    .map((l) => l.replace(/^\s*\d+:\s*(\([0-9a-f]{2}\)\s*)?/, '').trim());
}

const main = (body: string, params = '%0: ptr ctx "ctx"') => `func @main(${params}) -> i64 entry {\nb0:\n${body}\n}`;

describe('short programs', () => {
  it('a lookup with a null check uses no register too many', () => {
    const lines = code(
      `func @main(%0: ptr ctx) -> i64 entry {
b0:
  %1 = alloca 4 align 4 "key"
  store %1+0, 1:i32
  %2 = callhelper ptr 1 "map_lookup_elem" map "counts", %1
  %3 = icmp.ne %2, 0:ptr
  condbr %3, b1, b2
b1:
  %4 = atomicrmw.add void %2+0, 1:i64
  br b2
b2:
  ret 0:i64
}`.replace('%4 = atomicrmw.add void', 'atomicrmw.add void'),
    );
    expect(lines.length).toBe(10);
    // On an 8-byte boundary: the kernel's verifier remembers what is stored there.
    expect(lines[0]).toBe('*(u32 *)(r10 -8) = 1');
  });
  it('a mask test is one jump', () => {
    const lines = code(`func @main(%0: ptr ctx) -> i64 entry {
b0:
  %1 = load i64 %0+8
  %2 = and i64 %1, 64:i64
  %3 = icmp.ne %2, 0:i64
  condbr %3, b1, b2
b1:
  ret 1:i64
b2:
  ret 2:i64
}`);
    expect(lines.filter((l) => l.includes('&'))).toEqual([expect.stringMatching(/^if r\d & 0x40|^if r\d & 64/)]);
    expect(lines.length).toBe(6);
  });
  it('a constant goes to the context through a register, elsewhere as an immediate', () => {
    const lines = code(main('%1 = load ptr %0+8\nstore %0+0, 7:i32\nstore %1+0, 7:i32\nret 0:i64'));
    expect(lines.some((l) => /^\*\(u32 \*\)\(r1 \+0\) = r\d/.test(l))).toBe(true);
    expect(lines.some((l) => /^\*\(u32 \*\)\(r\d \+0\) = 7/.test(l))).toBe(true);
  });
  it('zero extension is free after a 32-bit load, one move after a truncation', () => {
    expect(code(main('%1 = load i32 %0+0\n%2 = zext i64 %1\nret %2')).length).toBe(2);
    expect(code(main('%1 = load i64 %0+0\n%2 = trunc i32 %1\n%3 = zext i64 %2\nret %3')).length).toBe(3);
  });
  it('sign extension is two shifts, or movsx from version 4 on', () => {
    const text = main('%1 = load i64 %0+0\n%2 = trunc i8 %1\n%3 = sext i64 %2\nret %3');
    expect(code(text, { cpu: 3 }).length).toBe(4);
    expect(code(text, { cpu: 4 }).length).toBe(3);
  });
});

describe('relocations and functions', () => {
  it('names maps, section offsets, kfuncs and kernel symbols by slot', () => {
    const p = program(
      main(
        '%1 = callhelper i64 1 "map_lookup_elem" map "m", global ".bss"+16\n%2 = callkfunc i64 "bpf_task_release" sym "init_task"\nret %2',
      ),
    );
    expect(p.relocs).toEqual(
      expect.arrayContaining([
        { kind: 'map', insn: expect.any(Number), map: 'm' },
        { kind: 'map_value', insn: expect.any(Number), map: '.bss', offset: 16 },
        { kind: 'kfunc', insn: expect.any(Number), name: 'bpf_task_release' },
        { kind: 'ksym', insn: expect.any(Number), name: 'init_task' },
      ]),
    );
  });
  it('appends functions that stay calls, and callbacks, to each program', () => {
    const p = program(`func @main(%0: ptr ctx) -> i64 entry {
b0:
  %1 = callhelper i64 181 "loop" 10:i64, func @each, 0:ptr, 0:i64
  %2 = calllocal i64 "far" 5:i64
  ret %2
}
func @each(%0: i64, %1: ptr) -> i64 {
b0:
  ret 0:i64
}
func @far(%0: i64) -> i64 noinline {
b0:
  %1 = mul i64 %0, 3:i64
  ret %1
}`);
    expect(p.funcs.map((f) => f.name)).toEqual(['main', 'each', 'far']);
    expect(execute({ memory: new Map(), helper: () => 0n, fuel: 100 }, p.insns, 0n)).toBe(15n);
  });
  it('keeps the source position of instructions', () => {
    const module = parseModule(main('%1 = load i64 %0+0\nret %1'));
    const [load, ret] = module.functions[0]!.blocks[0]!.insts;
    load!.loc = { file: 'a.c', line: 3, column: 7, text: 'x = ctx->a;' };
    ret!.loc = { file: 'a.c', line: 4, column: 1, text: 'return x;' };
    expect(generate(module).progs[0]!.lines).toEqual([
      { insn: 0, file: 'a.c', line: 3, column: 7, text: 'x = ctx->a;' },
      { insn: 1, file: 'a.c', line: 4, column: 1, text: 'return x;' },
    ]);
  });
});

describe('the frame', () => {
  const buffers = (n: number, size: number) => {
    const body: string[] = [];
    for (let i = 0; i < n; i++) body.push(`%${10 + i} = alloca ${size} align 8 "buffer${i}"`);
    for (let i = 0; i < n; i++)
      body.push(`memset %${10 + i}, 1:i8 size ${size} align 8`, `%${50 + i} = callhelper i64 100 "use" %${10 + i}`);
    return main(`${body.join('\n')}\nret 0:i64`);
  };
  it('shares bytes between variables whose times do not meet, once 512 are not enough', () => {
    expect(program(buffers(2, 200)).frames[0]).toBe(400);
    expect(program(buffers(5, 200)).frames[0]).toBeLessThanOrEqual(512);
  });
  it('names the variables that do not fit', () => {
    const { diagnostics } = generate(parseModule(buffers(1, 600)));
    expect(diagnostics[0]!.message).toBe("the locals of 'main' take 600 bytes of stack; a BPF frame has 512");
    expect(diagnostics[0]!.notes![0]!.message).toContain("'buffer0' takes 600 bytes");
  });
});

describe('the scratch map', () => {
  it('takes what the frame cannot, behind a null check', () => {
    const module = parseModule(
      main(`%1 = alloca 600 align 8 "big"
  %2 = alloca 8 align 8 "small"
  memset %1, 5:i8 size 600 align 8
  memset %2, 6:i8 size 8 align 8
  %3 = callhelper i64 100 "use" %1, %2
  %4 = load i64 %1+592
  ret %4`),
    );
    optimize(module, { check: true });
    const scratch = moveToScratch(module.functions[0]!, 608, 'scratch', undefined)!;
    assertWellFormed(module, 'after scratch');
    expect(scratch.moved).toEqual([{ name: 'big', size: 600 }]);
    const { progs, diagnostics } = generate(module);
    expect(diagnostics).toEqual([]);
    expect(progs[0]!.frames[0]).toBeLessThanOrEqual(24);
    const run = (value: bigint) =>
      execute({ memory: new Map(), helper: (id) => (id === 1 ? value : 0n), fuel: 1000 }, progs[0]!.insns, 0n);
    expect(run(0x9000n)).toBe(0x0505050505050505n);
    expect(run(0n)).toBe(0n);
  });
});

describe('what a version lacks', () => {
  it('says so for atomics', () => {
    const text = main('%1 = load ptr %0+0\n%2 = atomicrmw.add i64 %1+0, 1:i64\nret %2');
    expect(generate(parseModule(text), { cpu: 2 }).diagnostics[0]!.message).toBe(
      "an atomic 'add' that gives the old value needs -mcpu=v3 or later",
    );
    expect(generate(parseModule(text), { cpu: 3 }).diagnostics).toEqual([]);
  });
});

describe('a switch of 2,000 cases', () => {
  /** Each case stores a number of its own, and then does what every third does. */
  const cases = Array.from({ length: 2000 }, (_, i) => i);
  const text = (own: (i: number) => string) => `func @main(%0: ptr ctx) -> i64 entry {
b0:
  %1 = load i64 %0+0
  switch %1, b9999, ${cases.map((i) => `${i * 3} -> b${i + 1}`).join(', ')}
${cases.map((i) => `b${i + 1}:\n${own(i)}  store %0+${8 + 8 * (i % 3)}, 7:i64\n  store %0+32, ${i % 3}:i64\n  ret ${i % 3}:i64`).join('\n')}
b9999:
  ret 9:i64
}`;
  const ends = (own: (i: number) => string) =>
    code(text(own)).filter((l) => /^\*\(u64 \*\)\(r\d \+32\)/.test(l)).length;
  it('has one block for all cases that do the same', () => {
    expect(ends(() => '')).toBe(3);
  });
  // Joined one pair after the other this takes longer than a test may.
  it('shares what cases end in', () => {
    expect(ends((i) => `  store %0+48, ${i}:i64\n`)).toBeLessThan(10);
  });
});

describe('long block operations', () => {
  const memory = () =>
    new Map<bigint, number>(Array.from({ length: 4096 }, (_, i) => [0x9000n + BigInt(i), (i * 7) & 255]));
  const run = (body: string) => {
    const bytes = memory();
    const p = program(main(body));
    expect(p.insns.length / 8).toBeLessThan(60);
    execute({ memory: bytes, helper: () => 0n, fuel: 100_000 }, p.insns, 0x9000n);
    return bytes;
  };
  it('are loops, correct over overlap in both directions', () => {
    for (const [to, from] of [
      [16, 0],
      [0, 16],
    ] as const) {
      const bytes = run(
        `%1 = ptradd %0, ${to}:i64\n%2 = ptradd %0, ${from}:i64\nmemmove %1, %2 size 1003 align 1\nret 0:i64`,
      );
      const before = memory();
      for (let i = 0; i < 1003; i++)
        expect(bytes.get(0x9000n + BigInt(to + i))).toBe(before.get(0x9000n + BigInt(from + i)));
    }
  });
  it('fill exactly', () => {
    const bytes = run('memset %0, 9:i8 size 2001 align 1\nret 0:i64');
    expect(bytes.get(0x9000n + 2000n)).toBe(9);
    expect(bytes.get(0x9000n + 2001n)).toBe((2001 * 7) & 255);
  });
});
