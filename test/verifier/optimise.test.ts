import { describe, expect, it } from 'vitest';
import { compile } from '../../core/cc/index.ts';
import { helperByName } from '../../core/helpers/index.ts';
import { assemble } from '../../core/isa/asm.ts';
import { insnText } from '../../core/isa/disasm.ts';
import { toInsns } from '../../core/isa/insn.ts';
import type { ProgSpec } from '../../core/spec/spec.ts';
import { type VerifyOptions, verify, withoutDead } from '../../core/verifier/index.ts';
import { runOnce } from '../../core/vm/harness.ts';
import { interp } from '../../core/vm/interp.ts';
import { KERNEL } from '../cc/kernel.ts';
import { EMPTY_OBJECT, modelOf } from '../model/programs.ts';
import { allCases, makeProg } from './cases.ts';

function prog(text: string, type = 'xdp', more: Partial<ProgSpec> = {}): ProgSpec {
  const insns = assemble(text, { helper: (n) => helperByName(n)?.id });
  return { ...makeProg({ name: 'p', type, attach: undefined, target: undefined, license: 'GPL', insns }), ...more };
}

const texts = (p: ProgSpec) =>
  toInsns(p.insns).map((i) => insnText(i, { helper: (id) => helperByName(`${id}`)?.name }).slice(5));

/** r6 is 1 by the proof, so `if r6 == 0` never jumps, and what it guards is dead. */
const DEBUG = prog(`
  r6 = 1
  if r6 == 0 goto debug
  r0 = 2
  goto out
  debug: call ktime_get_ns
  r0 = 1
  out: exit`);

function changes(p: ProgSpec, options: VerifyOptions = {}) {
  const log: string[] = [];
  const result = verify(
    { prog: p, maps: [] },
    {
      ...options,
      onFinalize: () => void log.push('finalize'),
      replaceInsns: ({ pc, goes, now }) => void log.push(`replace ${pc}: ${goes}, goto +${now.off}`),
      removeInsns: ({ pc, count, originalPc, why }) =>
        void log.push(`remove ${count} at ${pc} (${originalPc}): ${why}`),
    },
  );
  return { log, result };
}

