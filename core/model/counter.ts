/**
 * Counters of perf events on the model (BPF_PERF_ARRAY, map.perf_read). What software can count the virtual machine counts too: its clock. A
 * machine that executes no instructions has no cycles to count, and says so as a kernel without a PMU does: ENOENT.
 */
import type { Link, MapHandle } from '../backend/backend.ts';
import { BpfError, SysError } from '../base/errors.ts';
import { PerfEventArrayMap } from '../maps/perf-event-array.ts';
import type { VirtualClock } from './clock.ts';
import { ModelMap } from './handles.ts';

/** PERF_TYPE_SOFTWARE, and its two clocks (include/uapi/linux/perf_event.h). */
const SOFTWARE = 1;
const CLOCKS: readonly number[] = [0, 1];

export function openCounter(
  handle: MapHandle,
  counter: { readonly type: number; readonly config: number | bigint; readonly cpu: number },
  clock: VirtualClock,
): Link {
  if (!(handle instanceof ModelMap) || !(handle.map instanceof PerfEventArrayMap))
    throw new BpfError('EINVAL', 'the map is no perf_event_array of this backend');
  const { type, config, cpu } = counter;
  if (type !== SOFTWARE || !CLOCKS.includes(Number(config)))
    throw new SysError(
      'perf_event_open',
      'ENOENT',
      `could not count event ${type}:${config}; the model has its clock (1:0, 1:1)`,
    );
  const { map } = handle;
  const start = clock.ns;
  const halves = (): readonly [number, number] => {
    const elapsed = clock.ns - start;
    return [Number(BigInt.asIntN(32, elapsed)), Number(BigInt.asIntN(32, elapsed >> 32n))];
  };
  map.openCounter(cpu, { read: () => ({ value: halves(), enabled: halves(), running: halves() }) });
  return {
    probe: { kind: 'perf_counter', target: `${type}:${config}`, options: { cpu } },
    close: () => map.closeSlot(cpu),
  };
}
