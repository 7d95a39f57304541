/**
 * What is particular to the C++ engine. Its answers are compared with the other engines' in test/vm, whose table it is in wherever the
 * addon was built.
 */
import { describe, expect, it } from 'vitest';
import { addon } from '../../bindings/addon/index.ts';
import { nativeEngine } from '../../bindings/engine/index.ts';
import { BLOCK, COMMAND, HEADER_BYTES, STATE_BYTES, STATUS } from '../../bindings/engine/state.ts';
import { Fault } from '../../core/base/errors.ts';
import { KERNEL_BASE } from '../../core/base/memory.ts';
import { helperById } from '../../core/helpers/index.ts';
import { assemble } from '../../core/isa/asm.ts';
import * as B from '../../core/isa/builders.ts';
import { FORMS } from '../../core/isa/forms.ts';
import { encode, type Insn } from '../../core/isa/insn.ts';
import { createMap } from '../../core/maps/index.ts';
import { bareHost } from '../../core/vm/bare.ts';
import type { Engine } from '../../core/vm/engine.ts';
import { interp } from '../../core/vm/interp.ts';
import { STACK_AREA } from '../../core/vm/layout.ts';
import { VmMemory } from '../../core/vm/memory.ts';
import { ENGINES } from '../vm/engines.ts';
import { random } from '../vm/random-program.ts';

const native = nativeEngine();
const problem = native.unavailable();
const exit = B.BPF_EXIT_INSN();
const VERIFIED = { verified: true, stackDepth: 512 };

it.runIf(problem)(`the native engine is not tested: ${problem}`, (context) => context.skip());

