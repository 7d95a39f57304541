/**
 * `skep verify FILE`: what a kernel's verifier says of every program of a C text, an object or raw instructions, and why, in the words of the source;
 * `skep verify --kernel-log LOG [FILE]`: the same explanation for a log that a real kernel printed, of any release;
 * `skep verify --batch`: verdicts over a stream of questions, for other programs to ask (verify-batch.ts).
 *
 * The exit status is 0 when all programs are accepted, 1 when one is refused or the input is no program, 2 for a wrong command line.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { isatty } from 'node:tty';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { BpfError } from '../../../core/base/errors.ts';
import { readObject, UNKNOWN_PROG_TYPE } from '../../../core/elf/object.ts';
import { isElf } from '../../../core/elf/read.ts';
import { nearestProgTypes, progTypeByName, progTypeOfSection } from '../../../core/progs/index.ts';
import type { ObjectSpec, ProgSpec } from '../../../core/spec/spec.ts';
import {
  applyPatch,
  explainKernelLog,
  onlyHelpers,
  programOfLog,
  renderExplanation,
  type VerifyResult,
  verify,
} from '../../../core/verifier/index.ts';
import { print, warn, writeAll } from '../output.ts';
import { readInput } from './asm.ts';
import { addSourceOptions, compileFile, type SourceOptions } from './compile.ts';
import { instructionBytes } from './disasm.ts';
import { absentHere } from './kernel-absent.ts';
import { kconfigOf } from './kernel-config.ts';
import { type KernelTypes, kernelTypes, named, runningRelease, seriesOf } from './kernel-types.ts';
import { answerAll } from './verify-batch.ts';

/** Whose rules apply where no Linux runs. */
const DEFAULT_KERNEL = '6.18';

interface VerifyCommand extends SourceOptions {
  readonly type?: string;
  readonly json?: boolean;
  readonly log?: '1' | '2';
  readonly batch?: boolean;
  readonly kernelLog?: string;
  readonly fix?: boolean;
  readonly onlyHelpers?: string;
}

export function define(command: Command): void {
  command
    .argument('[file]', 'C (FILE.c), an ELF object, hex text or raw instructions; - is standard input')
    .option(
      '--type <type>',
      'program type (xdp, kprobe, ...), for programs that do not say it or to try another',
      progType,
    )
    .option('-j, --json', 'one JSON object')
    .addOption(new Option('--log <level>', "the verifier's log: 1 the failing path, 2 everything").choices(['1', '2']))
    .option('--kernel-log <log>', 'explain the log that a kernel printed for the program; - is standard input')
    .option('--only-helpers <names>', 'refuse calls of helpers that are not in this list (comma-separated)')
    .option('--fix', 'write the suggested patches into the C file')
    .option('--batch', 'answer one JSON question a line from standard input');
  addSourceOptions(command).action((file: string | undefined, options: VerifyCommand) => {
    const rules = rulesOf(options);
    if (options.batch) {
      if (file !== undefined) throw new BpfError('EINVAL', '--batch reads standard input: no file can be given');
      answerAll(kernelTypes({ btf: options.btf, kernel: options.kernel }), rules);
      return;
    }
    if (options.kernelLog !== undefined) {
      explainLog(options.kernelLog, file, options);
      return;
    }
    if (file === undefined) throw new BpfError('EINVAL', 'which file? (or --batch)');
    verifyFile(file, rules, options);
  });
}

/** The kernel series whose rules apply. */
function rulesOf({ kernel }: VerifyCommand): string {
  if (kernel === undefined) return seriesOf(runningRelease() ?? '') ?? DEFAULT_KERNEL;
  const series = seriesOf(kernel);
  if (series === undefined)
    throw new BpfError('EINVAL', `--kernel ${kernel}: a release such as 5.10 or 6.18 is needed`);
  return series;
}

function progType(name: string): string {
  const row = progTypeByName(name);
  if (row) return row.name;
  const near = nearestProgTypes(name);
  const hint = near.length > 0 ? ` Did you mean ${near.map((n) => `'${n}'`).join(' or ')}?` : '';
  throw new InvalidArgumentError(`There is no program type '${name}'.${hint}`);
}

function verifyFile(file: string, rules: string, options: VerifyCommand): void {
  const kernel = kernelTypes(options);
  const object = readSpecs(file, kernel, options);
  const { progs } = object;
  if (progs.length === 0) throw new BpfError('ENOENT', `${file}: there is no program in it`);
  const lint =
    options.onlyHelpers === undefined ? {} : onlyHelpers(options.onlyHelpers.split(/[,\s]+/).filter(Boolean));
  const answers = progs.map((found) => {
    const prog = typed(found, file, options.type);
    const result = verify(
      {
        prog,
        maps: object.maps,
        kernelBtf: kernel.btf,
        objectBtf: object.btf,
        source: (name) => sourceText(name, object),
      },
      {
        kernel: rules,
        level: Number(options.log ?? 0) as 0 | 1 | 2,
        sleepable: prog.type === 'syscall' || progTypeOfSection(prog.section)?.section.sleepable === true,
        cpus: availableParallelism(),
        absent: absentHere(kernel, rules),
        ...lint,
      },
    );
    return { prog, result };
  });
  if (options.fix)
    fix(
      file,
      answers.map(({ result }) => result),
    );
  const refused = answers.filter(({ result }) => !result.ok).length;
  if (options.json) {
    const programs = answers.map(({ prog, result }) => answerJson(prog, result, options.log !== undefined));
    print(JSON.stringify({ file, kernel: rules, ok: refused === 0, programs }));
  } else {
    for (const { prog, result } of answers) {
      if (options.log !== undefined) writeAll(1, result.log);
      print(answerText(prog, result));
    }
  }
  if (refused > 0) throw new BpfError('VERIFIER', `${refused} of ${answers.length} programs refused`);
}

