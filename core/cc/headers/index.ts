/**
 * Which headers exist and what they bring. A kernel header brings types (from BTF, by name) and macros (from tables, by name), so most
 * have no text at all: including one only says that it is known, and opens the macros that belong to it.
 */
import { ERRNO } from '../../base/errno.ts';
import { nearestNames } from '../../base/errors.ts';
import type { Included } from '../preprocess/preprocess.ts';
import { BCC_MACROS } from './bcc-macros.ts';
import { BCC_PROTO } from './bcc-proto.ts';
import { GROUPED_MACROS, KERNEL_MACROS } from './kernel-macros.ts';
import { HEADER_NAMES } from './names.gen.ts';
import { PREDEFINED } from './predefined.ts';

/** Folders of driver headers that no list here names. */
const DRIVER_FOLDERS =
  /^(?:uapi\/)?(?:sound|drm|video|media|soc|mtd|math-emu|cpu|dt-bindings|mm|fs|block|kernel|net-memcg)\/[\w./-]+\.h$/;

/** Is it a header of the kernel? `uapi/` in front is optional, as with BCC's include paths. */
function isKernelHeader(name: string): boolean {
  const plain = name.replace(/^uapi\//, '');
  const slash = plain.lastIndexOf('/');
  const at = HEADER_NAMES.indexOf(`\n${plain.slice(0, slash)} `);
  if (slash > 0 && at >= 0) {
    const line = HEADER_NAMES.slice(at + 1, HEADER_NAMES.indexOf('\n', at + 1));
    if (`${line} `.includes(` ${plain.slice(slash + 1).replace(/\.h$/, '')} `) && plain.endsWith('.h')) return true;
  }
  return DRIVER_FOLDERS.test(name);
}

/** All of them, for messages. */
function* kernelHeaders(): Iterable<string> {
  for (const line of HEADER_NAMES.split('\n')) {
    const [folder, ...files] = line.split(' ');
    for (const file of files) yield `${folder}/${file}.h`;
  }
}

const TEXTS: Readonly<Record<string, string>> = { 'bcc/proto.h': BCC_PROTO };
const KNOWN = new Set([
  'bcc/helpers.h',
  'bcc/bpf.h',
  'bcc/compat/linux/bpf.h',
  'bpf/bpf_helpers.h',
  'bpf/bpf_tracing.h',
  'bpf/bpf_core_read.h',
  'bpf/bpf_endian.h',
  'bpf/usdt.bpf.h',
  'bpf_helpers.h',
  'bpf_endian.h',
  'bpf_tracing.h',
  'vmlinux.h',
  'stdint.h',
  'stdbool.h',
  'stddef.h',
  'limits.h',
  'string.h',
  'errno.h',
  'stdlib.h',
  'sys/types.h',
  'sys/socket.h',
  'netinet/in.h',
  'arpa/inet.h',
  'signal.h',
  'syscall.h',
  'sys/syscall.h',
  'time.h',
  'fcntl.h',
  'sys/stat.h',
  'unistd.h',
  'inttypes.h',
  'cstddef',
  'features.h',
  'helpers.h',
]);

function toMap(text: string, into = new Map<string, string>()): Map<string, string> {
  for (const line of text.split('\n')) {
    const name = /^\w+/.exec(line)?.[0];
    if (name) into.set(name, line);
  }
  return into;
}

let always: Map<string, string> | undefined;
let grouped: { headers: RegExp; macros: Map<string, string> }[] | undefined;

/** Macros visible to every program. */
function alwaysMacros(): Map<string, string> {
  if (!always) {
    always = toMap(PREDEFINED);
    toMap(KERNEL_MACROS, always);
    toMap(BCC_MACROS, always);
    for (const [name, value] of Object.entries(ERRNO)) always.set(name, `${name} ${value}`);
  }
  return always;
}

/** The headers of one compilation: what was included, and which macros that opened. */
export class Headers {
  readonly #own: ((path: string) => string | undefined) | undefined;
  readonly #folders: readonly string[];
  readonly #release: string;
  readonly #open = new Set<Map<string, string>>();
  readonly #included = new Set<string>();
  readonly #defined: (name: string) => boolean;
  readonly #derived: (name: string) => string | undefined;

  constructor(options: {
    /** Text of a file by its path. */
    own: ((path: string) => string | undefined) | undefined;
    /** -I, in order. */
    folders: readonly string[];
    kernelRelease: string;
    defined: (name: string) => boolean;
    derived: (name: string) => string | undefined;
  }) {
    this.#own = options.own;
    this.#folders = options.folders;
    this.#release = options.kernelRelease;
    this.#defined = options.defined;
    this.#derived = options.derived;
    // BCC includes some headers before every program.
    this.#opened('linux/kernel-prelude.h');
  }

  /** Where C looks: beside the including file for "x.h" alone, then the folders of -I; then what is built in. */
  find(name: string, angled: boolean, from: string): Included {
    const looked: string[] = [];
    if (this.#own) {
      const inFolders = this.#folders.map((folder) => `${folder.replace(/(?<=.)\/+$/, '')}/${name}`);
      const paths = name.startsWith('/') ? [name] : [...(angled ? [] : [join(from, name)]), ...inFolders];
      for (const path of new Set(paths)) {
        const text = this.#own(path);
        if (text !== undefined) return { kind: 'text', name: path, text };
        looked.push(path);
      }
    }
    const text = TEXTS[name];
    this.#opened(name);
    if (text !== undefined) return { kind: 'text', name: `<${name}>`, text };
    if (KNOWN.has(name) || isKernelHeader(name)) return { kind: 'known' };
    looked.push(
      `the kernel headers that BTF stands for (linux/, net/, uapi/, asm/, ...)`,
      `the headers of BCC and libbpf`,
    );
    // Without the ending, which all have: it would make short names look alike.
    const stem = (header: string) => header.replace(/\.h$/, '');
    const known = [...KNOWN, ...Object.keys(TEXTS), ...kernelHeaders()].filter((header) => header.endsWith('.h'));
    const near = nearestNames(stem(name), known.map(stem), 1)[0];
    return { kind: 'missing', looked, ...(near ? { hint: `did you mean <${near}.h>?` } : {}) };
  }

  #opened(name: string): void {
    if (this.#included.has(name)) return;
    this.#included.add(name);
    grouped ??= GROUPED_MACROS.map((g) => ({ headers: g.headers, macros: toMap(g.macros) }));
    for (const g of grouped) if (g.headers.test(name)) this.#open.add(g.macros);
  }

  /** `NAME body` of a macro that is visible now. */
  macro(name: string): string | undefined {
    if (this.#defined(name)) return `${name} ${name}`;
    const derived = this.#derived(name);
    if (derived !== undefined) return derived;
    if (name === 'LINUX_VERSION_CODE') return `LINUX_VERSION_CODE ${versionCode(this.#release)}`;
    if (name === 'KERNEL_VERSION')
      return 'KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + ((c) > 255 ? 255 : (c)))';
    for (const map of this.#open) {
      const found = map.get(name);
      if (found !== undefined) return found;
    }
    return alwaysMacros().get(name);
  }
}

function join(from: string, name: string): string {
  const slash = from.lastIndexOf('/');
  return slash < 0 ? name : `${from.slice(0, slash + 1)}${name}`;
}

/**
 * A `__kconfig` variable: libbpf's own (LINUX_KERNEL_VERSION and two facts of a kernel), and the settings that are known here, where y is 1.
 * https://docs.ebpf.io/ebpf-library/libbpf/ebpf/__kconfig/
 */
export function kconfigValue(name: string, release: string): bigint | undefined {
  const code = versionCode(release);
  if (name === 'LINUX_KERNEL_VERSION') return BigInt(code);
  if (name === 'LINUX_HAS_BPF_COOKIE') return code >= versionCode('5.15.0') ? 1n : 0n;
  if (name === 'LINUX_HAS_SYSCALL_WRAPPER') return 1n;
  const line = name.startsWith('CONFIG_') ? alwaysMacros().get(name) : undefined;
  const value = line?.slice(name.length).trim() ?? '';
  return /^\d+$/.test(value) ? BigInt(value) : undefined;
}

/** `6.1.0-56-cloud-amd64` as LINUX_VERSION_CODE. */
export function versionCode(release: string): number {
  const m = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(release);
  if (!m) return 0x60100;
  return (Number(m[1]) << 16) + (Number(m[2]) << 8) + Math.min(Number(m[3] ?? 0), 255);
}
