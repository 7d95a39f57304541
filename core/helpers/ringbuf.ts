/**
 * Ring buffers, kernel to user (ringbuf) and user to kernel (user_ringbuf). Signatures: kernel/bpf/ringbuf.c.
 */
import { BpfError } from '../base/errors.ts';
import { KERNEL_HI, type LinearMemory } from '../base/memory.ts';
import { EINVAL, ENODATA } from '../maps/errno.ts';
import { RingbufMap, ringbufHeaderOf } from '../maps/ringbuf.ts';
import { UserRingbufMap } from '../maps/user-ringbuf.ts';
import { callBack } from './callback.ts';
import {
  checkDynptrSize,
  DYNPTR_LOCAL,
  DYNPTR_RINGBUF,
  DYNPTR_SIZE,
  readDynptr,
  writeDynptr,
} from './dynptr-layout.ts';
import type { HelperEnv, HelperRow, RegFile } from './helper.ts';
import { mapArgument } from './map.ts';
import { returnNumber, returnPointer, u32, u64 } from './registers.ts';

/** BPF_RB_NO_WAKEUP and BPF_RB_FORCE_WAKEUP. */
const WAKEUP_FLAGS = 3;
/** Most samples one bpf_user_ringbuf_drain hands out. */
const DRAIN_MAX = 128 * 1024;
/** Largest record (RINGBUF_MAX_RECORD_SZ). */
const RECORD_MAX = 0x3fffffff;

function ringbuf(env: HelperEnv, r: RegFile): RingbufMap {
  const map = mapArgument(env, r);
  if (!(map instanceof RingbufMap)) throw new BpfError('EINVAL', `map ${map.attrs.name} is not a ring buffer`);
  return map;
}

function reserve(map: RingbufMap, size: number): number {
  return size > RECORD_MAX ? 0 : map.reserve(size);
}

function output(env: HelperEnv, r: RegFile) {
  const map = ringbuf(env, r);
  if (u64(r, 4) > WAKEUP_FLAGS) return returnNumber(r, EINVAL);
  returnNumber(r, map.output(u32(r, 2), u32(r, 3), u32(r, 4)));
}

/** The ring buffer that a record belongs to is found through the record. */
function commit(env: HelperEnv, sample: number, flags: number, discard: boolean) {
  const map = env.mapAt(ringbufHeaderOf(env.memory, sample));
  if (!(map instanceof RingbufMap)) throw new BpfError('EINVAL', 'not a reserved ring buffer record');
  map.commit(sample, flags, discard);
}

function reserveDynptr(env: HelperEnv, r: RegFile) {
  const size = u32(r, 2);
  const bad = u64(r, 3) !== 0 ? EINVAL : checkDynptrSize(size);
  const sample = bad === 0 ? reserve(ringbuf(env, r), size) : 0;
  writeDynptr(env.memory, u32(r, 4), DYNPTR_RINGBUF, sample, size);
  returnNumber(r, bad !== 0 ? bad : sample === 0 ? EINVAL : 0);
}

function commitDynptr(discard: boolean) {
  return (env: HelperEnv, r: RegFile) => {
    const at = u32(r, 1);
    const { data } = readDynptr(env.memory, at);
    if (data !== 0) commit(env, data, u32(r, 2), discard);
    writeDynptr(env.memory, at, DYNPTR_RINGBUF, 0, 0);
    returnNumber(r, 0);
  };
}

const dynptrScratch = new WeakMap<LinearMemory, number>();

/** Call back with a dynptr on each sample, until there are none or the callback answers 1; how many samples. */
function drain(env: HelperEnv, r: RegFile) {
  const map = mapArgument(env, r);
  if (!(map instanceof UserRingbufMap) || u64(r, 4) > WAKEUP_FLAGS) return returnNumber(r, EINVAL);
  const functionAt = r[4]!;
  const [contextLo, contextHi] = [r[6]!, r[7]!];
  const { memory } = env;
  const dynptr = dynptrScratch.get(memory) ?? memory.alloc(DYNPTR_SIZE);
  dynptrScratch.set(memory, dynptr);
  const args = new Int32Array(10);
  let samples = 0;
  for (let stop = 0; samples < DRAIN_MAX && stop === 0; samples++) {
    const sample = map.peek();
    if (sample === ENODATA) break;
    if (typeof sample === 'number') return returnNumber(r, sample);
    writeDynptr(memory, dynptr, DYNPTR_LOCAL, sample.offset, sample.size);
    args.set([dynptr, KERNEL_HI, contextLo, contextHi, 0, 0, 0, 0, 0, 0]);
    stop = callBack(env, functionAt, args);
    map.release(sample.size);
  }
  returnNumber(r, samples);
}

export const RINGBUF_HELPERS = [
  {
    id: 130,
    name: 'ringbuf_output',
    args: ['const_map_ptr', 'mem', 'const_size_or_zero', 'anything'],
    ret: 'integer',
    since: '5.8',
    progTypes: 'all',
    run: output,
  },
  {
    id: 131,
    name: 'ringbuf_reserve',
    args: ['const_map_ptr', 'const_alloc_size_or_zero', 'anything'],
    ret: 'alloc_mem_or_null',
    since: '5.8',
    progTypes: 'all',
    acquires: true,
    run: (env: HelperEnv, r: RegFile) =>
      returnPointer(r, u64(r, 3) !== 0 || r[5] !== 0 ? 0 : reserve(ringbuf(env, r), u32(r, 2))),
  },
  {
    id: 132,
    name: 'ringbuf_submit',
    args: ['alloc_mem', 'anything'],
    ret: 'void',
    since: '5.8',
    progTypes: 'all',
    releases: 1,
    run: (env: HelperEnv, r: RegFile) => commit(env, u32(r, 1), u32(r, 2), false),
  },
  {
    id: 133,
    name: 'ringbuf_discard',
    args: ['alloc_mem', 'anything'],
    ret: 'void',
    since: '5.8',
    progTypes: 'all',
    releases: 1,
    run: (env: HelperEnv, r: RegFile) => commit(env, u32(r, 1), u32(r, 2), true),
  },
  {
    id: 134,
    name: 'ringbuf_query',
    args: ['const_map_ptr', 'anything'],
    ret: 'integer',
    since: '5.8',
    progTypes: 'all',
    run: (env: HelperEnv, r: RegFile) => returnNumber(r, r[5] === 0 ? ringbuf(env, r).query(u32(r, 2)) : 0),
  },
  {
    id: 198,
    name: 'ringbuf_reserve_dynptr',
    args: ['const_map_ptr', 'anything', 'anything', 'uninit_dynptr'],
    ret: 'integer',
    since: '5.19',
    progTypes: 'all',
    run: reserveDynptr,
  },
  {
    id: 199,
    name: 'ringbuf_submit_dynptr',
    args: ['dynptr', 'anything'],
    ret: 'void',
    since: '5.19',
    progTypes: 'all',
    releases: 1,
    run: commitDynptr(false),
  },
  {
    id: 200,
    name: 'ringbuf_discard_dynptr',
    args: ['dynptr', 'anything'],
    ret: 'void',
    since: '5.19',
    progTypes: 'all',
    releases: 1,
    run: commitDynptr(true),
  },
  {
    id: 209,
    name: 'user_ringbuf_drain',
    args: ['const_map_ptr', 'func', 'stack_or_null', 'anything'],
    ret: 'integer',
    since: '6.1',
    progTypes: 'all',
    run: drain,
  },
] as const satisfies readonly HelperRow[];
