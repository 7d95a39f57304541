/**
 * The compiler's door: C text in, an ObjectSpec or diagnostics out.
 *
 *   text -> lex, preprocess -> parse with sema (typed tree) -> lower (IR) -> ir passes -> codegen -> ObjectSpec
 *
 * Nothing throws for what the text says: every complaint is a Diagnostic with a span.
 */
import { type Diagnostic, SourceFile } from '../base/diagnostics.ts';
import type { Btf } from '../btf/btf.ts';
import { parseFormat, type TracepointFormat } from '../btf/tracepoint.ts';
import { type CodegenDiagnostic, type Generated, generate } from '../codegen/index.ts';
import { optimize } from '../ir/index.ts';
import { printModule } from '../ir/text.ts';
import { STACK_SIZE } from '../isa/ops.ts';
import { SYSCALLS } from '../progs/syscall-table.gen.ts';
import type { ObjectSpec } from '../spec/spec.ts';
import { readFlags } from './cflags.ts';
import { Context } from './context.ts';
import { type CType, sizeOf } from './ctype.ts';
import { warnPrograms } from './flavour/check.ts';
import { isMapMacro } from './flavour/map-macros.ts';
import { outerScope } from './flavour/outer.ts';
import { type KernelTypes, kernelTypes } from './from-btf.ts';
import { Headers, kconfigValue } from './headers/index.ts';
import { type LoweredUnit, lowerUnit } from './lower/unit.ts';
import { objectSpec } from './object.ts';
import { parseUnit } from './parse/declaration.ts';
import { Parser } from './parse/parser.ts';
import { parseTypeName } from './parse/specifier.ts';
import { Preprocessor } from './preprocess/preprocess.ts';
import { relieveStacks } from './relieve.ts';
import { Fatal, Report, SyntaxStop } from './report.ts';
import { BUILTINS } from './sema/builtins.ts';
import { finishPointerCalls } from './sema/pointer-call.ts';
import { spanOfLoc } from './span.ts';
import type { Token } from './token.ts';
import type { Unit } from './tree.ts';

export interface Source {
  readonly name: string;
  readonly text: string;
}

export interface CompileOptions {
  /** The kernel the program is for; absent: only what the program declares itself is known. */
  readonly kernelBtf?: Btf | undefined;
  /** Types of its modules, each going on from the kernel's: asked when a struct, enum or kfunc is not the kernel's own. */
  readonly moduleBtf?: (() => Iterable<Btf>) | undefined;
  /** `uname -r` of that kernel: what LINUX_VERSION_CODE says. */
  readonly kernelRelease?: string | undefined;
  /** -D, -U, -I, -include, -W as clang takes them. */
  readonly cflags?: readonly string[];
  /**
   * Text of a file by its path, undefined when there is none: "x.h" is asked for beside the file that includes it, both "x.h" and <x.h> in each
   * folder of -I, before the built-in headers.
   */
  readonly headers?: ((path: string) => string | undefined) | undefined;
  /** -mcpu; v3 by default. */
  readonly cpu?: 'v1' | 'v2' | 'v3' | 'v4' | undefined;
  /** Format of a tracepoint, for TRACEPOINT_PROBE: read, or as the text of its `format` file. */
  readonly tracepointFormat?: ((category: string, name: string) => TracepointFormat | string | undefined) | undefined;
  /** Online CPUs: what bpf_num_cpus() gives. */
  readonly cpuCount?: number;
  /** Leave CO-RE relocations for the fields of kernel structs (`coreRelos`), for a loader that knows another kernel. Default: none. */
  readonly core?: boolean;
  /** Compile only these functions (by name) to programs. */
  readonly functions?: readonly string[];
  /** Called with the IR's text after each pass that `wants` names ('front' is the IR as lowered). */
  readonly dump?: { readonly wants: (pass: string) => boolean; readonly show: (pass: string, text: string) => void };
  /** Check the IR after each pass (tests). */
  readonly check?: boolean;
}

