/**
 * The verifier: proves before loading that a program is safe, or says why not, in the kernel's words and with the source line.
 *
 * `verify` walks every path of the program with what is known of each register and stack byte (walk.ts), as Linux does
 * (kernel/bpf/verifier.c, Documentation/bpf/verifier.rst), so that its answer agrees with the kernel's.
 */
import type { Btf } from '../btf/btf.ts';
import { MAP_TYPES } from '../maps/index.ts';
import { attachTypeByName } from '../progs/attach-types.ts';
import { progTypeByName } from '../progs/index.ts';
import type { MapSpec, ProgFacts, ProgSpec } from '../spec/spec.ts';
import { targetOf } from './attach.ts';
import { insnBound } from './bound.ts';
import { Env, type EnvOptions } from './env.ts';
import { detailsOf, pathOf, registersOf } from './explain/evidence.ts';
import { type Evidence, type Explanation, explain } from './explain/index.ts';
import { checkGraph, computeLiveRegisters, computeLoops } from './graph.ts';
import type { Hooks } from './hooks.ts';
import { checkVariable } from './kernel-variable.ts';
import { checkKfuncBefore, checkNoneUnresolved, findKfuncs } from './kfunc.ts';
import { checkMapAndProgram } from './map-rules.ts';
import { inWordsOf } from './older-words.ts';
import { deadSlots, type Optimised, optimise } from './optimise.ts';
import { type MapRow, Program } from './program.ts';
import { useRangeRules } from './range.ts';
import { type Category, Refusal } from './refusal.ts';
import { featuresOf, releaseNumber } from './versions.ts';
import { checkStackDepth, Walk } from './walk.ts';

export {
  applyPatch,
  CATEGORY_TITLES,
  type Edit,
  type Explanation,
  explainKernelLog,
  type KernelLogOptions,
  type Known,
  type Patch,
  type Place,
  programOfLog,
  type RenderOptions,
  renderExplanation,
  type Step,
} from './explain/index.ts';
export type { FinalView, Hooks, RegView, StateView } from './hooks.ts';
export { onlyHelpers } from './lint.ts';
export {
  type InsnRemoval,
  type InsnReplacement,
  type Optimised,
  type OptimiseRefusal,
  withoutDead,
} from './optimise.ts';
export type { Category } from './refusal.ts';

export interface VerifyInput {
  readonly prog: ProgSpec;
  /**
   * The maps that the program's relocations name. A map load without a relocation (raw bytecode) has the map's index in this list
   * in its imm.
   */
  readonly maps: readonly MapSpec[];
  /** Types of the kernel: for programs with typed arguments, and helpers that take or give kernel objects. */
  readonly kernelBtf?: Btf | undefined;
  /** Types of the program's own object: functions, and what map values hold. */
  readonly objectBtf?: Btf | undefined;
  /** Text of a source file, where it is at hand: explanations then see whole statements, and their mends become patches. */
  readonly source?: ((file: string) => string | undefined) | undefined;
}

export interface VerifyOptions {
  /** 0: messages only; 1: every instruction of the failing path with what it changed; 2: every path. */
  readonly level?: 0 | 1 | 2;
  /** Kernel release whose rules apply, '6.18' unless said. */
  readonly kernel?: string;
  /** May the user see kernel addresses (CAP_BPF and CAP_PERFMON)? True unless said. */
  readonly privileged?: boolean;
  /** BPF_F_SLEEPABLE. */
  readonly sleepable?: boolean;
  /** BPF_F_STRICT_ALIGNMENT. */
  readonly strictAlignment?: boolean;
  /** BPF_F_TEST_STATE_FREQ: a checkpoint wherever one may be. */
  readonly everyCheckpoint?: boolean;
  /** Outside analysers: see hooks.ts. */
  readonly onInsn?: Hooks['onInsn'];
  readonly onFinalize?: Hooks['onFinalize'];
  /** Most work a walk may take (env.ts: MAX_WORK, some seconds of it): beyond it the program is refused as too large, the same on every machine. */
  readonly maxWork?: number;
  readonly replaceInsns?: Hooks['replaceInsns'];
  readonly removeInsns?: Hooks['removeInsns'];
  /**
   * Take out what no path reaches, after the proof: the program without it is `result.optimised.prog`. 'no' unless said, or unless there is a
   * hook that wants to know. Where a hook refuses a change, 'must' (the default with hooks) refuses the program, as a network card
   * does that depends on it; 'try' leaves the program as it was, says so in `result.optimised.refused`, and asks no hook again.
   */
  readonly optimise?: 'no' | 'try' | 'must';
  /** Possible CPUs, for what bpf_get_smp_processor_id may give. */
  readonly cpus?: number;
  /** What the kernel at hand was built without, or does not let anybody use, although its release has it. */
  readonly absent?: Absent | undefined;
  /** The loader maps arenas into its memory before it loads programs, as libbpf does. True unless said. */
  readonly arenasMapped?: boolean;
}

