/** A tool run in this process on a scripted workload of the model kernel: what it printed. */
import { BPF } from '../../core/bcc/bpf.ts';
import { setSession } from '../../core/bcc/session.ts';
import type { Tool } from '../../tools/tool.ts';
import { bench } from '../bcc/model.ts';

export interface ToolRun {
  readonly lines: string[];
  readonly warned: string[];
}

/** `options` by the names that the command line gives them; defaults are filled in. Errors of the tool come out. */
export async function runTool(
  tool: Tool,
  workload: string,
  options: Readonly<Record<string, unknown>> = {},
  args: readonly string[] = [],
): Promise<ToolRun> {
  const { printed, warned, backend } = bench(workload);
  const defaults: Record<string, unknown> = {};
  for (const option of tool.options) {
    if (option.default === undefined) continue;
    const long = /--([\w-]+)/.exec(option.flags)![1]!;
    defaults[long.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())] = option.default;
  }
  const opened: BPF[] = [];
  try {
    await tool.main({
      options: { ...defaults, ...options } as never,
      args,
      print: (line) => printed.push(line),
      warn: (line) => warned.push(line),
      bpf(given) {
        const b = new BPF(given);
        opened.push(b);
        return b;
      },
    });
  } finally {
    for (const b of opened) b.close();
    backend.close();
    setSession(undefined);
  }
  return { lines: printed, warned };
}
