/**
 * Values that hang on kernel objects: sockets, tasks, inodes, control groups. Signatures: net/core/bpf_sk_storage.c,
 * kernel/bpf/bpf_task_storage.c, bpf_inode_storage.c, bpf_cgrp_storage.c, kernel/bpf/cgroup.c.
 */
import { Unsupported } from '../base/errors.ts';
import { CgroupStorageMap } from '../maps/cgroup-storage.ts';
import { EINVAL } from '../maps/errno.ts';
import { LocalStorageMap, type StorageKind } from '../maps/local-storage.ts';
import type { HelperEnv, HelperRow, RegFile } from './helper.ts';
import { mapArgument } from './map.ts';
import { isNull, returnNumber, returnPointer, u32, u64 } from './registers.ts';

/** BPF_LOCAL_STORAGE_GET_F_CREATE. */
const CREATE = 1;

/** Number of the object that argument 2 points to, for the map's kind; 0 for NULL. */
function owner(env: HelperEnv, r: RegFile, kind: StorageKind): number {
  if (!env.storageOwner) throw new Unsupported(`${kind} storage outside a kernel`);
  return isNull(r, 2) ? 0 : env.storageOwner(kind, r[4]!, r[5]!);
}

function storageGet(env: HelperEnv, r: RegFile) {
  const map = mapArgument(env, r);
  if (!(map instanceof LocalStorageMap) || u64(r, 4) > CREATE) return returnPointer(r, 0);
  returnPointer(r, map.ownerValue(owner(env, r, map.kind), u64(r, 4) === CREATE, u32(r, 3)));
}

function storageDelete(env: HelperEnv, r: RegFile) {
  const map = mapArgument(env, r);
  if (!(map instanceof LocalStorageMap)) return returnNumber(r, EINVAL);
  const number = owner(env, r, map.kind);
  returnNumber(r, number === 0 ? EINVAL : map.deleteOwner(number));
}

/** The value of the cgroup that the running program is attached to. */
function getLocalStorage(env: HelperEnv, r: RegFile) {
  const map = mapArgument(env, r);
  const { attachedCgroup } = env;
  if (!attachedCgroup || !(map instanceof CgroupStorageMap))
    throw new Unsupported('helper `get_local_storage` outside a cgroup');
  returnPointer(r, map.storageOf(attachedCgroup.id, attachedCgroup.attachType));
}

export const STORAGE_HELPERS = [
  {
    id: 81,
    name: 'get_local_storage',
    args: ['const_map_ptr', 'anything'],
    ret: 'map_value',
    since: '4.19',
    progTypes: [
      'cgroup_device',
      'cgroup_skb',
      'cgroup_sock',
      'cgroup_sock_addr',
      'cgroup_sockopt',
      'cgroup_sysctl',
      'lsm:lsm_cgroup',
      'sock_ops',
    ],
    run: getLocalStorage,
  },
  {
    id: 107,
    name: 'sk_storage_get',
    args: ['const_map_ptr', 'btf_id_sock_common', 'map_value_or_null', 'anything'],
    ret: 'map_value_or_null',
    since: '5.2',
    mayBeNothing: { since: '6.4', args: [2] },
    progTypes: [
      'tc',
      'cgroup_skb',
      'cgroup_sock',
      'cgroup_sock_addr',
      'cgroup_sockopt',
      'lsm',
      'sk_msg',
      'sock_ops',
      'struct_ops',
      'syscall',
      'tracing',
    ],
    variants: [
      {
        progTypes: ['syscall', 'tracing'],
        args: ['const_map_ptr', 'btf_id_or_null', 'map_value_or_null', 'anything'],
        argBtf: { 2: 'sock_common' },
      },
      { progTypes: ['cgroup_sock'], args: ['const_map_ptr', 'ctx', 'map_value_or_null', 'anything'] },
    ],
    run: storageGet,
  },
  {
    id: 108,
    name: 'sk_storage_delete',
    args: ['const_map_ptr', 'btf_id_sock_common'],
    ret: 'integer',
    since: '5.2',
    mayBeNothing: { since: '6.4', args: [2] },
    progTypes: [
      'tc',
      'cgroup_skb',
      'cgroup_sock_addr',
      'cgroup_sockopt',
      'lsm',
      'sk_msg',
      'sock_ops',
      'struct_ops',
      'syscall',
      'tracing',
    ],
    variants: [
      { progTypes: ['syscall', 'tracing'], args: ['const_map_ptr', 'btf_id_or_null'], argBtf: { 2: 'sock_common' } },
    ],
    run: storageDelete,
  },
  {
    id: 145,
    name: 'inode_storage_get',
    args: ['const_map_ptr', 'btf_id_or_null', 'map_value_or_null', 'anything'],
    ret: 'map_value_or_null',
    since: '5.10',
    mayBeNothing: { since: '6.4', args: [2] },
    progTypes: ['lsm'],
    argBtf: { 2: 'inode' },
    run: storageGet,
  },
  {
    id: 146,
    name: 'inode_storage_delete',
    args: ['const_map_ptr', 'btf_id_or_null'],
    ret: 'integer',
    since: '5.10',
    mayBeNothing: { since: '6.4', args: [2] },
    progTypes: ['lsm'],
    argBtf: { 2: 'inode' },
    run: storageDelete,
  },
  {
    id: 156,
    name: 'task_storage_get',
    args: ['const_map_ptr', 'btf_id_or_null', 'map_value_or_null', 'anything'],
    ret: 'map_value_or_null',
    since: '5.11',
    mayBeNothing: { since: '6.4', args: [2] },
    progTypes: 'all',
    before: { kernel: '6.16', progTypes: ['all_tracing'] },
    argBtf: { 2: 'task_struct' },
    run: storageGet,
  },
  {
    id: 157,
    name: 'task_storage_delete',
    args: ['const_map_ptr', 'btf_id_or_null'],
    ret: 'integer',
    since: '5.11',
    mayBeNothing: { since: '6.4', args: [2] },
    progTypes: 'all',
    before: { kernel: '6.16', progTypes: ['all_tracing'] },
    argBtf: { 2: 'task_struct' },
    run: storageDelete,
  },
  {
    id: 210,
    name: 'cgrp_storage_get',
    args: ['const_map_ptr', 'btf_id_or_null', 'map_value_or_null', 'anything'],
    ret: 'map_value_or_null',
    since: '6.2',
    progTypes: 'all',
    argBtf: { 2: 'cgroup' },
    run: storageGet,
  },
  {
    id: 211,
    name: 'cgrp_storage_delete',
    args: ['const_map_ptr', 'btf_id_or_null'],
    ret: 'integer',
    since: '6.2',
    progTypes: 'all',
    argBtf: { 2: 'cgroup' },
    run: storageDelete,
  },
] as const satisfies readonly HelperRow[];
