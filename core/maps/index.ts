/**
 * THE MAP TABLE: the map types of Linux 6.18 (enum bpf_map_type), one row each. `createMap` is the one door to a live
 * map.
 */
import { BpfError, nearestNames, Unsupported } from '../base/errors.ts';
import { ARRAY, PERCPU_ARRAY } from './array.ts';
import { BLOOM_FILTER } from './bloom-filter.ts';
import { CGROUP_ARRAY } from './cgroup-array.ts';
import { CGROUP_STORAGE, PERCPU_CGROUP_STORAGE } from './cgroup-storage.ts';
import { BPF_F_NO_PREALLOC, BPF_F_WRONLY } from './flags.ts';
import { HASH, PERCPU_HASH } from './hash.ts';
import { CGRP_STORAGE, INODE_STORAGE, SK_STORAGE, TASK_STORAGE } from './local-storage.ts';
import { LPM_TRIE } from './lpm-trie.ts';
import { LRU_HASH, LRU_PERCPU_HASH } from './lru.ts';
import type { BpfMap, MapAttrs, MapHost, MapTypeRow } from './map.ts';
import { ARRAY_OF_MAPS, HASH_OF_MAPS } from './map-in-map.ts';
import { PERF_EVENT_ARRAY } from './perf-event-array.ts';
import { PROG_ARRAY } from './prog-array.ts';
import { QUEUE, STACK } from './queue-stack.ts';
import { CPUMAP, DEVMAP, DEVMAP_HASH } from './redirect-maps.ts';
import { RINGBUF } from './ringbuf.ts';
import { REUSEPORT_SOCKARRAY, SOCKHASH, SOCKMAP, XSKMAP } from './socket-maps.ts';
import { STACK_TRACE } from './stack-trace.ts';
import { ARENA, STRUCT_OPS } from './struct-ops-arena.ts';
import { USER_RINGBUF } from './user-ringbuf.ts';

/** Every row, by id. */
export const MAP_TYPES: readonly MapTypeRow[] = [
  HASH,
  ARRAY,
  PROG_ARRAY,
  PERF_EVENT_ARRAY,
  PERCPU_HASH,
  PERCPU_ARRAY,
  STACK_TRACE,
  CGROUP_ARRAY,
  LRU_HASH,
  LRU_PERCPU_HASH,
  LPM_TRIE,
  ARRAY_OF_MAPS,
  HASH_OF_MAPS,
  DEVMAP,
  SOCKMAP,
  CPUMAP,
  XSKMAP,
  SOCKHASH,
  CGROUP_STORAGE,
  REUSEPORT_SOCKARRAY,
  PERCPU_CGROUP_STORAGE,
  QUEUE,
  STACK,
  SK_STORAGE,
  DEVMAP_HASH,
  STRUCT_OPS,
  RINGBUF,
  INODE_STORAGE,
  TASK_STORAGE,
  BLOOM_FILTER,
  USER_RINGBUF,
  CGRP_STORAGE,
  ARENA,
];

const byName: ReadonlyMap<string, MapTypeRow> = new Map(MAP_TYPES.map((row) => [row.name, row]));
const byId: ReadonlyMap<number, MapTypeRow> = new Map(MAP_TYPES.map((row) => [row.id, row]));

/** Row of a lower-case kernel name ('percpu_hash'), with or without BPF_MAP_TYPE_. */
export function mapTypeByName(name: string): MapTypeRow | undefined {
  return byName.get(name) ?? byName.get(name.toLowerCase().replace(/^bpf_map_type_/, ''));
}

/** Row of a BPF_MAP_TYPE_* number. */
export function mapTypeById(id: number): MapTypeRow | undefined {
  return byId.get(id);
}

/** Names like `name`, best first: for "no such map type". */
export function nearestMapTypes(name: string): string[] {
  return nearestNames(name, byName.keys());
}

/**
 * Why a map of these attributes cannot be: the errno name first ('EINVAL: ...'), or undefined when it can. An unknown
 * type is EINVAL.
 */
export function checkMap(attrs: MapAttrs): string | undefined {
  const row = mapTypeByName(attrs.type);
  if (!row) {
    const near = nearestMapTypes(attrs.type);
    return `EINVAL: there is no map type '${attrs.type}'${near.length > 0 ? ` (near: ${near.join(', ')})` : ''}`;
  }
  return row.check(attrs);
}

/**
 * A new, empty map. Throws BpfError with the errno's name as code when the attributes are refused (as BPF_MAP_CREATE
 * would) or memory is short, Unsupported when the type is known but has no behaviour here.
 */
export function createMap(attrs: MapAttrs, host: MapHost): BpfMap {
  const refusal = checkMap(attrs);
  if (refusal !== undefined) {
    const colon = refusal.indexOf(':');
    throw new BpfError(
      refusal.slice(0, colon),
      `map ${attrs.name}: ${refusal.slice(colon + 2)} (${refusal.slice(0, colon)})`,
    );
  }
  const row = mapTypeByName(attrs.type)!;
  if (!row.create)
    throw new Unsupported(`map type ${row.name} (map ${attrs.name})`, {
      since: row.since,
      ...(row.why !== undefined && { hint: row.why }),
    });
  try {
    const map = row.create(attrs, host);
    if ((attrs.flags ?? 0) & BPF_F_WRONLY) refuseUserReads(map);
    return map;
  } catch (error) {
    if (error instanceof BpfError && error.code === 'ENOMEM') throw tooLarge(attrs, row, host, error);
    throw error;
  }
}

/** BPF_F_WRONLY: user space may not read (-EPERM from each of these); programs may. */
function refuseUserReads(map: BpfMap): void {
  map.lookup = () => undefined;
  map.nextKey = () => undefined;
  if (map.lookupAndDelete) map.lookupAndDelete = () => undefined;
}

/** What a map that does not fit wanted, and what to do about it. */
function tooLarge(attrs: MapAttrs, row: MapTypeRow, host: MapHost, cause: BpfError): BpfError {
  const values = row.perCpu ? host.cpus : 1;
  const wanted = attrs.maxEntries * (attrs.keySize + values * attrs.valueSize);
  const each = `${attrs.keySize} + ${values > 1 ? `${values} x ` : ''}${attrs.valueSize} bytes`;
  const lazy = (attrs.flags ?? 0) & BPF_F_NO_PREALLOC || !/^(percpu_)?hash$/.test(row.name);
  return new BpfError(
    'ENOMEM',
    `map ${attrs.name}: a ${row.name} of ${attrs.maxEntries} entries (${each}) wants ${inUnits(wanted)} and more; all maps together have at most 4 GiB: make it smaller${lazy ? '' : ', or give it BPF_F_NO_PREALLOC, with which entries take memory as they come'} (${cause.message})`,
    { cause },
  );
}

function inUnits(bytes: number): string {
  return bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(1)} GiB` : `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
