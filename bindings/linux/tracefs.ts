/**
 * tracefs, where formats and numbers of tracepoints are (https://docs.kernel.org/trace/events.html). Where nobody mounted it, it is
 * mounted for this process alone (private-mount.ts).
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { BpfError, SysError } from '../../core/base/errors.ts';
import { addon } from '../addon/index.ts';
import { mountPrivately } from './private-mount.ts';

const MOUNTED = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing'] as const;

let found: { readonly path?: string; readonly problem?: string } | undefined;

/** Its directory, or undefined; `tracefsProblem` then says why. */
export function tracefsRoot(): string | undefined {
  found ??= find();
  return found.path;
}

function find(): { path?: string; problem?: string } {
  const mounted = MOUNTED.find((path) => eventsOf(path) === 'there');
  if (mounted !== undefined) return { path: mounted };
  const wayOut = 'mount it with `mount -t tracefs nodev /sys/kernel/tracing`';
  if (!addon()?.sys) return { problem: `it is not mounted; ${wayOut}` };
  const mount = mountPrivately('tracefs');
  if (mount.path !== undefined && eventsOf(mount.path) === 'there') return { path: mount.path };
  // Mounted, by others or by us, and root's.
  if (mount.path !== undefined || MOUNTED.some((path) => eventsOf(path) === 'EACCES'))
    return { problem: `user ${process.getuid?.()} may not look into it: be root, or have CAP_DAC_READ_SEARCH` };
  return {
    problem: `it is not mounted, and mounting it for this process alone failed: ${mount.problem} (CAP_SYS_ADMIN is needed); ${wayOut}`,
  };
}

/** `there`, or the errno of looking at the events below a directory. */
function eventsOf(path: string): string {
  try {
    statSync(`${path}/events`);
    return 'there';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'EIO';
  }
}

/** Why there is no tracefs here, with the way out; undefined where there is one. */
export function tracefsProblem(): string | undefined {
  tracefsRoot();
  return found?.problem;
}

/** Is it a mount of this process's own? */
export function tracefsIsPrivate(): boolean {
  return tracefsRoot()?.startsWith('/proc/') ?? false;
}

/** Throws BpfError where there is none. */
export function needTracefs(what: string): string {
  const path = tracefsRoot();
  if (path === undefined) throw new BpfError('ENOENT', `${what} needs tracefs: ${tracefsProblem()}`);
  return path;
}

/** Text of a file of tracefs, or undefined. Throws SysError where no descriptor is free. */
export function readTracefs(path: string): string | undefined {
  const base = tracefsRoot();
  if (base === undefined) return undefined;
  try {
    return readFileSync(`${base}/${path}`, 'utf8');
  } catch (error) {
    const { code = 'EIO', syscall = 'read' } = error as NodeJS.ErrnoException;
    // Not the file is missing, but a descriptor to read it by.
    if (code === 'EMFILE' || code === 'ENFILE') throw new SysError(syscall, code, `tracefs: ${path}`);
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
