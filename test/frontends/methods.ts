/**
 * What methods do, in rows that every frontend runs: a program, then calls by BCC's names with what they answer. Arguments by name are an object, by
 * position an array. A row without `says` has the same answer everywhere, whatever it is.
 */

export type Plain = number | bigint | string | boolean | null | readonly Plain[] | { readonly [key: string]: Plain };

export interface Step {
  /** The table of this name; absent: the BPF object. */
  readonly on?: string;
  readonly call: string;
  readonly args?: readonly Plain[] | { readonly [name: string]: Plain };
  /** What the answer is iterated over for: pairs of key and leaf, or single values. Order does not count. */
  readonly each?: 'pairs' | 'values';
  /** The answer: plain values; 'object' for objects with methods. */
  readonly says?: Plain;
  /** Instead: the call throws, and the message has this in it. */
  readonly throws?: string;
  /** Lines that the call prints. */
  readonly prints?: readonly string[];
}

export interface MethodRow {
  readonly what: string;
  readonly text: string;
  /** 'run' lets the workload (`connects`: five connections) go. */
  readonly steps: readonly (Step | 'run')[];
}

const set = (on: string, key: Plain, leaf: Plain): Step => ({ on, call: 'set', args: [key, leaf] });

const STRUCTS =
  'struct who { u32 pid; char comm[16]; };\nstruct leaf { u64 n; u32 low[2]; };\nBPF_HASH(t, struct who, struct leaf, 4);\nBPF_HASH(n, u32, u64, 8);';
const WHO = { pid: 7, comm: 'cat' } as const;
const LEAF = { n: 18446744073709551615n, low: [1, 2] } as const;

