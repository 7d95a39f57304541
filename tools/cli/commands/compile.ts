/**
 * `skep compile FILE.c`: BCC's C, or plain C, to a BPF object that libbpf and bpftool take (core/elf/write.ts), to assembly with the source between
 * (-S), or to the IR after a pass (-d). The options are clang's where clang has them. Nothing is written when there was an error.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { isatty } from 'node:tty';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { renderDiagnostics } from '../../../core/base/diagnostics.ts';
import { BpfError, nearestNames } from '../../../core/base/errors.ts';
import { type CompileOptions, compile } from '../../../core/cc/index.ts';
import { writeObject } from '../../../core/elf/write.ts';
import { helperById } from '../../../core/helpers/index.ts';
import { PIPELINE } from '../../../core/ir/pipeline.ts';
import { insnText } from '../../../core/isa/disasm.ts';
import { toInsns } from '../../../core/isa/insn.ts';
import { OP_LD_IMM64 } from '../../../core/isa/ops.ts';
import { progTypeByName, progTypeOfSection } from '../../../core/progs/index.ts';
import type { LineInfo, MapSpec, ObjectSpec, ProgSpec } from '../../../core/spec/spec.ts';
import { warn, writeAll } from '../output.ts';
import { readInput } from './asm.ts';
import { type KernelTypes, kernelTypes } from './kernel-types.ts';

/** Options that say how C is read, shared by every command that compiles. */
export interface SourceOptions {
  readonly btf?: string;
  readonly kernel?: string;
  readonly I?: readonly string[];
  readonly D?: readonly string[];
  readonly U?: readonly string[];
  readonly mcpu?: CompileOptions['cpu'];
}

interface CompileCommand extends SourceOptions {
  readonly output?: string;
  readonly S?: boolean;
  readonly dump?: readonly string[];
  readonly core?: boolean;
}

/** What `-d` can name, in the order in which they come. */
const PASSES: readonly string[] = [...new Set(['front', ...PIPELINE.map((pass) => pass.name), 'scratch'])];

export function define(command: Command): void {
  command
    .argument('<file>', 'the C text; - is standard input')
    .option('-o, --output <file>', 'the file to write (FILE.o by default); - is standard output')
    .option('-S', 'assembly with the source lines between, on standard output if no -o is given')
    .option(
      '--core',
      'offsets of kernel fields are relocated (CO-RE) when libbpf or skep loads the object on another kernel',
    )
    .option(
      '-d, --dump <pass>',
      `print the IR after a pass (may be repeated; ${PASSES.join(', ')}), and write nothing else`,
      pass,
    );
  addSourceOptions(command).action((file: string, options: CompileCommand) => {
    const output = options.output ?? (options.S || options.dump ? '-' : objectName(file));
    if (output !== '-' && output === file)
      throw new BpfError('EINVAL', `'${file}' is the source: name another file with -o`);
    const dumps: string[] = [];
    const { dump } = options;
    const object = compileFile(file, kernelTypes(options), options, {
      core: options.core === true,
      ...(dump && {
        dump: {
          wants: (name) => dump.includes(name),
          show: (name, text) => dumps.push(`; IR after ${name}\n${text.trimEnd()}\n`),
        },
      }),
    });
    if (dump) writeOutput(output, dumps.join('\n'));
    else writeOutput(output, options.S ? assembly(object) : writeObject(withLoaderSections(object)));
  });
}

/** The options of reading C, as clang spells them. */
export function addSourceOptions(command: Command): Command {
  const collect = (value: string, before: readonly string[] = []): string[] => [...before, value];
  return command
    .option('--btf <file>', 'types of another kernel: raw BTF, an ELF file with .BTF, or either deflated (.deflate)')
    .option('--kernel <release>', 'the kernel it is for, as 6.1 or 6.18 (default: the running one)')
    .option('-I <dir>', 'a folder of headers (may be repeated)', collect)
    .option('-D <macro>', 'define NAME or NAME=VALUE (may be repeated)', collect)
    .option('-U <macro>', 'undefine NAME (may be repeated)', collect)
    .addOption(new Option('--mcpu <version>', 'instruction set').choices(['v1', 'v2', 'v3', 'v4']).default('v3'));
}

/**
 * Compile one file. Warnings go to standard error. Throws BpfError COMPILE with all the diagnostics when there are errors, and the usual line
 * for a file that cannot be read. With `verified`, warnings of what a verifier would say are left to the verifier, which is asked next.
 */
export function compileFile(
  file: string,
  kernel: KernelTypes,
  options: SourceOptions,
  more: Pick<CompileOptions, 'dump' | 'core'> = {},
  verified = false,
): ObjectSpec {
  const text = new TextDecoder().decode(readInput(file));
  const { object, diagnostics: found } = compile(
    { name: file === '-' ? '<stdin>' : file, text },
    {
      kernelBtf: kernel.btf,
      kernelRelease: kernel.release,
      cflags: [
        ...(options.I ?? []).map((folder) => `-I${folder}`),
        ...(options.D ?? []).map((macro) => `-D${macro}`),
        ...(options.U ?? []).map((macro) => `-U${macro}`),
      ],
      headers: header,
      cpu: options.mcpu,
      tracepointFormat: kernel.tracepointFormat,
      cpuCount: availableParallelism(),
      ...more,
    },
  );
  const diagnostics = object && verified ? found.filter((d) => !d.foresees) : found;
  // Most texts give none, and asking for the terminal costs more than them.
  const rendered = diagnostics.length === 0 ? '' : renderDiagnostics(diagnostics, { color: isatty(2) });
  if (!object) throw new BpfError('COMPILE', rendered);
  if (rendered !== '') warn(rendered);
  return object;
}

