/** Running one tool: what its `main` is given, and what is let go when it ends, well or badly. */
import { timed } from '../core/base/timings.ts';
import type { BPF } from '../core/bcc/bpf.ts';
import type { BpfOptions } from '../core/bcc/bpf-options.ts';
import { Report } from './report.ts';
import type { Tool, ToolContext } from './tool.ts';

export interface ToolRun {
  readonly options: Readonly<Record<string, unknown>>;
  /** Positional arguments. */
  readonly args: readonly string[];
  print(line: string): void;
  warn(line: string): void;
}

/** Thrown to leave a tool once the program has been shown. */
class Shown extends Error {}

/** Runs a tool to its end. `json` and `ebpf` among the options are every tool's. Errors of the tool come out; its programs are closed. */
export async function runTool(tool: Tool, { options, args, print, warn }: ToolRun): Promise<void> {
  const { BPF } = await import('../core/bcc/bpf.ts');
  const opened: BPF[] = [];
  const json = options.json === true;
  const context: ToolContext<never> = {
    options: options as never,
    args,
    json,
    print,
    warn,
    title: (line) => {
      if (!json) print(line);
    },
    report: (columns) => new Report({ json, print }, columns),
    bpf(given) {
      if (options.ebpf === true) {
        print(finalText(given));
        throw new Shown();
      }
      const b = new BPF(given);
      opened.push(b);
      return b;
    },
  };
  try {
    await timed('script', () => tool.main(context));
  } catch (error) {
    if (!(error instanceof Shown)) throw error;
  } finally {
    for (const b of opened) b.close();
  }
}

/** The program as it would be compiled: what the options define comes first. */
export function finalText({ text = '', cflags = [] }: BpfOptions): string {
  const lines = cflags
    .filter((flag) => flag.startsWith('-D'))
    .map((flag) => {
      const [name, ...value] = flag.slice(2).split('=');
      return `#define ${name} ${value.length > 0 ? value.join('=') : '1'}`;
    });
  return [...lines, text.trimEnd()].join('\n');
}
