/**
 * Stack traces. Signatures: kernel/bpf/stackmap.c.
 */
import { EFAULT, EINVAL } from '../maps/errno.ts';
import { BUILD_ID_ENTRY, STACK_DEPTH_MAX, STACK_FLAGS, StackTraceMap, storeBuildIds } from '../maps/stack-trace.ts';
import type { HelperEnv, HelperRow, RegFile } from './helper.ts';
import { mapArgument } from './map.ts';
import { returnNumber, u32, u64 } from './registers.ts';

const STACKID_FLAGS = STACK_FLAGS.SKIP | STACK_FLAGS.USER | STACK_FLAGS.FAST_CMP | STACK_FLAGS.REUSE;
const STACK_GET_FLAGS = STACK_FLAGS.SKIP | STACK_FLAGS.USER | STACK_FLAGS.BUILD_ID;

/** Frames to walk for `room` of them after the skipped ones. */
function depth(room: number, flags: number): number {
  return Math.min(room + (flags & STACK_FLAGS.SKIP), STACK_DEPTH_MAX);
}

function walk(env: HelperEnv, flags: number, most: number, task?: number): Int32Array | undefined {
  return env.callchain?.((flags & STACK_FLAGS.USER) !== 0 ? 'user' : 'kernel', most, task);
}

function getStackid(env: HelperEnv, r: RegFile) {
  const map = mapArgument(env, r, 2);
  const flags = u64(r, 3);
  if (flags > STACKID_FLAGS || (flags & ~STACKID_FLAGS) !== 0 || !(map instanceof StackTraceMap)) {
    return returnNumber(r, EINVAL);
  }
  const ips = walk(env, flags, depth(map.depth, flags));
  returnNumber(r, ips ? map.store(ips, flags, env.buildId?.bind(env)) : EFAULT);
}

/** Stack of the current task (or of `task`) into a buffer; the bytes used, the rest zeroed; on error all of it. */
function getStack(env: HelperEnv, r: RegFile, task?: number) {
  const to = u32(r, 2);
  const size = u32(r, 3);
  const flags = u64(r, 4);
  const { u8, i32, view } = env.memory;
  const fail = (errno: number) => {
    u8.fill(0, to, to + size);
    returnNumber(r, errno);
  };
  const buildIds = (flags & STACK_FLAGS.BUILD_ID) !== 0;
  if (flags > 0xfff || (flags & ~STACK_GET_FLAGS) !== 0) return fail(EINVAL);
  if (buildIds && (flags & STACK_FLAGS.USER) === 0) return fail(EINVAL);
  const entry = buildIds ? BUILD_ID_ENTRY : 8;
  if (size % entry !== 0) return fail(EINVAL);
  const ips = walk(env, flags, depth(size / entry, flags), task);
  const skip = flags & STACK_FLAGS.SKIP;
  if (!ips || ips.length / 2 < skip) return fail(EFAULT);
  const frames = Math.min(ips.length / 2 - skip, size / entry);
  const chain = ips.subarray(2 * skip, 2 * (skip + frames));
  if (buildIds) storeBuildIds(view, u8, to, chain, frames, env.buildId?.bind(env));
  else if ((to & 3) === 0) i32.set(chain, to >>> 2);
  else for (let i = 0; i < chain.length; i++) view.setInt32(to + 4 * i, chain[i]!, true);
  u8.fill(0, to + frames * entry, to + size);
  returnNumber(r, frames * entry);
}

export const STACK_HELPERS = [
  {
    id: 27,
    name: 'get_stackid',
    args: ['ctx', 'const_map_ptr', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '4.6',
    progTypes: 'tracing',
    run: getStackid,
  },
  {
    id: 67,
    name: 'get_stack',
    args: ['ctx', 'uninit_mem', 'const_size_or_zero', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '4.18',
    progTypes: 'tracing',
    run: (env: HelperEnv, r: RegFile) => getStack(env, r),
  },
  {
    id: 141,
    name: 'get_task_stack',
    args: ['btf_id', 'uninit_mem', 'const_size_or_zero', 'anything'],
    ret: 'integer',
    since: '5.9',
    progTypes: 'all',
    before: { kernel: '6.16', progTypes: ['all_tracing'] },
    argBtf: { 1: 'task_struct' },
    run: (env: HelperEnv, r: RegFile) => getStack(env, r, u32(r, 1)),
  },
] as const satisfies readonly HelperRow[];
