/**
 * Helpers on maps: the three that every program uses, queues and stacks, other CPUs' values, callbacks over all
 * elements, and the tail call. Signatures: kernel/bpf/helpers.c.
 */
import { BpfError } from '../base/errors.ts';
import { KERNEL_HI } from '../base/memory.ts';
import { EINVAL, EOPNOTSUPP } from '../maps/errno.ts';
import type { BpfMap } from '../maps/map.ts';
import { callBack } from './callback.ts';
import type { HelperEnv, HelperRow, RegFile } from './helper.ts';
import { returnNumber, returnPointer, u32, u64 } from './registers.ts';

/** The map of argument 1. Engines and verifier see to it that there is one. */
export function mapArgument(env: HelperEnv, r: RegFile, n = 1): BpfMap {
  const map = env.mapAt(u32(r, n));
  if (!map) throw new BpfError('EINVAL', `argument ${n} is not a map`);
  return map;
}

function forEachMapElem(env: HelperEnv, r: RegFile) {
  const map = mapArgument(env, r);
  if (u64(r, 4) !== 0 || !map.forEachElement) return returnNumber(r, EINVAL);
  const mapLo = r[2]!;
  const functionAt = r[4]!;
  const [contextLo, contextHi] = [r[6]!, r[7]!];
  const args = new Int32Array(10);
  const visited = map.forEachElement((key, value) => {
    args.set([mapLo, KERNEL_HI, key, KERNEL_HI, value, KERNEL_HI, contextLo, contextHi, 0, 0]);
    return callBack(env, functionAt, args) === 0;
  });
  returnNumber(r, visited);
}

export const MAP_HELPERS = [
  {
    id: 1,
    name: 'map_lookup_elem',
    args: ['const_map_ptr', 'map_key'],
    ret: 'map_value_or_null',
    since: '3.19',
    progTypes: ['all', 'lirc_mode2'],
    pktAccess: true,
    run: (env: HelperEnv, r: RegFile) => returnPointer(r, mapArgument(env, r).lookupOffset(u32(r, 2))),
  },
  {
    id: 2,
    name: 'map_update_elem',
    args: ['const_map_ptr', 'map_key', 'map_value', 'anything'],
    ret: 'integer',
    since: '3.19',
    progTypes: ['all', 'lirc_mode2'],
    pktAccess: true,
    run: (env: HelperEnv, r: RegFile) =>
      returnNumber(r, mapArgument(env, r).updateOffset(u32(r, 2), u32(r, 3), u64(r, 4))),
  },
  {
    id: 3,
    name: 'map_delete_elem',
    args: ['const_map_ptr', 'map_key'],
    ret: 'integer',
    since: '3.19',
    progTypes: ['all', 'lirc_mode2'],
    pktAccess: true,
    run: (env: HelperEnv, r: RegFile) => returnNumber(r, mapArgument(env, r).deleteOffset(u32(r, 2))),
  },
  {
    id: 12,
    name: 'tail_call',
    args: ['ctx', 'const_map_ptr', 'anything'],
    ret: 'void',
    since: '4.2',
    changesPacket: true,
    progTypes: ['all', 'lirc_mode2'],
  },
  {
    id: 87,
    name: 'map_push_elem',
    args: ['const_map_ptr', 'map_value', 'anything'],
    ret: 'integer',
    since: '4.20',
    progTypes: ['all', 'lirc_mode2'],
    pktAccess: true,
    run: (env: HelperEnv, r: RegFile) =>
      returnNumber(r, mapArgument(env, r).pushOffset?.(u32(r, 2), u64(r, 3)) ?? EOPNOTSUPP),
  },
  {
    id: 88,
    name: 'map_pop_elem',
    args: ['const_map_ptr', 'uninit_map_value'],
    ret: 'integer',
    since: '4.20',
    progTypes: ['all', 'lirc_mode2'],
    run: (env: HelperEnv, r: RegFile) => returnNumber(r, mapArgument(env, r).popOffset?.(u32(r, 2)) ?? EOPNOTSUPP),
  },
  {
    id: 89,
    name: 'map_peek_elem',
    args: ['const_map_ptr', 'uninit_map_value'],
    ret: 'integer',
    since: '4.20',
    progTypes: ['all', 'lirc_mode2'],
    run: (env: HelperEnv, r: RegFile) => returnNumber(r, mapArgument(env, r).peekOffset?.(u32(r, 2)) ?? EOPNOTSUPP),
  },
  {
    id: 164,
    name: 'for_each_map_elem',
    args: ['const_map_ptr', 'func', 'stack_or_null', 'anything'],
    ret: 'integer',
    since: '5.13',
    progTypes: 'all',
    run: forEachMapElem,
  },
  {
    id: 195,
    name: 'map_lookup_percpu_elem',
    args: ['const_map_ptr', 'map_key', 'anything'],
    ret: 'map_value_or_null',
    since: '5.19',
    progTypes: 'all',
    pktAccess: true,
    run: (env: HelperEnv, r: RegFile) =>
      returnPointer(r, mapArgument(env, r).lookupCpuOffset?.(u32(r, 2), u32(r, 3)) ?? 0),
  },
] as const satisfies readonly HelperRow[];
