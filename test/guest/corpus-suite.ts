/**
 * In the guest: every text of BCC's corpus compiled against the guest's own types, each program loaded, each that names a kernel function or
 * tracepoint attached where that exists. One line of JSON a text on stdout, written as it comes.
 */
import { readFileSync } from 'node:fs';
import { LinuxBackend } from '../../bindings/linux/backend.ts';
import type { Link, MapHandle, ProgHandle } from '../../core/backend/backend.ts';
import { compile } from '../../core/cc/index.ts';
import { progTypeById } from '../../core/progs/index.ts';
import type { ProgSpec } from '../../core/spec/spec.ts';

interface Load {
  readonly function: string;
  readonly type: number | string;
  readonly target?: string | null;
}

interface CorpusText {
  readonly command: string;
  readonly prefix: string;
  readonly text: string;
  readonly cflags: readonly string[];
  readonly loads: readonly Load[];
  readonly compiled: boolean;
}

export interface TextResult {
  readonly command: string;
  readonly loaded: number;
  readonly attached: number;
  /** Functions that this kernel does not have, or does not let be probed. */
  readonly absent: readonly string[];
  readonly failures: readonly string[];
}

const backend = new LinuxBackend({});
const functions = new Set(backend.kernelFunctions());

/** As what a script loads a function, over what its name says. */
function loadedAs(prog: ProgSpec, loads: readonly Load[]): ProgSpec | undefined {
  const load = loads.find((l) => l.function === prog.name) ?? loads.find((l) => l.function === '*');
  if (!load) return prog.type === 'unspec' ? undefined : prog;
  const type = typeof load.type === 'number' ? progTypeById(load.type)?.name : load.type;
  return type === undefined || type === prog.type ? prog : ({ ...prog, type, attachType: undefined } as ProgSpec);
}

/** Kind and target of what a program is attached to: by its name, else as the script asked. */
function placeOf(prog: ProgSpec, loads: readonly Load[]): { kind: string; target: string } | undefined {
  if (prog.attach) return prog.attach;
  const target = loads.find((l) => l.function === prog.name && l.target)?.target;
  if (!target || !['kprobe', 'tracepoint', 'raw_tracepoint'].includes(prog.type)) return undefined;
  if (prog.type !== 'kprobe') return { kind: prog.type, target: target.replace(/^\^|\$$/g, '') };
  if (functions.has(target)) return { kind: prog.type, target };
  // A pattern: one of what it matches will do.
  const pattern = new RegExp(`^${target.replace(/^\^/, '')}`);
  const first = [...functions].find((name) => pattern.test(name));
  return { kind: 'kprobe', target: first ?? target };
}

const KERNEL_FUNCTIONS = new Set(['kprobe', 'kretprobe', 'kfunc', 'kretfunc']);

function tryText({ command, prefix, text, cflags, loads }: CorpusText): TextResult {
  const failures: string[] = [];
  const absent: string[] = [];
  let [loaded, attached] = [0, 0];
  const maps = new Map<string, MapHandle>();
  const progs: ProgHandle[] = [];
  const links: Link[] = [];
  const why = (error: unknown) =>
    String((error as Error).message)
      .split('\n')
      .slice(-3)
      .join(' | ')
      .slice(0, 600);
  try {
    const { object, diagnostics } = compile(
      { name: 'program.c', text: prefix + text },
      {
        kernelBtf: backend.kernelBtf,
        kernelRelease: backend.release,
        cflags: [...cflags],
        cpuCount: backend.cpus,
        tracepointFormat: (category, name) => backend.tracepointFormat(category, name),
      },
    );
    if (!object) {
      failures.push(`does not compile: ${diagnostics.find((d) => d.severity === 'error')?.message}`);
      return { command, loaded, attached, absent, failures };
    }
    for (const map of object.maps) maps.set(map.name, backend.createMap(map, object));
    for (const spec of object.progs) {
      const prog = loadedAs(spec, loads);
      if (!prog) continue;
      const place = placeOf(prog, loads);
      if (place && KERNEL_FUNCTIONS.has(place.kind) && !functions.has(place.target)) {
        absent.push(place.target);
        // A program by BTF cannot even be loaded without its function.
        if (prog.type === 'tracing') continue;
      }
      try {
        const handle = backend.load(prog, object, maps);
        progs.push(handle);
        loaded++;
        if (!place || absent.includes(place.target)) continue;
        links.push(backend.attach(handle, place as never));
        attached++;
      } catch (error) {
        failures.push(`${prog.name}${place ? ` (${place.kind} ${place.target})` : ''}: ${why(error)}`);
      }
    }
  } catch (error) {
    failures.push(why(error));
  } finally {
    for (const link of links) link.close();
    for (const prog of progs) prog.close();
    for (const map of maps.values()) map.close();
  }
  return { command, loaded, attached, absent, failures };
}

const texts = JSON.parse(readFileSync('/corpus.json', 'utf8')) as CorpusText[];
for (const text of texts) if (text.compiled) process.stdout.write(`${JSON.stringify(tryText(text))}\n`);
