/**
 * The verifier against the running kernel, over generated and mutated programs: verdict agreement, false accepts, false
 * rejects, equal last lines. Disagreements are shrunk and printed as cases for data/.
 *
 *   npm run fuzz:verifier -- --count 100000 --seed 1 [--shrink 10] [--words 20] [--examples 5]
 *
 * `--words` prints refusals worded differently, by frequency; `--examples` a program for each of the first of them.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { Btf } from '../../core/btf/btf.ts';
import { readBtf } from '../../core/btf/read.ts';
import { disassemble } from '../../core/isa/disasm.ts';
import type { FuncInfo, MapSpec } from '../../core/spec/spec.ts';
import { lastLine, verify } from '../../core/verifier/index.ts';
import { allCases, makeMap, makeProg } from './cases.ts';
import { runChecked } from './checked-run.ts';
import { generate, type World } from './generate.ts';
import { kfuncIds } from './generate-calls.ts';
import { type FuzzTypes, fuzzTypes } from './generate-types.ts';
import { askKernel, whyNoOracle } from './kernel-oracle.ts';
import { mutate, Random } from './mutate.ts';

export interface Sample {
  readonly type: string;
  readonly attach: string | undefined;
  readonly license: string;
  readonly maps: readonly MapSpec[];
  readonly insns: Uint8Array;
  /** What the program attaches to, by name and by its id in the kernel's BTF. */
  readonly target?: string | undefined;
  readonly btfId?: number | undefined;
  /** Programs that bring types: the file of their BTF and the types of their functions. */
  readonly btfFile?: string | undefined;
  readonly funcs?: readonly FuncInfo[];
  readonly flags?: number;
  /** Kinds of statements in it. */
  readonly statements?: readonly string[];
}

const BPF_F_SLEEPABLE = 0x10;

export interface Tally {
  total: number;
  /** Both accept. */
  accepted: number;
  /** Both refuse. */
  refused: number;
  falseAccepts: number;
  falseRejects: number;
  /** Both refuse with the same last line (or the kernel's log was not asked for). */
  sameLine: number;
  /** The kernel could not be asked (a map it does not make, a permission it does not give). */
  skipped: number;
  /** Of those: the kernel found a bug in its own verifier. */
  kernelBugs: number;
  /** Accepted programs run with checks on random input, and those of them that faulted. */
  ran: number;
  faulted: number;
  insns: number;
  verifierMs: number;
  /** Programs of each type, and with each kind of statement. */
  types: Record<string, number>;
  statements: Record<string, number>;
}

/** The attach types with which programs of a type load. */
const ATTACH: Record<string, readonly string[]> = {
  cgroup_skb: ['cgroup_inet_ingress', 'cgroup_inet_egress'],
  cgroup_sock: ['cgroup_inet_sock_create', 'cgroup_inet4_post_bind', 'cgroup_inet_sock_release'],
  cgroup_sock_addr: ['cgroup_inet4_connect', 'cgroup_inet6_bind', 'cgroup_udp4_sendmsg', 'cgroup_unix_connect'],
  cgroup_sockopt: ['cgroup_getsockopt', 'cgroup_setsockopt'],
  cgroup_sysctl: ['cgroup_sysctl'],
  cgroup_device: ['cgroup_device'],
  sk_lookup: ['sk_lookup'],
  sk_reuseport: ['sk_reuseport_select', 'sk_reuseport_select_or_migrate'],
  sock_ops: ['cgroup_sock_ops'],
  sk_skb: ['sk_skb_stream_verdict', 'sk_skb_stream_parser'],
  sk_msg: ['sk_msg_verdict'],
  flow_dissector: ['flow_dissector'],
  netfilter: ['netfilter'],
};
/** What tracing programs attach to: tracepoints with typed arguments and iterators, the kinds this kernel loads. */
const TARGETS = [
  ['trace_raw_tp', 'sched_switch', 'typedef'],
  ['trace_raw_tp', 'task_newtask', 'typedef'],
  ['trace_raw_tp', 'inet_sock_set_state', 'typedef'],
  ['trace_iter', 'task', 'func'],
  ['trace_iter', 'bpf_map_elem', 'func'],
  ['trace_iter', 'tcp', 'func'],
] as const;

let types: Btf | undefined | null = null;

/** Types of the running kernel, where it has them. */
function kernelBtf(): Btf | undefined {
  if (types === null) {
    try {
      types = readBtf(readFileSync('/sys/kernel/btf/vmlinux'));
    } catch {
      types = undefined;
    }
  }
  return types;
}

/** What the oracle's maps of maps hold. */
const INNER = makeMap(0, 'array 4 8 1');

let own: (FuzzTypes & { readonly file: string }) | undefined;

