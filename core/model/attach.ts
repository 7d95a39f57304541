/**
 * From a request to attach (a probe) to a hook of the model: which hook, which program types fit, how the context is built. One row
 * a probe kind; a kind that is no row is refused by name.
 */
import type { Probe } from '../backend/backend.ts';
import { BpfError, nearestNames, Unsupported } from '../base/errors.ts';
import type { Context, Contexts } from './ctx.ts';
import { hasHook, passedTracepoints, probeableFunctions } from './hook-table.ts';
import type { HookEvent } from './hooks.ts';
import type { KernelSymbols } from './symbols.ts';
import type { FLAGS } from './trace-pipe.ts';
import { rawTracepointByName, tracepointByName } from './tracepoints/index.ts';

export interface AttachRow {
  readonly kind: string;
  /** Program types that may be attached so. */
  readonly progTypes: readonly string[];
  /** Name of the hook for a target; throws BpfError ENOENT. */
  hook(target: string, symbols: KernelSymbols): string;
  context(contexts: Contexts, event: HookEvent, pid: number): Context;
  /** Does the program run for what this task does on this CPU? Absent: always. */
  accepts?(probe: Probe, tgid: number, cpu: number): boolean;
  readonly entry: keyof typeof FLAGS;
}

const functionContext: AttachRow['context'] = (contexts, event) => {
  if (event.kind !== 'function') throw new RangeError('a function hook fired with a tracepoint event');
  return contexts.registers(event);
};

const trampolineContext: AttachRow['context'] = (contexts, event) => {
  if (event.kind !== 'function') throw new RangeError('a function hook fired with a tracepoint event');
  return contexts.args(event.args, event.ret);
};

const rawContext: AttachRow['context'] = (contexts, event) => {
  if (event.kind !== 'tracepoint') throw new RangeError('a tracepoint hook fired with a function event');
  return contexts.args(event.raw);
};

const userContext: AttachRow['context'] = (contexts, event) => {
  if (event.kind !== 'user') throw new RangeError('a hook of user code fired with an event of the kernel');
  return contexts.user(event);
};

/** Probes of one process, and perf events of one CPU. */
const asAsked: AttachRow['accepts'] = (probe, tgid, cpu) => {
  const { pid = tgid, cpu: only = cpu } = (probe.options ?? {}) as { readonly pid?: number; readonly cpu?: number };
  return pid === tgid && only === cpu;
};

export const ATTACH_ROWS: readonly AttachRow[] = [
  {
    kind: 'kprobe',
    progTypes: ['kprobe'],
    hook: (t, s) => functionHook('kprobe', t, s),
    context: functionContext,
    entry: 'kprobe',
  },
  {
    kind: 'kretprobe',
    progTypes: ['kprobe'],
    hook: (t, s) => functionHook('kretprobe', t, s),
    context: functionContext,
    entry: 'kretprobe',
  },
  {
    kind: 'tracepoint',
    progTypes: ['tracepoint'],
    hook: (t) => tracepointHook(t),
    context: (contexts, event, pid) => {
      if (event.kind !== 'tracepoint') throw new RangeError('a tracepoint hook fired with a function event');
      return contexts.record(event, pid);
    },
    entry: 'tracepoint',
  },
  {
    kind: 'raw_tracepoint',
    progTypes: ['raw_tracepoint', 'raw_tracepoint_writable', 'tracing'],
    hook: (t) => rawHook(t),
    context: rawContext,
    entry: 'raw_tracepoint',
  },
  { kind: 'tp_btf', progTypes: ['tracing'], hook: (t) => rawHook(t), context: rawContext, entry: 'raw_tracepoint' },
  {
    kind: 'kfunc',
    progTypes: ['tracing'],
    hook: (t, s) => functionHook('kprobe', t, s),
    context: trampolineContext,
    entry: 'kfunc',
  },
  {
    kind: 'kretfunc',
    progTypes: ['tracing'],
    hook: (t, s) => functionHook('kretprobe', t, s),
    context: trampolineContext,
    entry: 'kretfunc',
  },
  {
    kind: 'uprobe',
    progTypes: ['kprobe'],
    hook: (t) => `uprobe:${t}`,
    context: userContext,
    accepts: asAsked,
    entry: 'kprobe',
  },
  {
    kind: 'uretprobe',
    progTypes: ['kprobe'],
    hook: (t) => `uretprobe:${t}`,
    context: userContext,
    accepts: asAsked,
    entry: 'kprobe',
  },
  {
    kind: 'perf_event',
    progTypes: ['perf_event'],
    hook: (t) => `perf_event:${t}`,
    context: userContext,
    accepts: asAsked,
    entry: 'kprobe',
  },
];