export interface Compiled {
  /** Absent when there were errors. */
  readonly object?: ObjectSpec;
  readonly diagnostics: readonly Diagnostic[];
}

/** What the front end alone gives: for tests and for tools that look at programs. */
export interface Analysed {
  readonly cx: Context;
  readonly unit: Unit | undefined;
  readonly report: Report;
  readonly file: SourceFile;
}

/** The kernel of the BTF that ships. */
const DEFAULT_RELEASE = '6.1.0';

/** Compile one C text. `diagnostics` holds warnings and notes also when it succeeded. */
export function compile(source: Source, options: CompileOptions = {}): Compiled {
  const analysed = analyse(source, options);
  const { report, cx, unit } = analysed;
  if (!unit || report.errors > 0) return { diagnostics: report.list };
  const object = guarded(report, () => {
    let lowered = middle(cx, unit, options);
    if (!lowered) return undefined;
    warnPrograms(cx, lowered, analysed.file);
    let generated = back(lowered, options);
    const large = new Map(generated.progs.filter((p) => p.frames[0]! > STACK_SIZE).map((p) => [p.name, p.frames[0]!]));
    if (large.size > 0) {
      // The back end consumed the module: make it again, with the large locals elsewhere.
      lowered = middle(cx, unit, options);
      if (!lowered) return undefined;
      relieveStacks(cx, lowered, large);
      if (options.dump?.wants('scratch')) options.dump.show('scratch', printModule(lowered.module, { locs: true }));
      generated = back(lowered, options);
    }
    for (const d of generated.diagnostics) fromCodegen(report, analysed.file, d);
    if (report.errors > 0) return undefined;
    return { ...objectSpec(cx, lowered, generated), sources: { [source.name]: source.text } };
  });
  return object && report.errors === 0 ? { object, diagnostics: report.list } : { diagnostics: report.list };
}

/** Tree to optimised IR; undefined when lowering had complaints. */
function middle(cx: Context, unit: Unit, options: CompileOptions): LoweredUnit | undefined {
  const lowered = lower(cx, unit, options);
  if (cx.report.errors > 0) return undefined;
  optimize(lowered.module, {
    ...(options.dump ? { dump: options.dump } : {}),
    ...(options.check ? { check: true } : {}),
  });
  return lowered;
}

function back(lowered: LoweredUnit, options: CompileOptions): Generated {
  return generate(lowered.module, { cpu: Number((options.cpu ?? 'v3').slice(1)) as 1 | 2 | 3 | 4 });
}

/** Lex, preprocess, parse and type a text. */
export function analyse(source: Source, options: CompileOptions): Analysed {
  const report = new Report();
  const kernel = options.kernelBtf && kernelTypes(options.kernelBtf);
  const flags = readFlags(options.cflags ?? [], report);
  const cx = new Context(
    report,
    kernel,
    {
      flavoured: kernel !== undefined,
      cpu: options.cpu ?? 'v3',
      cpuCount: options.cpuCount ?? 1,
      core: options.core ?? false,
      kconfig: (name) => kconfigValue(name, options.kernelRelease ?? DEFAULT_RELEASE),
    },
    () => [...(options.moduleBtf?.() ?? [])].map((btf) => kernelTypes(btf, kernel)),
  );
  const file = new SourceFile(source.name, source.text);
  const headers = new Headers({
    own: options.headers,
    folders: flags.includes,
    kernelRelease: options.kernelRelease ?? DEFAULT_RELEASE,
    defined: (name) => isMapMacro(name) || (name.startsWith('__builtin_') && name in BUILTINS),
    derived: (name) => derivedMacro(kernel, name),
  });
  const preprocessor = new Preprocessor({
    report,
    include: (name, angled, from) => headers.find(name, angled, from),
    outerMacro: (name) => headers.macro(name),
    prelude: flags.prelude,
  });
  cx.outer = outerScope({
    cx,
    tracepointFormat:
      options.tracepointFormat && ((category, name) => readFormat(options.tracepointFormat!(category, name), category)),
    parseText: (text) => readAside(cx, preprocessor.expandText(text)),
    parseType: (text) => readType(cx, text, preprocessor),
  });
  let unit: Unit | undefined;
  guarded(report, () => {
    const tokens = preprocessor.run(file);
    unit = parseUnit(new Parser(cx, tokens));
    finishPointerCalls(cx);
  });
  if (unit && report.errors === 0) licenceMacro(cx, preprocessor);
  return { cx, unit, report, file };
}