/** Types that programs bring along, and the file with their bytes, which the oracle reads. */
function ownTypes(): FuzzTypes & { readonly file: string } {
  if (!own) {
    const made = fuzzTypes();
    const file = `${tmpdir()}/skep-fuzz-types-${process.getuid?.() ?? 0}.btf`;
    writeFileSync(file, made.btf.bytes);
    own = { ...made, file };
  }
  return own;
}

function ours(s: Sample, kernel: Btf | null = kernelBtf() ?? null) {
  const prog = { ...makeProg({ name: 'fuzz', target: undefined, ...s }), funcs: s.funcs ?? [] };
  const objectBtf = s.btfFile === undefined ? undefined : ownTypes().btf;
  const sleepable = ((s.flags ?? 0) & BPF_F_SLEEPABLE) !== 0;
  // The oracle's maps are all called so.
  const maps = s.maps.map((m) => ({ ...m, name: 'm', ...(m.type.endsWith('_of_maps') && { inner: INNER }) }));
  return verify({ prog, maps, kernelBtf: kernel ?? undefined, objectBtf }, { cpus: 2, sleepable });
}

function sample(random: Random, seeds: readonly Sample[], world: World): Sample {
  if (seeds.length > 0 && random.below(3) === 0) {
    const seed = random.pick(seeds);
    return {
      ...seed,
      insns: mutate(
        seed.insns,
        random,
        seeds.map((s) => s.insns),
      ),
    };
  }
  const g = generate(random, world);
  const starts = g.funcs.map((f) => f.insn);
  const insns = random.below(2) ? g.insns : mutate(g.insns, random, [g.insns], starts);
  const [attach, target, kind] = g.type === 'tracing' ? random.pick(TARGETS) : [];
  const prefix = attach === 'trace_raw_tp' ? 'btf_trace_' : 'bpf_iter_';
  return {
    type: g.type,
    attach: attach ?? (ATTACH[g.type] && random.pick(ATTACH[g.type]!)),
    license: 'GPL',
    maps: g.maps,
    insns,
    statements: g.statements,
    ...(target && kind && { target, btfId: kernelBtf()?.find(`${prefix}${target}`, kind) ?? 0 }),
    ...(g.funcs.length > 0 && { btfFile: ownTypes().file, funcs: g.funcs.map((f, i) => ({ ...f, insn: starts[i]! })) }),
    ...(g.type === 'syscall' && { flags: BPF_F_SLEEPABLE }),
  };
}

/** Compare `count` programs; calls `differs` for each disagreement, `worded` where both refuse in other words. */
export async function fuzz(
  count: number,
  seed: number,
  differs: (s: Sample, kernel: string, us: string) => Promise<void> | void,
  worded?: (kernel: string, us: string, s: Sample) => void,
): Promise<Tally> {
  const random = new Random(seed);
  const seeds = allCases()
    .filter((c) => c.oracle && c.target === undefined)
    .map(({ type, attach, license, maps, insns }) => ({ type, attach, license, maps, insns }));
  const t: Tally = {
    total: 0,
    accepted: 0,
    refused: 0,
    falseAccepts: 0,
    falseRejects: 0,
    sameLine: 0,
    skipped: 0,
    kernelBugs: 0,
    ran: 0,
    faulted: 0,
    insns: 0,
    verifierMs: 0,
    types: {},
    statements: {},
  };
  const world: World = { kfuncs: kfuncIds(kernelBtf()), types: kernelBtf() ? ownTypes() : undefined };
  for (let done = 0; done < count; done += 1000) {
    if (done > 0 && done % 10_000 === 0) process.stderr.write(`${done} ${JSON.stringify(t)}\n`);
    const batch = Array.from({ length: Math.min(1000, count - done) }, () => sample(random, seeds, world));
    const answers = await askKernel(batch);
    for (let i = 0; i < batch.length; i++) {
      const a = answers[i];
      t.total++;
      for (const name of new Set(batch[i]!.statements)) t.statements[name] = (t.statements[name] ?? 0) + 1;
      // A program that Linux trips over is no program it found unsafe.
      const trips = a?.last.startsWith('verifier bug:') === true;
      if (trips) t.kernelBugs++;
      if (!a || a.errno === 'MAP' || a.errno === 'EPERM' || trips) {
        t.skipped++;
        continue;
      }
      t.types[batch[i]!.type] = (t.types[batch[i]!.type] ?? 0) + 1;
      const start = performance.now();
      const r = ours(batch[i]!);
      t.verifierMs += performance.now() - start;
      t.insns += r.insnsProcessed;
      // The oracle has no descriptor for a map that is not there.
      const line = lastLine(r).replace(/^fd -?\d+ is/, 'fd 9999 is');
      if (r.ok) {
        const run = runChecked(batch[i]!, r.facts, random);
        if (run !== 'skipped') t.ran++;
        // A load through a kernel pointer faults to zero in the kernel; here there is no kernel behind it.
        if (typeof run === 'object' && ours(batch[i]!, null).ok) {
          t.faulted++;
          process.stdout.write(`FAULT ${run.fault}\n${asCase(batch[i]!, 'ok', 'faulted')}\n`);
        }
      }
      if (r.ok && a.ok) t.accepted++;
      else if (!r.ok && !a.ok) {
        t.refused++;
        if (a.last === '' || a.last === line) t.sameLine++;
        else worded?.(a.last, line, batch[i]!);
      } else {
        if (r.ok) t.falseAccepts++;
        else t.falseRejects++;
        await differs(batch[i]!, a.ok ? 'ok' : a.last, r.ok ? 'ok' : line);
      }
    }
  }
  return t;
}

