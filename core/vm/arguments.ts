/**
 * Helper arguments of unverified programs: what the verifier would have proved is checked at each call, from the helper's
 * row. Nothing here runs for verified programs.
 */
import { KERNEL_HI } from '../base/memory.ts';
import type { ArgKind, HelperEnv, HelperRow } from '../helpers/helper.ts';
import type { BpfMap } from '../maps/map.ts';
import type { AccessMap } from './access.ts';
import { REASON } from './layout.ts';

/** How an argument is checked. */
type Check =
  /** Any number will do. */
  | 'any'
  | 'map'
  | 'ctx'
  | 'string'
  | 'size'
  /** Points to memory of a size known from the map, the next argument, or the row; `write`: the helper stores there. */
  | {
      readonly bytes: 'key' | 'value' | 'next' | 'row' | number;
      readonly write?: true;
      readonly orNull?: true;
    }
  /** What it points to is known to the verifier only. */
  | 'verified';

const CHECK: Readonly<Record<ArgKind, Check>> = {
  anything: 'any',
  scalar: 'any',
  unsafe_ptr: 'any',
  func: 'any',
  const_map_ptr: 'map',
  ctx: 'ctx',
  ctx_or_null: 'ctx',
  const_str: 'string',
  const_size: 'size',
  const_size_or_zero: 'size',
  const_alloc_size_or_zero: 'size',
  map_key: { bytes: 'key' },
  map_value: { bytes: 'value' },
  map_value_or_null: { bytes: 'value', orNull: true },
  uninit_map_value: { bytes: 'value', write: true },
  mem: { bytes: 'next' },
  mem_or_null: { bytes: 'next', orNull: true },
  uninit_mem: { bytes: 'next', write: true },
  mem_write: { bytes: 'next', write: true },
  mem_write_or_null: { bytes: 'next', write: true, orNull: true },
  fixed_mem: { bytes: 'row' },
  stack: { bytes: 1 },
  stack_or_null: { bytes: 1, orNull: true },
  int: { bytes: 4, write: true },
  long: { bytes: 8, write: true },
  ptr_to_int: { bytes: 4, write: true },
  ptr_to_long: { bytes: 8, write: true },
  alloc_mem: 'verified',
  spin_lock: 'verified',
  timer: 'verified',
  sock_common: 'verified',
  socket: 'verified',
  socket_or_null: 'verified',
  btf_id: 'verified',
  btf_id_or_null: 'verified',
  btf_id_sock_common: 'verified',
  btf_id_sock_common_or_null: 'verified',
  percpu_btf_id: 'verified',
  kptr: 'verified',
  dynptr: 'verified',
  uninit_dynptr: 'verified',
};

/** What is wrong with the arguments in r[2..11], or undefined. */
export function checkArguments(row: HelperRow, env: HelperEnv, r: Int32Array, access: AccessMap): string | undefined {
  let map: BpfMap | undefined;
  for (let a = 0; a < row.args.length; a++) {
    const check = CHECK[row.args[a]!];
    const lo = r[2 + 2 * a]!;
    const hi = r[3 + 2 * a]!;
    const wrong = (says: string) => REASON.argument(row.name, a, says);
    switch (check) {
      case 'any':
        break;
      case 'map':
        map = hi === KERNEL_HI ? env.mapAt(lo >>> 0) : undefined;
        if (!map) return wrong('is not a map');
        break;
      case 'ctx':
        if (lo === 0 && hi === 0 && row.args[a] === 'ctx_or_null') break;
        if (hi !== KERNEL_HI || lo >>> 0 !== env.ctx) return wrong("is not the program's ctx");
        break;
      case 'string':
        if (!terminated(access, env, lo, hi)) return wrong("is not a string in the program's memory");
        break;
      case 'size':
        if (hi !== 0 || lo < 0) return wrong('is no size');
        break;
      case 'verified':
        return wrong(`is of kind ${row.args[a]}, which only verified programs may pass`);
      default: {
        const size = sizeOf(check.bytes, row, a, r, map);
        if (check.orNull && lo === 0 && hi === 0) break;
        // A size that is none is reported as the next argument's fault.
        if (size > 0 && !access.allows(lo, hi, size, check.write === true)) {
          return wrong(`points to ${size} bytes outside the program's memory`);
        }
      }
    }
  }
  return undefined;
}

function sizeOf(
  bytes: 'key' | 'value' | 'next' | 'row' | number,
  row: HelperRow,
  a: number,
  r: Int32Array,
  map: BpfMap | undefined,
): number {
  if (bytes === 'key') return map?.attrs.keySize ?? 0;
  if (bytes === 'value') return map?.attrs.valueSize ?? 0;
  if (bytes === 'row') return row.argSizes?.[a + 1] ?? 1;
  if (bytes === 'next') {
    const sized = row.args[a + 1] !== undefined && CHECK[row.args[a + 1]!] === 'size';
    return sized ? r[4 + 2 * a]! : 1;
  }
  return bytes;
}

function terminated(access: AccessMap, env: HelperEnv, lo: number, hi: number): boolean {
  for (let at = lo; access.allows(at, hi, 1, false); at++) if (env.memory.u8[at >>> 0] === 0) return true;
  return false;
}

/** A map value that a lookup handed out becomes the program's memory. `mapOffset` is the low half of r1 before the call. */
export function grantResult(row: HelperRow, env: HelperEnv, r: Int32Array, mapOffset: number, access: AccessMap): void {
  if (row.ret !== 'map_value' && row.ret !== 'map_value_or_null') return;
  if (r[1] !== KERNEL_HI) return;
  const map = env.mapAt(mapOffset >>> 0);
  if (map) access.grant(r[0]! >>> 0, map.attrs.valueSize);
}
