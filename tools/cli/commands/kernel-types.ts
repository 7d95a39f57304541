/**
 * The kernel that a compilation or a verification is for: its types (BTF), its release, its tracepoint formats. By default the one that
 * runs here, as far as it can be read (/sys/kernel/btf/vmlinux, Documentation/bpf/btf.rst; tracefs, Documentation/trace/events.rst);
 * what ships with the package stands in for the rest.
 */
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { inflateRawSync } from 'node:zlib';
import { LIVE_BTF, liveBtfBytes } from '../../../bindings/linux/live-btf.ts';
import { SHIPPED_RELEASE, shippedBtfBytes, shippedTracepointFormats } from '../../../bindings/node/shipped-btf.ts';
import { BpfError } from '../../../core/base/errors.ts';
import type { Btf } from '../../../core/btf/btf.ts';
import { BTF_MAGIC } from '../../../core/btf/kinds.ts';
import { readBtf } from '../../../core/btf/read.ts';
import { readTracepoints, type TracepointFormat } from '../../../core/btf/tracepoint.ts';
import { isElf, readElf } from '../../../core/elf/read.ts';
import { readInput } from './asm.ts';

const TRACEFS = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing'];

export interface KernelTypes {
  readonly btf: Btf;
  /** `uname -r` of that kernel. */
  readonly release: string;
  /** Where the types come from, for people. */
  readonly from: string;
  tracepointFormat(category: string, name: string): TracepointFormat | string | undefined;
}

/** Release of the Linux that runs here; undefined elsewhere. */
export function runningRelease(): string | undefined {
  return process.platform === 'linux' ? release() : undefined;
}

/** `6.18.5-cloud` and `6.18` are both '6.18'; undefined for what is no kernel release. */
export function seriesOf(kernel: string): string | undefined {
  const parts = /^v?(\d+)\.(\d+)(?:[.\-+].*)?$/.exec(kernel);
  return parts ? `${Number(parts[1])}.${Number(parts[2])}` : undefined;
}

/**
 * Types from a BTF file if one is named; those of `kernel` if they are at hand (the running kernel's or the shipped); else the best there
 * are. Throws BpfError for a file that has no BTF.
 */
export function kernelTypes(options: {
  readonly btf?: string | undefined;
  readonly kernel?: string | undefined;
}): KernelTypes {
  if (options.btf !== undefined) {
    const file = btfFile(options.btf);
    const stated = options.kernel ?? file.release ?? (options.btf === LIVE_BTF ? runningRelease() : undefined);
    return { btf: file.btf, release: stated ?? SHIPPED_RELEASE, from: options.btf, tracepointFormat: shippedFormat };
  }
  const wanted = options.kernel === undefined ? undefined : seriesOf(options.kernel);
  const running = runningRelease();
  const otherShips = wanted === seriesOf(SHIPPED_RELEASE) && wanted !== seriesOf(running ?? '');
  const bytes = running === undefined || otherShips ? undefined : liveBtfBytes();
  if (bytes) {
    return {
      btf: readBtf(bytes),
      release: options.kernel ?? running!,
      from: LIVE_BTF,
      tracepointFormat: (category, name) => liveFormat(category, name) ?? shippedFormat(category, name),
    };
  }
  return {
    btf: readBtf(shippedBtfBytes()),
    release: options.kernel ?? SHIPPED_RELEASE,
    from: `the package (Linux ${SHIPPED_RELEASE})`,
    tracepointFormat: shippedFormat,
  };
}

/** Raw BTF, the .BTF section of an ELF file, or either of them deflated (raw deflate, as the shipped file is). */
function btfFile(path: string): { btf: Btf; release: string | undefined } {
  let bytes = readInput(path);
  try {
    if (!isElf(bytes) && !isRawBtf(bytes)) bytes = inflateRawSync(bytes);
  } catch {
    throw new BpfError('BTF', `'${path}' is neither raw BTF nor an ELF file nor deflated BTF`);
  }
  if (!isElf(bytes)) return { btf: named(path, () => readBtf(bytes)), release: undefined };
  const section = named(path, () => readElf(bytes).section('.BTF'));
  if (!section) throw new BpfError('BTF', `'${path}': the ELF file has no section .BTF`);
  // An uncompressed kernel says what it is.
  const banner = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const at = banner.indexOf('Linux version ');
  const release =
    at < 0 ? undefined : /^Linux version (\d+\.\d+\S*)/.exec(banner.toString('latin1', at, at + 120))?.[1];
  return { btf: named(path, () => readBtf(section.data)), release };
}

function isRawBtf(bytes: Uint8Array): boolean {
  const magic = bytes.length < 2 ? 0 : bytes[0]! | (bytes[1]! << 8);
  return magic === BTF_MAGIC || magic === ((BTF_MAGIC & 0xff) << 8) + (BTF_MAGIC >> 8);
}

/** The file's name in front of what reading it complains about. */
export function named<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof BpfError) throw new BpfError(error.code, `'${path}': ${error.message}`, { cause: error });
    throw error;
  }
}

function liveFormat(category: string, name: string): string | undefined {
  for (const root of TRACEFS) {
    try {
      return readFileSync(`${root}/events/${category}/${name}/format`, 'utf8');
    } catch {
      // Not mounted, not readable, or no such event: the next may have it.
    }
  }
  return undefined;
}

let shipped: ReadonlyMap<string, TracepointFormat> | undefined;

function shippedFormat(category: string, name: string): TracepointFormat | undefined {
  shipped ??= readTracepoints(shippedTracepointFormats());
  return shipped.get(`${category}:${name}`);
}
