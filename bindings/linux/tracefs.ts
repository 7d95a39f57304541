/**
 * tracefs, where formats and numbers of tracepoints are (https://docs.kernel.org/trace/events.html). Where nobody mounted it, it is
 * mounted for this process alone: a mount that hangs in no directory and goes with its descriptor (fsopen(2) and fsmount(2), Linux 5.2), so nothing is
 * left behind however we end.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { errnoName } from '../../core/base/errno.ts';
import { BpfError } from '../../core/base/errors.ts';
import { addon } from '../addon/index.ts';
import { sys } from './bpf.ts';

const MOUNTED = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing'] as const;
const FSOPEN_CLOEXEC = 1;
const FSMOUNT_CLOEXEC = 1;
const FSCONFIG_CMD_CREATE = 6;

let root: string | undefined;
let problem: string | undefined;

/** Its directory, or undefined; `tracefsProblem` then says why. */
export function tracefsRoot(): string | undefined {
  if (root !== undefined || problem !== undefined) return root;
  root = MOUNTED.find((path) => existsSync(`${path}/events`));
  root ??= privateMount();
  return root;
}

/** Why there is no tracefs here, with the way out; undefined where there is one. */
export function tracefsProblem(): string | undefined {
  tracefsRoot();
  return problem;
}

/** Is it a mount of this process's own? */
export function tracefsIsPrivate(): boolean {
  return tracefsRoot()?.startsWith('/proc/') ?? false;
}

/** Throws BpfError where there is none. */
export function needTracefs(what: string): string {
  const path = tracefsRoot();
  if (path === undefined) throw new BpfError('ENOENT', `${what} needs tracefs: ${problem}`);
  return path;
}

function privateMount(): string | undefined {
  const wayOut = 'mount it with `mount -t tracefs nodev /sys/kernel/tracing`';
  if (!addon()?.sys) {
    problem = `it is not mounted; ${wayOut}`;
    return undefined;
  }
  const { calls } = sys();
  const call = (name: 'fsopen' | 'fsconfig' | 'fsmount', ...args: (number | Uint8Array)[]): number =>
    sys().syscall(calls[name], ...args);
  const context = call('fsopen', Buffer.from('tracefs\0'), FSOPEN_CLOEXEC);
  if (context < 0) {
    problem = `it is not mounted, and mounting it for this process alone failed: fsopen: ${errnoName(context)} (CAP_SYS_ADMIN is needed); ${wayOut}`;
    return undefined;
  }
  let mount = call('fsconfig', context, FSCONFIG_CMD_CREATE, 0, 0, 0);
  if (mount >= 0) mount = call('fsmount', context, FSMOUNT_CLOEXEC, 0);
  sys().close(context);
  if (mount < 0) {
    problem = `it is not mounted, and mounting it for this process alone failed: fsmount: ${errnoName(mount)}; ${wayOut}`;
    return undefined;
  }
  return `/proc/self/fd/${mount}`;
}

/** Text of a file of tracefs, or undefined. */
export function readTracefs(path: string): string | undefined {
  const base = tracefsRoot();
  if (base === undefined) return undefined;
  try {
    return readFileSync(`${base}/${path}`, 'utf8');
  } catch {
    return undefined;
  }
}

/** Number of an event, as perf_event_open(2) wants it. */
export function tracepointId(category: string, name: string): number | undefined {
  const text = readTracefs(`events/${category}/${name}/id`);
  return text === undefined ? undefined : Number(text);
}

/** Text of an event's format file. */
export function tracepointFormatText(category: string, name: string): string | undefined {
  return readTracefs(`events/${category}/${name}/format`);
}

/** All events as `category:name`. */
export function listTracepoints(): string[] {
  const base = tracefsRoot();
  if (base === undefined) return [];
  const list = readTracefs('available_events');
  if (list) return list.split('\n').filter((line) => line !== '');
  const names: string[] = [];
  for (const category of readdirSync(`${base}/events`, { withFileTypes: true })) {
    if (!category.isDirectory()) continue;
    for (const event of readdirSync(`${base}/events/${category.name}`, { withFileTypes: true }))
      if (event.isDirectory()) names.push(`${category.name}:${event.name}`);
  }
  return names;
}
