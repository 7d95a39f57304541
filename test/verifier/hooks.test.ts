import { describe, expect, it } from 'vitest';
import { helperByName } from '../../core/helpers/index.ts';
import { assemble } from '../../core/isa/asm.ts';
import { onlyHelpers, verify } from '../../core/verifier/index.ts';
import { makeProg } from './cases.ts';
import { Random } from './mutate.ts';

function prog(text: string, type = 'kprobe') {
  const insns = assemble(text, { helper: (n) => helperByName(n)?.id });
  return makeProg({ name: 'p', type, attach: undefined, target: undefined, license: 'GPL', insns });
}

describe('hooks', () => {
  const p = prog('call get_prandom_u32\nr0 &= 15\nif r0 > 7 goto out\nr0 = 0\nout: exit');

  it('sees what is known before each instruction of each path', () => {
    const seen: string[] = [];
    verify(
      { prog: p, maps: [] },
      {
        onInsn: (s) => {
          const r0 = s.reg(0);
          seen.push(`${s.previous}>${s.pc} ${r0.type === 'scalar' ? `${r0.umin}..${r0.umax}` : r0.type}`);
          return undefined;
        },
      },
    );
    expect(seen).toEqual(['-1>0 ?', '0>1 0..18446744073709551615', '1>2 0..15', '2>3 0..7', '3>4 0..0', '2>4 8..15']);
  });

  it('refuses with its reason', () => {
    const r = verify({ prog: p, maps: [] }, { onInsn: (s) => (s.pc === 3 ? 'the device has no moves' : undefined) });
    expect(r.error).toMatchObject({ pc: 3, message: 'the device has no moves', category: 'hook' });
  });

  it('limits the helpers a program may call', () => {
    const lint = (...names: (string | number)[]) => verify({ prog: p, maps: [] }, onlyHelpers(names));
    expect(lint('bpf_get_prandom_u32').ok).toBe(true);
    expect(lint(7).ok).toBe(true);
    expect(lint('ktime_get_ns').error).toMatchObject({
      pc: 0,
      category: 'hook',
      message: 'helper bpf_get_prandom_u32#7 is not on the list of allowed helpers',
    });
    expect(() => lint('get_time')).toThrow("there is no helper 'get_time'");
  });
});

describe('kernel releases', () => {
  const says = (text: string, kernel: string) => {
    const r = verify({ prog: prog(text), maps: [] }, { kernel });
    return r.ok ? 'ok' : r.error!.message;
  };

  it('has no loops before 5.3', () => {
    const loop = 'r0 = 0\nl: r0 += 1\nif r0 < 9 goto l\nexit';
    expect(says(loop, '5.2')).toBe('back-edge from insn 2 to 1');
    expect(says(loop, '5.4')).toBe('ok');
  });

  it('has 32-bit jumps from 5.1, sign-extending moves from 6.6', () => {
    expect(says('w0 = 1\nif w0 > 2 goto pc+0\nexit', '4.18')).toBe('unknown opcode 26');
    expect(says('w0 = 1\nif w0 > 2 goto pc+0\nexit', '5.4')).toBe('ok');
    expect(says('r0 = 1\nr0 = (s8)r0\nexit', '6.1')).toBe('BPF_MOV uses reserved fields');
    expect(says('r0 = 1\nr0 = (s8)r0\nexit', '6.6')).toBe('ok');
  });

  it('has helpers from their release on', () => {
    const loop = 'call get_current_task_btf\nr0 = 0\nexit';
    expect(says(loop, '5.10')).toBe('invalid func unknown#158');
  });
});