function header(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function pass(name: string, before: readonly string[] = []): string[] {
  if (PASSES.includes(name)) return [...before, name];
  const near = nearestNames(name, PASSES, 1)[0];
  const hint = near === undefined ? '' : ` Did you mean '${near}'?`;
  throw new InvalidArgumentError(`There is no pass '${name}'; there is: ${PASSES.join(', ')}.${hint}`);
}

/** FILE.c is FILE.o. */
function objectName(file: string): string {
  if (file === '-') throw new BpfError('EINVAL', 'the source is standard input: name the object with -o');
  return `${file.replace(/\.[^./]*$/, '')}.o`;
}

function writeOutput(file: string, data: string | Uint8Array): void {
  if (file === '-') {
    writeAll(1, data);
    return;
  }
  try {
    writeFileSync(file, data);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new BpfError(code ?? 'EIO', `'${file}' cannot be written (${code})`, { cause: error });
  }
}

/** Section prefixes of libbpf for the probe kinds that BCC's name prefixes mean. */
const SECTION_OF_KIND: Readonly<Record<string, string>> = {
  kprobe: 'kprobe',
  kretprobe: 'kretprobe',
  tracepoint: 'tracepoint',
  raw_tracepoint: 'raw_tracepoint',
  kfunc: 'fentry',
  kretfunc: 'fexit',
  kmod_ret: 'fmod_ret',
  lsm: 'lsm',
  bpf_iter: 'iter',
};

/**
 * The object with section names from which libbpf knows what its programs are. BCC's programs say it by their functions' names
 * (`kprobe__tcp_v4_connect`), which are their sections in the spec; a loader wants `kprobe/tcp_v4_connect`. Sections that the source names stay.
 */
export function withLoaderSections(object: ObjectSpec): ObjectSpec {
  return { ...object, progs: object.progs.map((prog) => ({ ...prog, section: loaderSection(prog) })) };
}

function loaderSection({ name, type, section, attach, attachType }: ProgSpec): string {
  if (section !== name || progTypeOfSection(section)?.row.name === type) return section;
  const prefix = attach && SECTION_OF_KIND[attach.kind];
  if (prefix) return `${prefix}/${attach.target.replace(':', '/')}`;
  const all = progTypeByName(type)?.sections ?? [];
  const fitting = all.filter((s) => s.attachType === attachType);
  const sections = fitting.length > 0 ? fitting : all;
  // The plain one: `xdp` rather than `xdp.frags/devmap`.
  return (sections.find((s) => !/[./]/.test(s.prefix)) ?? sections[0])?.prefix ?? section;
}

/** Maps and programs as text: the kernel's notation, each run of instructions under the source line it comes from. */
export function assembly(object: ObjectSpec): string {
  const maps = object.maps.map(mapLine).join('');
  return [...(maps === '' ? [] : [maps]), ...object.progs.map(programText)].join('\n');
}

function mapLine({ name, type, keySize, valueSize, maxEntries }: MapSpec): string {
  return `; map ${name}: ${type}, key ${keySize} bytes, value ${valueSize} bytes, ${maxEntries} entries\n`;
}

function programText(prog: ProgSpec): string {
  const out = [`; ${prog.type} ${prog.name} (section ${loaderSection(prog)})`];
  const functions = new Map(prog.funcs.map((f) => [f.insn, f.name]));
  const lines = new Map(prog.lines.map((l) => [l.insn, l]));
  const relocs = new Map(prog.relocs.map((r) => [r.insn, r]));
  let last: LineInfo | undefined;
  let pc = 0;
  for (const insn of toInsns(prog.insns)) {
    if (functions.has(pc)) out.push(`${functions.get(pc)}:`);
    const line = lines.get(pc);
    if (line && (line.line !== last?.line || line.file !== last.file)) {
      out.push(`; ${line.file}:${line.line}: ${line.text.trim()}`);
      last = line;
    }
    const reloc = relocs.get(pc);
    const named = reloc && ('map' in reloc ? `map ${reloc.map}` : `${reloc.kind} ${reloc.name}`);
    const note = named && reloc.kind === 'map_value' ? `${named}+${reloc.offset}` : named;
    const text = insnText(insn, { helper: (id) => helperById(id)?.name });
    out.push(`${String(pc).padStart(4)}: ${text}${note ? ` ; ${note}` : ''}`);
    pc += insn.opcode === OP_LD_IMM64 ? 2 : 1;
  }
  return `${out.join('\n')}\n`;
}
