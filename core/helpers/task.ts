/**
 * The current task: ids, name, task_struct, control group, signals. Signatures: kernel/bpf/helpers.c,
 * kernel/trace/bpf_trace.c.
 */

import { utf8Encode } from '../base/bytes.ts';
import { Unsupported } from '../base/errors.ts';
import { CgroupArrayMap } from '../maps/cgroup-array.ts';
import { E2BIG, EAGAIN, EINVAL } from '../maps/errno.ts';
import type { HelperEnv, HelperRow, RegFile } from './helper.ts';
import { mapArgument } from './map.ts';
import { returnHalves, returnNumber, returnPointer, u32 } from './registers.ts';

const TASK_COMM_LEN = 16;

/** comm into a buffer: at most size - 1 bytes and a NUL, the rest zero (strscpy_pad). */
function getCurrentComm(env: HelperEnv, r: RegFile) {
  const to = u32(r, 1);
  const size = u32(r, 2);
  const comm = utf8Encode(env.task.comm).subarray(0, Math.min(size, TASK_COMM_LEN) - 1);
  env.memory.u8.fill(0, to, to + size);
  env.memory.u8.set(comm, to);
  returnNumber(r, 0);
}

function cgroupId(env: HelperEnv, r: RegFile, level?: number) {
  if (!env.cgroupId) throw new Unsupported(`helper \`get_current_cgroup_id\` outside a kernel`);
  const [lo, hi] = env.cgroupId(level);
  returnHalves(r, lo, hi);
}

function underCgroup(env: HelperEnv, r: RegFile) {
  const map = mapArgument(env, r);
  if (!(map instanceof CgroupArrayMap) || !env.underCgroup) return returnNumber(r, EINVAL);
  const index = u32(r, 2);
  if (index >= map.attrs.maxEntries) return returnNumber(r, E2BIG);
  const slot = map.slot(index);
  returnNumber(r, slot === 0 ? EAGAIN : env.underCgroup(slot) ? 1 : 0);
}

function sendSignal(thread: boolean) {
  return (env: HelperEnv, r: RegFile) => {
    if (!env.sendSignal) throw new Unsupported(`helper \`send_signal\` outside a kernel`);
    returnNumber(r, env.sendSignal(r[2]!, thread));
  };
}

/**
 * struct bpf_pidns_info { u32 pid; u32 tgid; } of a pid namespace; -EINVAL and zeros when it is not the task's (or a
 * wrong size).
 */
function getNsCurrentPidTgid(env: HelperEnv, r: RegFile) {
  const to = u32(r, 3);
  const size = u32(r, 4);
  const ids = size === 8 ? env.nsPidTgid?.([r[2]!, r[3]!], [r[4]!, r[5]!]) : undefined;
  env.memory.u8.fill(0, to, to + size);
  if (!ids) return returnNumber(r, EINVAL);
  env.memory.view.setInt32(to, ids.pid, true);
  env.memory.view.setInt32(to + 4, ids.tgid, true);
  returnNumber(r, 0);
}