describe('bad input', () => {
  const verdict = (insns: Uint8Array) => {
    const start = Date.now();
    const r = verify({
      prog: makeProg({ name: 'p', type: 'xdp', attach: undefined, target: undefined, license: 'GPL', insns }),
      maps: [],
    });
    expect(Date.now() - start).toBeLessThan(10_000);
    return r.ok ? 'ok' : r.error!.message;
  };

  it('answers random bytes', () => {
    const random = new Random(1);
    for (let n = 0; n < 2000; n++) {
      const insns = Uint8Array.from({ length: 8 * (1 + random.below(20)) }, () => random.below(256));
      expect(verdict(insns)).not.toBe('');
    }
  });

  it('answers empty and ragged programs', () => {
    expect(verdict(new Uint8Array(0))).toMatch(/not a positive number of 8-byte instructions/);
    expect(verdict(new Uint8Array(13))).toMatch(/not a positive number of 8-byte instructions/);
  });

  it('answers 65,536 instructions, straight, branching and looping', () => {
    const big = new Uint8Array(65536 * 8);
    for (let i = 0; i < 65535; i++) big.set([0xb7, 0, 0, 0, i & 255, 0, 0, 0], i * 8);
    big.set([0x95, 0, 0, 0, 0, 0, 0, 0], 65535 * 8);
    expect(verdict(big)).toBe('ok');
    // Every second instruction a jump that may go either way.
    const forked = big.slice();
    for (let i = 1; i < 65534; i += 2) forked.set([0x2d, 0x1a, 0, 0, 0, 0, 0, 0], i * 8);
    expect(verdict(forked)).not.toBe('');
  });

  it('answers deep call chains', () => {
    const calls = 200;
    const insns = new Uint8Array(calls * 3 * 8);
    for (let i = 0; i < calls; i++) {
      insns.set([0xb7, 0, 0, 0, 0, 0, 0, 0], i * 24);
      insns.set(i < calls - 1 ? [0x85, 0x10, 0, 0, 1, 0, 0, 0] : [0xb7, 0, 0, 0, 0, 0, 0, 0], i * 24 + 8);
      insns.set([0x95, 0, 0, 0, 0, 0, 0, 0], i * 24 + 16);
    }
    expect(verdict(insns)).toBe('the call stack of 9 frames is too deep');
  });

  it('answers many chains of calls', () => {
    const functions = Array.from({ length: 8 }, (_, f) =>
      [`f${f}:`, ...(f < 7 ? Array<string>(5).fill(`call f${f + 1}`) : []), 'r0 = 0', 'exit'].join('\n'),
    );
    expect(verdict(prog(functions.join('\n')).insns)).toBe('ok');
  });

  it('answers blocks whose successors all stand before them', () => {
    const blocks = Array.from({ length: 15_000 }, (_, i) => `b${i}: r7 = r6\ngoto ${i === 0 ? 'end' : `b${i - 1}`}`);
    expect(verdict(prog(['r6 = r1', 'goto b14999', ...blocks, 'end: r0 = 0', 'exit'].join('\n')).insns)).toBe('ok');
  });

  it('gives up at a counted amount of work, the same every time', () => {
    const loop = prog('r6 = 0\nl: call get_prandom_u32\nif r0 > 7 goto s\nr6 += 1\ns: if r0 != 3 goto l\nr0 = 0\nexit');
    const processed = (maxWork: number) => {
      const r = verify({ prog: loop, maps: [] }, { maxWork });
      return [r.error?.message, r.insnsProcessed];
    };
    const [message, count] = processed(20_000);
    expect(message).toBe(`BPF program is too large. Processed ${count} insn`);
    expect(processed(20_000)).toEqual([message, count]);
    expect(processed(40_000)[1]).toBeGreaterThan(count as number);
  });

  it('answers maps with absurd sizes', () => {
    const p = prog(
      '*(u64 *)(r10 - 8) = 0\nr2 = r10\nr2 += -8\n(18) r1 = map[id:0]\ncall map_lookup_elem\nr0 = 0\nexit',
    );
    const map = { name: 'm', type: 'hash', flags: 0, keyType: 0, valueType: 0 };
    const big = verify({
      prog: p,
      maps: [{ ...map, keySize: 0xffffffff, valueSize: 0xffffffff, maxEntries: 0xffffffff }],
    });
    expect(big.ok).toBe(false);
  });
});
