/**
 * The least surroundings a program can have: no task, no clock, no maps but those given. For tests, harnesses and the
 * fuzzer; the model kernel is the full thing.
 */
import type { LinearMemory } from '../base/memory.ts';
import type { HelperEnv, HelperRow } from '../helpers/helper.ts';
import type { BpfMap } from '../maps/map.ts';
import type { EngineHost, MemoryRegion } from './engine.ts';

export interface BareOptions {
  readonly memory: LinearMemory;
  readonly helper?: (id: number) => HelperRow | undefined;
  readonly kfuncs?: ReadonlyMap<number, HelperRow>;
  readonly maps?: readonly BpfMap[];
  /** What unverified programs may touch besides stack and map values. */
  readonly regions?: readonly MemoryRegion[];
}

export type BareHost = EngineHost & { readonly env: HelperEnv & { ctx: number; readonly trace: string[] } };

/** A host whose clock stands at 0, whose random numbers are a fixed sequence, and whose trace pipe is an array. */
export function bareHost(options: BareOptions): BareHost {
  const { memory, helper, kfuncs, regions } = options;
  const maps = new Map((options.maps ?? []).map((m) => [m.offset, m]));
  let seed = 1;
  const env: BareHost['env'] = {
    memory,
    ctx: 0,
    trace: [],
    mapAt: (offset) => maps.get(offset),
    task: { pid: 0, tgid: 0, uid: 0, gid: 0, comm: 'swapper/0', taskStruct: () => 0 },
    cpu: 0,
    now: () => [0, 0],
    random: () => {
      seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
      return seed >>> 0;
    },
    read: () => -14,
    readString: () => -14,
    tracePrintk: (text) => {
      env.trace.push(text);
    },
    progType: 'bare',
  };
  return {
    memory,
    env,
    helper: (id) => helper?.(id),
    kfunc: (id) => kfuncs?.get(id),
    regions: () => regions ?? [],
  };
}