export interface Absent {
  readonly progTypes: ReadonlySet<string>;
  readonly helpers: ReadonlySet<string>;
  /** Is the name in the kernel's symbol table? (Variables are only with CONFIG_KALLSYMS_ALL.) */
  hasSymbol(name: string): boolean;
}

export interface VerifyError {
  /** Instruction the refusal points at, in 8-byte slots. */
  readonly pc: number;
  /** What the kernel says; `lastLine(log)` where its log goes on behind that (the states of an endless loop). */
  readonly message: string;
  readonly category: Category;
  /** `file:line` of the C source, when line info is there. */
  readonly sourceLine?: string | undefined;
  /** The same in the words of the source: line and caret, path, suggestion. `renderExplanation` prints it. */
  readonly explanation: Explanation;
}

export interface VerifyResult {
  readonly ok: boolean;
  readonly error?: VerifyError;
  readonly log: string;
  readonly facts: ProgFacts;
  readonly insnsProcessed: number;
  /** With `optimise`, for accepted programs. */
  readonly optimised?: Optimised;
}

/** Licences that may call GPL-only helpers (include/linux/license.h). */
const GPL = new Set(['GPL', 'GPL v2', 'GPL and additional rights', 'Dual BSD/GPL', 'Dual MIT/GPL', 'Dual MPL/GPL']);

/** Most instructions of a program: unprivileged users', and everybody's before 5.2 (BPF_MAXINSNS). */
const MAX_INSNS_SMALL = 4096;
const MAX_INSNS = 1_000_000;

/** With the facts about single instructions, which are made when an engine asks: a program that only the kernel runs needs none. */
function withInsns({ facts, program, seen, packetLoads }: Env, known: ProgFacts): ProgFacts {
  let insns: ProgFacts['insns'];
  return {
    ...known,
    get insns() {
      insns ??= facts.finish({ program, seen, packetLoads });
      return insns;
    },
  };
}

/** Verify one program. Never throws for what a program contains: every refusal is a result. */
export function verify(input: VerifyInput, options: VerifyOptions = {}): VerifyResult {
  const prog = withAttachType(input.prog);
  const privileged = options.privileged ?? true;
  let env: Env | undefined;
  try {
    const row = progTypeByName(prog.type);
    if (!row) throw new Refusal('structure', `unknown program type '${prog.type}'`);
    const number = kernelNumber(options);
    if (number < releaseNumber(row.since)) {
      throw new Refusal('structure', `program type '${row.name}' came with Linux ${row.since}`);
    }
    if (options.absent?.progTypes.has(row.name)) {
      throw new Refusal('structure', `the kernel was built without the program type '${row.name}'`);
    }
    checkAttachType(prog, number);
    const program = new Program(prog, input.objectBtf);
    const features = featuresOf(kernelNumber(options));
    if (program.length > (privileged && features.largePrograms ? MAX_INSNS : MAX_INSNS_SMALL)) {
      throw new Refusal('limit', `program of ${program.length} instructions is too large`);
    }
    useRangeRules(features);
    env = new Env(program, row, input.kernelBtf, envOptions(options, prog, privileged));
    prepare(env, input.maps, number);
    const { kfuncs } = env;
    checkGraph(program, privileged && features.loops, kfuncs);
    checkSleepable(env);
    targetOf(env);
    computeLiveRegisters(program, kfuncs);
    computeLoops(program);
    const walk = new Walk(env, kfuncs, options);
    walk.run();
    const stackDepth = checkStackDepth(env);
    checkNoneUnresolved(env, kfuncs);
    const reason = options.onFinalize?.({
      insns: program.length,
      processed: env.processed,
      stackDepth,
      helpers: helpersCalled(program),
      maps: program.maps.map((m) => m.spec.name),
    });
    if (reason !== undefined) throw new Refusal('hook', reason);
    const optimised = optimiseAsAsked(env, prog, options);
    const globals = program.subprogs.some((s, i) => i > 0 && s.global);
    const dead = deadSlots(env.seen);
    const bound = insnBound(prog.insns, env.processed, globals);
    return {
      ok: true,
      log: finishLog(env),
      facts: withInsns(env, {
        verified: true,
        stackDepth,
        ...(bound !== undefined && { insnBound: bound }),
        ...(env.packetLoads.size > 0 && { packetLoads: env.packetLoads }),
        ...(dead && { dead }),
      }),
      insnsProcessed: env.processed,
      ...(optimised && { optimised }),
    };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const pc = env?.insn ?? 0;
    const line = sourceAt(prog, pc);
    const message = inWordsOf(kernelNumber(options), error.message);
    env?.say(message);
    for (const text of error.after) env?.say(text);
    let explanation: Explanation | undefined;
    return {
      ok: false,
      error: {
        pc,
        message,
        category: error.category,
        sourceLine: line,
        // Made when somebody asks: most refusals are only counted.
        get explanation() {
          explanation ??= explain(evidenceOf(input, env, message, pc, options.kernel), error.category);
          return explanation;
        },
      },
      log: env ? finishLog(env) : `${message}\n`,
      facts: { verified: false, stackDepth: 0 },
      insnsProcessed: env?.processed ?? 0,
    };
  }
}