/** Row of a probe kind; throws Unsupported for kinds that the model does not attach. */
export function attachRow(probe: Probe): AttachRow {
  const row = ATTACH_ROWS.find((r) => r.kind === probe.kind);
  if (row && Number(probe.options?.['offset'] ?? 0) !== 0) {
    throw new Unsupported(`a probe inside a function (${probe.target}+${probe.options!['offset']})`, {
      backend: 'model',
      hint: 'the model has entries and returns only; the linux backend has instructions',
    });
  }
  if (row) return row;
  throw new Unsupported(`attaching a ${probe.kind} (${probe.target})`, {
    backend: 'model',
    hint: `the model attaches ${ATTACH_ROWS.map((r) => r.kind).join(', ')}`,
  });
}

function functionHook(side: 'kprobe' | 'kretprobe', target: string, symbols: KernelSymbols): string {
  const plus = target.indexOf('+');
  if (plus >= 0 && Number(target.slice(plus + 1)) !== 0) {
    throw new Unsupported(`a probe inside a function (${target})`, {
      backend: 'model',
      hint: 'the model has entries and returns only',
    });
  }
  const name = plus >= 0 ? target.slice(0, plus) : target;
  const hook = `${side}:${name}`;
  // A wrapper of a system call that has no number (sys_stat of 32-bit days): Linux has the function too, and nobody calls it.
  if (hasHook(hook) || (name.startsWith('__x64_sys_') && symbols.inBtf(name))) return hook;
  const near = nearestNames(name, probeableFunctions(), 5);
  const offer = near.length > 0 ? `; nearest: ${near.join(', ')}` : '';
  throw new BpfError(
    'ENOENT',
    symbols.inBtf(name)
      ? `the model kernel never passes ${name}: it is a function of Linux that only the linux backend can probe${offer}`
      : `there is no kernel function ${name}${offer}`,
  );
}

function tracepointHook(target: string): string {
  if (!target.includes(':')) throw new BpfError('EINVAL', `a tracepoint is named category:event, not '${target}'`);
  if (tracepointByName(target) && hasHook(`tracepoint:${target}`)) return `tracepoint:${target}`;
  throw new BpfError('ENOENT', `the model kernel has no tracepoint ${target}${nearOf(target, passedTracepoints())}`);
}

function rawHook(target: string): string {
  const bare = target.includes(':') ? target.slice(target.indexOf(':') + 1) : target;
  const name = rawTracepointByName(bare);
  if (name && hasHook(`tracepoint:${name}`)) return `tracepoint:${name}`;
  const names = passedTracepoints()
    .filter((n) => !n.startsWith('syscalls:'))
    .map((n) => n.slice(n.indexOf(':') + 1));
  throw new BpfError('ENOENT', `the model kernel has no raw tracepoint ${bare}${nearOf(bare, names)}`);
}

function nearOf(name: string, names: Iterable<string>): string {
  const near = nearestNames(name, names, 5);
  return near.length > 0 ? `; nearest: ${near.join(', ')}` : '; on a real kernel the linux backend may have it';
}
