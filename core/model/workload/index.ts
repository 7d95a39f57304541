/**
 * THE WORKLOAD TABLE: what `--workload NAME` can name.
 */
import { BpfError, nearestNames } from '../../base/errors.ts';
import { machineEventOf, needsOf } from '../hook-table.ts';
import { connects } from './connects.ts';
import { disks } from './disks.ts';
import { hello } from './hello.ts';
import { names } from './names.ts';
import { runqueue } from './runqueue.ts';
import { shell } from './shell.ts';
import { framesOf, type Workload } from './workload.ts';

export const WORKLOADS: readonly Workload[] = [connects, disks, hello, names, runqueue, shell];

/** A workload by name; throws BpfError ENOENT with the names there are. */
export function workloadByName(name: string): Workload {
  const found = WORKLOADS.find((w) => w.name === name);
  if (found) return found;
  const names = WORKLOADS.map((w) => w.name);
  const near = nearestNames(name, names);
  throw new BpfError(
    'ENOENT',
    `there is no workload '${name}'; ${near.length > 0 ? `nearest: ${near.join(', ')}` : `there are: ${names.join(', ')}`}`,
  );
}

/** Names of the workloads that make a hook fire. */
export function workloadsThatFire(hook: string): string[] {
  const needs = needsOf(hook);
  const machine = machineEventOf(hook);
  return WORKLOADS.filter((w) =>
    framesOf(w).some(({ event }) =>
      machine === undefined
        ? event.type === 'enter' && needs.some((need) => need.nr === event.nr)
        : event.type === machine,
    ),
  ).map((w) => w.name);
}

export { defineWorkload, type Workload, WorkloadSource } from './workload.ts';
