/**
 * THE HELPER TABLE: the 211 helpers of Linux 6.18 (include/uapi/linux/bpf.h, ___BPF_FUNC_MAPPER), one row each, from
 * one file a family. Everything that knows helpers (compiler, verifier, disassembler, engines) asks here.
 */
import { nearestNames, Unsupported } from '../base/errors.ts';
import { CGROUP_HELPERS } from './cgroup.ts';
import { CSUM_HELPERS } from './csum.ts';
import { DYNPTR_HELPERS } from './dynptr.ts';
import type { ArgKind, HelperEnv, HelperRow, RegFile } from './helper.ts';
import { LIRC_HELPERS } from './lirc.ts';
import { LWT_HELPERS } from './lwt.ts';
import { MAP_HELPERS } from './map.ts';
import { PERF_HELPERS } from './perf.ts';
import { PROBE_READ_HELPERS } from './probe-read.ts';
import { expandProgTypes } from './prog-sets.ts';
import { RINGBUF_HELPERS } from './ringbuf.ts';
import { SKB_HELPERS } from './skb.ts';
import { SOCKET_HELPERS } from './socket.ts';
import { SOCKMAP_HELPERS } from './sockmap.ts';
import { STACK_HELPERS } from './stack.ts';
import { STORAGE_HELPERS } from './storage.ts';
import { STRING_HELPERS } from './string.ts';
import { SYNC_HELPERS } from './sync.ts';
import { SYSTEM_HELPERS } from './system.ts';
import { TASK_HELPERS } from './task.ts';
import { TCP_HELPERS } from './tcp.ts';
import { TIME_HELPERS } from './time.ts';
import { TRACE_HELPERS } from './trace.ts';
import { TRAMPOLINE_HELPERS } from './trampoline.ts';
import { whyUnmodelled } from './unmodelled.ts';
import { XDP_HELPERS } from './xdp.ts';

const rows: readonly HelperRow[] = [
  ...MAP_HELPERS,
  ...TIME_HELPERS,
  ...TASK_HELPERS,
  ...PROBE_READ_HELPERS,
  ...TRACE_HELPERS,
  ...PERF_HELPERS,
  ...STACK_HELPERS,
  ...RINGBUF_HELPERS,
  ...DYNPTR_HELPERS,
  ...STORAGE_HELPERS,
  ...SYNC_HELPERS,
  ...SYSTEM_HELPERS,
  ...STRING_HELPERS,
  ...TRAMPOLINE_HELPERS,
  ...SKB_HELPERS,
  ...CSUM_HELPERS,
  ...XDP_HELPERS,
  ...LWT_HELPERS,
  ...SOCKET_HELPERS,
  ...TCP_HELPERS,
  ...SOCKMAP_HELPERS,
  ...CGROUP_HELPERS,
  ...LIRC_HELPERS,
];
/** Every row, by id. */
export const HELPERS: readonly HelperRow[] = [...rows].sort((a, b) => a.id - b.id);

const byId: readonly (HelperRow | undefined)[] = (() => {
  const table: (HelperRow | undefined)[] = [];
  for (const row of HELPERS) table[row.id] = row;
  return table;
})();
const byName: ReadonlyMap<string, HelperRow> = new Map(HELPERS.map((row) => [row.name, row]));

/** The row with this id, or undefined (0 and ids past the last are no helpers). */
export function helperById(id: number): HelperRow | undefined {
  return byId[id];
}

/** The row of a kernel name, with or without `bpf_`. */
export function helperByName(name: string): HelperRow | undefined {
  return byName.get(name.startsWith('bpf_') ? name.slice(4) : name);
}

/** Names like `name` (without `bpf_`), best first: for "no such helper" messages. */
export function nearestHelpers(name: string): string[] {
  return nearestNames(name.replace(/^bpf_/, ''), byName.keys());
}

/** Program types that may call the helper, sets expanded; `type:attach_type` where only that attach type may. */
export function programTypesOf(row: HelperRow): readonly string[] {
  return expandProgTypes(row.progTypes);
}

const allowed = new WeakMap<HelperRow, ReadonlySet<string>>();

/**
 * May a program of this type call the helper (6.18's rules)? `ext` programs have the helpers of what they replace,
 * which the caller must know: for `ext` itself the answer is false. `attachType` matters to the few rows that want one
 * (`tracing:trace_iter`); absent, any will do.
 */
export function mayCall(row: HelperRow, progType: string, attachType?: string): boolean {
  let set = allowed.get(row);
  if (!set) {
    set = new Set(programTypesOf(row));
    allowed.set(row, set);
  }
  if (set.has(progType)) return true;
  if (attachType !== undefined) return set.has(`${progType}:${attachType}`);
  for (const name of set) if (name.startsWith(`${progType}:`)) return true;
  return false;
}

/** Argument kinds of the helper in programs of this type (a few ids have more than one signature). */
export function signatureOf(
  row: HelperRow,
  progType: string,
): { readonly args: readonly ArgKind[]; readonly argBtf?: { readonly [arg: number]: string } | undefined } {
  for (const v of row.variants ?? []) if (expandProgTypes(v.progTypes).includes(progType)) return v;
  return row;
}

/** Why a program of this type may not call the helper, naming those that may: one sentence. */
export function notAvailable(row: HelperRow, progType: string): string {
  const types = programTypesOf(row);
  return `helper \`${row.name}\` is not available to ${progType} programs; available to: ${types.join(', ')}`;
}

/** Run a helper. Throws Unsupported by name when the row has no behaviour. */
export function runHelper(row: HelperRow, env: HelperEnv, r: RegFile): void {
  if (!row.run) {
    const hint = whyUnmodelled(row.name);
    throw new Unsupported(`helper \`${row.name}\``, { since: row.since, ...(hint !== undefined && { hint }) });
  }
  row.run(env, r);
}
