/**
 * The machine and the program itself: CPU, random numbers, per-CPU variables, loops, and what only syscall and LSM
 * programs may ask. Signatures: kernel/bpf/helpers.c, kernel/bpf/syscall.c, kernel/bpf/bpf_lsm.c.
 */
import { Unsupported } from '../base/errors.ts';
import { E2BIG, EINVAL, ENOENT } from '../maps/errno.ts';
import { callBack } from './callback.ts';
import type { HelperEnv, HelperRow, RegFile } from './helper.ts';
import { returnHalves, returnNumber, returnPointer, u32, u64 } from './registers.ts';

/** Most turns of bpf_loop (BPF_MAX_LOOPS). */
const LOOPS_MAX = 8 * 1024 * 1024;

/** Call back with 0, 1, 2, ... until the function answers something else than 0; how many calls there were. */
function loop(env: HelperEnv, r: RegFile) {
  const turns = u32(r, 1);
  const functionAt = r[4]!;
  const [contextLo, contextHi] = [r[6]!, r[7]!];
  if (u64(r, 4) !== 0) return returnNumber(r, EINVAL);
  if (turns > LOOPS_MAX) return returnNumber(r, E2BIG);
  const args = new Int32Array(10);
  for (let i = 0; i < turns; i++) {
    args.fill(0);
    args[0] = i;
    args[2] = contextLo;
    args[3] = contextHi;
    if (callBack(env, functionAt, args) !== 0) return returnNumber(r, i + 1);
  }
  returnNumber(r, turns);
}

function perCpuPointer(env: HelperEnv, r: RegFile, cpu: number) {
  returnPointer(r, env.perCpu ? env.perCpu(u32(r, 1), cpu) : u32(r, 1));
}

function kallsymsLookupName(env: HelperEnv, r: RegFile) {
  if (!env.ksymbolAddress) throw new Unsupported('helper `kallsyms_lookup_name` outside a kernel');
  const at = u32(r, 1);
  const size = u32(r, 2);
  const to = u32(r, 4);
  const { u8, view } = env.memory;
  view.setBigInt64(to, 0n, true);
  const bytes = u8.subarray(at, at + size);
  if (u64(r, 3) !== 0 || size <= 1 || bytes[size - 1] !== 0) return returnNumber(r, EINVAL);
  let name = '';
  for (let i = 0; i < size && bytes[i] !== 0; i++) name += String.fromCharCode(bytes[i]!);
  const address = env.ksymbolAddress(name);
  if (!address) return returnNumber(r, ENOENT);
  view.setInt32(to, address[0], true);
  view.setInt32(to + 4, address[1], true);
  returnNumber(r, 0);
}

export const SYSTEM_HELPERS = [
  {
    id: 7,
    name: 'get_prandom_u32',
    args: [],
    ret: 'integer',
    since: '4.1',
    progTypes: ['all', 'lirc_mode2'],
    run: (env: HelperEnv, r: RegFile) => returnHalves(r, env.random(), 0),
  },
  {
    id: 8,
    name: 'get_smp_processor_id',
    args: [],
    ret: 'integer',
    since: '4.1',
    progTypes: 'all',
    run: (env: HelperEnv, r: RegFile) => returnNumber(r, env.cpu),
  },
  {
    id: 42,
    name: 'get_numa_node_id',
    args: [],
    ret: 'integer',
    since: '4.10',
    progTypes: 'all',
    run: (env: HelperEnv, r: RegFile) => returnNumber(r, env.numaNode ?? 0),
  },
  {
    id: 153,
    name: 'per_cpu_ptr',
    args: ['percpu_btf_id', 'anything'],
    ret: 'mem_or_btf_id_or_null',
    since: '5.10',
    progTypes: 'all',
    run: (env: HelperEnv, r: RegFile) => perCpuPointer(env, r, u32(r, 2)),
  },
  {
    id: 154,
    name: 'this_cpu_ptr',
    args: ['percpu_btf_id'],
    ret: 'mem_or_btf_id',
    since: '5.10',
    progTypes: 'all',
    run: (env: HelperEnv, r: RegFile) => perCpuPointer(env, r, env.cpu),
  },
  {
    id: 159,
    name: 'bprm_opts_set',
    args: ['btf_id', 'anything'],
    ret: 'integer',
    since: '5.11',
    progTypes: ['lsm'],
    argBtf: { 1: 'linux_binprm' },
  },
  {
    id: 161,
    name: 'ima_inode_hash',
    args: ['btf_id', 'uninit_mem', 'const_size'],
    ret: 'integer',
    since: '5.11',
    progTypes: ['lsm'],
    argBtf: { 1: 'inode' },
    mightSleep: true,
  },
  {
    id: 166,
    name: 'sys_bpf',
    args: ['anything', 'mem', 'const_size'],
    ret: 'integer',
    since: '5.14',
    progTypes: ['syscall'],
    mightSleep: true,
  },
  {
    id: 167,
    name: 'btf_find_by_name_kind',
    args: ['mem', 'const_size', 'anything', 'anything'],
    ret: 'integer',
    since: '5.14',
    progTypes: ['syscall'],
    mightSleep: true,
  },
  {
    id: 168,
    name: 'sys_close',
    args: ['anything'],
    ret: 'integer',
    since: '5.14',
    progTypes: ['syscall'],
    mightSleep: true,
  },
  {
    id: 179,
    name: 'kallsyms_lookup_name',
    args: ['mem', 'const_size_or_zero', 'anything', 'ptr_to_long'],
    ret: 'integer',
    since: '5.16',
    progTypes: ['syscall'],
    run: kallsymsLookupName,
  },
  {
    id: 181,
    name: 'loop',
    args: ['anything', 'func', 'stack_or_null', 'anything'],
    ret: 'integer',
    since: '5.17',
    progTypes: 'all',
    run: loop,
  },
  {
    id: 193,
    name: 'ima_file_hash',
    args: ['btf_id', 'uninit_mem', 'const_size'],
    ret: 'integer',
    since: '5.18',
    progTypes: ['lsm'],
    argBtf: { 1: 'file' },
    mightSleep: true,
  },
] as const satisfies readonly HelperRow[];
