/**
 * What a function is: a program of some type, by the prefix of its name, its section, or its first parameter; and where its further
 * parameters come from (registers, the inner pt_regs of a system call, words of a BTF argument array).
 */

import { progTypeOfSection } from '../../progs/index.ts';
import { FUNCTION_ARGS, PT_REGS, SYSCALL_ARGS } from '../../progs/pt-regs.ts';
import type { ProbeName } from '../../spec/spec.ts';
import type { Context } from '../context.ts';
import { type CType, isInteger } from '../ctype.ts';
import type { AddressSpace, FuncSymbol, ParamSource } from '../tree.ts';

/** What loading a program needs to know, and what its pointers are. */
export interface ProgramKind {
  /** A name of core/progs; 'unspec' for plain C. */
  readonly type: string;
  readonly attachType?: string;
  readonly attach?: ProbeName;
  readonly section: string;
  /** How parameters after the first get their values. */
  readonly args: 'regs' | 'return' | 'syscall' | 'words' | 'registers';
  /** Pointee space of pointers of which nothing is known. */
  readonly unknown: AddressSpace;
  /** Pointee space of pointers loaded from the context. */
  readonly ctxLoads: AddressSpace;
  readonly plain?: boolean;
}

interface PrefixRow {
  readonly prefix: string;
  readonly kind: string;
  readonly type: string;
  readonly attachType?: string;
  readonly args: ProgramKind['args'];
  readonly ctxLoads: AddressSpace;
}

/** THE PREFIXES, longest first where one begins another. */
const PREFIXES: readonly PrefixRow[] = [
  { prefix: 'kprobe__', kind: 'kprobe', type: 'kprobe', args: 'regs', ctxLoads: 'kernel' },
  { prefix: 'kretprobe__', kind: 'kretprobe', type: 'kprobe', args: 'regs', ctxLoads: 'kernel' },
  { prefix: 'raw_tracepoint__', kind: 'raw_tracepoint', type: 'raw_tracepoint', args: 'words', ctxLoads: 'kernel' },
  { prefix: 'tracepoint__', kind: 'tracepoint', type: 'tracepoint', args: 'registers', ctxLoads: 'kernel' },
  { prefix: 'kfunc__', kind: 'kfunc', type: 'tracing', attachType: 'trace_fentry', args: 'words', ctxLoads: 'btf' },
  {
    prefix: 'kretfunc__',
    kind: 'kretfunc',
    type: 'tracing',
    attachType: 'trace_fexit',
    args: 'words',
    ctxLoads: 'btf',
  },
  {
    prefix: 'kmod_ret__',
    kind: 'fmod_ret',
    type: 'tracing',
    attachType: 'modify_return',
    args: 'words',
    ctxLoads: 'btf',
  },
  { prefix: 'lsm__', kind: 'lsm', type: 'lsm', attachType: 'lsm_mac', args: 'words', ctxLoads: 'btf' },
  {
    prefix: 'bpf_iter__',
    kind: 'iter',
    type: 'tracing',
    attachType: 'trace_iter',
    args: 'registers',
    ctxLoads: 'btf',
  },
];

/** Context structs that say the program type where name and section do not. */
const BY_CONTEXT: Record<string, { type: string; ctxLoads: AddressSpace }> = {
  pt_regs: { type: 'kprobe', ctxLoads: 'any' },
  __sk_buff: { type: 'socket_filter', ctxLoads: 'native' },
  xdp_md: { type: 'xdp', ctxLoads: 'native' },
  bpf_perf_event_data: { type: 'perf_event', ctxLoads: 'any' },
  bpf_raw_tracepoint_args: { type: 'raw_tracepoint', ctxLoads: 'kernel' },
  bpf_sock_ops: { type: 'sock_ops', ctxLoads: 'native' },
  sk_msg_md: { type: 'sk_msg', ctxLoads: 'native' },
  bpf_sock_addr: { type: 'cgroup_sock_addr', ctxLoads: 'native' },
  bpf_sock: { type: 'cgroup_sock', ctxLoads: 'native' },
  bpf_sockopt: { type: 'cgroup_sockopt', ctxLoads: 'native' },
  bpf_sysctl: { type: 'cgroup_sysctl', ctxLoads: 'native' },
  bpf_cgroup_dev_ctx: { type: 'cgroup_device', ctxLoads: 'native' },
  bpf_sk_lookup: { type: 'sk_lookup', ctxLoads: 'native' },
  sk_reuseport_md: { type: 'sk_reuseport', ctxLoads: 'native' },
};