/**
 * Types whose programs may leave out the attach type, and what it is then: number 0, or what Linux puts in its place
 * (bpf_prog_load_fixup_attach_type).
 */
const IMPLIED_ATTACH: Record<string, string> = {
  cgroup_device: 'cgroup_inet_ingress',
  cgroup_sock: 'cgroup_inet_sock_create',
  cgroup_sysctl: 'cgroup_inet_ingress',
  sk_reuseport: 'sk_reuseport_select',
};

/**
 * Where the attach type decides what a program is, it must be one of the kernel's, and one of the program type's
 * (Linux: bpf_prog_load_check_attach, which says nothing in the log).
 */
function checkAttachType(prog: ProgSpec, release: number): void {
  const accepted: readonly string[] | undefined = progTypeByName(prog.type)?.attachTypes;
  if (prog.attachType === undefined || accepted === undefined) return;
  const row = attachTypeByName(prog.attachType);
  if (row && release < releaseNumber(row.since)) {
    throw new Refusal('structure', `attach type '${row.name}' came with Linux ${row.since}`);
  }
  // Those of programs with a typed target are looked at with the target.
  if (accepted.includes(prog.attachType) || prog.type === 'tracing' || prog.type === 'lsm') return;
  throw new Refusal(
    'structure',
    `${prog.type} programs cannot have the attach type '${prog.attachType}', but ${accepted.join(', ')}`,
  );
}

/** Attach type 0 (cgroup_inet_ingress) is what callers pass who do not know of attach types. */
function withAttachType(prog: ProgSpec): ProgSpec {
  const implied = IMPLIED_ATTACH[prog.type];
  if (implied === undefined || (prog.attachType !== undefined && prog.attachType !== 'cgroup_inet_ingress'))
    return prog;
  return { ...prog, attachType: implied };
}

/** Dead code out, as the options say. Throws Refusal where a hook refuses and must not. */
function optimiseAsAsked(env: Env, prog: ProgSpec, options: VerifyOptions): Optimised | undefined {
  const asked = options.replaceInsns !== undefined || options.removeInsns !== undefined;
  const how = options.optimise ?? (asked ? 'must' : 'no');
  if (how === 'no') return undefined;
  const optimised = optimise(prog, env.seen, env.privileged, options);
  const { refused } = optimised;
  if (refused && how === 'must') {
    env.insn = refused.originalPc;
    throw new Refusal('hook', refused.reason);
  }
  return optimised;
}