function readFormat(format: TracepointFormat | string | undefined, category: string): TracepointFormat | undefined {
  return typeof format === 'string' ? parseFormat(category, format) : format;
}

function lower(cx: Context, unit: Unit, options: CompileOptions): LoweredUnit {
  const wanted = options.functions;
  return lowerUnit(
    cx,
    wanted
      ? { ...unit, functions: unit.functions.filter((f) => f.isStatic || f.isInline || wanted.includes(f.name)) }
      : unit,
  );
}

/** Run a stage; a Fatal has been reported already. */
function guarded<T>(report: Report, run: () => T): T | undefined {
  try {
    return run();
  } catch (e) {
    if (e instanceof Fatal || e instanceof SyntaxStop) return undefined;
    // The stack ran out in spite of all limits: the text is too deep, which is the user's to know.
    if (e instanceof RangeError && /call stack/i.test(e.message)) {
      report.list.push({ severity: 'error', message: 'the program is nested too deeply to be compiled' });
      report.errors++;
      return undefined;
    }
    throw e;
  }
}

/** C text of the outer scope (a header's function), read at file scope in the middle of whatever is being read. */
function readAside(cx: Context, tokens: readonly Token[]): void {
  cx.atFileScope(() => parseUnit(new Parser(cx, tokens)));
}

function readType(cx: Context, text: string, preprocessor: Preprocessor): CType | undefined {
  const quiet = new Report();
  const loud = cx.report;
  cx.report = quiet;
  try {
    const p = new Parser(cx, preprocessor.expandText(new SourceFile('<built-in>', text)));
    const type = cx.atFileScope(() => parseTypeName(p));
    return quiet.errors > 0 || !p.atEnd() ? undefined : type;
  } catch (e) {
    if (e instanceof Fatal || e instanceof SyntaxStop) return undefined;
    throw e;
  } finally {
    cx.report = loud;
  }
}

/** Constants that other tables know: the kernel's types, its system calls. */
function derivedMacro(kernel: KernelTypes | undefined, name: string): string | undefined {
  if (name === 'DNAME_INLINE_LEN') {
    const dentry = kernel?.record('struct', 'dentry');
    const field = dentry?.find('d_iname') ?? dentry?.find('d_shortname');
    const size = field && sizeOf(field.field.type);
    return size === undefined ? undefined : `DNAME_INLINE_LEN ${size}`;
  }
  if (name.startsWith('__NR_')) {
    const row = SYSCALLS.find((r) => r.name === name.slice(5));
    return row && `${name} ${row.nr}`;
  }
  return undefined;
}

/** `#define BPF_LICENSE MIT`: BCC's way to state a licence other than GPL. */
function licenceMacro(cx: Context, preprocessor: Preprocessor): void {
  if (cx.license === undefined) cx.license = preprocessor.textOf('BPF_LICENSE');
}

function fromCodegen(report: Report, file: SourceFile, d: CodegenDiagnostic): void {
  const span = d.loc && spanOfLoc(file, d.loc);
  const extra = { notes: d.notes ?? [] };
  if (d.severity === 'error') report.error(span, d.message, extra);
  else if (d.severity === 'warning') report.warning(span, d.message, extra);
  else report.note(span, d.message, extra);
}
