/** What refusals of calls mean: helpers that are not there, arguments that do not fit, references, locks, dynptrs. */
import { helperById, helperByName, nearestHelpers, programTypesOf } from '../../helpers/index.ts';
import { MAP_TYPES } from '../../maps/index.ts';
import type { Case, Mend, Spot } from './case.ts';
import { takenBy } from './held.ts';
import { kindText, registerText } from './register.ts';
import type { Rule, Said } from './rule.ts';
import { constantText } from './rules-access.ts';
import { invalidatedBy } from './rules-packet.ts';
import { callText, NONE, originText, q } from './words.ts';

/** What stands in for a helper of other program types. */
const INSTEAD: Record<string, string> = {
  probe_read: 'use bpf_probe_read_kernel() or bpf_probe_read_user()',
  probe_read_str: 'use bpf_probe_read_kernel_str() or bpf_probe_read_user_str()',
  get_current_comm: 'use what the packet itself says: no task belongs to it',
  get_current_pid_tgid: 'use what the packet itself says: no task belongs to it',
  redirect: 'redirect packets in a program of type xdp or sched_cls',
  ringbuf_output: 'use perf_submit() of a BPF_PERF_OUTPUT',
  ringbuf_reserve: 'use a variable on the stack and perf_submit() of a BPF_PERF_OUTPUT',
  ktime_get_boot_ns: 'use bpf_ktime_get_ns()',
  override_return: 'only kprobes of functions that allow error injection can change what a function returns',
};

function numberOf(version: string): number {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major * 1000 + minor;
}

/** Why a kernel has a helper and does not give it (bpf_base_func_proto of kernel/bpf/helpers.c, bpf_tracing_func_proto of kernel/trace/bpf_trace.c). */
function withheld(name: string): string {
  if (name === 'probe_write_user')
    return "a kernel in lockdown ('integrity' or stricter) lets nobody write to processes";
  if (name === 'override_return') return 'the kernel was built without CONFIG_BPF_KPROBE_OVERRIDE';
  if (name.startsWith('probe_read')) return "a kernel in lockdown 'confidentiality' lets nobody read its memory";
  return 'the user has no CAP_BPF or CAP_PERFMON, or the kernel was built without what the helper serves';
}

function unavailable(c: Case, name: string): Said {
  const row = helperByName(name);
  const types = row ? programTypesOf(row) : [];
  const { kernel } = c.evidence;
  const older = row && kernel !== undefined && numberOf(row.since) > numberOf(kernel);
  const bare = name.replace(/^bpf_/, '');
  if (older) {
    return {
      ...NONE,
      summary: `${q(name)} came with Linux ${row.since}`,
      reason: `Linux ${kernel}, whose rules apply, does not have it yet`,
      branches: 'none',
      mend: {
        text: INSTEAD[bare] ? `${INSTEAD[bare]}, or require Linux ${row.since}` : `require Linux ${row.since}`,
      },
    };
  }
  if (types.includes(c.progType)) {
    return {
      ...NONE,
      summary: `the kernel withholds ${q(name)}, which programs of type ${c.progType} may call elsewhere`,
      reason: withheld(bare),
      branches: 'none',
      mend: { text: INSTEAD[bare] ?? 'do without it, or use a kernel that allows it' },
    };
  }
  return {
    ...NONE,
    summary: `programs of type ${c.progType} may not call ${q(name)}`,
    reason: types.length === 0 ? 'there is no such helper' : `it is there for: ${types.join(', ')}`,
    branches: 'none',
    mend: {
      text: INSTEAD[bare]
        ? INSTEAD[bare]!
        : `use a helper that ${c.progType} programs have, or make it a program of another type`,
    },
  };
}

/** The kinds that are expected, in words and once each. */
function expected(list: string): string {
  const kinds = list.split(/,\s*/).filter((k) => k !== '');
  const memory = ['fp', 'map_value', 'mem'].filter((k) => kinds.includes(k)).length >= 2;
  if (memory) return 'a pointer to memory that the verifier knows (the stack, a map value, a packet, a record)';
  const words = [...new Set(kinds.map(kindText))];
  return words.length > 3 ? `${words.slice(0, 3).join(', ')} and the like` : words.join(' or ');
}

