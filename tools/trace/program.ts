/** The C of one probe of `trace`: a struct of what is printed, and a function that fills it in and sends it. */
import { BpfError } from '../../core/base/errors.ts';
import { rewriteStrcmp } from '../../core/bcc/strcmp-rewrite.ts';
import { type Directive, directivesOf, type ProbeSpec } from './spec.ts';

export interface ProgramOptions {
  /** Bytes of a string at most. */
  readonly stringSize: number;
  readonly kernelStack: boolean;
  readonly userStack: boolean;
  /** C type of the nth argument (from 1) of the USDT probe; throws for one that it does not have. */
  argumentType?(n: number): string;
}

export interface ProbeProgram {
  readonly spec: ProbeSpec;
  /** Number of the probe, from 0: its C names end in it. */
  readonly index: number;
  readonly directives: readonly Directive[];
  readonly fn: string;
  readonly events: string;
  readonly stacks: string;
  readonly text: string;
}

/** C types of what directives print. */
const C_TYPES: Readonly<Record<string, string>> = {
  c: 'char',
  d: 'int',
  u: 'unsigned int',
  x: 'unsigned int',
  hd: 'short',
  hu: 'unsigned short',
  hx: 'unsigned short',
  ld: 'long',
  lu: 'unsigned long',
  lx: 'unsigned long',
  lld: 'long long',
  llu: 'unsigned long long',
  llx: 'unsigned long long',
  K: 'unsigned long long',
  U: 'unsigned long long',
};

const NAMES: readonly (readonly [RegExp, string])[] = [
  [/\bretval\b/g, 'PT_REGS_RC(ctx)'],
  [/\$uid\b/g, '(unsigned)(bpf_get_current_uid_gid() & 0xffffffff)'],
  [/\$gid\b/g, '(unsigned)(bpf_get_current_uid_gid() >> 32)'],
  [/\$pid\b/g, '(unsigned)(bpf_get_current_pid_tgid() & 0xffffffff)'],
  [/\$tgid\b/g, '(unsigned)(bpf_get_current_pid_tgid() >> 32)'],
  [/\$cpu\b/g, 'bpf_get_smp_processor_id()'],
  [/\$task\b/g, '((struct task_struct *)bpf_get_current_task())'],
];

const SYSCALL = /^__(?:x64|arm64|se)_sys_|^sys_|^SyS_/;

