/**
 * Values of stack_trace maps: return addresses, innermost first and zero-terminated, or build-id entries
 * (struct bpf_stack_build_id of include/uapi/linux/bpf.h: s32 status, 20 bytes of id, u64 offset or address).
 */
import { BPF_F_STACK_BUILD_ID } from '../maps/flags.ts';

/** kernel.perf_event_max_stack, BCC's MAX_DEPTH. */
const DEPTH_MOST = 127;
const BUILD_ID_ENTRY = 32;
/** The entry has a build id and a file offset (1), rather than nothing (0) or an address (2). */
const STATUS_VALID = 1;

/** A frame of a stack by build id: BPF.sym names it once addModule has named the file. */
export interface BuildIdFrame {
  readonly buildId: Uint8Array;
  /** Position in the file. */
  readonly offset: bigint;
}

/** Addresses of a stack; for a map with build ids, the frames up to the first that has none. */
export function* stackFrames(value: Uint8Array, flags: number): IterableIterator<bigint | BuildIdFrame> {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const buildIds = (flags & BPF_F_STACK_BUILD_ID) !== 0;
  const entry = buildIds ? BUILD_ID_ENTRY : 8;
  const depth = Math.min(DEPTH_MOST, Math.floor(value.length / entry));
  for (let i = 0; i < depth; i++) {
    if (buildIds && view.getInt32(i * entry, true) !== STATUS_VALID) return;
    const at = i * entry;
    const address = view.getBigUint64(at + (buildIds ? 24 : 0), true);
    if (address === 0n && !buildIds) return;
    yield buildIds ? { buildId: value.slice(at + 4, at + 24), offset: address } : address;
  }
}
