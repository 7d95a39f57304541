import { describe, expect, it } from 'vitest';
import { shippedBtfBytes } from '../../bindings/node/shipped-btf.ts';
import { readBtf } from '../../core/btf/read.ts';
import { helperByName } from '../../core/helpers/index.ts';
import { assemble } from '../../core/isa/asm.ts';
import { verify } from '../../core/verifier/index.ts';
import { allCases, makeProg } from './cases.ts';
import { askKernel, whyNoOracle } from './kernel-oracle.ts';

/** A flag of BPF_PROG_LOAD (include/uapi/linux/bpf.h). */
const BPF_F_SLEEPABLE = 0x10;

const cases = allCases();
const kernelBtf = readBtf(shippedBtfBytes());

describe('verifier cases', () => {
  for (const c of cases) {
    it(`${c.file}: ${c.name}`, () => {
      const result = verify(
        { prog: makeProg(c), maps: c.maps, ...(c.typed && { kernelBtf }) },
        {
          privileged: c.privileged,
          ...(c.kernel ? { kernel: c.kernel } : {}),
          strictAlignment: c.strict,
          sleepable: c.sleepable,
        },
      );
      expect(result.ok ? 'ok' : result.error?.message).toBe(c.says);
    });
  }
});

describe('what the kernel at hand was built without', () => {
  const absent = { progTypes: new Set(['xdp']), helpers: new Set(['override_return']), hasSymbol: () => false };
  const answer = (type: string, insns: string) => {
    const code = assemble(insns, { helper: (n) => helperByName(n)?.id });
    const prog = makeProg({ name: type, type, attach: undefined, target: undefined, license: 'GPL', insns: code });
    return verify({ prog, maps: [], kernelBtf }, { absent });
  };

  it('is refused although the release has it', () => {
    expect(answer('xdp', 'r0 = 0\nexit').error?.message).toBe("the kernel was built without the program type 'xdp'");
    const call = answer('kprobe', 'r2 = 0\ncall override_return\nr0 = 0\nexit');
    expect(call.error?.message).toBe('program of this type cannot use helper bpf_override_return#58');
    expect(answer('kprobe', 'r0 = 0\nexit').ok).toBe(true);
    const id = kernelBtf.find('vfs_read', 'func');
    expect(answer('kprobe', `r1 = btf[id:${id}]\nr0 = 0\nexit`).error?.message).toBe(
      "ldimm64 failed to find the address for kernel symbol 'vfs_read'.",
    );
  });
});

// The same expectations, asked of the kernel that runs the tests.
const why = whyNoOracle();
describe.skipIf(why !== undefined)(`verifier cases, the running kernel${why ? `: ${why}` : ''}`, () => {
  it('gives the same verdicts and last lines', async () => {
    const asked = cases.filter((c) => c.oracle && c.target === undefined);
    const answers = await askKernel(
      asked.map((c) => ({ ...c, flags: (c.strict ? 1 : 0) | (c.sleepable ? BPF_F_SLEEPABLE : 0) })),
    );
    const wrong = asked.flatMap((c, i) => {
      const a = answers[i]!;
      const says = a.ok ? 'ok' : a.last;
      return says === c.says ? [] : [`${c.file}: ${c.name}: kernel says '${says}' (${a.errno}), case says '${c.says}'`];
    });
    expect(wrong).toEqual([]);
  });
});