export const METHOD_ROWS: readonly MethodRow[] = [
  {
    what: 'keys and leaves of structs',
    text: STRUCTS,
    steps: [
      { on: 't', call: 'get', args: [WHO], says: null },
      set('t', WHO, LEAF),
      { on: 't', call: 'get', args: [WHO], says: LEAF },
      { on: 't', call: 'getvalue', args: [WHO], says: LEAF },
      { on: 't', call: 'items', each: 'pairs', says: [[WHO, LEAF]] },
      { on: 't', call: 'keys', each: 'values', says: [WHO] },
      { on: 't', call: 'values', each: 'values', says: [LEAF] },
      { on: 't', call: 'key_sprintf', args: [WHO], says: '{ 0x7 "cat" }' },
      { on: 't', call: 'leaf_sprintf', args: [LEAF] },
      { on: 't', call: 'key_scanf', args: ['{ 0x7 "cat" }'], says: WHO },
      { on: 't', call: 'leaf_scanf', args: ['{ 0xffffffffffffffff [ 0x1 0x2 ] }'], says: LEAF },
      { on: 't', call: 'Key', says: { pid: 0, comm: '' } },
      { on: 't', call: 'Leaf', args: [LEAF], says: LEAF },
      { on: 't', call: 'delete', args: [WHO], says: true },
      { on: 't', call: 'delete', args: [WHO], says: false },
    ],
  },
  {
    what: 'what is refused',
    text: STRUCTS,
    steps: [
      { on: 'n', call: 'set', args: [1, -1], throws: 'does not fit' },
      { on: 'n', call: 'set', args: [4294967296, 1], throws: 'does not fit' },
      { on: 't', call: 'set', args: [{ pid: 1 }, 5], throws: "table 't'" },
      { on: 't', call: 'get', args: ['text'], throws: "table 't'" },
      { on: 'n', call: 'sum', args: [1], throws: 'not per-CPU' },
      { on: 'n', call: 'push', args: [1], throws: 'BPF_QUEUE' },
      { on: 'n', call: 'key_scanf', args: ['nothing'], throws: 'nothing' },
      { call: 'get_table', args: ['nn'], throws: "no table 'nn'; did you mean 'n'?" },
      { call: 'attach_kprobe', args: { event: 'tcp_v4_conect', fn_name: 'f' }, throws: 'f' },
    ],
  },
  {
    what: 'numbers, one after another',
    text: STRUCTS,
    steps: [
      ...[1, 2, 3].map((k) => set('n', k, k * 10)),
      {
        on: 'n',
        call: 'items',
        each: 'pairs',
        says: [
          [1, 10],
          [2, 20],
          [3, 30],
        ],
      },
      { on: 'n', call: 'next', args: [99] },
      { on: 'n', call: 'items_lookup_batch' },
      {
        on: 'n',
        call: 'items_update_batch',
        args: [
          [4, 5],
          [40, 50],
        ],
      },
      { on: 'n', call: 'get', args: [5], says: 50 },
      { on: 'n', call: 'items_delete_batch', args: [[1, 2]] },
      { on: 'n', call: 'items_delete_batch', args: [[1]], throws: 'ENOENT' },
      { on: 'n', call: 'keys', each: 'values', says: [3, 4, 5] },
      { on: 'n', call: 'zero' },
      { on: 'n', call: 'values', each: 'values', says: [0, 0, 0] },
      { on: 'n', call: 'itervalues', each: 'values', says: [0, 0, 0] },
      {
        on: 'n',
        call: 'iteritems',
        each: 'pairs',
        says: [
          [3, 0],
          [4, 0],
          [5, 0],
        ],
      },
      { on: 'n', call: 'clear' },
      { on: 'n', call: 'items', each: 'pairs', says: [] },
      set('n', 6, 60),
      { on: 'n', call: 'popitem', says: [6, 60] },
      { on: 'n', call: 'popitem', says: null },
      set('n', 7, 70),
      { on: 'n', call: 'items_lookup_and_delete_batch', says: [[7, 70]] },
      { on: 'n', call: 'items_lookup_and_delete_batch', says: [] },
      ...[1, 2, 3, 4, 5, 6, 7, 8].map((k) => set('n', k, k)),
      { on: 'n', call: 'set', args: [9, 9], throws: 'E2BIG' },
    ],
  },
  {
    what: 'CPUs, queues and stacks',
    text: 'BPF_HASH(i, u32, s64);\nBPF_PERCPU_ARRAY(c, u64, 2);\nBPF_QUEUE(q, u32, 2);\nBPF_STACK(s, u32, 2);',
    steps: [
      set('i', 1, -5),
      { on: 'i', call: 'get', args: [1], says: -5 },
      { on: 'c', call: 'getvalue', args: [0], says: [0] },
      set('c', 0, [5]),
      { on: 'c', call: 'sum', args: [0], says: 5 },
      { on: 'c', call: 'max', args: [0], says: 5 },
      { on: 'c', call: 'average', args: [0], says: 5 },
      { on: 'c', call: 'sum', args: [2], throws: 'no such key' },
      { on: 'q', call: 'push', args: [1] },
      { on: 'q', call: 'push', args: [2] },
      { on: 'q', call: 'push', args: [3], throws: 'E2BIG' },
      { on: 'q', call: 'push', args: [3, 2] },
      { on: 'q', call: 'peek', says: 2 },
      { on: 'q', call: 'pop', says: 2 },
      { on: 'q', call: 'pop', says: 3 },
      { on: 'q', call: 'pop', says: null },
      { on: 's', call: 'push', args: [1] },
      { on: 's', call: 'push', args: [2] },
      { on: 's', call: 'pop', says: 2 },
    ],
  },
  {
    what: 'probes come and go',
    text: 'BPF_ARRAY(n, u64, 1);\nint f(void *ctx) { int z = 0; n.increment(z); return 0; }\nint g(void *ctx) { int z = 0; n.increment(z, 100); return 0; }',
    steps: [
      { call: 'attach_kprobe', args: { event: 'tcp_v4_connect', fn_name: 'f' }, says: 'object' },
      { call: 'attach_kprobe', args: { event: 'tcp_v4_connect', fn_name: 'f' }, throws: 'already attached' },
      { call: 'attach_kretprobe', args: { event: 'tcp_v4_connect', fn_name: 'g' }, says: 'object' },
      { call: 'num_open_kprobes', says: 2 },
      { call: 'detach_kretprobe', args: { event: 'tcp_v4_connect' }, says: 'object' },
      { call: 'detach_kretprobe', args: { event: 'tcp_v4_connect' }, throws: 'no kretprobe is attached' },
      { call: 'attach_kprobe', args: { event: 'tcp_v4_conect', fn_name: 'g' }, throws: 'tcp_v4_connect' },
      { call: 'attach_kprobe', args: { event: 'tcp_v4_connect', fn_name: 'gg' }, throws: "did you mean 'g'?" },
      { call: 'attach_kprobe', args: { event_re: '^tcp_v6_conn.*', fn_name: 'g' }, says: 'object' },
      { call: 'num_open_kprobes', says: 2 },
      { call: 'detach_kprobe', args: { event: 'tcp_v6_connect', fn_name: 'f' }, throws: "by 'f'" },
      { call: 'num_open_uprobes', says: 0 },
      { call: 'num_open_tracepoints', says: 0 },
      'run',
      { on: 'n', call: 'get', args: [0], says: 205 },
    ],
  },
  {
    what: 'tracepoints',
    text: 'BPF_ARRAY(n, u64, 1);\nint f(struct tracepoint__syscalls__sys_enter_connect *args) { int z = 0; n.increment(z); return 0; }\nint r(struct bpf_raw_tracepoint_args *ctx) { return 0; }',
    steps: [
      { call: 'attach_tracepoint', args: { tp: 'syscalls:sys_enter_connect', fn_name: 'f' }, says: 'object' },
      { call: 'attach_raw_tracepoint', args: { tp: 'sched_process_exec', fn_name: 'r' }, says: 'object' },
      { call: 'num_open_tracepoints', says: 1 },
      {
        call: 'attach_tracepoint',
        args: { tp: 'syscalls:sys_enter_conect', fn_name: 'f' },
        throws: 'sys_enter_connect',
      },
      'run',
      { on: 'n', call: 'get', args: [0], says: 6 },
      { call: 'detach_tracepoint', args: { tp: 'syscalls:sys_enter_connect' }, says: 'object' },
      { call: 'detach_raw_tracepoint', args: { tp: 'sched_process_exec' }, says: 'object' },
      { call: 'num_open_tracepoints', says: 0 },
    ],
  },
  {
    what: 'questions about the kernel',
    text: 'int f(void *ctx) { return 0; }',
    steps: [
      { call: 'get_syscall_prefix', says: '__x64_sys_' },
      { call: 'get_syscall_fnname', args: ['clone'], says: '__x64_sys_clone' },
      { call: 'fix_syscall_fnname', args: ['sys_clone'], says: '__x64_sys_clone' },
      { call: 'tracepoint_exists', args: ['sched', 'sched_switch'], says: true },
      { call: 'tracepoint_exists', args: ['sched', 'sched_swich'], says: false },
      { call: 'kernel_struct_has_field', args: ['task_struct', 'pid'], says: true },
      { call: 'kernel_struct_has_field', args: ['task_struct', 'nothing'], says: false },
      { call: 'kernel_struct_has_field', args: ['nothing', 'pid'], says: false },
      { call: 'kernel_enum_has_val', args: ['bpf_map_type', 'BPF_MAP_TYPE_HASH'] },
      { call: 'get_kprobe_functions', args: ['^tcp_v4_connect$'], says: ['tcp_v4_connect'] },
      { call: 'get_tracepoints', args: ['sched:sched_wak.*'] },
      { call: 'ksymname', args: ['tcp_v4_connect'] },
      { call: 'ksymname', args: ['no_such_function'], says: -1 },
      { call: 'support_kfunc', says: true },
      { call: 'support_lsm' },
      { call: 'support_fmod_ret' },
      { call: 'support_raw_tracepoint', says: true },
      { call: 'support_raw_tracepoint_in_module' },
      { call: 'get_probe_limit' },
      { call: 'add_module', args: ['/bin/true'] },
      { call: 'find_library', args: ['no-such-library'], says: null },
      { call: 'find_exe', args: ['/no/such/program'], says: null },
      { call: 'get_user_functions', args: ['/no/such/file', '.*'], throws: '/no/such/file' },
      { call: 'generate_auto_includes', args: [['struct', 'sock']] },
    ],
  },
  {
    what: 'functions and types as text',
    text: 'struct leaf { u64 n; char text[8]; };\nBPF_HASH(t, u32, struct leaf);\nint f(void *ctx) { return 0; }',
    steps: [
      { call: 'load_func', args: ['f', 2], says: 'object' },
      { call: 'load_func', args: ['g', 2], throws: "no function 'g'" },
      { call: 'disassemble_func', args: ['f'] },
      { call: 'decode_table', args: ['t'] },
      { call: 'decode_table', args: ['t', true] },
      { call: 'donothing', says: null },
      { call: 'free_bcc_memory', says: 0 },
      ...['kfunc', 'kretfunc', 'fmod_ret', 'lsm'].flatMap((kind): Step[] => [
        { call: `attach_${kind}`, args: { fn_name: 'f' }, throws: `no ${kind} function` },
        { call: `detach_${kind}`, args: { fn_name: 'f' }, throws: `no ${kind} is attached` },
      ]),
      { call: 'load_funcs', args: [2] },
      { call: 'attach_iter', args: { fn_name: 'f' }, throws: 'no iterator' },
    ],
  },
  {
    what: 'histograms',
    text: 'BPF_HISTOGRAM(h);\nBPF_HISTOGRAM(l, int, 8);\nint kprobe__tcp_v4_connect(void *ctx) { h.increment(bpf_log2l(bpf_get_current_pid_tgid() >> 32)); l.increment(3); return 0; }',
    steps: [
      'run',
      {
        on: 'h',
        call: 'print_log2_hist',
        args: ['pids'],
        prints: [
          '     pids                : count     distribution',
          ...[
            '0 -> 1          : 0        |                                        |',
            '2 -> 3          : 0        |                                        |',
          ].map((line) => `         ${line}`),
        ],
      },
      { on: 'l', call: 'print_linear_hist', args: ['slot'], prints: ['     slot          : count     distribution'] },
      { on: 'h', call: 'print_json_hist', args: ['pids'], prints: [] },
    ],
  },
  {
    what: 'messages and polls',
    text: 'BPF_PERF_OUTPUT(e);\nint kprobe__tcp_v4_connect(void *ctx) { bpf_trace_printk("hello %d", 5); u32 x = 1; e.perf_submit(ctx, &x, sizeof(x)); return 0; }',
    steps: [
      { call: 'perf_buffer_consume', says: 0 },
      { call: 'ring_buffer_consume', says: 0 },
      { call: 'trace_readline', args: [true], says: null },
      'run',
      { call: 'trace_readline', args: [true] },
      { call: 'perf_buffer_consume', says: 0 },
      { call: 'perf_buffer_poll', args: [0], throws: 'e' },
    ],
  },
];