function evidenceOf(
  { prog, maps, objectBtf, source }: VerifyInput,
  env: Env | undefined,
  message: string,
  pc: number,
  kernel: string | undefined,
): Evidence {
  const walking = env?.walking === true;
  return {
    prog,
    maps,
    objectBtf,
    source,
    message,
    pc,
    kernel,
    details: env ? detailsOf(env) : [],
    path: walking ? pathOf(env) : [pc],
    registers: walking ? registersOf(env) : new Map(),
  };
}

function envOptions(options: VerifyOptions, prog: ProgSpec, privileged: boolean): EnvOptions {
  const kernel = kernelNumber(options);
  return {
    level: options.level ?? 0,
    privileged,
    kernel: [Math.floor(kernel / 100), kernel % 100],
    strictAlignment: options.strictAlignment ?? false,
    everyCheckpoint: options.everyCheckpoint ?? false,
    gpl: GPL.has(prog.license),
    sleepable: options.sleepable ?? false,
    cpus: options.cpus ?? 1,
    maxWork: options.maxWork,
    absentHelpers: options.absent?.helpers,
    hasSymbol: options.absent && ((name) => options.absent!.hasSymbol(name)),
    arenasMapped: options.arenasMapped ?? true,
    features: featuresOf(kernel),
  };
}

function kernelNumber(options: VerifyOptions): number {
  return releaseNumber(options.kernel ?? '6.18');
}

const SLEEPABLE_ATTACH = new Set(['trace_fentry', 'trace_fexit', 'modify_return', 'trace_iter', 'lsm_mac']);

/** Syscall programs must be sleepable, and few others may. */
function checkSleepable(env: Env): void {
  const { sleepable } = env.options;
  const { name } = env.progType;
  if (name === 'syscall') {
    if (!sleepable) env.fail('structure', 'Syscall programs can only be sleepable');
    return;
  }
  const { sleepableStructs } = env.options.features;
  if (!sleepable || name === 'kprobe' || (name === 'struct_ops' && sleepableStructs)) return;
  if (!SLEEPABLE_ATTACH.has(env.program.spec.attachType ?? '')) {
    env.fail('structure', 'Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable');
  }
}

/** The checks that need no walk, in the kernel's order. */
function prepare(env: Env, maps: readonly MapSpec[], kernel: number): void {
  const { program } = env;
  env.kfuncs = findKfuncs(env);
  program.findSubprogs(env.privileged, env.options.features.globalFunctions, kernel, (i) => checkKfuncBefore(env, i));
  program.checkSubprogs();
  program.resolveLoads(
    maps,
    (spec) => mapRow(spec, kernel),
    (map) => checkMapAndProgram(env, map),
    (name) => env.kernelBtf?.find(name, 'var') ?? env.kernelBtf?.find(name, 'func'),
    (id) => checkVariable(env, id),
    kernel,
  );
}

function mapRow(spec: MapSpec, kernel: number): MapRow {
  const row = MAP_TYPES.find((r) => r.name === spec.type);
  if (!row) throw new Refusal('structure', `unknown map type '${spec.type}' of map '${spec.name}'`);
  if (kernel < releaseNumber(row.since)) {
    throw new Refusal('structure', `map '${spec.name}': map type '${row.name}' came with Linux ${row.since}`);
  }
  return row;
}

function finishLog(env: Env): string {
  const { total, peak, mostInPlace } = env.checkpoints;
  env.say(
    `processed ${env.processed} insns (limit 1000000) max_states_per_insn ${mostInPlace} ` +
      `total_states ${total} peak_states ${peak} mark_read 0`,
  );
  return `${env.log.join('\n')}\n`;
}

function helpersCalled(program: Program): Set<number> {
  const ids = new Set<number>();
  for (let i = 0; i < program.length; i++) if (program.isHelperCall(i)) ids.add(program.code.imm[i]!);
  return ids;
}

/** The last line of a log before its statistics: what `verify --batch` answers. '' for an accepted program. */
export function lastLine(result: VerifyResult): string {
  if (result.ok) return '';
  const lines = result.log.trimEnd().split('\n');
  return lines.filter((l) => !l.startsWith('processed ')).pop() ?? '';
}

/** `file:line` that the instruction comes from. */
function sourceAt(prog: ProgSpec, pc: number): string | undefined {
  let found: string | undefined;
  for (const line of prog.lines) {
    if (line.insn > pc) break;
    found = `${line.file}:${line.line}`;
  }
  return found;
}
