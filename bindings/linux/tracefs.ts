/**
 * tracefs, where formats and numbers of tracepoints are (https://docs.kernel.org/trace/events.html). Where nobody mounted it, it is
 * mounted for this process alone (private-mount.ts).
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { BpfError } from '../../core/base/errors.ts';
import { addon } from '../addon/index.ts';
import { mountPrivately } from './private-mount.ts';

const MOUNTED = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing'] as const;

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
  const mount = mountPrivately('tracefs');
  if (mount.path === undefined)
    problem = `it is not mounted, and mounting it for this process alone failed: ${mount.problem} (CAP_SYS_ADMIN is needed); ${wayOut}`;
  return mount.path;
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
