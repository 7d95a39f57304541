/** Small things that BCC's scripts take from `bcc` and `bcc.utils`: bytes on standard output, arguments as bytes, CPUs, a process's language. */
import { utf8Decode, utf8Encode } from '../base/bytes.ts';
import { Unsupported } from '../base/errors.ts';
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
