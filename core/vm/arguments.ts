/**
 * Helper arguments of unverified programs: what the verifier would have proved is checked at each call, from the helper's
 * row. Nothing here runs for verified programs.
 */
import { KERNEL_HI } from '../base/memory.ts';
import type { ArgKind, HelperEnv, HelperRow } from '../helpers/helper.ts';
import type { BpfMap } from '../maps/map.ts';
import type { AccessMap } from './access.ts';
import { REASON } from './layout.ts';

const READS: ReadonlySet<ArgKind> = new Set(['mem', 'mem_or_null', 'stack', 'stack_or_null']);
const WRITES: ReadonlySet<ArgKind> = new Set(['uninit_mem']);
const SIZES: ReadonlySet<ArgKind> = new Set(['const_size', 'const_size_or_zero', 'const_alloc_size_or_zero']);

/** What is wrong with the arguments in r[2..11], or undefined. */
export function checkArguments(row: HelperRow, env: HelperEnv, r: Int32Array, access: AccessMap): string | undefined {
  let map: BpfMap | undefined;
  for (let a = 0; a < row.args.length; a++) {
    const kind = row.args[a]!;
    const lo = r[2 + 2 * a]!;
    const hi = r[3 + 2 * a]!;
    const isNull = lo === 0 && hi === 0;
    const may = (size: number, write: boolean): string | undefined =>
      access.allows(lo, hi, size, write)
        ? undefined
        : REASON.argument(row.name, a, `points to ${size} bytes outside the program's memory`);
    let bad: string | undefined;
    if (kind === 'const_map_ptr') {
      map = hi === KERNEL_HI ? env.mapAt(lo >>> 0) : undefined;
      if (!map) bad = REASON.argument(row.name, a, 'is not a map');
    } else if (kind === 'map_key') bad = may(map?.attrs.keySize ?? 0, false);
    else if (kind === 'map_value') bad = may(map?.attrs.valueSize ?? 0, false);
    else if (kind === 'uninit_map_value') bad = may(map?.attrs.valueSize ?? 0, true);
    else if (kind === 'int' || kind === 'ptr_to_int') bad = kind === 'int' ? may(4, true) : undefined;
    else if (kind === 'long' || kind === 'ptr_to_long') bad = kind === 'long' ? may(8, true) : undefined;
    else if (kind === 'const_str')
      bad = terminated(access, env, lo, hi) ? undefined : REASON.argument(row.name, a, 'is not a string');
    else if (READS.has(kind) || WRITES.has(kind)) {
      const sized = SIZES.has(row.args[a + 1]!);
      const sizeLo = sized ? r[4 + 2 * a]! : 1;
      if (sized && (r[5 + 2 * a] !== 0 || sizeLo < 0)) bad = REASON.argument(row.name, a + 1, 'is no size');
      else if (isNull && kind.endsWith('_or_null')) bad = undefined;
      else if (sizeLo > 0) bad = may(sizeLo, WRITES.has(kind));
    } else if (POINTERS.has(kind)) {
      bad = REASON.argument(row.name, a, `is a ${kind}, which only verified programs may pass`);
    }
    if (bad !== undefined) return bad;
  }
  return undefined;
}

/** Kinds whose target's size or nature only the verifier knows. `ctx`, `anything`, `unsafe_ptr` and `func` need no check. */
const POINTERS: ReadonlySet<ArgKind> = new Set([
  'alloc_mem',
  'spin_lock',
  'timer',
  'sock_common',
  'socket',
  'btf_id',
  'btf_id_sock_common',
  'percpu_btf_id',
  'kptr',
  'dynptr',
  'uninit_dynptr',
]);

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