/** An argument of the wrong kind. */
function wrongArgument(c: Case, register: number, is: string, wants: string): Said {
  if (wants === 'map_value' && register === 3 && c.call?.name === 'bpf_strncmp') return constantText(c, register);
  const subject = c.subject(register);
  const origin = c.flow.reg(register);
  const helper = c.call?.name ?? 'the helper';
  const lost = is === 'scalar' || is === 'inv' ? invalidatedBy(c, origin) : undefined;
  if (lost) return lost(subject);
  const number = is === 'scalar' || is === 'inv';
  const zero = number && c.reg(register)?.value === 0n;
  const kernelAddress = number && origin?.kind === 'load';
  let mend: Mend | undefined;
  if (wants.startsWith('ctx') && c.function) {
    const ctx = c.function.params[0];
    if (ctx !== undefined && ctx !== '') mend = replaceArgument(c, subject, ctx);
  } else if (number && !zero && origin?.kind !== 'load' && variableIn(subject) !== undefined && register >= 2) {
    const address = `&${variableIn(subject)}`;
    mend = replaceArgument(c, subject, address);
  } else if (zero) mend = { text: `give a pointer to a variable: ${q('u32 key = 0;')} and ${q('&key')}` };
  else if (kernelAddress) {
    mend = {
      text: `copy it to the stack first: ${q(`bpf_probe_read_kernel(&copy, sizeof(copy), ${c.isExpression(subject) ? subject : 'ptr'});`)} and give ${q('&copy')}`,
    };
  }
  const r = c.reg(register);
  return {
    summary: zero
      ? `${q(subject)} is null, and ${q(helper)} needs memory there`
      : `${q(subject)} is not what ${q(helper)} needs`,
    reason: `it takes ${expected(wants)} there, and ${q(subject)} is ${zero ? 'the number 0' : r ? registerText(r) : kindText(is)}${number && !zero ? ` (it ${originText(c, origin)})` : ''}`,
    variable: subject,
    known: [],
    origin,
    branches: 'since',
    mend,
  };
}

/** The one variable that an argument is, under casts. */
function variableIn(argument: string): string | undefined {
  return /^(?:\([\w\s*]+\)\s*)*([A-Za-z_]\w*)$/.exec(argument)?.[1];
}

function replaceArgument(c: Case, old: string, insert: string): Mend {
  const at = c.here;
  const text = `give ${q(insert)} instead of ${q(old)} on line ${c.lineOf(c.pc)}`;
  if (!at || !c.call) return { text };
  const open = at.file.code.indexOf('(', c.call.range.start);
  const start = at.file.text.indexOf(old, open + 1);
  return start < 0 || start >= c.call.range.end
    ? { text }
    : c.replace(at.file, start, start + old.length, insert, text);
}

