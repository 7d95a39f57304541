/** A tool run in this process on a scripted workload of the model kernel: what it printed. */
import { Option } from 'commander';
import { SysError } from '../../core/base/errors.ts';
import { setSession } from '../../core/bcc/session.ts';
import { type ToolRun as Run, runTool as run } from '../../tools/run.ts';
import type { Tool } from '../../tools/tool.ts';
import { type Bench, bench } from '../bcc/model.ts';

export interface ToolRun {
  readonly lines: string[];
  readonly warned: string[];
}

/** `options` by the names that the command line gives them; defaults are filled in. Errors of the tool come out. */
export async function runTool(
  tool: Tool,
  workload: string | Bench,
  options: Run['options'] = {},
  args: readonly string[] = [],
): Promise<ToolRun> {
  const { printed, warned, backend } = typeof workload === 'string' ? bench(workload) : workload;
  const defaults: Record<string, unknown> = {};
  for (const option of tool.options)
    if (option.default !== undefined) defaults[new Option(option.flags).attributeName()] = option.default;
  try {
    await run(tool, {
      options: { ...defaults, ...options },
      args,
      print: (line) => printed.push(line),
      warn: (line) => warned.push(line),
    });
  } finally {
    backend.close();
    setSession(undefined);
  }
  return { lines: printed, warned };
}

/** A kernel that was built without kprobes (CONFIG_KPROBES=n): attaching one fails as it does there. */
export function withoutKprobes(backend: Bench['backend']): void {
  const attach = backend.attach.bind(backend);
  backend.attach = (prog, probe) => {
    if (probe.kind.startsWith('k'))
      throw new SysError('perf_event_open', 'ENOENT', `could not attach ${probe.kind} ${probe.target}`);
    return attach(prog, probe);
  };
}
