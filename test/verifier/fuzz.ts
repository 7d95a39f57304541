/**
 * The verifier against the running kernel, over generated and mutated programs: verdict agreement, false accepts, false
 * rejects, equal last lines. Disagreements are shrunk and printed as cases for data/.
 *
 *   npm run fuzz:verifier -- --count 100000 --seed 1 [--shrink 10] [--words 20] [--examples 5] [--guest] [--unpriv] [--types xdp,lsm]
 *
 * `--guest` asks the kernel of test/guest instead and verifies by the rules of its release; `--unpriv` asks it as a user without privileges.
 * `--types` names the types of generated programs, `--words` prints refusals worded differently, by frequency; `--examples` a program for each of the first of them.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import type { Btf } from '../../core/btf/btf.ts';
import { compositeOf } from '../../core/btf/layout.ts';
import { readBtf } from '../../core/btf/read.ts';
import { helperById } from '../../core/helpers/index.ts';
import { disassemble } from '../../core/isa/disasm.ts';
import type { FuncInfo, MapSpec } from '../../core/spec/spec.ts';
import { lastLine, type VerifyResult, verify } from '../../core/verifier/index.ts';
import { guestProblem } from '../guest/machine.ts';
import { type GuestOracle, startGuestOracle } from '../guest/oracle.ts';
import { allCases, makeMap, makeProg } from './cases.ts';
import { runChecked } from './checked-run.ts';
import { generate, TYPES, type World } from './generate.ts';
import { kfuncIds, objectOffsets } from './generate-calls.ts';
import { type FuzzTypes, fuzzTypes } from './generate-types.ts';
import { type Answer, askKernel, type Question, whyNoOracle } from './kernel-oracle.ts';
import { mutate, Random } from './mutate.ts';
import type { RefusalMessage } from './refusals.ts';

export interface Sample {
  readonly type: string;
  readonly attach: string | undefined;
  readonly license: string;
  readonly maps: readonly MapSpec[];
  readonly insns: Uint8Array;
  /** What the program attaches to, by name and by its id in the kernel's BTF. */
  readonly target?: string | undefined;
  readonly btfId?: number | undefined;
  readonly member?: number | undefined;
  /** Programs that bring types: the file of their BTF and the types of their functions. */
  readonly btfFile?: string | undefined;
  readonly funcs?: readonly FuncInfo[];
  readonly flags?: number;
  /** Kinds of statements in it. */
  readonly statements?: readonly string[];
}

/** Flags of BPF_PROG_LOAD (include/uapi/linux/bpf.h). */
const BPF_F_TEST_STATE_FREQ = 0x08;
const BPF_F_SLEEPABLE = 0x10;

