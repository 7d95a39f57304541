/** Small things that BCC's scripts take from `bcc` and `bcc.utils`: bytes on standard output, arguments as bytes, CPUs, a process's language. */
import { utf8Decode, utf8Encode } from '../base/bytes.ts';
import { cFormat, type FormatArgument } from '../base/c-format.ts';
import { BpfError, Unsupported } from '../base/errors.ts';
import { ipv4Text, ipv6Text } from '../base/inet.ts';
import { currentSession, sessionIfAny } from './session.ts';
import { mappings } from './user-code.ts';

/** Print bytes as they are (text as UTF-8) and, unless `nl` is false, a newline. */
export function printb(data: Uint8Array | string, nl = true): void {
  const session = currentSession();
  const bytes = typeof data === 'string' ? utf8Encode(data) : data;
  if (session.write) {
    const whole = new Uint8Array(bytes.length + (nl ? 1 : 0));
    whole.set(bytes);
    if (nl) whole[bytes.length] = 10;
    session.write(whole);
  } else if (nl) session.print(utf8Decode(bytes));
  else throw new Unsupported('printing less than a line', { hint: 'this host prints whole lines only' });
}

/** What a directive of `sprintf` may be given. */
export type Cell = string | number | bigint | boolean;

/**
 * Python's `format % values`, and C's sprintf: `sprintf('%-6d %s', 7, 'x')`. 64-bit numbers come as bigint; `%s` takes anything. Throws Error for a
 * directive without a value, or a number wanted of a text.
 */
export function sprintf(format: string, ...values: readonly Cell[]): string {
  return cFormat(format, (index, wanted) => cellArgument(values[index], wanted));
}

function cellArgument(value: Cell | undefined, wanted: 'number' | 'text' | 'quoted'): FormatArgument {
  if (value === undefined) return { kind: 'none' };
  if (typeof value === 'bigint' && wanted === 'number') return { kind: 'int64', value };
  if (typeof value === 'number' && wanted === 'number') return { kind: 'number', value };
  return { kind: 'text', value: String(value) };
}

/**
 * inet_ntop(3) of what programs send: a u32 as it lies in memory, an `unsigned __int128` (bigint), an array of words (`u32 saddr[4]`), or bytes. `family` is AF_INET (2) or AF_INET6 (10).
 * Throws BpfError EAFNOSUPPORT for another, EINVAL for too few bytes.
 */
export function inetNtop(family: number, address: number | bigint | Uint8Array | readonly (number | bigint)[]): string {
  const size = family === 2 ? 4 : family === 10 ? 16 : 0;
  if (size === 0)
    throw new BpfError('EAFNOSUPPORT', `inetNtop: family ${family}; there are AF_INET (2) and AF_INET6 (10)`);
  const words = typeof address === 'number' || typeof address === 'bigint' ? [address] : address;
  // `u32 saddr[4]` as well as `u8 saddr[16]`: that many words are an address.
  const wide =
    !(words instanceof Uint8Array) && words.length > 0 && size % words.length === 0 ? size / words.length : 1;
  const bytes = Uint8Array.from({ length: words.length * wide }, (_, i) =>
    Number((BigInt(words[Math.floor(i / wide)]!) >> BigInt(8 * (i % wide))) & 255n),
  );
  if (bytes.length < size) throw new BpfError('EINVAL', `inetNtop: ${bytes.length} bytes; an address has ${size}`);
  return size === 4 ? ipv4Text(bytes) : ipv6Text(bytes);
}

/** A command-line argument that is compared with what the kernel says: text and bytes of the same thing. */
export class ArgString {
  readonly s: string;

  constructor(arg: string) {
    this.s = arg;
  }

  bytes(): Uint8Array {
    return utf8Encode(this.s);
  }

  /** Is this the bytes (up to a NUL) or the text? */
  equals(other: Uint8Array | string): boolean {
    if (typeof other === 'string') return other === this.s;
    const nul = other.indexOf(0);
    return utf8Decode(nul < 0 ? other : other.subarray(0, nul)) === this.s;
  }

  toString(): string {
    return this.s;
  }
}

/** `0-3,8` as numbers. */
function cpuList(path: string): number[] {
  const bytes = sessionIfAny()?.readFile?.(path);
  // Where the host has no such file, the backend's CPUs are all there are.
  if (!bytes) return Array.from({ length: currentSession().backend().cpus }, (_, cpu) => cpu);
  return utf8Decode(bytes)
    .trim()
    .split(',')
    .flatMap((range) => {
      const [first, last = first] = range.split('-').map(Number) as [number, number?];
      return Array.from({ length: last! - first + 1 }, (_, i) => first + i);
    });
}

export function getOnlineCpus(): number[] {
  return cpuList('/sys/devices/system/cpu/online');
}

export function getPossibleCpus(): number[] {
  return cpuList('/sys/devices/system/cpu/possible');
}

/** In the order in which they are looked for. */
const LANGUAGES = ['java', 'node', 'perl', 'php', 'python', 'ruby'] as const;

/**
 * Language of a process by its program's name, its command line, and the libraries that it has mapped; 'c' where none of these says one. Answers
 * undefined for a language that is not among the candidates, and for a process that is not there.
 */
export function detectLanguage(candidates: readonly string[], pid: number): string | undefined {
  const mapped = mappings(pid);
  const commandLine = sessionIfAny()?.readFile?.(`/proc/${pid}/cmdline`);
  if (!mapped && !commandLine) return undefined;
  const lastPart = (path: string) => path.slice(path.lastIndexOf('/') + 1);
  const command = commandLine ? utf8Decode(commandLine).split('\0')[0]! : '';
  const places = [
    mapped?.[0] ? lastPart(mapped[0].path) : '',
    lastPart(command),
    ...(mapped ?? []).filter((m) => m.executable).map((m) => lastPart(m.path)),
  ];
  const inPlaces = (texts: readonly string[], lib: boolean) =>
    LANGUAGES.find((language) => texts.some((text) => text.includes(lib ? `lib${language}` : language)));
  const language = inPlaces(places.slice(0, 2), false) ?? inPlaces(places.slice(2), true) ?? 'c';
  return candidates.includes(language) ? language : undefined;
}
