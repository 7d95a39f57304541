/**
 * The public names, in BCC's spelling: what exists on the object model, once. TypeScript's names follow by camelCase
 * (options.ts), Lua uses them letter for letter. A test walks this list over every frontend.
 */

export interface SurfaceRow {
  readonly owner: 'BPF' | 'Table' | 'Pipe';
  readonly name: string;
  readonly kind: 'method' | 'static' | 'value';
  /** Argument names in BCC's order: Lua and Python may pass them by position or by name. */
  readonly args: readonly string[];
}

export const SURFACE = [
  { owner: 'BPF', name: 'attach_kprobe', kind: 'method', args: ['event', 'event_off', 'fn_name', 'event_re'] },
  { owner: 'BPF', name: 'attach_kretprobe', kind: 'method', args: ['event', 'fn_name', 'event_re', 'maxactive'] },
  { owner: 'BPF', name: 'detach_kprobe', kind: 'method', args: ['event', 'fn_name'] },
  { owner: 'BPF', name: 'detach_kretprobe', kind: 'method', args: ['event', 'fn_name'] },
  { owner: 'BPF', name: 'attach_tracepoint', kind: 'method', args: ['tp', 'tp_re', 'fn_name'] },
  { owner: 'BPF', name: 'detach_tracepoint', kind: 'method', args: ['tp'] },
  { owner: 'BPF', name: 'attach_raw_tracepoint', kind: 'method', args: ['tp', 'fn_name'] },
  { owner: 'BPF', name: 'detach_raw_tracepoint', kind: 'method', args: ['tp'] },
  { owner: 'BPF', name: 'load_func', kind: 'method', args: ['func_name', 'prog_type'] },
  { owner: 'BPF', name: 'load_funcs', kind: 'method', args: ['prog_type'] },
  { owner: 'BPF', name: 'get_table', kind: 'method', args: ['name'] },
  { owner: 'BPF', name: 'get_syscall_prefix', kind: 'method', args: [] },
  { owner: 'BPF', name: 'get_syscall_fnname', kind: 'method', args: ['name'] },
  { owner: 'BPF', name: 'num_open_kprobes', kind: 'method', args: [] },
  { owner: 'BPF', name: 'num_open_tracepoints', kind: 'method', args: [] },
  { owner: 'BPF', name: 'trace_readline', kind: 'method', args: ['nonblocking'] },
  { owner: 'BPF', name: 'trace_fields', kind: 'method', args: ['nonblocking'] },
  { owner: 'BPF', name: 'trace_print', kind: 'method', args: ['fmt'] },
  { owner: 'BPF', name: 'cleanup', kind: 'method', args: [] },
  { owner: 'Table', name: 'items', kind: 'method', args: [] },
  { owner: 'Table', name: 'keys', kind: 'method', args: [] },
  { owner: 'Table', name: 'values', kind: 'method', args: [] },
  { owner: 'Table', name: 'clear', kind: 'method', args: [] },
  { owner: 'Table', name: 'zero', kind: 'method', args: [] },
] as const satisfies readonly SurfaceRow[];
