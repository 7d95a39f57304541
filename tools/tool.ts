/**
 * What a tool is: options declared once, from which parsing and help derive; the C in a file beside the script; one `main` that
 * runs on whatever backend the session has. `defineTool` only types; tools/index.ts lists.
 */
import type { BPF } from '../core/bcc/bpf.ts';
import type { BpfOptions } from '../core/bcc/bpf-options.ts';

export interface ToolOption {
  /** Commander's notation: '-p, --pid <pid>', '-x, --failed'. */
  readonly flags: string;
  readonly description: string;
  readonly default?: string | number | boolean;
  /** Numbers are checked and converted. */
  readonly type?: 'number' | 'string';
}

export interface ToolContext<Options = Record<string, unknown>> {
  readonly options: Options;
  /** Positional arguments. */
  readonly args: readonly string[];
  /** Compile and attach; closed by itself when the tool ends. */
  bpf(options: BpfOptions): BPF;
  /** A line on standard output. */
  print(line: string): void;
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