/** Put the first patch of the file into it: one at a time, since each moves what comes behind. */
function fix(file: string, results: readonly VerifyResult[]): void {
  const patches = results.map((r) => r.error?.explanation.patch).filter((p) => p !== undefined);
  const [patch] = patches;
  if (patch?.file !== file) return;
  writeFileSync(file, applyPatch(readFileSync(file, 'utf8'), patch));
  warn(
    `skep: ${file}: mended, ${patch.edits.length === 1 ? 'one edit' : `${patch.edits.length} edits`}; verify it again`,
  );
}

/** The text of a source file: what was compiled, or the file that an object's line info names, where it is at hand. */
function sourceText(name: string, object: ObjectSpec): string | undefined {
  const known = object.sources?.[name];
  if (known !== undefined) return known;
  try {
    return readFileSync(name, 'utf8');
  } catch {
    return undefined;
  }
}

/** A kernel's own log, explained with what the file says of the program, or alone. */
function explainLog(logFile: string, file: string | undefined, options: VerifyCommand): void {
  if (logFile === '-' && file === '-')
    throw new BpfError('EINVAL', 'only one of the log and the file can be standard input');
  const log = new TextDecoder().decode(readInput(logFile));
  const object = file === undefined ? undefined : readSpecs(file, kernelTypes(options), options);
  const found = object && programOfLog(log, object.progs);
  if (object && !found) {
    throw new BpfError('EINVAL', `${logFile}: the log shows other instructions than the programs of ${file} have`);
  }
  const prog = found
    ? options.type === undefined
      ? found
      : typed(found, file!, options.type)
    : rawProgram('program', new Uint8Array(0), options.type ?? UNKNOWN_PROG_TYPE);
  const explanation = explainKernelLog(log, prog, {
    ...(object && { maps: object.maps, objectBtf: object.btf, source: (name) => sourceText(name, object) }),
    ...(options.kernel !== undefined && { kernel: options.kernel }),
  });
  if (!explanation) {
    print(options.json ? JSON.stringify({ log: logFile, ok: true }) : `${logFile}: no refusal in this log`);
    return;
  }
  if (options.json) print(JSON.stringify({ log: logFile, program: found?.name, ok: false, explanation }));
  else print(renderExplanation(explanation, { color: isatty(1) }));
  throw new BpfError('VERIFIER', `the kernel has refused ${found ? `'${found.name}'` : 'the program'}`);
}

/** A spec from whatever the file is: seen from its bytes, or its name for C. */
function readSpecs(file: string, kernel: KernelTypes, options: VerifyCommand): ObjectSpec {
  if (/\.(?:c|bpf|h)$/.test(file)) return compileFile(file, kernel, options, {}, true);
  const bytes = readInput(file);
  if (isElf(bytes)) return named(file, () => readObject(bytes, { kernelBtf: kernel.btf, kconfig: kconfigOf(kernel) }));
  const insns = instructionBytes(bytes, file);
  const name = file === '-' ? 'stdin' : file.replace(/^.*\//, '').replace(/\.[^.]*$/, '');
  const progs = [rawProgram(name, insns, UNKNOWN_PROG_TYPE)];
  return { maps: [], progs, btf: undefined, license: 'GPL' };
}

function rawProgram(name: string, insns: Uint8Array, type: string): ProgSpec {
  return { name, type, section: '', insns, relocs: [], funcs: [], lines: [], license: 'GPL' };
}

/** The program as the type it is to be tried as. */
function typed(prog: ProgSpec, file: string, type: string | undefined): ProgSpec {
  if (type === undefined) {
    if (prog.type !== UNKNOWN_PROG_TYPE) return prog;
    throw new BpfError('EINVAL', `${file}: nothing says what type of program '${prog.name}' is; say --type TYPE`);
  }
  if (prog.type === type) return prog;
  const { attachType: _, attach: __, ...rest } = prog;
  return { ...rest, type };
}

function answerText({ name }: ProgSpec, { ok, error, insnsProcessed }: VerifyResult): string {
  if (ok || !error) return `${name}: ok (${insnsProcessed} insns processed)`;
  return `${name}: refused\n${renderExplanation(error.explanation, { color: isatty(1) })}`;
}

function answerJson(prog: ProgSpec, result: VerifyResult, withLog: boolean): object {
  const { ok, error, insnsProcessed, facts, log } = result;
  return {
    name: prog.name,
    type: prog.type,
    ok,
    insns_processed: insnsProcessed,
    stack_depth: facts.stackDepth,
    ...(error && {
      error: {
        message: error.message,
        category: error.category,
        pc: error.pc,
        source_line: error.sourceLine,
        explanation: error.explanation,
      },
    }),
    ...(withLog && { log }),
  };
}
