/**
 * Dynamic pointers: memory whose size is known at run time only. Signatures: kernel/bpf/helpers.c.
 */
import { EINVAL } from '../maps/errno.ts';
import { checkDynptrSize, DYNPTR_LOCAL, dynptrRange, readDynptr, writeDynptr } from './dynptr-layout.ts';
import type { HelperEnv, HelperRow, RegFile } from './helper.ts';
import { returnNumber, returnPointer, u32, u64 } from './registers.ts';

function fromMem(env: HelperEnv, r: RegFile) {
  const size = u32(r, 2);
  const to = u32(r, 4);
  const bad = checkDynptrSize(size) || (u64(r, 3) !== 0 ? EINVAL : 0);
  writeDynptr(env.memory, to, DYNPTR_LOCAL, bad === 0 ? u32(r, 1) : 0, size);
  returnNumber(r, bad);
}

function read(env: HelperEnv, r: RegFile) {
  const pointer = readDynptr(env.memory, u32(r, 3));
  if (pointer.data === 0 || u64(r, 5) !== 0) return returnNumber(r, EINVAL);
  const length = u32(r, 2);
  const from = dynptrRange(pointer, u32(r, 4), length);
  if (from < 0) return returnNumber(r, from);
  env.memory.u8.copyWithin(u32(r, 1), from, from + length);
  returnNumber(r, 0);
}

function write(env: HelperEnv, r: RegFile) {
  const pointer = readDynptr(env.memory, u32(r, 1));
  if (pointer.data === 0 || pointer.readOnly || u64(r, 5) !== 0) return returnNumber(r, EINVAL);
  const length = u32(r, 4);
  const to = dynptrRange(pointer, u32(r, 2), length);
  if (to < 0) return returnNumber(r, to);
  const from = u32(r, 3);
  env.memory.u8.copyWithin(to, from, from + length);
  returnNumber(r, 0);
}

function data(env: HelperEnv, r: RegFile) {
  const pointer = readDynptr(env.memory, u32(r, 1));
  const at = pointer.data === 0 || pointer.readOnly ? 0 : dynptrRange(pointer, u32(r, 2), u32(r, 3));
  returnPointer(r, Math.max(at, 0));
}

export const DYNPTR_HELPERS = [
  {
    id: 197,
    name: 'dynptr_from_mem',
    args: ['uninit_mem', 'const_size_or_zero', 'anything', 'uninit_dynptr'],
    ret: 'integer',
    since: '5.19',
    progTypes: 'all',
    run: fromMem,
  },
  {
    id: 201,
    name: 'dynptr_read',
    args: ['uninit_mem', 'const_size_or_zero', 'dynptr', 'anything', 'anything'],
    ret: 'integer',
    since: '5.19',
    progTypes: 'all',
    run: read,
  },
  {
    id: 202,
    name: 'dynptr_write',
    args: ['dynptr', 'anything', 'mem', 'const_size_or_zero', 'anything'],
    ret: 'integer',
    since: '5.19',
    progTypes: 'all',
    run: write,
  },
  {
    id: 203,
    name: 'dynptr_data',
    args: ['dynptr', 'anything', 'const_alloc_size_or_zero'],
    ret: 'dynptr_mem_or_null',
    since: '5.19',
    progTypes: 'all',
    run: data,
  },
] as const satisfies readonly HelperRow[];
