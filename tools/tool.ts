/**
 * What a tool is: options declared once, from which parsing and help derive; the C in a file beside the script; one `main` that
 * runs on whatever backend the session has. `defineTool` only types; tools/index.ts lists.
 */
import { readFileSync } from 'node:fs';
import type { BPF } from '../core/bcc/bpf.ts';
import type { BpfOptions } from '../core/bcc/bpf-options.ts';
import type { Column, Report } from './report.ts';

export interface ToolOption {
  /** Commander's notation: '-p, --pid <pid>', '-x, --failed'. */
  readonly flags: string;
  readonly description: string;
  readonly default?: string | number | boolean;
  /** Checked and converted by this row of OPTION_TYPES; text as it is without one. */
  readonly type?: OptionType;
  /** May be given several times: the values are an array. */
  readonly repeated?: boolean;
}

/** How the text of an option becomes its value: undefined where it does not, and what is wanted instead. */
export const OPTION_TYPES = {
  /** A process or thread: PID_MAX_LIMIT of include/linux/threads.h. */
  pid: { wants: 'a process id (1 to 4194304)', parse: (text) => whole(text, 1, 4194304) },
  uid: { wants: 'a user id (0 to 4294967294)', parse: (text) => whole(text, 0, 4294967294) },
  user: { wants: 'a user id or the name of a user', parse: (text) => whole(text, 0, 4294967294) ?? userId(text) },
  /** A number of things, from 1. */
  count: { wants: 'a whole number above 0', parse: (text) => whole(text, 1, 0xffffffff) },
  cpu: { wants: 'the number of a CPU', parse: (text) => whole(text, 0, 8191) },
  seconds: {
    wants: 'a number of seconds above 0',
    parse: (text) =>
      text.trim() !== '' && Number(text) > 0 && Number.isFinite(Number(text)) ? Number(text) : undefined,
  },
  /** Pages of a perf buffer. */
  pages: {
    wants: 'a power of two',
    parse: (text) => {
      const pages = whole(text, 1, 0x100000);
      return pages !== undefined && (pages & (pages - 1)) === 0 ? pages : undefined;
    },
  },
} as const satisfies Record<string, { readonly wants: string; parse(text: string): number | undefined }>;

export type OptionType = keyof typeof OPTION_TYPES;

function whole(text: string, least: number, most: number): number | undefined {
  const value = Number(text);
  return /^\d+$/.test(text) && value >= least && value <= most ? value : undefined;
}

/** passwd(5). */
function userId(name: string): number | undefined {
  let text = '';
  try {
    text = readFileSync('/etc/passwd', 'utf8');
  } catch {
    return undefined;
  }
  const row = text.split('\n').find((line) => line.startsWith(`${name}:`));
  return row === undefined ? undefined : Number(row.split(':')[2]);
}

export interface ToolContext<Options = Record<string, unknown>> {
  readonly options: Options;
  /** Positional arguments. */
  readonly args: readonly string[];
  /** -j: one JSON object a line, and nothing else, on standard output. */
  readonly json: boolean;
  /** Compile and attach; closed by itself when the tool ends. With --ebpf the program is shown instead, and the tool ends. */
  bpf(options: BpfOptions): BPF;
  /** A line on standard output. */
  print(line: string): void;
  /** A line for people: banners, titles. Left out of JSON. */
  title(line: string): void;
  /** A table of these columns: header, lines or JSON. */
  report<Row>(columns: readonly Column<Row>[]): Report<Row>;
  warn(line: string): void;
}

export interface Tool {
  readonly name: string;
  /** One line, for lists and help. */
  readonly summary: string;
  readonly options: readonly ToolOption[];
  /** Positional arguments in commander's notation, e.g. ['[interval]', '[count]']. */
  readonly args?: readonly string[];
  readonly examples?: string;
  main(context: ToolContext<never>): void | Promise<void>;
}

export function defineTool<Options = Record<string, never>>(
  tool: Omit<Tool, 'main'> & { main(context: ToolContext<Options>): void | Promise<void> },
): Tool {
  return tool as unknown as Tool;
}

/** Options that every tool has, unless it declares the same flag itself. */
export const COMMON_OPTIONS: readonly (ToolOption & { readonly hidden?: boolean })[] = [
  { flags: '-j, --json', description: 'one JSON object a line instead of columns' },
  { flags: '--ebpf', description: 'print the program and exit', hidden: true },
];
