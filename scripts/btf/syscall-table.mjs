/**
 * Prints core/progs/syscall-table.gen.ts: x86-64 system calls by number, with the kernel's entry and parameters.
 *
 * Numbers come from linux-libc-dev's asm/unistd_64.h, parameters from the kernel image (trace-events.mjs). Calls that are newer than both
 * are rows here, from arch/x86/entry/syscalls/syscall_64.tbl and the SYSCALL_DEFINE lines of Linux 6.18.
 */
import { readFileSync } from 'node:fs';

const UNISTD = '/usr/include/x86_64-linux-gnu/asm/unistd_64.h';

/** Where the table's entry has another name than the call (syscall_64.tbl). */
const ENTRIES = {
  stat: 'newstat',
  fstat: 'newfstat',
  lstat: 'newlstat',
  uname: 'newuname',
  sendfile: 'sendfile64',
  umount2: 'umount',
};

const NEWER = [
  [335, 'uretprobe', '6.11', []],
  [336, 'uprobe', '6.18', []],
  [
    451,
    'cachestat',
    '6.5',
    ['fd:unsigned int', 'cstat_range:struct cachestat_range *', 'cstat:struct cachestat *', 'flags:unsigned int'],
  ],
  [452, 'fchmodat2', '6.6', ['dfd:int', 'filename:const char *', 'mode:umode_t', 'flags:unsigned int']],
  [453, 'map_shadow_stack', '6.6', ['addr:unsigned long', 'size:unsigned long', 'flags:unsigned int']],
  [454, 'futex_wake', '6.7', ['uaddr:void *', 'mask:unsigned long', 'nr:int', 'flags:unsigned int']],
  [
    455,
    'futex_wait',
    '6.7',
    [
      'uaddr:void *',
      'val:unsigned long',
      'mask:unsigned long',
      'flags:unsigned int',
      'timeout:struct __kernel_timespec *',
      'clockid:clockid_t',
    ],
  ],
  [
    456,
    'futex_requeue',
    '6.7',
    ['waiters:struct futex_waitv *', 'flags:unsigned int', 'nr_wake:int', 'nr_requeue:int'],
  ],
  [
    457,
    'statmount',
    '6.8',
    ['req:const struct mnt_id_req *', 'buf:struct statmount *', 'bufsize:size_t', 'flags:unsigned int'],
  ],
  [
    458,
    'listmount',
    '6.8',
    ['req:const struct mnt_id_req *', 'mnt_ids:u64 *', 'nr_mnt_ids:size_t', 'flags:unsigned int'],
  ],
  [459, 'lsm_get_self_attr', '6.8', ['attr:unsigned int', 'ctx:struct lsm_ctx *', 'size:u32 *', 'flags:u32']],
  [460, 'lsm_set_self_attr', '6.8', ['attr:unsigned int', 'ctx:struct lsm_ctx *', 'size:u32', 'flags:u32']],
  [461, 'lsm_list_modules', '6.8', ['ids:u64 *', 'size:u32 *', 'flags:u32']],
  [462, 'mseal', '6.10', ['start:unsigned long', 'len:size_t', 'flags:unsigned long']],
  [
    463,
    'setxattrat',
    '6.13',
    [
      'dfd:int',
      'pathname:const char *',
      'at_flags:unsigned int',
      'name:const char *',
      'uargs:const struct xattr_args *',
      'usize:size_t',
    ],
  ],
  [
    464,
    'getxattrat',
    '6.13',
    [
      'dfd:int',
      'pathname:const char *',
      'at_flags:unsigned int',
      'name:const char *',
      'uargs:struct xattr_args *',
      'usize:size_t',
    ],
  ],
  [
    465,
    'listxattrat',
    '6.13',
    ['dfd:int', 'pathname:const char *', 'at_flags:unsigned int', 'list:char *', 'size:size_t'],
  ],
  [466, 'removexattrat', '6.13', ['dfd:int', 'pathname:const char *', 'at_flags:unsigned int', 'name:const char *']],
  [
    467,
    'open_tree_attr',
    '6.15',
    ['dfd:int', 'filename:const char *', 'flags:unsigned int', 'uattr:struct mount_attr *', 'usize:size_t'],
  ],
  [
    468,
    'file_getattr',
    '6.17',
    ['dfd:int', 'filename:const char *', 'ufattr:struct file_attr *', 'usize:size_t', 'at_flags:unsigned int'],
  ],
  [
    469,
    'file_setattr',
    '6.17',
    ['dfd:int', 'filename:const char *', 'ufattr:struct file_attr *', 'usize:size_t', 'at_flags:unsigned int'],
  ],
];

/** @param {{ name: string, args: [string, string][] }[]} syscalls what the image knows, by entry name */
export function printSyscallTable(syscalls, origin) {
  const known = new Map(syscalls.map((s) => [s.name, s.args]));
  const numbers = [...readFileSync(UNISTD, 'utf8').matchAll(/#define __NR_(\w+) (\d+)/g)].map((m) => [
    Number(m[2]),
    m[1],
  ]);
  const rows = numbers
    .filter(([nr]) => !NEWER.some((row) => row[0] === nr))
    .map(([nr, name]) => {
      const entry = ENTRIES[name] ?? name;
      return { nr, name, entry: known.has(entry) ? entry : 'ni_syscall', args: known.get(entry) ?? [] };
    });
  for (const [nr, name, since, args] of NEWER)
    rows.push({ nr, name, entry: name, args: args.map((a) => a.split(':')), since });
  rows.sort((a, b) => a.nr - b.nr);
  const quote = (text) => `'${text}'`;
  const lines = rows.map(({ nr, name, entry, args, since }) => {
    const list = args.map(([n, t]) => `[${quote(n)}, ${quote(t)}]`).join(', ');
    return `  { nr: ${nr}, name: ${quote(name)}, entry: ${quote(entry)}, args: [${list}]${since ? `, since: ${quote(since)}` : ''} },`;
  });
  return `/**
 * THE SYSTEM CALL TABLE of x86-64. Printed by scripts/btf/make-shipped-btf.mjs from ${origin}; do not edit.
 * \`entry\` is the kernel function without its __x64_sys_ prefix, and the name in syscalls:sys_enter_NAME; 'ni_syscall' is one that the
 * kernel does not implement. \`since\` is given for calls that are newer than Linux 6.1.
 */
export interface SyscallRow {
  readonly nr: number;
  readonly name: string;
  readonly entry: string;
  /** Parameters: name and C type. */
  readonly args: readonly (readonly [name: string, type: string])[];
  readonly since?: string;
}

export const SYSCALLS: readonly SyscallRow[] = [
${lines.join('\n')}
];
`;
}