/**
 * Types that trace: a pointer of unknown origin is the kernel's or a user's, and read by a helper. In all others (packets, sockets, cgroups) it
 * is one that the verifier follows, kept in a struct for a while.
 */
const TRACING_TYPES = new Set([
  'kprobe',
  'tracepoint',
  'raw_tracepoint',
  'raw_tracepoint_writable',
  'perf_event',
  'tracing',
  'lsm',
]);

/** The target of a prefix: `tracepoint__cat__ev` is cat:ev, `kfunc__module__fn` is fn of a module. */
function targetOf(row: PrefixRow, rest: string): string {
  if (row.kind === 'tracepoint') return rest.replace('__', ':');
  if (row.kind === 'kfunc' || row.kind === 'kretfunc' || row.kind === 'fmod_ret') {
    const cut = rest.indexOf('__');
    const module = cut > 0 ? rest.slice(0, cut) : '';
    const fn = cut > 0 ? rest.slice(cut + 2) : rest;
    return module === '' || module === 'vmlinux' ? fn : `${module}:${fn}`;
  }
  return rest;
}

function pointee(t: CType | undefined): string | undefined {
  return t?.kind === 'ptr' && t.to.kind === 'record' ? t.to.decl.name : undefined;
}

/** Decide what a function definition is. */
export function programKind(fn: FuncSymbol, flavoured = false): ProgramKind {
  const { name } = fn;
  const syscall = /^(?:syscall__|kprobe____x64_sys_)/.test(name);
  for (const row of PREFIXES) {
    if (!name.startsWith(row.prefix) || name.length === row.prefix.length) continue;
    const target = targetOf(row, name.slice(row.prefix.length));
    const sys = row.type === 'kprobe' && /^(?:__x64_sys_|__ia32_sys_|sys_|SyS_|ksys_|do_sys_)/.test(target);
    const userEvent = row.kind === 'tracepoint' && target.startsWith('syscalls:');
    return {
      type: row.type,
      ...(row.attachType ? { attachType: row.attachType } : {}),
      attach: { kind: row.kind, target },
      section: fn.section ?? name,
      args: syscall ? 'syscall' : row.args,
      unknown: sys ? 'any' : 'kernel',
      ctxLoads: sys ? 'any' : userEvent ? 'user' : row.ctxLoads,
    };
  }
  const first = pointee(fn.type.params[0]?.type);
  if (fn.section !== undefined) {
    const match = progTypeOfSection(fn.section);
    if (match) return sectionKind(fn, fn.section, match.row.name, match.section.attachType, match.target || undefined);
  }
  if (syscall) return { type: 'kprobe', section: name, args: 'syscall', unknown: 'any', ctxLoads: 'any' };
  const tracepoint = first !== undefined && /^(?:tracepoint__|trace_event_raw_)/.test(first);
  if (tracepoint)
    return {
      type: 'tracepoint',
      section: fn.section ?? name,
      args: 'registers',
      unknown: 'kernel',
      ctxLoads: first.startsWith('tracepoint__syscalls__') ? 'user' : 'kernel',
    };
  if (first?.startsWith('bpf_iter__'))
    return {
      type: 'tracing',
      attachType: 'trace_iter',
      section: fn.section ?? name,
      args: 'registers',
      unknown: 'kernel',
      ctxLoads: 'btf',
    };
  const known = first === undefined ? undefined : BY_CONTEXT[first];
  if (known)
    return {
      ...known,
      section: fn.section ?? name,
      args: 'regs',
      unknown: TRACING_TYPES.has(known.type) ? 'any' : 'native',
    };
  const t = fn.type.params[0]?.type;
  if (t?.kind === 'ptr' && t.to.kind === 'void' && fn.type.params.length === 1) {
    return { type: 'kprobe', section: fn.section ?? name, args: 'regs', unknown: 'any', ctxLoads: 'any' };
  }
  // A struct of the program's own as the only parameter: a context whose type is decided at load (a tracepoint's record, written by hand).
  if (flavoured && first !== undefined && fn.type.params.length === 1) {
    return { type: 'unspec', section: fn.section ?? '.text', args: 'registers', unknown: 'kernel', ctxLoads: 'kernel' };
  }
  return {
    type: 'unspec',
    section: fn.section ?? '.text',
    args: 'registers',
    unknown: 'native',
    ctxLoads: 'native',
    plain: true,
  };
}

/** Sections that libbpf knows by two names. */
const LONG_NAMES: Readonly<Record<string, string>> = { tp: 'tracepoint', raw_tp: 'raw_tracepoint' };