export function programOf(spec: ProbeSpec, index: number, options: ProgramOptions): ProbeProgram {
  const fail = (why: string): never => {
    throw new BpfError('EINVAL', `trace: probe '${spec.text}': ${why}`);
  };
  const directives = directivesOf(spec.format, fail);
  const returns = spec.type === 'r';
  // A system call's function gets the caller's registers; its own parameters are there.
  const syscall = spec.type === 'p' && spec.library === '' && SYSCALL.test(spec.name);
  const helpers: string[] = [];
  const rewrite = (expression: string) => rewriteExpression(expression, { spec, index, syscall, helpers, options });
  const filter = spec.filter === '' ? '' : rewrite(spec.filter);
  const values = spec.values.map((value) => ({ c: rewrite(value), user: isUser(value, spec) }));
  const uses = /\bretval\b/.test(`${spec.filter} ${spec.values.join(' ')}`);
  if (uses && !returns) fail("retval is there at returns: 'r::function'");

  // The arguments of a USDT probe are wherever its place in the code says: read before they are used.
  const read =
    spec.type === 'u' ? [...new Set(`${filter} ${values.map((v) => v.c).join(' ')}`.match(/\barg[1-9]\b/g))] : [];
  const readers = read.map((name) => {
    const n = Number(name.slice(3));
    return `    ${options.argumentType!(n)} ${name} = 0;\n    bpf_usdt_readarg(${n}, ctx, &${name});\n`;
  });
  const fields = directives.map(({ letters }, i) =>
    letters === 's' ? `    char v${i}[${options.stringSize}];` : `    ${C_TYPES[letters]} v${i};`,
  );
  const assignments = values.map(({ c, user }, i) => assignment(directives[i]!, i, c, user));
  const fn = `${syscall && spec.parameters !== '' ? 'syscall__' : ''}probe_${index}`;
  const [events, stacks] = [`events_${index}`, `stacks_${index}`];
  const heading =
    spec.type === 't'
      ? `TRACEPOINT_PROBE(${spec.category}, ${spec.name})`
      : `int ${fn}(struct pt_regs *ctx${spec.parameters === '' ? '' : `, ${spec.parameters}`})`;
  const ctx = spec.type === 't' ? 'args' : 'ctx';
  const withStacks = options.kernelStack || options.userStack;
  const text = `${helpers.join('\n')}
struct data_${index} {
    u64 ts_ns;
    u32 tgid;
    u32 pid;
    u32 cpu;
    int kernel_stack;
    int user_stack;
    char comm[TASK_COMM_LEN];
${fields.join('\n')}
};

BPF_PERF_OUTPUT(${events});
${withStacks ? `BPF_STACK_TRACE(${stacks}, 1024);\n` : ''}
${heading}
{
    if (unwanted(${spec.library === '' ? 0 : 1}))
        return 0;
${readers.join('')}${filter === '' ? '' : `    if (!(${filter}))\n        return 0;\n`}    struct data_${index} data = {};
    describe(data);
${assignments.join('\n')}
${options.kernelStack ? `    data.kernel_stack = ${stacks}.get_stackid(${ctx}, 0);\n` : ''}${options.userStack ? `    data.user_stack = ${stacks}.get_stackid(${ctx}, BPF_F_USER_STACK);\n` : ''}    ${events}.perf_submit(${ctx}, &data, sizeof(data));
    return 0;
}
`;
  return { spec, index, directives, fn: spec.type === 't' ? '' : fn, events, stacks, text };
}

function assignment({ letters }: Directive, i: number, c: string, user: boolean): string {
  if (letters !== 's') return `    data.v${i} = (${C_TYPES[letters]})(${c});`;
  const read = user ? 'bpf_probe_read_user_str' : 'bpf_probe_read_kernel_str';
  return `    if ((${c}) != 0)\n        ${read}(&data.v${i}, sizeof(data.v${i}), (void *)(${c}));`;
}

interface Rewriting {
  readonly spec: ProbeSpec;
  readonly index: number;
  readonly syscall: boolean;
  /** C functions that the expressions need. */
  readonly helpers: string[];
  readonly options: ProgramOptions;
}

/** Our words for C's. */
function rewriteExpression(expression: string, rewriting: Rewriting): string {
  const { spec, index, helpers } = rewriting;
  let n = helpers.length;
  const compared = rewriteStrcmp(expression, false, (operand) => ({
    name: `streq_${index}_${n++}`,
    user: isUser(operand, spec),
  }));
  helpers.push(...compared.functions.split(/(?=^static inline)/m).slice(1));
  let out = compared.expr.replace(/\b(arg[1-6])@user\b/g, '$1');
  if (spec.type !== 't' && spec.type !== 'u')
    out = out.replace(/\barg([1-6])\b/g, (_, n: string) =>
      rewriting.syscall ? `SYSCALL_ARG(${n})` : `PT_REGS_PARM${n}(ctx)`,
    );
  for (const [name, c] of NAMES) out = out.replace(name, c);
  return out;
}

/** Does a string expression point to user memory? Arguments of user functions do, and what `@user` says. */
function isUser(value: string, spec: ProbeSpec): boolean {
  if (spec.library !== '' || /\barg[1-6]@user\b/.test(value)) return true;
  // Strings of system calls are the caller's: in their functions, their tracepoints, and in do_sys_open and its like.
  return spec.type === 't'
    ? spec.category === 'syscalls'
    : SYSCALL.test(spec.name) || (/^do_sys_/.test(spec.name) && /^arg[1-6]$/.test(value.trim()));
}
