/**
 * Reading memory by address, with faults instead of crashes. Signatures: kernel/trace/bpf_trace.c,
 * kernel/bpf/helpers.c.
 */
import { EFAULT, EINVAL, EPERM } from '../maps/errno.ts';
import type { HelperEnv, HelperRow, RegFile } from './helper.ts';
import { returnNumber, u32, u64 } from './registers.ts';

type Space = 'kernel' | 'user' | 'any';

/** Copy `size` bytes of any address; on a fault the whole destination is zeroed and -EFAULT returned. */
function probeRead(space: Space) {
  return (env: HelperEnv, r: RegFile) => {
    const to = u32(r, 1);
    const size = u32(r, 2);
    const result = size === 0 ? 0 : env.read(space, r[6]!, r[7]!, size, to);
    if (result < 0) env.memory.u8.fill(0, to, to + size);
    returnNumber(r, Math.min(result, 0));
  };
}

/** Copy a string: its length with the NUL, at most `size`; a longer one is cut and still ends in NUL. */
function probeReadString(space: Space) {
  return (env: HelperEnv, r: RegFile) => {
    const to = u32(r, 1);
    const size = u32(r, 2);
    if (size === 0) return returnNumber(r, 0);
    const result = env.readString(space, r[6]!, r[7]!, size, to);
    const { u8 } = env.memory;
    if (result < 0) u8.fill(0, to, to + size);
    else if (result >= size) u8[to + size - 1] = 0;
    returnNumber(r, Math.min(result, size));
  };
}

export const PROBE_READ_HELPERS = [
  {
    id: 4,
    name: 'probe_read',
    args: ['uninit_mem', 'const_size_or_zero', 'unsafe_ptr'],
    ret: 'integer',
    gplOnly: true,
    since: '4.1',
    progTypes: 'tracing',
    run: probeRead('any'),
  },
  {
    id: 36,
    name: 'probe_write_user',
    args: ['unsafe_ptr', 'mem', 'const_size'],
    ret: 'integer',
    gplOnly: true,
    since: '4.8',
    progTypes: 'tracing',
    run: (env: HelperEnv, r: RegFile) => returnNumber(r, env.writeUser?.(r[2]!, r[3]!, u32(r, 2), u32(r, 3)) ?? EPERM),
  },
  {
    id: 45,
    name: 'probe_read_str',
    args: ['uninit_mem', 'const_size_or_zero', 'unsafe_ptr'],
    ret: 'integer',
    gplOnly: true,
    since: '4.11',
    progTypes: 'tracing',
    run: probeReadString('any'),
  },
  {
    id: 112,
    name: 'probe_read_user',
    args: ['uninit_mem', 'const_size_or_zero', 'unsafe_ptr'],
    ret: 'integer',
    gplOnly: true,
    since: '5.5',
    progTypes: 'all',
    run: probeRead('user'),
  },
  {
    id: 113,
    name: 'probe_read_kernel',
    args: ['uninit_mem', 'const_size_or_zero', 'unsafe_ptr'],
    ret: 'integer',
    gplOnly: true,
    since: '5.5',
    progTypes: 'all',
    run: probeRead('kernel'),
  },
  {
    id: 114,
    name: 'probe_read_user_str',
    args: ['uninit_mem', 'const_size_or_zero', 'unsafe_ptr'],
    ret: 'integer',
    gplOnly: true,
    since: '5.5',
    progTypes: 'all',
    run: probeReadString('user'),
  },
  {
    id: 115,
    name: 'probe_read_kernel_str',
    args: ['uninit_mem', 'const_size_or_zero', 'unsafe_ptr'],
    ret: 'integer',
    gplOnly: true,
    since: '5.5',
    progTypes: 'all',
    run: probeReadString('kernel'),
  },
  {
    id: 148,
    name: 'copy_from_user',
    args: ['uninit_mem', 'const_size_or_zero', 'unsafe_ptr'],
    ret: 'integer',
    since: '5.10',
    progTypes: 'all',
    before: { kernel: '6.16', progTypes: ['all_tracing'] },
    mightSleep: true,
    run: probeRead('user'),
  },
  {
    id: 191,
    name: 'copy_from_user_task',
    args: ['uninit_mem', 'const_size_or_zero', 'unsafe_ptr', 'btf_id', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '5.18',
    progTypes: 'all',
    before: { kernel: '6.16', progTypes: ['all_tracing'] },
    argBtf: { 4: 'task_struct' },
    mightSleep: true,
    run: (env: HelperEnv, r: RegFile) => {
      const to = u32(r, 1);
      const size = u32(r, 2);
      if (u64(r, 5) !== 0) return returnNumber(r, EINVAL);
      const result = size === 0 ? 0 : (env.readTask?.(u32(r, 4), r[6]!, r[7]!, size, to) ?? EFAULT);
      if (result < 0) env.memory.u8.fill(0, to, to + size);
      returnNumber(r, result);
    },
  },
] as const satisfies readonly HelperRow[];