/** What was taken and not given back, by the call that took it. */
function leak(c: Case): Said {
  const taken = c.evidence.details
    .map((d) => /Unreleased reference id=\d+ alloc_insn=(\d+)/.exec(d)?.[1])
    .find(Boolean);
  const step = taken === undefined ? -1 : c.evidence.path.lastIndexOf(Number(taken));
  const call = c.flow.calls.find((k) => k.step === step);
  const pc = taken === undefined ? undefined : Number(taken);
  const at = pc === undefined ? undefined : c.placeOf(pc);
  const assigned = at?.file.assignedAt(at.offset)?.name;
  const taking = pc === undefined ? undefined : c.callOf(pc);
  const what = takenBy(taking, assigned);
  const name = what ? what.name : assigned;
  const noun = what?.noun ?? 'reference';
  const { exit } = c;
  return {
    summary: `${name ? q(name) : `a ${noun}`} is not ${noun === 'iterator' ? 'destroyed' : 'given back'} on this path`,
    reason: `${(call || taking) && pc !== undefined ? callText(c, { kind: 'call', pc, step, inputs: [], helper: call?.helper }) : 'a call'} has ${noun === 'iterator' ? 'begun an iterator' : `taken ${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`}, and the program ends here without ${noun === 'ring buffer record' ? 'submitting or discarding it' : noun === 'iterator' ? 'destroying it' : 'releasing it'}`,
    variable: name,
    known: [],
    marks: step < 0 ? new Map() : new Map([[step, `${name ? q(name) : 'it'} is taken`]]),
    branches: 'since',
    spot: exit,
    mend: !what ? undefined : name === undefined ? { text: q(what.release) } : c.before(exit ?? c.pc, what.release),
  };
}

/** The lock that is held: where it was taken. */
function lock(c: Case): { marks: Map<number, string>; expression: string; step: number } {
  const taken = c.flow.calls.filter((k) => k.helper.name === 'spin_lock').at(-1);
  const call = taken && c.callOf(taken.pc);
  return {
    marks: taken ? new Map([[taken.step, 'the lock is taken']]) : new Map(),
    expression: call?.args[0] ?? '&val->lock',
    step: taken?.step ?? 0,
  };
}

/** `mend`, moved before the lock where the statement says `x = f();`. */
function underLock(c: Case): Mend {
  const { call, here: at } = c;
  const taken = c.flow.calls.filter((k) => k.helper.name === 'spin_lock').at(-1);
  const fallback: Mend = {
    text: `call ${q(call?.name ?? 'it')} before ${q('bpf_spin_lock')} and keep the result in a variable`,
  };
  if (!call || !at?.file.complete || !taken || call.args.some((a) => /[^\w\s&.]/.test(a))) return fallback;
  const row = helperByName(call.name);
  if (row?.ret !== 'integer' || call.args.length > 0) return fallback;
  const lockAt = c.placeOf(taken.pc)!;
  const start = at.file.statementAt(lockAt.offset).inner;
  const { line, column } = at.file.position(start);
  const indent = at.file.lineText(line).slice(0, column - 1);
  if (indent.trim() !== '' || start >= call.range.start) return fallback;
  const name = row.name.replace(/^(?:get_|ktime_get_)/, '').replace(/\W/g, '_') || 'result';
  const where = at.file.position(call.range.start);
  return {
    text: `${q(`u64 ${name} = ${call.name}();`)} before line ${line}, and ${q(name)} on line ${where.line}`,
    patch: {
      file: at.file.name,
      edits: [
        { line, column: 1, remove: '', insert: `${indent}u64 ${name} = ${call.name}();\n` },
        {
          line: where.line,
          column: where.column,
          remove: at.file.text.slice(call.range.start, call.range.end),
          insert: name,
        },
      ],
    },
  };
}

function heldAtExit(c: Case, region: string): Said {
  const { marks, expression } = lock(c);
  const unlock: Record<string, string> = {
    'bpf_spin_lock-ed': `bpf_spin_unlock(${expression});`,
    'bpf_rcu_read_lock-ed': 'bpf_rcu_read_unlock();',
    'bpf_preempt_disable-ed': 'bpf_preempt_enable();',
    'bpf_local_irq_save-ed': 'bpf_local_irq_restore(&flags);',
  };
  const { exit } = c;
  const what = region.startsWith('bpf_spin')
    ? `the lock ${q(expression)}`
    : `what ${q(region.replace(/-ed$/, ''))} began`;
  return {
    summary: `${what} is still held where the program ends`,
    reason: 'every path must give the lock back before it returns',
    variable: expression.replace(/^&/, ''),
    known: [],
    marks,
    branches: 'since',
    spot: exit,
    mend: c.before(exit ?? c.pc, unlock[region] ?? 'bpf_spin_unlock(&val->lock);'),
  };
}

export const CALL_RULES: readonly Rule[] = [
  {
    pattern: /^program of this type cannot use helper (\w+)#\d+|^unknown func (\w+)#\d+/,
    category: 'helper',
    say: (m, c) => unavailable(c, m[1] ?? m[2]!),
  },
  {
    pattern: /^invalid func unknown#(-?\d+)|^invalid func (\w+)#(\d+)/,
    category: 'helper',
    say: (m, c) => {
      const row = helperById(Number(m[1] ?? m[3]));
      const name = c.call?.name;
      const near = name === undefined ? [] : nearestHelpers(name);
      return row
        ? unavailable(c, `bpf_${row.name}`)
        : {
            ...NONE,
            summary: `there is no helper number ${m[1] ?? m[3]}`,
            reason: 'the kernel whose rules apply has no such helper',
            branches: 'none',
            mend:
              near.length > 0 ? { text: `did you mean ${near.map((n) => q(`bpf_${n}`)).join(' or ')}?` } : undefined,
          };
    },
  },
  {
    pattern: /^cannot call GPL(?:-restricted function from non-GPL compatible| only function from proprietary) program/,
    category: 'helper',
    say: (_, c) => {
      const bcc = c.mentions('BPF_LICENSE') || /(?:^|\n)[ \t]*#define[ \t]+BPF_LICENSE/.test(c.here?.file.text ?? '');
      return {
        ...NONE,
        summary: `${q(c.call?.name ?? 'this helper')} is for GPL-compatible programs only`,
        reason: `the licence of this program is ${c.prog.license === '' ? 'not stated' : `"${c.prog.license}"`}, which is not compatible with the GPL`,
        branches: 'none',
        mend: bcc
          ? { text: `${q('#define BPF_LICENSE GPL')}, if the program is under the GPL` }
          : {
              text: `say the licence: ${q('char LICENSE[] SEC("license") = "GPL";')}, or in BCC's C ${q('#define BPF_LICENSE GPL')}`,
            },
      };
    },
  },
  {
    pattern: /^cannot pass map_type (\d+) into func (\w+)#/,
    category: 'helper',
    say: (m, c) => {
      const type = MAP_TYPES.find((t) => t.id === Number(m[1]))?.name ?? m[1]!;
      const map =
        c.flow.calls.at(-1)?.args.find((a) => a?.map)?.map ?? [1, 2, 3].map((r) => c.flow.reg(r)?.map).find(Boolean);
      return {
        ...NONE,
        summary: `${q(m[2]!)} does not work on ${map ? q(map) : 'this map'}, a map of type ${type}`,
        reason: `each helper takes maps of certain types only`,
        variable: map,
        branches: 'none',
        mend: { text: MAP_HINT[m[2]!.replace(/^bpf_/, '')] ?? 'use a map of the type that the helper is for' },
      };
    },
  },
  {
    pattern: /^expected prog array map for tail call/,
    category: 'helper',
    say: (_, c) => ({
      ...NONE,
      summary: `${q((c.argument(2) ?? c.call?.receiver ?? 'the map').replace(/^&/, ''))} is no array of programs`,
      reason: 'a tail call goes to a program that a map of type prog_array holds',
      variable: (c.argument(2) ?? c.call?.receiver)?.replace(/^&/, ''),
      branches: 'none',
      mend: {
        text: `declare it with ${q('BPF_PROG_ARRAY(progs, 8);')}, or ${q('__uint(type, BPF_MAP_TYPE_PROG_ARRAY);')}`,
      },
    }),
  },
  {
    pattern: /^R(\d+) type=(\S+) expected=(.*)/,
    category: 'type',
    say: (m, c) => wrongArgument(c, Number(m[1]), m[2]!, m[3]!),
  },
  {
    pattern: /^R(\d+) is of type (\w+) but (\w+) is expected/,
    category: 'type',
    say: (m, c) => ({
      summary: `${q(c.subject(Number(m[1])))} points to a struct ${m[2]}, and ${q(c.call?.name ?? 'the helper')} needs a struct ${m[3]}`,
      reason: 'the types of kernel objects are checked by BTF',
      variable: c.subject(Number(m[1])),
      known: [],
      origin: c.flow.reg(Number(m[1])),
      mend: undefined,
    }),
  },
  {
    pattern: /^R(\d+) is not a known constant'?/,
    category: 'type',
    say: (m, c) => ({
      summary: `${q(c.subject(Number(m[1])))} must be a constant here`,
      reason: `${q(c.call?.name ?? 'the helper')} needs to know the number when the program is loaded`,
      variable: c.subject(Number(m[1])),
      known: [],
      origin: c.flow.reg(Number(m[1])),
      mend: { text: 'give a number or `sizeof(...)`' },
    }),
  },
  {
    pattern: /would lead to reference leak$|^Unreleased reference id=/,
    category: 'reference',
    say: (_, c) => leak(c),
  },
  {
    pattern:
      /^(?:.*reference has not been acquired before|R\d+ must be referenced when passed to release function|arg \d+ is an unacquired reference|release kernel function .*)/,
    category: 'reference',
    say: (_, c) => {
      const subject = c.call?.args[0] ?? c.subject(1);
      return {
        summary: `${q(subject)} is given back, but was not taken`,
        reason:
          'only what a helper has handed out (a looked-up socket, a reserved record) may be released, and only once',
        variable: subject,
        known: [],
        origin: c.flow.reg(1),
        mend: c.call
          ? { text: `remove ${q(`${c.call.name}(${c.call.args.join(', ')});`)} on line ${c.lineOf(c.pc)}` }
          : undefined,
      };
    },
  },
  {
    pattern:
      /cannot be used inside (bpf_\w+-ed) region|^(bpf_spin_lock) is missing unlock|^(?:BPF_EXIT|tail_call).*(spin_lock)/,
    category: 'reference',
    say: (m, c) => heldAtExit(c, m[1] ?? 'bpf_spin_lock-ed'),
  },
  {
    pattern: /^bpf_spin_unlock is missing/,
    category: 'reference',
    say: (_, c) => heldAtExit(c, 'bpf_spin_lock-ed'),
  },
  {
    pattern: /^function calls are not allowed while holding a lock/,
    category: 'reference',
    say: (_, c) => {
      const again = c.call?.name === 'bpf_spin_lock';
      const { marks, expression } = lock(c);
      return {
        summary: again
          ? 'the lock is taken a second time'
          : `${q(c.call?.name ?? 'a helper')} is called while a lock is held`,
        reason: again
          ? `${q(expression)} is held already, and a second one would wait for ever`
          : `between ${q('bpf_spin_lock')} and ${q('bpf_spin_unlock')} nothing may be called`,
        variable: expression.replace(/^&/, ''),
        known: [],
        marks,
        branches: 'since',
        mend: again ? removeLine(c) : underLock(c),
      };
    },
  },
  {
    pattern: /^Locking two bpf_spin_locks are not allowed|^bpf_spin_unlock (?:of different lock|without taking a lock)/,
    category: 'reference',
    say: (m, c) => ({
      summary: m[0].startsWith('Locking') ? 'a second lock is taken' : 'a lock is given back that is not held',
      reason: 'a program may hold one lock at a time, and gives back the one it took',
      variable: c.call?.args[0]?.replace(/^&/, ''),
      known: [],
      marks: lock(c).marks,
      branches: 'since',
      mend: m[0].startsWith('Locking')
        ? { text: `${q('bpf_spin_unlock')} the first before line ${c.lineOf(c.pc)}` }
        : { text: `${q(`bpf_spin_lock(${c.call?.args[0] ?? '&val->lock'});`)} before what it protects` },
    }),
  },
  {
    pattern:
      /^tracing progs cannot use (bpf_\w+|bpf_\{list_head,rb_root\}) yet|^socket filter progs cannot use (bpf_spin_lock) yet/,
    category: 'type',
    say: (m, c) => {
      const what = m[1] ?? m[2]!;
      return {
        ...NONE,
        summary: `programs of type ${c.progType} may not use a map with a ${q(`struct ${what}`)}`,
        reason: `a program that interrupts another one that holds the lock would wait for ever; so Linux allows ${q(what)} only where that cannot be`,
        spot: structAt(c, what),
        branches: 'none',
        mend: {
          text:
            what === 'bpf_spin_lock'
              ? `use ${q('__sync_fetch_and_add(&v->n, 1);')} or a per-CPU map, and take ${q('struct bpf_spin_lock')} out of the value`
              : `keep ${q(what)} in maps of other program types`,
        },
      };
    },
  },
  {
    pattern:
      /^(?:R\d+ doesn't have constant offset|map '(.*)' has (?:no valid|to have BTF)|off -?\d+ doesn't point to) ?.*(bpf_spin_lock|bpf_timer)/,
    category: 'type',
    say: (m, c) => ({
      summary: `${q(c.call?.args[0] ?? 'the argument')} is no ${q(`struct ${m[2]}`)} of a map value`,
      reason: `the value type of the map must have a member of type ${q(`struct ${m[2]}`)}, and its BTF must say so`,
      variable: c.call?.args[0]?.replace(/^&/, ''),
      known: [],
      origin: c.flow.reg(1),
      mend: { text: `give the address of that member: ${q(`&val->${m[2] === 'bpf_timer' ? 'timer' : 'lock'}`)}` },
    }),
  },
  {
    pattern:
      /^(Expected an initialized dynptr|Dynptr has to be an uninitialized|Expected a dynptr of type (\w+)|cannot overwrite referenced dynptr|potential write to dynptr|cannot pass pointer to const bpf_dynptr)/,
    category: 'reference',
    say: (m, c) => {
      const subject = (c.call?.args.find((a) => a.startsWith('&')) ?? 'the dynptr').replace(/^&/, '');
      const initialised = m[1]!.startsWith('Expected an');
      return {
        ...NONE,
        summary: initialised
          ? `${q(subject)} is no dynptr here, or no longer one`
          : `${q(subject)} cannot be used like this`,
        reason: initialised
          ? 'it was not made by bpf_dynptr_from_mem or bpf_ringbuf_reserve_dynptr on this path, or was submitted already'
          : m[1]!.startsWith('Dynptr has')
            ? 'it holds a dynptr already'
            : `it is a dynptr of another kind${m[2] ? `: ${m[2]} is needed` : ', or holds something that must be given back'}`,
        variable: subject,
        branches: 'all',
        mend: {
          text: initialised
            ? `make it first: ${q(`bpf_dynptr_from_mem(data, size, 0, &${subject});`)}`
            : `use a second ${q('struct bpf_dynptr')}`,
        },
      };
    },
  },
  {
    pattern: /^helper call might sleep in a non-sleepable prog|^sleepable helper (\w+)#\d+ in/,
    category: 'helper',
    say: (m, c) => ({
      ...NONE,
      summary: `${q(c.call?.name ?? m[1] ?? 'this helper')} may sleep, and this program must not`,
      reason: m[1]
        ? 'it is called in a region that must not be interrupted'
        : 'only sleepable programs may wait for memory to be paged in',
      branches: 'none',
      mend: {
        text: `load the program as sleepable (a section like ${q('fentry.s/...')}), or use ${q('bpf_probe_read_user')}`,
      },
    }),
  },
  {
    pattern:
      /^the call stack of \d+ frames is too deep|^callback function not allowed|^callback function (?:not static|cannot be)/,
    category: 'limit',
    say: (m) => ({
      ...NONE,
      summary: m[0].startsWith('callback')
        ? 'this function cannot be a callback'
        : 'functions call each other too deeply',
      reason: m[0].startsWith('callback') ? m[0] : 'at most 8 functions may be open at once, and none may call itself',
      branches: 'none',
      mend: {
        text: m[0].startsWith('callback')
          ? 'make it a static function of its own'
          : `mark small functions ${q('__always_inline')}, or turn recursion into a loop`,
      },
    }),
  },
];

const MAP_HINT: Record<string, string> = {
  perf_event_output: 'declare it with `BPF_PERF_OUTPUT(events);`',
  ringbuf_output: 'declare it with `BPF_RINGBUF_OUTPUT(events, 8);`',
  ringbuf_reserve: 'declare it with `BPF_RINGBUF_OUTPUT(events, 8);`',
  tail_call: 'declare it with `BPF_PROG_ARRAY(progs, 8);`',
  get_stackid: 'declare it with `BPF_STACK_TRACE(stacks, 1024);`',
  redirect_map: 'declare it with `BPF_DEVMAP(devs, 8);`, `BPF_CPUMAP` or `BPF_XSKMAP`',
  map_lookup_elem: 'a map of this type has no values to look up: use the helper that goes with it, or a `BPF_HASH`',
  map_update_elem: 'a map of this type is filled by user space: use a `BPF_HASH` for values of the program',
  map_push_elem: 'declare it with `BPF_QUEUE` or `BPF_STACK`, or use `update()`',
  map_pop_elem: 'declare it with `BPF_QUEUE` or `BPF_STACK`, or use `lookup()` and `delete()`',
  map_peek_elem: 'declare it with `BPF_QUEUE` or `BPF_STACK`, or use `lookup()`',
  perf_event_read: 'declare it with `BPF_PERF_ARRAY(counters, 8);`',
};

function removeLine(c: Case): Mend {
  const at = c.here;
  const text = `remove line ${c.lineOf(c.pc)}`;
  if (!at?.file.complete) return { text };
  const { inner, outer } = at.file.statementAt(at.offset);
  const { column, line } = at.file.position(inner);
  const end = at.file.statementEnd(inner);
  if (inner !== outer || at.file.lineText(line).trim() !== at.file.text.slice(inner, end).trim()) return { text };
  return c.replace(at.file, inner - (column - 1), Math.min(end + 1, at.file.text.length), '', text);
}

/** The member of the value type that a program may not have. */
function structAt(c: Case, name: string): Spot | undefined {
  const file = c.here?.file;
  const m = file && new RegExp(`struct\\s+${name.replace(/\W.*/, '')}\\s+\\w+\\s*;`).exec(file.code);
  return m && file.complete ? { file, offset: m.index } : undefined;
}