export const TASK_HELPERS = [
  {
    id: 14,
    name: 'get_current_pid_tgid',
    args: [],
    ret: 'integer',
    since: '4.2',
    progTypes: 'all',
    before: {
      kernel: '6.10',
      progTypes: [
        'all_tracing',
        'cgroup_device',
        'cgroup_sock',
        'cgroup_sock_addr',
        'cgroup_sockopt',
        'cgroup_sysctl',
        'sk_msg',
      ],
    },
    run: (env: HelperEnv, r: RegFile) => returnHalves(r, env.task.pid, env.task.tgid),
  },
  {
    id: 15,
    name: 'get_current_uid_gid',
    args: [],
    ret: 'integer',
    since: '4.2',
    progTypes: 'all',
    before: {
      kernel: '6.16',
      progTypes: [
        'all_tracing',
        'cgroup_device',
        'cgroup_sock',
        'cgroup_sock_addr',
        'cgroup_sockopt',
        'cgroup_sysctl',
        'sk_msg',
      ],
    },
    run: (env: HelperEnv, r: RegFile) => returnHalves(r, env.task.uid, env.task.gid),
  },
  {
    id: 16,
    name: 'get_current_comm',
    args: ['uninit_mem', 'const_size'],
    ret: 'integer',
    since: '4.2',
    progTypes: 'all',
    before: {
      kernel: '6.16',
      progTypes: ['all_tracing', 'cgroup_device', 'cgroup_sock', 'cgroup_sock_addr', 'cgroup_sockopt', 'cgroup_sysctl'],
    },
    run: getCurrentComm,
  },
  {
    id: 17,
    name: 'get_cgroup_classid',
    args: [],
    ret: 'integer',
    since: '4.3',
    progTypes: 'all',
    before: {
      kernel: '6.16',
      progTypes: [
        'lwt',
        'tc',
        'cgroup_device',
        'cgroup_sock',
        'cgroup_sock_addr',
        'cgroup_sockopt',
        'cgroup_sysctl',
        'sk_msg',
      ],
    },
    variants: [{ progTypes: ['lwt', 'tc'], args: ['ctx'] }],
    run: (_env: HelperEnv, r: RegFile) => returnNumber(r, 0),
  },
  {
    id: 35,
    name: 'get_current_task',
    args: [],
    ret: 'integer',
    gplOnly: true,
    since: '4.8',
    progTypes: 'all',
    run: (env: HelperEnv, r: RegFile) => returnPointer(r, env.task.taskStruct()),
  },
  {
    id: 37,
    name: 'current_task_under_cgroup',
    args: ['const_map_ptr', 'anything'],
    ret: 'integer',
    since: '4.9',
    progTypes: 'all',
    before: {
      kernel: '6.16',
      progTypes: ['all_tracing', 'cgroup_device', 'cgroup_sock', 'cgroup_sock_addr', 'cgroup_sockopt', 'cgroup_sysctl'],
    },
    run: underCgroup,
  },
  {
    id: 80,
    name: 'get_current_cgroup_id',
    args: [],
    ret: 'integer',
    since: '4.18',
    progTypes: 'all',
    before: {
      kernel: '6.10',
      progTypes: [
        'all_tracing',
        'cgroup_device',
        'cgroup_sock',
        'cgroup_sock_addr',
        'cgroup_sockopt',
        'cgroup_sysctl',
        'sk_msg',
      ],
    },
    run: (env: HelperEnv, r: RegFile) => cgroupId(env, r),
  },
  {
    id: 109,
    name: 'send_signal',
    args: ['anything'],
    ret: 'integer',
    since: '5.3',
    progTypes: 'all',
    before: { kernel: '6.16', progTypes: ['all_tracing'] },
    run: sendSignal(false),
  },
  {
    id: 117,
    name: 'send_signal_thread',
    args: ['anything'],
    ret: 'integer',
    since: '5.5',
    progTypes: 'all',
    before: { kernel: '6.16', progTypes: ['all_tracing'] },
    run: sendSignal(true),
  },
  {
    id: 120,
    name: 'get_ns_current_pid_tgid',
    args: ['anything', 'anything', 'uninit_mem', 'const_size'],
    ret: 'integer',
    since: '5.7',
    progTypes: 'all',
    before: { kernel: '6.10', progTypes: ['all_tracing'] },
    run: getNsCurrentPidTgid,
  },
  {
    id: 123,
    name: 'get_current_ancestor_cgroup_id',
    args: ['anything'],
    ret: 'integer',
    since: '5.6',
    progTypes: 'all',
    before: {
      kernel: '6.10',
      progTypes: [
        'all_tracing',
        'cgroup_device',
        'cgroup_sock',
        'cgroup_sock_addr',
        'cgroup_sockopt',
        'cgroup_sysctl',
        'sk_msg',
      ],
    },
    run: (env: HelperEnv, r: RegFile) => cgroupId(env, r, r[2]!),
  },
  {
    id: 158,
    name: 'get_current_task_btf',
    args: [],
    ret: 'btf_id',
    gplOnly: true,
    since: '5.11',
    progTypes: 'all',
    retBtf: 'task_struct',
    run: (env: HelperEnv, r: RegFile) => returnPointer(r, env.task.taskStruct()),
  },
  {
    id: 175,
    name: 'task_pt_regs',
    args: ['btf_id'],
    ret: 'btf_id',
    gplOnly: true,
    since: '5.15',
    progTypes: 'all',
    argBtf: { 1: 'task_struct' },
    retBtf: 'pt_regs',
    run: (env: HelperEnv, r: RegFile) => returnPointer(r, env.taskPtRegs?.(u32(r, 1)) ?? 0),
  },
  {
    id: 180,
    name: 'find_vma',
    args: ['btf_id', 'anything', 'func', 'stack_or_null', 'anything'],
    ret: 'integer',
    since: '5.17',
    progTypes: 'all',
    before: { kernel: '6.16', progTypes: ['all_tracing'] },
    argBtf: { 1: 'task_struct' },
  },
] as const satisfies readonly HelperRow[];
