/** Programs with types of their own (generate-types.ts), against the running kernel: resilient locks, exceptions, kernel pointers, global functions. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, describe, expect, it } from 'vitest';
import { readBtf } from '../../core/btf/read.ts';
import { helperByName } from '../../core/helpers/index.ts';
import { assemble } from '../../core/isa/asm.ts';
import { lastLine, verify } from '../../core/verifier/index.ts';
import { makeProg } from './cases.ts';
import { fuzzTypes } from './generate-types.ts';
import { askKernel, whyNoOracle } from './kernel-oracle.ts';

/** Kernel functions are numbered from here until the calls are mended. */
const KFUNC = 1 << 24;
const VMLINUX = '/sys/kernel/btf/vmlinux';
const why = existsSync(VMLINUX) ? whyNoOracle() : `no ${VMLINUX}`;

describe.skipIf(why !== undefined)(`programs with types${why ? ` (${why})` : ''}`, () => {
  const kernelBtf = why === undefined ? readBtf(readFileSync(VMLINUX)) : undefined;
  const types = fuzzTypes();
  const folder = mkdtempSync(`${tmpdir()}/skep-typed-`);
  const btfFile = `${folder}/types.btf`;
  writeFileSync(btfFile, types.btf.bytes);
  afterAll(() => rmSync(folder, { recursive: true }));

  /** map[id:0] is the typed map of this name; calls of what is no helper are of kernel functions. */
  const ask = async (
    map: string,
    text: string,
    functions: readonly (readonly [number, string])[] = [],
    main = 'main',
  ) => {
    const called = new Map<number, number>();
    const kernelFunction = (name: string): number | undefined => {
      const id = kernelBtf!.find(`bpf_${name.replace(/^bpf_/, '')}`, 'func');
      if (id === undefined) return undefined;
      called.set(KFUNC + id, id);
      return KFUNC + id;
    };
    const insns = assemble(text, { helper: (n) => helperByName(n)?.id ?? kernelFunction(n) });
    const view = new DataView(insns.buffer, insns.byteOffset, insns.byteLength);
    for (let at = 0; at < insns.length; at += 8) {
      const id = insns[at] === 0x85 ? called.get(view.getInt32(at + 4, true)) : undefined;
      if (id === undefined) continue;
      insns[at + 1] = 0x20;
      view.setInt32(at + 4, id, true);
    }
    const maps = types.maps.filter((m) => m.name === map).map((m) => ({ ...m, name: 'm' }));
    const funcs = ([[0, main], ...functions] as const).map(([insn, kind]) => ({
      insn,
      name: kind.replaceAll(' ', '_'),
      btfId: types.func(kind as 'main', 'cgroup_skb'),
    }));
    const question = { type: 'cgroup_skb', attach: 'cgroup_inet_ingress', license: 'GPL', maps, insns };
    const prog = { ...makeProg({ name: 'p', target: undefined, ...question }), funcs };
    const ours = verify({ prog, maps, kernelBtf, objectBtf: types.btf });
    const [kernel] = await askKernel([{ ...question, btfFile, funcs }]);
    return { ours: lastLine(ours) || 'ok', kernel: kernel!.ok ? 'ok' : kernel!.last };
  };

  const LOOKUP = `
    *(u32 *)(r10 - 4) = 0
    r1 = map[id:0]
    r2 = r10
    r2 += -4
    call map_lookup_elem
    if r0 != 0 goto found
    r0 = 0
    exit
    found: r6 = r0`;

  it.each<readonly [string, string, string]>([
    [
      'taken and given back',
      'r1 = r6\ncall bpf_res_spin_lock\nif r0 != 0 goto out\nr1 = r6\ncall bpf_res_spin_unlock',
      'ok',
    ],
    [
      'given back where it was not had',
      'r1 = r6\ncall bpf_res_spin_lock\nr1 = r6\ncall bpf_res_spin_unlock',
      'bpf_res_spin_unlock without taking a lock',
    ],
    [
      'kept',
      'r1 = r6\ncall bpf_res_spin_lock',
      'BPF_EXIT instruction in main prog cannot be used inside bpf_spin_lock-ed region',
    ],
    [
      'taken twice',
      'r1 = r6\ncall bpf_res_spin_lock\nif r0 != 0 goto out\nr1 = r6\ncall bpf_res_spin_lock',
      'Acquiring the same lock again, AA deadlock detected',
    ],
    [
      'somewhere else',
      'r1 = r6\nr1 += 8\ncall bpf_res_spin_lock',
      "off 8 doesn't point to 'struct bpf_res_spin_lock' that is at 0",
    ],
  ])('a resilient lock %s', async (_name, body, says) => {
    const { ours, kernel } = await ask('resilient', `${LOOKUP}\n${body}\nout: r0 = 0\nexit\n`);
    expect([ours, kernel]).toEqual([says, says]);
  });

  it.each<readonly [number, string]>([
    [1, 'ok'],
    [3, 'At program exit the register R1 has smin=3 smax=3 should have been in [0, 1]'],
  ])('what is thrown (%i) is what the program returns', async (cookie, says) => {
    const { ours, kernel } = await ask('timed', `r1 = ${cookie}\ncall bpf_throw\nr0 = 0\nexit\n`);
    expect([ours, kernel]).toEqual([says, says]);
  });

  it('a kernel pointer to be kept is not null', async () => {
    const text = `${LOOKUP}\nr1 = 1\ncall bpf_task_from_pid\nr1 = r6\nr1 += 8\nr2 = r0\ncall kptr_xchg\nr0 = 0\nexit\n`;
    const says = 'Possibly NULL pointer passed to helper arg2';
    expect(await ask('kept', text)).toEqual({ ours: says, kernel: says });
  });

  it('null is no argument for a parameter that is not null; Linux 6.18 lets the constant through', async () => {
    // call pc+2, r0 = 0, exit, and the function.
    const text = 'r1 = 0\ncall pc+2\nr0 = 0\nexit\n*(u64 *)(r1 + 8) = 1\nr0 = 0\nexit\n';
    const { ours } = await ask('timed', text, [[4, 'global nonnull']]);
    expect(ours).toBe("Caller passes invalid args into func#1 ('global_nonnull')");
  });

  it.each<readonly [string, string, string, readonly (readonly [number, string])[], string]>([
    ['may return anything the program may', 'r0 = 1\nexit\nr0 = 0\nexit\n', 'main catching', [[2, 'caught']], 'ok'],
    [
      'returns too much',
      'r0 = 1\nexit\nr0 = 7\nexit\n',
      'main catching',
      [[2, 'caught']],
      'At program exit the register R0 has smin=7 smax=7 should have been in [0, 1]',
    ],
    [
      'gets what was thrown, whatever it is',
      'r1 = 77\ncall throw\nr0 = 0\nexit\nr0 = 0\nif r1 != 3 goto out\nr0 = 1\nout: exit\n',
      'main catching',
      [[4, 'caught']],
      'ok',
    ],
    [
      'is not called',
      'r1 = 1\ncall pc+2\nr0 = 0\nexit\nr0 = 0\nexit\n',
      'main catching',
      [[4, 'caught']],
      'insn 1 cannot call exception cb directly',
    ],
    [
      'takes a number',
      'r0 = 1\nexit\nr0 = 0\nexit\n',
      'main catching badly',
      [[2, 'caught_pointer']],
      'exception cb only supports single integer argument',
    ],
    ['is in the program', 'r0 = 0\nexit\n', 'main catching', [], 'exception callback type id not found in func_info'],
    [
      'of a callback is none',
      'r1 = 1\n(18) r2 = subprog[+6]\nr3 = 0\nr4 = 0\ncall loop\nr0 = 0\nexit\nr1 = 0\ncall throw\nr0 = 0\nexit\n',
      'main',
      [[8, 'loop']],
      'bpf_throw kfunc (insn 9) cannot be called from callback subprog 1',
    ],
  ])('the function that exceptions call %s', async (_name, text, main, functions, says) => {
    expect(await ask('timed', text, functions, main)).toEqual({ ours: says, kernel: says });
  });
});