function sectionKind(
  fn: FuncSymbol,
  section: string,
  type: string,
  attachType: string | undefined,
  target: string | undefined,
): ProgramKind {
  const tracing = type === 'tracing' || type === 'lsm';
  const raw = type === 'raw_tracepoint';
  const network = !TRACING_TYPES.has(type);
  const kinds: Record<string, string> = {
    trace_fentry: 'kfunc',
    trace_fexit: 'kretfunc',
    modify_return: 'fmod_ret',
    trace_iter: 'iter',
    lsm_mac: 'lsm',
  };
  // Sleepable or not, by its short name or its long one: one kind.
  const head = section.split('/')[0]!.replace(/\.s$/, '');
  const kind = (attachType && kinds[attachType]) ?? LONG_NAMES[head] ?? head;
  return {
    type,
    ...(attachType ? { attachType } : {}),
    ...(target ? { attach: { kind, target: type === 'tracepoint' ? target.replace('/', ':') : target } } : {}),
    section,
    args:
      tracing || raw
        ? 'words'
        : type === 'kprobe'
          ? fn.syscallArguments || (head.startsWith('k') && head.endsWith('syscall'))
            ? 'syscall'
            : /^(?:k|u)ret/.test(head)
              ? 'return'
              : 'regs'
          : 'registers',
    unknown: tracing || raw || type === 'tracepoint' ? 'kernel' : network ? 'native' : 'any',
    ctxLoads: tracing ? 'btf' : raw || type === 'tracepoint' ? 'kernel' : network ? 'native' : 'any',
  };
}

const kinds = new WeakMap<FuncSymbol, ProgramKind>();

export function kindOf(fn: FuncSymbol): ProgramKind {
  let kind = kinds.get(fn);
  if (!kind) kinds.set(fn, (kind = programKind(fn)));
  return kind;
}

/** Is it a program of its own rather than a function others call? BCC: every function that is not static or inline. */
export function isProgram(fn: FuncSymbol): boolean {
  return fn.body !== undefined && !fn.isStatic && !fn.isInline;
}

/** Give the parameters of a program their sources. Called when its definition begins. */
export function bindProgram(cx: Context, fn: FuncSymbol): void {
  if (fn.isStatic || fn.isInline) return;
  const kind = programKind(fn, cx.target.flavoured);
  kinds.set(fn, kind);
  const params = fn.params;
  const first = params[0];
  if (!first) return;
  if (kind.plain || kind.args === 'registers') {
    if (!kind.plain) first.source = { kind: 'ctx' };
    if (params.length > 5 && !kind.plain)
      cx.report.error(params[5]!.at, `a BPF function takes at most five parameters`);
    return;
  }
  first.source = { kind: 'ctx' };
  for (let i = 1; i < params.length; i++) {
    const v = params[i]!;
    const source = sourceOf(kind, i - 1);
    if (!source) {
      cx.report.error(
        v.at,
        kind.args === 'words'
          ? `'${fn.name}' cannot have more than 12 arguments`
          : kind.args === 'return'
            ? `'${fn.name}' cannot have more than one argument, the value that is returned`
            : `'${fn.name}' cannot have more than 6 arguments: the rest is on the stack of the probed function`,
      );
      return;
    }
    v.source = source;
    v.space = spaceOf(v.type, kind);
    if (v.type.kind === 'record' || v.type.kind === 'array')
      cx.report.error(v.at, 'an argument of a probed function must be an integer or a pointer');
  }
}

function sourceOf(kind: ProgramKind, index: number): ParamSource | undefined {
  if (kind.args === 'words') return index < 12 ? { kind: 'word', index } : undefined;
  // A function that returns has one thing to say (BPF_KRETPROBE).
  if (kind.args === 'return') return index === 0 ? { kind: 'regs', offset: PT_REGS.ax } : undefined;
  const names = kind.args === 'syscall' ? SYSCALL_ARGS : FUNCTION_ARGS;
  const name = names[index];
  if (!name) return undefined;
  return { kind: kind.args === 'syscall' ? 'syscall' : 'regs', offset: PT_REGS[name] };
}

function spaceOf(t: CType, kind: ProgramKind): AddressSpace {
  if (isInteger(t)) return kind.args === 'words' ? 'kernel' : kind.ctxLoads === 'kernel' ? 'kernel' : 'any';
  if (t.kind !== 'ptr') return 'none';
  if (t.to.user) return 'user';
  if (kind.args === 'syscall') return 'user';
  if (kind.args === 'words' && kind.ctxLoads === 'btf')
    return t.to.kind === 'record' && t.to.decl.btfId !== undefined ? 'btf' : 'kernel';
  return kind.ctxLoads;
}
