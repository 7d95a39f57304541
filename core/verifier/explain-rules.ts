/**
 * What each refusal means and how to mend it: one row a kind of message. The messages are Linux's (and ours, which are the
 * same), so that a log printed by a real kernel is explained by the same rows. First match wins.
 */
import type { Category } from './refusal.ts';

export interface ExplainRule {
  readonly pattern: RegExp;
  readonly category: Category;
  /** The reason in a sentence; `v` is the variable as far as known ('`val`'), or the register. */
  readonly reason: (m: RegExpExecArray, v: string) => string;
  /** What to do; may be absent where nothing general can be said. `line` is where. */
  readonly mend?: (m: RegExpExecArray, v: string, line: number | undefined) => string;
}

const before = (line: number | undefined) => (line === undefined ? '' : ` before line ${line}`);
/** `val` of '`val`'; a register when no variable is known. */
const bare = (v: string) => v.replace(/`/g, '');

export const EXPLAIN_RULES: readonly ExplainRule[] = [
  {
    pattern: /^R(\d+) invalid mem access '(map_value|sock|sock_common|tcp_sock|mem|ringbuf_mem|.*)_or_null_?'/,
    category: 'null',
    reason: (_, v) => `${v} may be null here: the lookup or reservation that gave it can fail`,
    mend: (_, v, line) => `check it first: \`if (!${bare(v)}) return 0;\`${before(line)}`,
  },
  {
    pattern: /^R(\d+) pointer arithmetic on (.*) prohibited, null-check it first/,
    category: 'null',
    reason: (_, v) => `${v} may be null, and is moved before it was checked`,
    mend: (_, v, line) => `check it first: \`if (!${bare(v)}) return 0;\`${before(line)}`,
  },
  {
    pattern: /^R(\d+) type=(.*)_or_null_? expected=/,
    category: 'null',
    reason: (_, v) => `${v} may be null, and is given to a helper that needs a valid pointer`,
    mend: (_, v, line) => `check it first: \`if (!${bare(v)}) return 0;\`${before(line)}`,
  },
  {
    pattern: /^R0 !read_ok/,
    category: 'uninitialised',
    reason: () => 'the program ends, or goes on, without a value in r0: a return value is missing',
    mend: () => 'return a value on every path: `return 0;`',
  },
  {
    pattern: /^R(\d+) !read_ok/,
    category: 'uninitialised',
    reason: (m, v) =>
      Number(m[1]) <= 5
        ? `${v} has no value here: it was never set, or a call in between has clobbered it`
        : `${v} has no value here: it was never set on this path`,
    mend: (_, v) => `give ${v} a value before it is used`,
  },
  {
    pattern: /^invalid read from stack R?\d* ?off (-?\d+)\+(\d+) size (\d+)/,
    category: 'uninitialised',
    reason: (m) => `${m[3]} bytes of the stack are read or passed to a helper, of which byte ${m[2]} was never written`,
    mend: () => 'initialise the whole variable: `struct key k = {};` (padding bytes count too: use `__builtin_memset`)',
  },
  {
    pattern: /^invalid (write to|read from|.*access to) stack R(\d+) off=(-?\d+) size=(-?\d+)/,
    category: 'bounds',
    reason: (m) =>
      Number(m[3]) < -512
        ? `${m[4]} bytes at fp${m[3]} are below the 512 bytes of stack a program has`
        : `${m[4]} bytes at fp${Number(m[3]) < 0 ? m[3] : `+${m[3]}`} do not lie in the program's stack`,
    mend: () => 'use a per-CPU array map for large data, or make the buffer smaller',
  },
  {
    pattern: /^invalid (unbounded )?variable-offset.* stack R(\d+)/,
    category: 'bounds',
    reason: (_, v) => `${v} indexes the stack with a number that is not known to stay inside`,
    mend: () => 'bound the index: `if (i >= N) return 0;` or `i &= N - 1;`',
  },
  {
    pattern: /^R(\d+) offset is outside of the packet/,
    category: 'bounds',
    reason: (_, v) => `the packet may end before the bytes that ${v} reads: no check against data_end covers them`,
    mend: (_, v, line) => `compare first: \`if ((void *)(${bare(v)} + 1) > data_end) return XDP_PASS;\`${before(line)}`,
  },
  {
    pattern: /^R(\d+) (min|max) value is outside of the allowed memory range/,
    category: 'bounds',
    reason: (m, v) => `${v} may point ${m[2] === 'max' ? 'behind the end' : 'outside'} of the memory it belongs to`,
    mend: () => 'bound the index to the size of what is accessed: `if (i >= N) return 0;`',
  },
  {
    pattern: /^R(\d+) min value is negative/,
    category: 'bounds',
    reason: (_, v) => `${v} is used as an offset or size and may be negative`,
    mend: () => 'use an unsigned type, or check: `if (i < 0) return 0;`',
  },
  {
    pattern: /^R(\d+) unbounded memory access/,
    category: 'bounds',
    reason: (_, v) => `${v} is used as an offset or size without an upper bound`,
    mend: () => 'bound it: `if (n > sizeof(buf)) n = sizeof(buf);` or `n &= 0xff;`',
  },
  {
    pattern: /^R(\d+) invalid zero-sized read/,
    category: 'bounds',
    reason: (_, v) => `${v} is a size that may be zero, which this helper does not take`,
    mend: (_, v) => `\`if (${bare(v)} == 0) return 0;\``,
  },
  {
    pattern: /^math between (.*) pointer and (register with unbounded min value|-?\d+) is not allowed/,
    category: 'bounds',
    reason: (m) => `a number without usable bounds is added to a ${m[1]} pointer`,
    mend: () => 'bound the number before it is added: unsigned, and compared with the size',
  },
  {
    pattern: /^value -?\d+ makes (.*) pointer be out of bounds/,
    category: 'bounds',
    reason: (m) => `the sum lies far outside of what the ${m[1]} pointer may reach`,
  },
  {
    pattern: /^misaligned (.*)access off .* size (\d+)/,
    category: 'alignment',
    reason: (m) => `the ${m[1]}access of ${m[2]} bytes is not at a multiple of ${m[2]}`,
    mend: () => 'align the field, or access it byte by byte (`__builtin_memcpy`)',
  },
  {
    pattern: /^invalid bpf_context access off=(-?\d+) size=(\d+)/,
    category: 'context',
    reason: (m) => `this program type may not access ${m[2]} bytes at offset ${m[1]} of its context like this`,
    mend: () => 'read a whole field of the context struct, and write only fields that this program type may write',
  },
  {
    pattern: /^program of this type cannot use helper (\w+)#/,
    category: 'helper',
    reason: (m) => `\`${m[1]}\` is not available to programs of this type`,
    mend: () => 'use a helper that this program type has, or attach the program elsewhere',
  },
  {
    pattern: /^cannot call GPL-restricted function from non-GPL compatible program/,
    category: 'helper',
    reason: () => 'the helper is for GPL-compatible programs only, and this program does not say it is one',
    mend: () => '`char LICENSE[] SEC("license") = "GPL";`',
  },
  {
    pattern: /^cannot pass map_type (\d+) into func (\w+)#/,
    category: 'helper',
    reason: (m) => `\`${m[2]}\` does not take a map of this type`,
  },
  {
    pattern: /^R(\d+) type=(\S+) expected=(.*)/,
    category: 'type',
    reason: (m, v) => `${v} is a ${m[2]}, and the helper takes ${m[3]} there`,
  },
  {
    pattern: /^R(\d+) invalid mem access '(scalar|inv)'/,
    category: 'type',
    reason: (_, v) => `${v} is a plain number, and is used as an address`,
    mend: () => 'read kernel memory with `bpf_probe_read_kernel(&dst, sizeof(dst), ptr)`',
  },
  {
    pattern: /^R(\d+) invalid mem access '(\S+)'/,
    category: 'type',
    reason: (m, v) => `${v} is a ${m[2]}, which cannot be read or written directly`,
  },
  {
    pattern: /^(BPF_EXIT instruction in main prog|tail_call|BPF_LD_\[ABS\|IND\]) would lead to reference leak/,
    category: 'reference',
    reason: () => 'a socket or ring buffer record is not given back on this path',
    mend: () => 'release it on every path: `bpf_ringbuf_discard(e, 0);` or `bpf_sk_release(sk);`',
  },
  {
    pattern: /^(Unreleased reference|.*reference has not been acquired before|R\d+ must be referenced)/,
    category: 'reference',
    reason: () => 'what is released here is not held, or was released before',
  },
  {
    pattern: /^(At .*) the register R0 has (.*) should have been in \[(-?\d+), (-?\d+)\]/,
    category: 'return',
    reason: (m) =>
      m[3] === m[4]
        ? `the program must return ${m[3]} here`
        : `the program returns a value that may lie outside ${m[3]} to ${m[4]}`,
    mend: (m) => `return a constant from ${m[3]} to ${m[4]}`,
  },
  {
    pattern: /^(infinite loop detected at insn|old state:|cur state:|back-edge from insn)/,
    category: 'limit',
    reason: () => 'the loop comes round with nothing changed: it would never end',
    mend: () => 'give the loop a constant bound, and change its counter in every round',
  },
  {
    pattern: /^BPF program is too large\. Processed (\d+) insn/,
    category: 'limit',
    reason: () =>
      'walking all paths takes more than a million instructions: a loop runs too often, or branches multiply',
    mend: () => 'make the loop shorter, or move its body into `bpf_loop`',
  },
  {
    pattern: /^The sequence of \d+ jumps is too complex/,
    category: 'limit',
    reason: () => 'too many branches are open at once',
    mend: () => 'split the program, or make a loop shorter',
  },
  {
    pattern: /^combined stack size of (\d+) calls is (\d+)/,
    category: 'limit',
    reason: (m) => `a chain of ${m[1]} calls needs ${m[2]} bytes of stack; 512 is all there is`,
    mend: () => 'use smaller buffers, or a per-CPU array map',
  },
  {
    pattern: /^(the call stack of|stack size of subprog|tail_calls are not allowed)/,
    category: 'limit',
    reason: () => 'calls are nested too deeply, or use too much stack',
  },
  {
    pattern: /^unreachable insn (\d+)/,
    category: 'structure',
    reason: (m) => `instruction ${m[1]} can never be reached`,
  },
  {
    pattern: /^(R\d+ leaks addr|.*pointer comparison prohibited|.*prohibited for !root|leaking pointer)/,
    category: 'leak',
    reason: () => 'an unprivileged program would learn a kernel address',
  },
  {
    pattern: /^R(\d+) (pointer arithmetic|bitwise operator|32-bit pointer arithmetic|pointer .* pointer)/,
    category: 'type',
    reason: (_, v) => `${v} is a pointer, and this operation is only for numbers`,
    mend: () => 'only += and -= of a bounded number work on pointers',
  },
  {
    pattern: /^(function calls are not allowed while holding a lock|bpf_spin_|Locking two)/,
    category: 'reference',
    reason: () => 'between bpf_spin_lock and bpf_spin_unlock nothing but plain instructions may stand',
  },
];