/** Instructions turned into nothing (a jump to the next one) as long as kernel and we still disagree. */
export async function shrink(s: Sample): Promise<Sample> {
  const nop = [0x05, 0, 0, 0, 0, 0, 0, 0];
  let best = s;
  for (;;) {
    const candidates: Sample[] = [];
    for (let at = 0; at < best.insns.length; at += 8) {
      if (best.insns[at] === 0x95 || best.insns[at] === 0) continue;
      if (best.insns[at] === 0x05 && best.insns[at + 2] === 0 && best.insns[at + 3] === 0) continue;
      const insns = best.insns.slice();
      insns.set(nop, at);
      if (best.insns[at] === 0x18) insns.set(nop, at + 8);
      candidates.push({ ...best, insns });
    }
    const answers = await askKernel(candidates);
    const next = candidates.find((c, i) => answers[i] && answers[i]!.ok !== ours(c).ok);
    if (!next) return best;
    best = next;
  }
}

/** A disagreement as a case for data/: code as hex, since the text form has no absolute jumps. */
export function asCase(s: Sample, kernel: string, name: string): string {
  const maps = s.maps.map(
    (m) => `map: ${m.type} ${m.keySize} ${m.valueSize} ${m.maxEntries} ${m.flags}${m.valueType ? ` (${m.name})` : ''}`,
  );
  const text = disassemble(s.insns)
    .trimEnd()
    .split('\n')
    .map((l) => `  ${l}`)
    .join('\n');
  const more = [
    ...(s.attach === undefined ? [] : [`attach: ${s.attach}`]),
    ...(s.target === undefined ? [] : [`target: ${s.target}`]),
    ...(s.btfFile === undefined ? [] : [`types: ${s.funcs!.map((f) => `${f.insn}:${f.btfId}`).join(' ')}`]),
  ];
  return [`== ${name}`, `type: ${s.type}`, ...more, ...maps, 'code:', text, `says: ${kernel}`, ''].join('\n');
}

function option(name: string, fallback: number): number {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
}

export async function main(): Promise<number> {
  const why = whyNoOracle();
  if (why !== undefined) {
    process.stdout.write(`fuzz:verifier needs the kernel: ${why}\n`);
    return 1;
  }
  const count = option('count', 10_000);
  const seed = option('seed', 1);
  let left = option('shrink', 5);
  const words = new Map<string, { count: number; example: string }>();
  const plain = (text: string): string => text.replace(/0x[0-9a-f]+|-?\d+/g, 'N');
  const t = await fuzz(
    count,
    seed,
    async (s, kernel, us) => {
      if (left-- <= 0) return;
      const small = await shrink(s);
      process.stdout.write(
        `${us === 'ok' ? 'FALSE ACCEPT' : `false reject: ${us}`}\n${asCase(small, kernel, 'shrunken')}\n`,
      );
    },
    (kernel, us, s) => {
      const key = `${plain(kernel)}\n    we: ${plain(us)}`;
      const known = words.get(key);
      if (known) known.count++;
      else words.set(key, { count: 1, example: asCase(s, kernel, us) });
    },
  );
  const often = [...words].sort((a, b) => b[1].count - a[1].count);
  for (const [key, { count: n }] of often.slice(0, option('words', 0))) process.stdout.write(`${n} ${key}\n`);
  for (const [, { example }] of often.slice(0, option('examples', 0))) process.stdout.write(`${example}\n`);
  const compared = t.total - t.skipped;
  const same = t.accepted + t.refused;
  process.stdout.write(
    `${JSON.stringify(t)}\nseed ${seed}: same verdict ${same}/${compared} (${((100 * same) / compared).toFixed(3)}%), ` +
      `${t.falseAccepts} false accepts, ${t.falseRejects} false rejects, ` +
      `same last line ${t.sameLine}/${t.refused}, ${t.ran} run with checks (${t.faulted} faulted), ${Math.round((1000 * t.insns) / t.verifierMs)} insns/s\n`,
  );
  return t.falseAccepts === 0 ? 0 : 1;
}
