/**
 * Which hooks the model has, and what each needs: derived from the rows of the system calls and from the list of lifecycle events, so
 * that no hook can exist that nothing passes.
 */
import { BLOCK_PASSES } from './block.ts';
import { LIFECYCLE, SOCKETS_AT_EXIT } from './lifecycle.ts';
import { SCHED_PASSES } from './sched.ts';
import type { TaskEvent } from './source.ts';
import { SYSCALLS, syscallByName } from './syscalls/index.ts';
import { tracepointNames } from './tracepoints/index.ts';

/** Calls that must be watched for a hook to fire, and whether their exits must. */
export type HookNeeds = readonly { readonly nr: number; readonly exit: boolean }[];

/** Functions of the entry path: they never have hooks, only addresses (bottom of every kernel stack). */
const ENTRY = ['do_syscall_64', 'entry_SYSCALL_64_after_hwframe'];

interface Table {
  readonly needs: ReadonlyMap<string, HookNeeds>;
  readonly machine: ReadonlyMap<string, TaskEvent['type']>;
  readonly functions: readonly string[];
}

/** Events of the machine rather than of a task's calls, and what they pass: not every source has them. */
const MACHINE: readonly (readonly [TaskEvent['type'], readonly string[]])[] = [
  ['wakeup', SCHED_PASSES.wakeup],
  ['switch', SCHED_PASSES.switch],
  ['block', Object.values(BLOCK_PASSES).flat()],
];

function hooksOf(name: string): string[] {
  return name.includes(':') ? [`tracepoint:${name}`] : [`kprobe:${name}`, `kretprobe:${name}`];
}

let table: Table | undefined;

function build(): Table {
  const needs = new Map<string, { nr: number; exit: boolean }[]>();
  const add = (hook: string, nr: number, exit: boolean) => {
    const list = needs.get(hook) ?? [];
    if (list.length === 0) needs.set(hook, list);
    const known = list.find((n) => n.nr === nr);
    if (!known) list.push({ nr, exit });
    else if (exit) known.exit = true;
  };
  const free = (hook: string) => {
    if (!needs.has(hook)) needs.set(hook, []);
  };
  for (const row of SYSCALLS) {
    add(`kprobe:__x64_sys_${row.symbol}`, row.nr, false);
    add(`kretprobe:__x64_sys_${row.symbol}`, row.nr, true);
    add(`tracepoint:syscalls:sys_enter_${row.symbol}`, row.nr, false);
    add(`tracepoint:syscalls:sys_exit_${row.symbol}`, row.nr, true);
    add('tracepoint:raw_syscalls:sys_enter', row.nr, false);
    add('tracepoint:raw_syscalls:sys_exit', row.nr, true);
    for (const [names, late] of [
      [row.behaviour?.early ?? [], false],
      [row.behaviour?.late ?? [], true],
    ] as const) {
      for (const name of names) {
        if (name.includes(':')) add(`tracepoint:${name}`, row.nr, late);
        else {
          add(`kprobe:${name}`, row.nr, late);
          add(`kretprobe:${name}`, row.nr, true);
        }
      }
    }
  }
  for (const name of [...LIFECYCLE, ...MACHINE.flatMap(([, names]) => names)])
    for (const hook of hooksOf(name)) free(hook);
  for (const name of SOCKETS_AT_EXIT.passes) {
    const sides = name.includes(':') ? ['tracepoint'] : ['kprobe', 'kretprobe'];
    for (const side of sides)
      for (const call of SOCKETS_AT_EXIT.seen) add(`${side}:${name}`, syscallByName(call)!.nr, true);
  }
  const machine = new Map(
    MACHINE.flatMap(([event, names]) => names.flatMap((name) => hooksOf(name).map((hook) => [hook, event] as const))),
  );
  const functions = [...needs.keys()].filter((h) => h.startsWith('kprobe:')).map((h) => h.slice('kprobe:'.length));
  return { needs, machine, functions: functions.sort() };
}

function get(): Table {
  table ??= build();
  return table;
}

/** What a hook needs; nothing for hooks that the source's own events fire, and for names that are no hooks. */
export function needsOf(hook: string): HookNeeds {
  return get().needs.get(hook) ?? [];
}

/** The kind of event that a hook fires at, when it is one of the machine (run queue, disks) that not every source has. */
export function machineEventOf(hook: string): TaskEvent['type'] | undefined {
  return USER_HOOK.test(hook) ? 'user' : get().machine.get(hook);
}

/** Places in user code have no table: a source passes what it likes. */
const USER_HOOK = /^(uprobe|uretprobe|perf_event):/;

/** Does the model ever pass this hook? */
export function hasHook(hook: string): boolean {
  return get().needs.has(hook);
}

/** Functions that a kprobe can name, sorted. */
export function probeableFunctions(): readonly string[] {
  return get().functions;
}

/** Functions that have an address of the model's own. */
export function functionNames(): Iterable<string> {
  return [...get().functions, ...ENTRY];
}

/** Tracepoints that are ever passed, `system:name`, sorted. */
export function passedTracepoints(): readonly string[] {
  return [...tracepointNames()].filter((name) => hasHook(`tracepoint:${name}`)).sort();
}