describe.skipIf(problem)('the native engine', () => {
  it('is in the table of engines under test', () => {
    expect(ENGINES).toContain(native);
  });

  const GUARD = 0xa5;
  const AREA = 1 << 17;
  const CTX = 64;

  /** A ctx in the middle of guard bytes; what a run of `code` does to them, and how it ends. */
  function guarded(engine: Engine, code: readonly Insn[], batch: number) {
    const memory = new VmMemory({ maximumBytes: 4 << 20 });
    const area = memory.alloc(AREA, 64);
    const ctx = area + AREA / 2;
    memory.u8.fill(GUARD, area, area + AREA);
    memory.u8.fill(1, ctx, ctx + CTX);
    const host = bareHost({ memory, regions: [{ offset: ctx, size: CTX, writable: true }] });
    const exe = engine.prepare({ name: 'wild', insns: encode(code), funcs: [], lines: [], facts: undefined }, host);
    let end = '';
    try {
      if (batch > 0) exe.runBatch!(ctx, 8, batch, 0, CTX);
      else exe.run(ctx, CTX);
      end = `r0 ${exe.r0Hi}:${exe.r0Lo}`;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      end = `${error.pc}: ${error.reason.replace(/0x\w+/, 'address')}`;
    }
    const around = memory.u8.slice(area, area + AREA);
    const inside = [...around.slice(AREA / 2, AREA / 2 + CTX)];
    around.fill(GUARD, AREA / 2, AREA / 2 + CTX);
    return { end, inside, intact: around.every((b) => b === GUARD) };
  }

  it.each([0, 3])('touches nothing but ctx and stack, and faults where the interpreter does (batch of %i)', (batch) => {
    const accesses = FORMS.filter((f) => /^(ldx|ldsx|st|stx|atomic)\./.test(f.name));
    const ends = new Set<string>();
    for (let seed = 1; seed <= 150; seed++) {
      const r = random(seed * 7 + batch);
      const code: Insn[] = [
        B.BPF_MOV64_IMM(0, 0),
        B.BPF_MOV64_REG(6, 1),
        B.BPF_MOV64_REG(7, 10),
        B.BPF_LD_IMM64(8, 1n),
      ];
      for (let k = 0; k < 12; k++) {
        const form = accesses[r(accesses.length)]!;
        const base = [6, 7, 1, 10][r(4)]!;
        const off = r(8) === 0 ? r(65536) - 32768 : base === 7 || base === 10 ? -r(520) : r(CTX + 4) - 2;
        const loads = /^(ldx|ldsx)/.test(form.name) || form.name.endsWith('load_acq');
        const imm = form.imm ?? (form.name.startsWith('st.') ? r(1000) : 0);
        if (loads) code.push(B.BPF_RAW_INSN(form.opcode, 3, base, off, imm));
        else if (form.name.startsWith('st.')) code.push(B.BPF_RAW_INSN(form.opcode, base, 0, off, imm));
        else code.push(B.BPF_RAW_INSN(form.opcode, base, 8, off, imm));
        if (r(10) === 0) code.push(B.BPF_ALU64_IMM(B.BPF_ADD, 6, r(200) - 100));
      }
      code.push(exit);
      const got = guarded(native, code, batch);
      const want = guarded(interp, code, batch);
      expect(got, `seed ${seed}`).toEqual(want);
      expect(got.intact, `seed ${seed}`).toBe(true);
      ends.add(got.end.replace(/.*: /, ''));
    }
    expect(ends.size).toBeGreaterThan(6);
  });

  it('survives bytes that are no program, and programs that nobody checked', () => {
    const memory = new VmMemory({ maximumBytes: 4 << 20 });
    const state = memory.alloc(STATE_BYTES, 64);
    const stack = memory.alloc(STACK_AREA, STACK_AREA);
    const guard = memory.alloc(4096);
    memory.u8.fill(GUARD, guard, guard + 4096);
    const machine = addon()!.makeEngine!(memory.u8, state);
    const word = (at: number) => (state + HEADER_BYTES + at) >> 2;
    const seen = new Set<number>();
    let loaded = 0;
    for (let seed = 1; seed <= 3000; seed++) {
      const r = random(seed);
      const bytes = new Uint8Array(8 * (1 + r(12)));
      for (let at = 0; at < bytes.length; at += 8) {
        const form = FORMS[r(FORMS.length)]!;
        const imm = form.imm ?? r(8) - 3;
        bytes.set([form.opcode, r(11) | ((form.src ?? r(11)) << 4), (form.off ?? r(8) - 3) & 255, 0], at);
        new DataView(bytes.buffer).setInt32(at + 4, imm, true);
        if (r(30) === 0) bytes[at + r(8)] = r(256);
      }
      const id = machine.load(r(20) === 0 ? bytes.subarray(3) : bytes, new Int32Array(0), true);
      if (id < 0) continue;
      loaded++;
      const { i32 } = memory;
      i32.fill(0, word(0), word(BLOCK.REGION_BASE) + 1);
      i32[word(BLOCK.FUEL)] = 1000;
      i32[word(BLOCK.COMMAND)] = COMMAND.start;
      i32[word(BLOCK.PROGRAM)] = id;
      i32[word(BLOCK.STACK)] = stack;
      i32[word(BLOCK.CHECKED)] = 1;
      i32[state >> 2] = 0;
      for (let turn = 0; turn < 5; turn++) {
        machine.ring();
        const status = i32[word(BLOCK.STATUS)]!;
        seen.add(status);
        // A run that has ended is rung for again now and then: it must not go on.
        if ((status === STATUS.done || status > STATUS.packet) && r(2) === 0) break;
        i32[word(BLOCK.COMMAND)] = [COMMAND.resume, COMMAND.leave, COMMAND.tail, 77][r(4)]!;
      }
      machine.unload(id);
    }
    expect(loaded).toBeGreaterThan(300);
    expect(seen.size).toBeGreaterThan(6);
    // Requests for what does not exist are answered, not obeyed.
    memory.i32[word(BLOCK.COMMAND)] = COMMAND.start;
    memory.i32[word(BLOCK.PROGRAM)] = 123456;
    machine.ring();
    expect(memory.i32[word(BLOCK.STATUS)]).toBe(STATUS.bad_request);
    memory.i32[state >> 2] = 99;
    machine.ring();
    expect(memory.u8.subarray(guard, guard + 4096).every((b) => b === GUARD)).toBe(true);
  });

  /** A batch of two over ctx bytes [0..8) and [8..16): the program of the first run leaves a map value's address in the memory. */
  it.each([interp, native])('a batch does not keep what a helper handed out in an earlier run ($name)', (engine) => {
    const memory = new VmMemory({ maximumBytes: 4 << 20 });
    const mapHost = { memory, cpus: 1, currentCpu: () => 0, random: () => 1 };
    const map = createMap({ name: 'm', type: 'array', keySize: 4, valueSize: 8, maxEntries: 4 }, mapHost);
    const ctx = memory.alloc(32);
    memory.view.setInt32(ctx + 8, 1, true);
    const code = [
      B.BPF_MOV64_REG(6, 1),
      B.BPF_LDX_MEM(B.BPF_W, 3, 1, 0),
      B.BPF_JMP_IMM(B.BPF_JNE, 3, 0, 9),
      B.BPF_ST_MEM(B.BPF_W, 10, -4, 2),
      B.BPF_MOV64_REG(2, 10),
      B.BPF_ALU64_IMM(B.BPF_ADD, 2, -4),
      B.BPF_LD_IMM64(1, KERNEL_BASE + BigInt(map.offset)),
      B.BPF_EMIT_CALL(1),
      B.BPF_STX_MEM(B.BPF_DW, 6, 0, 16),
      B.BPF_ST_MEM(B.BPF_DW, 0, 0, 5),
      exit,
      B.BPF_LDX_MEM(B.BPF_DW, 3, 6, 8),
      B.BPF_LDX_MEM(B.BPF_DW, 0, 3, 0),
      exit,
    ];
    const regions = [{ offset: ctx, size: 32, writable: true }];
    const host = bareHost({ memory, helper: helperById, maps: [map], regions });
    const exe = engine.prepare({ name: 'keeps', insns: encode(code), funcs: [], lines: [], facts: undefined }, host);
    const run = () => {
      try {
        exe.runBatch!(ctx, 8, 2, 0);
      } catch (error) {
        return error instanceof Fault ? error.pc : error;
      }
      return 'no fault';
    };
    expect(run()).toBe(13);
    expect(memory.view.getInt32(map.valueBase!() + 16, true)).toBe(5);
  });

  it('a batch has its fuel anew in each run, helpers and tail calls too', () => {
    const memory = new VmMemory({ maximumBytes: 4 << 20 });
    const ctx = memory.alloc(64);
    const out = memory.alloc(64);
    for (let i = 0; i < 4; i++) memory.view.setInt32(ctx + 8 * i, i, true);
    const count = {
      id: 1000,
      name: 'count',
      args: [],
      ret: 'integer',
      since: 'test',
      progTypes: 'all',
      run: (_env: unknown, r: Int32Array) => {
        r[0] = r[2]! * 10;
        r[1] = 0;
      },
    } as const;
    const host = bareHost({ memory, helper: (id) => (id === 1000 ? count : undefined) });
    const last = native.prepare(
      {
        name: 'last',
        insns: encode([B.BPF_LDX_MEM(B.BPF_W, 1, 1, 0), B.BPF_EMIT_CALL(1000), B.BPF_ALU64_IMM(B.BPF_ADD, 0, 3), exit]),
        funcs: [],
        lines: [],
        facts: VERIFIED,
      },
      host,
    );
    const code = [
      B.BPF_MOV64_IMM(4, 10),
      B.BPF_ALU64_IMM(B.BPF_SUB, 4, 1),
      B.BPF_JMP_IMM(B.BPF_JNE, 4, 0, -2),
      B.BPF_LD_IMM64(2, KERNEL_BASE + 70000n),
      B.BPF_MOV64_IMM(3, 0),
      B.BPF_EMIT_CALL(12),
      exit,
    ];
    const exe = native.prepare(
      { name: 'first', insns: encode(code), funcs: [], lines: [], facts: VERIFIED },
      { ...host, tailCallTarget: () => last },
      { fuel: 22 },
    );
    // More runs than a single one may have tail calls.
    for (let round = 0; round < 20; round++) exe.runBatch!(ctx, 8, 4, out);
    expect(Array.from({ length: 4 }, (_, i) => memory.view.getInt32(out + 4 * i, true))).toEqual([3, 13, 23, 33]);
    const poor = native.prepare(
      { name: 'first', insns: encode(code), funcs: [], lines: [], facts: VERIFIED },
      { ...host, tailCallTarget: () => last },
      { fuel: 21 },
    );
    expect(() => poor.runBatch!(ctx, 8, 4, out)).toThrow(/out of fuel/);
  });

  /** What native/engine/program.h lists as pairs, and what is nearly one. r6 is ctx, r3 the register of the pair. */
  const PAIRS = [
    ...['r3 += 5', 'r3 &= 12', 'r3 <<= 3', 'r3 >>= 2', 'r3 -= 1', 'r4 += 5'].map((second) => ['r3 = r2', second]),
    ...['r3 += 5', 'r3 -= 5', 'r3 &= 4', 'w3 &= 4', 'r3 |= 1'].flatMap((first) =>
      ['r3 != 4', 'r3 == 4', 'w3 != 4', 'r4 != 4', 'r3 > 4'].map((test) => [first, `if ${test} goto out`]),
    ),
    ...['u8', 'u16', 'u32', 'u64', 's8'].flatMap((size) =>
      ['r3 == 7', 'r3 != 7'].map((test) => [`r3 = *(${size} *)(r6 +0)`, `if ${test} goto out`]),
    ),
  ] as const;

  it.each([
    ['verified', VERIFIED],
    ['unverified', undefined],
  ])('two instructions at one dispatch are two instructions: %s', (_, facts) => {
    const memory = new VmMemory({ maximumBytes: 4 << 20 });
    const ctx = memory.alloc(8);
    const host = bareHost({ memory, regions: [{ offset: ctx, size: 8, writable: true }] });
    for (const [first, second] of PAIRS) {
      const text = `r6 = r1
r3 = r2
r4 = r2
if r2 == 1 goto second
${first}
second: ${second}
r0 = r3
exit
out: r0 = r3
r0 += 1000
exit`;
      const program = { name: 'pair', insns: assemble(text), funcs: [], lines: [], facts };
      const [wanted, exe] = [interp, native].map((engine) => engine.prepare(program, host));
      for (let r2 = 0; r2 < 10; r2++) {
        memory.view.setBigUint64(ctx, r2 % 2 === 0 ? 7n : 0xffff_ff07n, true);
        wanted!.run(ctx, r2);
        exe!.run(ctx, r2);
        expect([first, second, r2, exe!.r0Hi, exe!.r0Lo]).toEqual([first, second, r2, wanted!.r0Hi, wanted!.r0Lo]);
      }
    }
  });

  it('a pair that faults says which of the two did', () => {
    const memory = new VmMemory({ maximumBytes: 4 << 20 });
    const fault = (engine: Engine, text: string): string => {
      const program = { name: 'pair', insns: assemble(text), funcs: [], lines: [], facts: undefined };
      try {
        engine.prepare(program, bareHost({ memory }), { fuel: 20 }).run(0, 0);
      } catch (error) {
        return (error as Error).message;
      }
      return 'no fault';
    };
    for (const [text, says] of [
      ['r1 = 64\nr3 = *(u16 *)(r1 +0)\nif r3 == 1 goto out\nr0 = 0\nout: exit', /pc 1: read of 0x40 /],
      ['r3 = 99\nl: r3 -= 1\nif r3 != 0 goto l\nr0 = 0\nexit', /pc 2: out of fuel/],
      ['r3 = 99\nl: r3 &= 3\nif r3 != 9 goto l\nr0 = 0\nexit', /pc 2: out of fuel/],
    ] as const) {
      expect(fault(native, text)).toMatch(says);
      expect(fault(native, text)).toBe(fault(interp, text));
    }
  });

  it('a load that may fail gives 0 before a comparison too', () => {
    const memory = new VmMemory({ maximumBytes: 4 << 20 });
    const insns = assemble('r1 = 64\nr3 = *(u32 *)(r1 +0)\nif r3 == 0 goto out\nr0 = 1\nexit\nout: r0 = 2\nexit');
    const facts = { ...VERIFIED, probeLoads: [1] };
    const exe = native.prepare({ name: 'probe', insns, funcs: [], lines: [], facts }, bareHost({ memory }));
    exe.run(0);
    expect(exe.r0Lo).toBe(2);
  });

  it('machines of many memories do not disturb one another', () => {
    // More than have a doorbell of their own (bindings/addon/engine.cc).
    const programs = Array.from({ length: 40 }, (_, k) => {
      const memory = new VmMemory({ maximumBytes: 1 << 20 });
      const ctx = memory.alloc(8);
      memory.view.setUint32(ctx, k, true);
      const host = bareHost({ memory, regions: [{ offset: ctx, size: 8, writable: true }] });
      const code = [B.BPF_LDX_MEM(B.BPF_W, 0, 1, 0), B.BPF_ALU64_IMM(B.BPF_ADD, 0, 100), exit];
      const facts = k % 3 === 0 ? undefined : VERIFIED;
      return { ctx, exe: native.prepare({ name: `p${k}`, insns: encode(code), funcs: [], lines: [], facts }, host) };
    });
    for (let round = 0; round < 3; round++) {
      for (const { ctx, exe } of programs) exe.run(ctx, 8);
      expect(programs.map(({ exe }) => exe.r0Lo)).toEqual(programs.map((_, k) => 100 + k));
    }
  });

  it('runs what it cannot step, or has no fixed memory for, on the interpreter', () => {
    const memory = new VmMemory({ plain: true, maximumBytes: 4 << 20 });
    const program = { name: 'p', insns: encode([B.BPF_MOV64_IMM(0, 4), exit]), funcs: [], lines: [], facts: VERIFIED };
    const exe = native.prepare(program, bareHost({ memory }));
    exe.run(0);
    expect(exe.r0Lo).toBe(4);
  });
});