export interface Tally {
  total: number;
  /** Both accept. */
  accepted: number;
  /** Both refuse. */
  refused: number;
  /** We accept what the kernel refuses for safety. */
  falseAccepts: number;
  /** We accept what the kernel gave up on: E2BIG, more instructions walked than it allows. A verdict that differs, and no danger. */
  tooLarge: number;
  falseRejects: number;
  /** We refuse what Linux accepts although it is unsafe (UNSOUND_IN_LINUX). */
  stricter: number;
  /** Both refuse with the same last line (or the kernel's log was not asked for). */
  sameLine: number;
  /** The kernel could not be asked (a map it does not make, a permission it does not give). */
  skipped: number;
  /** Of those: the kernel found a bug in its own verifier. */
  kernelBugs: number;
  /** Accepted programs run with checks on random input, and those of them that faulted. */
  ran: number;
  faulted: number;
  /** Those that came to an instruction for which a fact did not hold. */
  wrongFacts: number;
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

/** Iterators and tracepoints whose arguments may be null or are not trusted: which, releases differ in, so only the running kernel is asked. */
const DOUBTFUL_TARGETS: readonly (readonly [string, string, 'func' | 'typedef'])[] = [
  ...(['task_file', 'task_vma', 'ksym', 'netlink', 'unix', 'sockmap', 'bpf_sk_storage_map', 'bpf_prog'] as const).map(
    (name) => ['trace_iter', name, 'func'] as const,
  ),
  ...(['kfree_skb', 'tcp_send_reset', 'mm_page_alloc', 'sched_pi_setprio'] as const).map(
    (name) => ['trace_raw_tp', name, 'typedef'] as const,
  ),
];

/** What only a kernel without lockdown loads. */
const MORE_TARGETS = [
  ['trace_fentry', 'vfs_read', 'func'],
  ['trace_fexit', 'vfs_read', 'func'],
  ['trace_fexit', 'tcp_v4_connect', 'func'],
  ['modify_return', 'security_file_open', 'func'],
] as const;
const LSM_TARGETS = ['file_open', 'bprm_check_security', 'task_free', 'socket_connect', 'inode_rename'];
/** Structs of functions, whose members programs may be. */
const STRUCTS = ['tcp_congestion_ops', 'tcp_congestion_ops', 'bpf_dummy_ops'];

/** The kernel that is asked, and what our verifier has to know of it. */
export interface Judge {
  readonly ask: (questions: readonly Question[]) => Promise<Answer[]>;
  /** Release whose rules apply; the newest unless said. */
  readonly kernel?: string;
  readonly types: Btf | undefined;
  readonly privileged: boolean;
  readonly cpus: number;
  /** Programs whose walk takes more instructions are not asked about: an emulated kernel is slow. */
  readonly longest?: number;
  /** It refuses programs that could change what the kernel does. */
  readonly lockdown: boolean;
  /** Types of the programs it is asked about; all that load with little ado unless said. */
  readonly progTypes?: readonly string[];
  /** False where the judge cannot read the file with the types that programs bring along. */
  readonly ownTypes: boolean;
}

/** The kernel that runs the test, with its types where it has them. */
export function runningKernel(): Judge {
  let types: Btf | undefined;
  try {
    types = readBtf(readFileSync('/sys/kernel/btf/vmlinux'));
  } catch {
    types = undefined;
  }
  return {
    ask: askKernel,
    types,
    privileged: true,
    lockdown: true,
    cpus: cpus().length,
    ownTypes: types !== undefined,
  };
}

/** All that users without privileges may load (kernel/bpf/syscall.c, bpf_prog_load). */
const UNPRIVILEGED_TYPES = ['socket_filter', 'cgroup_skb'];

/** The guest's kernel: emulated, so only about short walks. */
export function guestJudge(guest: GuestOracle, privileged = true): Judge {
  const progTypes = privileged ? [...TYPES, 'lsm', 'lsm', 'tracing'] : UNPRIVILEGED_TYPES;
  return { ...guest, privileged, progTypes, lockdown: false, cpus: 1, longest: SHORT_WALK, ownTypes: false };
}

/** What the oracle's maps of maps hold. */
const INNER = makeMap(0, 'array 4 8 1');

let own: (FuzzTypes & { readonly file: string }) | undefined;

/** Types that programs bring along, and the file with their bytes, which the oracle reads. */
function ownTypes(): FuzzTypes & { readonly file: string } {
  if (!own) {
    const made = fuzzTypes();
    const folder = mkdtempSync(`${tmpdir()}/skep-fuzz-`);
    const file = `${folder}/types.btf`;
    writeFileSync(file, made.btf.bytes);
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    own = { ...made, file };
  }
  return own;
}

function ours(s: Sample, judge: Judge) {
  const prog = { ...makeProg({ name: 'fuzz', target: undefined, ...s }), funcs: s.funcs ?? [] };
  const objectBtf = s.btfFile === undefined ? undefined : ownTypes().btf;
  const sleepable = ((s.flags ?? 0) & BPF_F_SLEEPABLE) !== 0;
  const everyCheckpoint = ((s.flags ?? 0) & BPF_F_TEST_STATE_FREQ) !== 0;
  // The oracle's maps are all called so.
  const maps = s.maps.map((m) => ({ ...m, name: 'm', ...(m.type.endsWith('_of_maps') && { inner: INNER }) }));
  const { kernel, privileged } = judge;
  return verify(
    { prog, maps, kernelBtf: judge.types, objectBtf },
    { cpus: judge.cpus, sleepable, everyCheckpoint, privileged, ...(kernel === undefined ? {} : { kernel }) },
  );
}

function timed(s: Sample, judge: Judge) {
  const start = performance.now();
  const r = ours(s, judge);
  return { s, r, ms: performance.now() - start };
}

/**
 * What Linux 6.18 must not be asked: bpf_wq_init() with another map than the work's own. Where that has no special fields its verifier
 * dereferences null (check_kfunc_args, case KF_ARG_PTR_TO_MAP), and the process that asks is killed.
 */
const CRASHES_LINUX = /^(?:workqueue|bpf_task_work) pointer in R\d map_uid=/;

/** The log of what Linux accepts and should not: a null constant for a parameter that is never null (core/verifier/global-call.ts). */
const UNSOUND_IN_LINUX = /^arg#\d+ is expected to be non-NULL\nCaller passes invalid args into func#/m;

/** May the kernel be asked? Not about walks that are `longest` or longer: an emulated kernel is slow. */
function mayAsk(r: VerifyResult, longest = Number.POSITIVE_INFINITY): boolean {
  return r.insnsProcessed < longest && !CRASHES_LINUX.test(lastLine(r));
}

/** What a program of a type with a typed target attaches to. */
function targetFor(type: string, random: Random, { types, lockdown, kernel }: Judge): Partial<Sample> {
  const idOf = (name: string, kind: 'func' | 'typedef' | 'struct') => types?.find(name, kind) ?? 0;
  if (type === 'lsm') {
    const target = random.pick(LSM_TARGETS);
    return { attach: 'lsm_mac', target, btfId: idOf(`bpf_lsm_${target}`, 'func') };
  }
  if (type === 'tracing') {
    const doubtful = kernel === undefined && random.below(3) === 0;
    const [attach, target, kind] = random.pick<(typeof DOUBTFUL_TARGETS)[number]>(
      doubtful ? DOUBTFUL_TARGETS : lockdown ? TARGETS : [...TARGETS, ...MORE_TARGETS],
    );
    const prefix = attach === 'trace_raw_tp' ? 'btf_trace_' : attach === 'trace_iter' ? 'bpf_iter_' : '';
    return { attach, target, btfId: idOf(`${prefix}${target}`, kind) };
  }
  if (type !== 'struct_ops') return {};
  const struct = random.pick(STRUCTS);
  const btfId = idOf(struct, 'struct');
  const members = btfId === 0 ? [] : compositeOf(types!, btfId)!.members;
  const member = random.below(Math.max(1, members.length));
  const sleepable = random.below(8) === 0;
  const target = `${struct}:${members[member]?.name ?? ''}`;
  return { target, btfId, member, ...(sleepable && { flags: BPF_F_SLEEPABLE }) };
}

function sample(random: Random, seeds: readonly Sample[], world: World, judge: Judge): Sample {
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
  const target = targetFor(g.type, random, judge);
  const insns = random.below(2) ? g.insns : mutate(g.insns, random, [g.insns], starts);
  return {
    type: g.type,
    attach: ATTACH[g.type] && random.pick(ATTACH[g.type]!),
    license: 'GPL',
    maps: g.maps,
    insns,
    statements: g.statements,
    ...target,
    ...(g.funcs.length > 0 && { btfFile: ownTypes().file, funcs: g.funcs.map((f, i) => ({ ...f, insn: starts[i]! })) }),
    flags:
      (target.flags ?? 0) |
      (g.type === 'syscall' ? BPF_F_SLEEPABLE : 0) |
      (random.below(16) === 0 ? BPF_F_TEST_STATE_FREQ : 0),
  };
}

/** Compare `count` programs; calls `differs` for each disagreement, `worded` where both refuse in other words, `sameWords` in the same. */
export async function fuzz(
  count: number,
  seed: number,
  differs: (s: Sample, kernel: string, us: string) => Promise<void> | void,
  worded?: (kernel: string, us: string, s: Sample) => void,
  judge: Judge = runningKernel(),
  sameWords?: (line: string, s: Sample) => void,
): Promise<Tally> {
  const random = new Random(seed);
  const seeds = allCases()
    .filter((c) => c.oracle && c.target === undefined && (judge.privileged || UNPRIVILEGED_TYPES.includes(c.type)))
    .map(({ type, attach, license, maps, insns }) => ({ type, attach, license, maps, insns }));
  const t: Tally = {
    total: 0,
    accepted: 0,
    refused: 0,
    falseAccepts: 0,
    tooLarge: 0,
    falseRejects: 0,
    stricter: 0,
    sameLine: 0,
    skipped: 0,
    kernelBugs: 0,
    ran: 0,
    faulted: 0,
    wrongFacts: 0,
    insns: 0,
    verifierMs: 0,
    types: {},
    statements: {},
  };
  const world: World = {
    kfuncs: kfuncIds(judge.types),
    types: judge.ownTypes ? ownTypes() : undefined,
    objects: judge.types && objectOffsets(judge.types),
    ...(judge.progTypes && { progTypes: judge.progTypes }),
  };
  for (let done = 0; done < count; done += 1000) {
    if (done > 0 && done % 10_000 === 0) process.stderr.write(`${done} ${JSON.stringify(t)}\n`);
    const drawn = Array.from({ length: Math.min(1000, count - done) }, () => sample(random, seeds, world, judge));
    const verdicts = drawn.map((s) => timed(s, judge)).filter(({ r }) => mayAsk(r, judge.longest));
    const batch = verdicts.map(({ s }) => s);
    t.total += drawn.length - batch.length;
    t.skipped += drawn.length - batch.length;
    const answers = await judge.ask(batch);
    for (let i = 0; i < batch.length; i++) {
      const a = answers[i];
      t.total++;
      for (const name of new Set(batch[i]!.statements)) t.statements[name] = (t.statements[name] ?? 0) + 1;
      // A program that Linux trips over is no program it found unsafe.
      const trips = a?.last.startsWith('verifier bug:') === true;
      if (trips) t.kernelBugs++;
      // A refusal without a word is none of the verifier's (out of memory, interrupted); of what is too large the log is not asked for.
      const wordless = a !== undefined && !a.ok && a.last === '' && a.errno !== 'E2BIG';
      if (!a || a.errno === 'MAP' || a.errno === 'EPERM' || trips || wordless) {
        t.skipped++;
        continue;
      }
      t.types[batch[i]!.type] = (t.types[batch[i]!.type] ?? 0) + 1;
      const { r, ms } = verdicts[i]!;
      t.verifierMs += ms;
      t.insns += r.insnsProcessed;
      // The oracle has no descriptor for a map that is not there.
      const line = lastLine(r).replace(/^fd -?\d+ is/, 'fd 9999 is');
      if (r.ok) {
        const run = runChecked(batch[i]!, r.facts, random);
        if (run !== 'skipped') t.ran++;
        // A load through a kernel pointer faults to zero in the kernel; here there is no kernel behind it.
        if (typeof run === 'object' && 'wrongFact' in run) {
          t.wrongFacts++;
          process.stdout.write(`WRONG FACT ${run.wrongFact}\n${asCase(batch[i]!, 'ok', 'wrong fact')}\n`);
        } else if (typeof run === 'object' && ours(batch[i]!, { ...judge, types: undefined }).ok) {
          t.faulted++;
          process.stdout.write(`FAULT ${run.fault}\n${asCase(batch[i]!, 'ok', 'faulted')}\n`);
        }
      }
      if (r.ok && a.ok) t.accepted++;
      else if (!r.ok && !a.ok) {
        t.refused++;
        if (a.last === line) sameWords?.(line, batch[i]!);
        if (a.last === '' || a.last === line) t.sameLine++;
        else worded?.(a.last, line, batch[i]!);
      } else {
        if (r.ok && a.errno === 'E2BIG') t.tooLarge++;
        else if (r.ok) t.falseAccepts++;
        else if (a.ok && UNSOUND_IN_LINUX.test(r.log)) {
          t.stricter++;
          continue;
        } else t.falseRejects++;
        await differs(batch[i]!, a.ok ? 'ok' : a.last, r.ok ? 'ok' : line);
      }
    }
  }
  return t;
}

/** Instructions that a walk may take where many are asked for. */
const SHORT_WALK = 20_000;
const NOP = [0x05, 0, 0, 0, 0, 0, 0, 0];

/** Starts of the instructions that do something. */
function working(insns: Uint8Array): number[] {
  const at: number[] = [];
  for (let i = 0; i < insns.length; i += 8) {
    const nothing = insns[i] === 0x05 && insns[i + 2] === 0 && insns[i + 3] === 0;
    if (!nothing) at.push(i);
    if (insns[i] === 0x18) i += 8;
  }
  return at;
}

function without(s: Sample, starts: readonly number[]): Sample {
  const insns = s.insns.slice();
  for (const at of starts) {
    insns.set(NOP, at);
    if (s.insns[at] === 0x18) insns.set(NOP, at + 8);
  }
  return { ...s, insns };
}

/** Without the instructions that do nothing: jumps and calls over them become shorter. */
function compacted(s: Sample): Sample {
  const keep = new Set(working(s.insns).flatMap((at) => (s.insns[at] === 0x18 ? [at / 8, at / 8 + 1] : [at / 8])));
  const count = s.insns.length / 8;
  const place: number[] = [0];
  for (let i = 0; i < count; i++) place.push(place[i]! + (keep.has(i) ? 1 : 0));
  const out = new Uint8Array(keep.size * 8);
  const view = new DataView(out.buffer);
  const before = new DataView(s.insns.buffer, s.insns.byteOffset, s.insns.byteLength);
  for (let i = 0; i < count; i++) {
    if (!keep.has(i)) continue;
    const at = place[i]! * 8;
    out.set(s.insns.subarray(i * 8, i * 8 + 8), at);
    const [code, regs] = [s.insns[i * 8]!, s.insns[i * 8 + 1]!];
    const jumps = ((code & 7) === 5 || (code & 7) === 6) && code !== 0x85 && code !== 0x95;
    const moved = (distance: number) => (place[i + 1 + distance] ?? 0) - place[i + 1]!;
    if (jumps && code !== 0x06) view.setInt16(at + 2, moved(before.getInt16(i * 8 + 2, true)), true);
    if (code === 0x06 || (code === 0x85 && regs >> 4 === 1))
      view.setInt32(at + 4, moved(before.getInt32(i * 8 + 4, true)), true);
    if (code === 0x18) i++;
    if (code === 0x18) out.set(s.insns.subarray(i * 8, i * 8 + 8), at + 8);
  }
  return { ...s, insns: out };
}

/** As few instructions as possible with which the sample still is what it is: ever smaller pieces are taken out. */
async function shrinkWhile(s: Sample, stays: (all: readonly Sample[]) => Promise<Sample[]>): Promise<Sample> {
  let best = s;
  for (let size = working(s.insns).length >> 1; size > 0; size = size === 1 ? 0 : size >> 1) {
    for (let found = true; found; ) {
      const at = working(best.insns).filter((i) => best.insns[i] !== 0x95);
      const pieces: number[][] = [];
      for (let i = 0; i < at.length; i += size) pieces.push(at.slice(i, i + size));
      const [next] = await stays(pieces.map((piece) => without(best, piece)));
      found = next !== undefined;
      if (next) best = next;
    }
  }
  const compact = compacted(best);
  // A question without instructions gets no answer.
  const [short] = compact.insns.length > 0 ? await stays([compact]) : [];
  return short ?? best;
}

/** About which kernel and we still disagree. */
export async function shrink(s: Sample, judge: Judge = runningKernel()): Promise<{ small: Sample; says: string }> {
  const small = await shrinkWhile(s, async (all) => {
    // Taking something out of a loop may leave an endless one, which keeps a kernel busy for long.
    const candidates = all.map((c) => ({ c, r: ours(c, judge) })).filter(({ r }) => mayAsk(r, SHORT_WALK));
    const answers = await judge.ask(candidates.map(({ c }) => c));
    return candidates.filter(({ r }, i) => answers[i] && answers[i]!.ok !== r.ok).map(({ c }) => c);
  });
  const [answer] = await judge.ask([small]);
  return { small, says: answer!.ok ? 'ok' : answer!.last };
}

/** Calls of kernel functions and types of the program's own have numbers that no case can name. */
function isPortable(s: Sample): boolean {
  if (s.btfFile !== undefined || s.target !== undefined || s.flags) return false;
  for (let i = 0; i < s.insns.length; i += 8) if (s.insns[i] === 0x85 && s.insns[i + 1]! >> 4 === 2) return false;
  return true;
}

/** Generated programs for the messages of `wanted` that kernel and we both give, shrunk, as cases for data/. */
export async function harvest(count: number, seed: number, wanted: readonly RefusalMessage[]): Promise<string[]> {
  const judge = runningKernel();
  const missing = new Set(wanted);
  const found = new Map<RefusalMessage, Sample>();
  const note = (line: string, s: Sample) => {
    if (!isPortable(s)) return;
    for (const m of missing) {
      if (!m.pattern.test(line)) continue;
      missing.delete(m);
      found.set(m, s);
    }
  };
  await fuzz(count, seed, () => {}, undefined, judge, note);
  const cases: string[] = [];
  for (const [m, s] of found) {
    const same = (line: string) => m.pattern.test(line);
    const small = await shrinkWhile(s, async (all) => {
      const candidates = all.filter((c) => same(lastLine(ours(c, judge))));
      const answers = await judge.ask(candidates);
      return candidates.filter((c, i) => answers[i] && answers[i]!.last === lastLine(ours(c, judge)));
    });
    const says = lastLine(ours(small, judge));
    const loads = working(small.insns).some((at) => small.insns[at] === 0x18 && small.insns[at + 1]! >> 4 !== 0);
    cases.push(asCase(loads ? small : { ...small, maps: [] }, says, m.text.replaceAll('…', '_')));
  }
  return cases;
}

/** A disagreement as a case for data/: code as hex, since the text form has no absolute jumps. */
export function asCase(s: Sample, kernel: string, name: string): string {
  const maps = s.maps.map(
    (m) => `map: ${m.type} ${m.keySize} ${m.valueSize} ${m.maxEntries} ${m.flags}${m.valueType ? ` (${m.name})` : ''}`,
  );
  const text = disassemble(s.insns, { helper: (id) => helperById(id)?.name })
    .trimEnd()
    .split('\n')
    .map((l) => `  ${l.replace(/^ *\d+: /, '')}`)
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
  const unprivileged = process.argv.includes('--unpriv');
  if (process.argv.includes('--guest') || unprivileged) {
    const problem = guestProblem();
    if (problem !== undefined) {
      process.stdout.write(`fuzz:verifier --guest needs qemu: ${problem}\n`);
      return 1;
    }
    const guest = await startGuestOracle({ unprivileged });
    try {
      return await run(guestJudge(guest, !unprivileged));
    } finally {
      await guest.close();
    }
  }
  const why = whyNoOracle();
  if (why !== undefined) {
    process.stdout.write(`fuzz:verifier needs the kernel: ${why}\n`);
    return 1;
  }
  return run(runningKernel());
}

async function run(asked: Judge): Promise<number> {
  const types = process.argv.indexOf('--types');
  const judge = types < 0 ? asked : { ...asked, progTypes: process.argv[types + 1]!.split(',') };
  const count = option('count', 10_000);
  const seed = option('seed', 1);
  /** How many of each kind are still shrunk. */
  const left = { accepts: option('shrink', 5), rejects: option('shrink', 5) };
  const words = new Map<string, { count: number; example: string }>();
  const plain = (text: string): string => text.replace(/0x[0-9a-f]+|-?\d+/g, 'N');
  const t = await fuzz(
    count,
    seed,
    async (s, _kernel, us) => {
      if (left[us === 'ok' ? 'accepts' : 'rejects']-- <= 0) return;
      const { small, says } = await shrink(s, judge);
      process.stdout.write(
        `${us === 'ok' ? 'FALSE ACCEPT' : `false reject: ${us}`}\n${asCase(small, says, 'shrunken')}\n`,
      );
    },
    (kernel, us, s) => {
      const key = `${plain(kernel)}\n    we: ${plain(us)}`;
      const known = words.get(key);
      if (known) known.count++;
      else words.set(key, { count: 1, example: asCase(s, kernel, us) });
    },
    judge,
  );
  const often = [...words].sort((a, b) => b[1].count - a[1].count);
  for (const [key, { count: n }] of often.slice(0, option('words', 0))) process.stdout.write(`${n} ${key}\n`);
  for (const [, { example }] of often.slice(0, option('examples', 0))) process.stdout.write(`${example}\n`);
  const compared = t.total - t.skipped;
  const same = t.accepted + t.refused;
  process.stdout.write(
    `${JSON.stringify(t)}\nseed ${seed}: same verdict ${same}/${compared} (${((100 * same) / compared).toFixed(3)}%), ` +
      `${t.falseAccepts} false accepts, ${t.tooLarge} too large for the kernel alone, ${t.falseRejects} false rejects, ${t.stricter} unsafe ones of Linux, ` +
      `same last line ${t.sameLine}/${t.refused}, ${t.ran} run with checks (${t.faulted} faulted, ${t.wrongFacts} with a wrong fact), ${Math.round((1000 * t.insns) / t.verifierMs)} insns/s\n`,
  );
  return t.falseAccepts === 0 && t.wrongFacts === 0 ? 0 : 1;
}