describe('taking out dead code', () => {
  it("tells of each change in the kernel's order, at the place it has by then", () => {
    const { log, result } = changes(DEBUG);
    expect(log).toEqual([
      'finalize',
      'replace 1: falls through, goto +0',
      'remove 2 at 4 (4): dead',
      'remove 1 at 1 (1): nop',
      'remove 1 at 2 (3): nop',
    ]);
    expect(texts(result.optimised!.prog)).toEqual(['r6 = 1', 'r0 = 2', 'exit']);
    expect(result.optimised).toMatchObject({ replaced: 1, removed: 4, originalPc: [0, 2, 6] });
    expect(verify({ prog: result.optimised!.prog, maps: [] }).ok).toBe(true);
  });

  it('hard-wires branches that always jump, over what they skip', () => {
    const p = prog('r6 = 1\nif w6 != 0 goto on\nr0 = 7\nexit\non: r0 = 2\nexit');
    const { log, result } = changes(p);
    expect(log.slice(1)).toEqual(['replace 1: jumps, goto +2', 'remove 2 at 2 (2): dead', 'remove 1 at 1 (1): nop']);
    expect(texts(result.optimised!.prog)).toEqual(['r6 = 1', 'r0 = 2', 'exit']);
  });

  it('leaves the program alone unless asked', () => {
    expect(verify({ prog: DEBUG, maps: [] }).optimised).toBeUndefined();
    expect(texts(verify({ prog: DEBUG, maps: [] }, { optimise: 'try' }).optimised!.prog)).toHaveLength(3);
  });

  it("is refused with the hook's reason", () => {
    const removeInsns = () => 'the card cannot forget instructions';
    const must = verify({ prog: DEBUG, maps: [] }, { removeInsns });
    expect(must).toMatchObject({
      ok: false,
      error: { pc: 4, category: 'hook', message: 'the card cannot forget instructions' },
    });
    const asked: number[] = [];
    const attempt = verify(
      { prog: DEBUG, maps: [] },
      {
        optimise: 'try',
        removeInsns: ({ pc }) => {
          asked.push(pc);
          return 'no moves left';
        },
      },
    );
    expect(asked).toEqual([4]);
    expect(attempt.ok).toBe(true);
    expect(attempt.optimised).toEqual({
      prog: DEBUG,
      replaced: 0,
      removed: 0,
      originalPc: [0, 1, 2, 3, 4, 5, 6],
      refused: { hook: 'removeInsns', pc: 4, originalPc: 4, reason: 'no moves left' },
    });
  });

  it('becomes a trap in place for unprivileged users', () => {
    const p = prog('r6 = 1\nif r6 == 0 goto dead\nr0 = 0\nexit\ndead: r0 = 1\nexit', 'socket_filter');
    const { prog: out } = verify({ prog: p, maps: [] }, { privileged: false, optimise: 'try' }).optimised!;
    expect(texts(out).slice(4)).toEqual(['goto pc-1', 'goto pc-1']);
    expect(out.insns.length).toBe(p.insns.length);
  });

  it('moves lines, relocations and functions along, and drops those of dead code', () => {
    const source = `
BPF_HASH(used, u32, u64);
BPF_HASH(unused, u32, u64);
static __attribute__((noinline)) int never(u32 key) { u64 *v = unused.lookup(&key); return v ? *v : 0; }
static __attribute__((noinline)) int always(u32 key) { u64 *v = used.lookup(&key); return v ? *v : 0; }
int f(struct xdp_md *ctx) {
  volatile u32 debug = 0;
  if (debug)
    return never(1) & 1;
  return always(2) & 1;
}`;
    const { object } = compile({ name: 'f.c', text: source }, KERNEL);
    const input = { maps: object!.maps, objectBtf: object!.btf, kernelBtf: KERNEL.kernelBtf };
    const [p] = object!.progs;
    const { prog: out, originalPc } = verify({ ...input, prog: p! }, { optimise: 'must' }).optimised!;
    expect(p!.funcs.map((f) => f.name).sort()).toEqual(['always', 'f', 'never']);
    expect(out.funcs.map((f) => f.name).sort()).toEqual(['always', 'f']);
    expect(out.relocs.map((r) => 'map' in r && r.map)).toEqual(['used']);
    expect(out.lines.some((l) => l.text.includes('never('))).toBe(false);
    // Each instruction that is left has the line it had.
    const lineOf = (spec: ProgSpec, pc: number) => spec.lines.filter((l) => l.insn <= pc).at(-1)?.line;
    originalPc.forEach((pc, i) => {
      expect(lineOf(out, i)).toBe(lineOf(p!, pc));
    });
    expect(verify({ ...input, prog: out }).ok).toBe(true);
  });

  it('keeps every accepted case acceptable, and has nothing to do the second time', () => {
    let done = 0;
    for (const c of allCases()) {
      const options = {
        ...(c.kernel ? { kernel: c.kernel } : {}),
        strictAlignment: c.strict,
        optimise: 'try' as const,
      };
      const first = verify({ prog: makeProg(c), maps: c.maps }, options);
      if (!first.ok || !c.privileged) continue;
      const second = verify({ prog: first.optimised!.prog, maps: c.maps }, options);
      expect([c.name, second.ok, second.optimised?.removed]).toEqual([c.name, true, 0]);
      done++;
    }
    expect(done).toBeGreaterThan(10);
  });

  it('gives engines exits for what no path reaches, in place: dead code may hold what they do not know', () => {
    const p = prog(
      `
      r6 = 3
      if r6 == 3 goto out
      r6 = be16 r6
      r6 = 0x1122334455667788 ll
      out: r0 = 7
      exit`,
      'socket_filter',
    );
    // A byte swap of 8 bits, which Linux never looks at either: it loads the program.
    const at = p.insns.findIndex((b, i) => i % 8 === 0 && b === 0xdc);
    const insns = p.insns.slice();
    insns[at + 4] = 8;
    const dead = { ...p, insns };
    const result = verify({ prog: dead, maps: [] });
    expect(result.ok).toBe(true);
    expect(result.facts.dead).toEqual([2, 3, 4]);
    const run = (code: Uint8Array) => runOnce(interp, { code }).r0;
    expect(() => run(insns)).toThrow(/byte order width 8/);
    expect(run(withoutDead(insns, result.facts))).toBe(7n);
    const exits = texts({ ...dead, insns: withoutDead(insns, result.facts) });
    expect(exits.slice(2, 5)).toEqual(['exit', 'exit', 'exit']);
    const b = modelOf(() => {});
    b.load({ ...dead, type: 'kprobe' }, EMPTY_OBJECT, new Map()).close();
    expect(verify({ prog: DEBUG, maps: [] }).facts.dead).toEqual([4, 5]);
    expect(verify({ prog: prog('r0 = 0\nexit'), maps: [] }).facts.dead).toBeUndefined();
  });
});
