/**
 * kprobe_events and uprobe_events of tracefs, for kernels without the perf PMUs (before 4.17). The only probes that outlive their process:
 * their names carry its pid, and whoever comes later removes those of processes that are gone.
 * https://docs.kernel.org/trace/kprobetrace.html
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { ERRNO, errnoName } from '../../../core/base/errno.ts';
import { SysError } from '../../../core/base/errors.ts';
import { attachToEvent, PERF_TYPE, perfEventOpen } from '../perf-event.ts';

export type LegacyFile = 'kprobe_events' | 'uprobe_events';

let made = 0;
const cleaned = new Set<LegacyFile>();

export interface LegacyProbe {
  attach(progFd: number, doing: string, cookie?: bigint): number[];
  undo(): void;
}

/** Defines a probe: `entry` is 'p' or 'r' (with maxactive), `place` what tracefs takes. -errno, -ENODEV where the file does not exist. */
export function attachLegacy(
  root: string,
  file: LegacyFile,
  probe: { entry: string; place: string },
): LegacyProbe | number {
  const path = `${root}/${file}`;
  if (!existsSync(path)) return -ERRNO.ENODEV;
  removeOrphans(path, file);
  const group = `skep_${process.pid}`;
  const name = `p${++made}`;
  const problem = append(path, `${probe.entry}:${group}/${name} ${probe.place}`);
  if (problem !== 0) return problem;
  const undo = (): void => {
    append(path, `-:${group}/${name}`);
  };
  return {
    undo,
    attach(progFd, doing, cookie) {
      try {
        const id = Number(readFileSync(`${root}/events/${group}/${name}/id`, 'utf8'));
        const event = perfEventOpen({ type: PERF_TYPE.TRACEPOINT, config: id, samplePeriod: 1, disabled: true }, -1, 0);
        if (event < 0) throw new SysError('perf_event_open', errnoName(event), doing);
        return attachToEvent(event, progFd, doing, cookie);
      } catch (error) {
        undo();
        throw error;
      }
    },
  };
}

function append(path: string, line: string): number {
  try {
    appendFileSync(path, `${line}\n`);
    return 0;
  } catch (error) {
    const { errno } = error as NodeJS.ErrnoException;
    return errno ?? -ERRNO.EIO;
  }
}

function removeOrphans(path: string, file: LegacyFile): void {
  if (cleaned.has(file)) return;
  cleaned.add(file);
  for (const [, group, pid, name] of readFileSync(path, 'utf8').matchAll(/^[pr]\d*:(skep_(\d+))\/(\S+)/gm))
    if (!existsSync(`/proc/${pid}`)) append(path, `-:${group}/${name}`);
}
