/** What refusals of control flow, values and limits mean: returns, loops, stack depth, pointers as numbers, leaks, structure. */
import { progTypeByName } from '../../progs/index.ts';
import type { Case, Mend, Spot } from './case.ts';
import { rangeText } from './register.ts';
import type { Rule, Said } from './rule.ts';
import type { Range } from './text.ts';
import { NONE, q } from './words.ts';

/** Names of return values that users know, by program type. */
const RETURNS: Record<string, Record<string, string>> = {
  cgroup_skb: { '0': 'drop', '1': 'allow' },
  cgroup_sock: { '0': 'refuse', '1': 'allow' },
  cgroup_sock_addr: { '0': 'refuse', '1': 'allow' },
  cgroup_device: { '0': 'refuse', '1': 'allow' },
  cgroup_sysctl: { '0': 'refuse', '1': 'allow' },
  cgroup_sockopt: { '0': 'refuse', '1': 'allow' },
  sk_lookup: { '0': 'SK_DROP', '1': 'SK_PASS' },
};

/** What a function that the kernel calls returns, where it is not the program's own result. */
function callbackReturns(message: string): { what: string; names: Record<string, string> } | undefined {
  if (message.startsWith('At callback return'))
    return { what: 'a callback must', names: { '0': 'go on', '1': 'stop' } };
  if (message.startsWith('At async callback')) return { what: 'a callback that runs later must', names: {} };
  return undefined;
}

function wrongReturn(c: Case, has: string | undefined, low: string, high: string): Said {
  const { exit } = c;
  const at = exit;
  const statement = exit && returnStatement(exit);
  const value = statement?.value;
  const callback = callbackReturns(c.evidence.message);
  const names = callback ? callback.names : RETURNS[c.progType];
  const named = (n: string) => (names?.[n] ? `${n} (${names[n]})` : n);
  const allowed =
    low === high
      ? named(low)
      : Number(high) - Number(low) === 1
        ? `${named(low)} or ${named(high)}`
        : `${named(low)} to ${named(high)}`;
  const binary = low === '0' && high === '1';
  const constant = value !== undefined && /^-?\d+$/.test(value);
  let mend: Mend = { text: low === high ? q(`return ${low};`) : `return a number from ${low} to ${high}` };
  if (statement && at?.file.complete && value !== undefined) {
    const insert =
      low === high ? low : binary && !constant ? `${/^[\w.>()-]+$/.test(value) ? value : `(${value})`} != 0` : high;
    const line = at.file.position(statement.start).line;
    mend = c.replace(
      at.file,
      statement.start,
      statement.end,
      `return ${insert};`,
      `${q(`return ${insert};`)} on line ${line}`,
    );
  }
  return {
    summary: `${value === undefined ? 'what the program returns' : q(`return ${value};`)} is not allowed ${callback ? `in ${q(c.function?.name ?? 'the callback')}` : `for programs of type ${c.progType}`}`,
    reason: `${callback ? callback.what : 'they must'} return ${allowed}${has === undefined ? '' : `; here it is ${has}`}`,
    variable: value,
    known: [],
    origin: c.flow.reg(0),
    branches: 'all',
    spot: exit && { file: exit.file, offset: statement?.start ?? exit.offset },
    mend,
  };
}

function returnStatement(at: Spot): { start: number; end: number; value: string } | undefined {
  const { inner } = at.file.statementAt(at.offset);
  const end = at.file.complete
    ? at.file.statementEnd(inner)
    : inner + at.file.lineText(at.file.position(inner).line).trim().length;
  const m = /^return\b\s*([\s\S]*?)\s*;/.exec(at.file.text.slice(inner, end));
  return m ? { start: inner, end, value: m[1]!.replace(/\s+/g, ' ') } : undefined;
}

function uninitialised(c: Case, register: number): Said {
  if (register === 0) {
    const ends = c.opcode === 0x95;
    return {
      ...NONE,
      summary: ends ? 'the program ends without a return value' : 'a result is used that no call has given',
      reason: 'r0 holds what a program returns; on this path nothing was put there',
      branches: 'all',
      mend: { text: `return a value on every path: ${q(c.leave)}` },
    };
  }
  const subject = c.subject(register);
  const call = c.flow.calls.at(-1);
  return {
    summary: `${/^r\d+$/.test(subject) ? subject : q(subject)} has no value here`,
    reason:
      register <= 5 && call
        ? `registers r1 to r5 do not survive a call (insn ${call.pc})`
        : 'it was never set on this path',
    variable: subject,
    known: [],
    origin: undefined,
    branches: 'all',
    mend: {
      text:
        register <= 5 && call
          ? 'keep the value in r6 to r9, or on the stack, over the call'
          : `give ${/^r\d+$/.test(subject) ? subject : q(subject)} a value before it is used`,
    },
  };
}

/** The loop that the refused instruction is in. */
function loopAt(c: Case): { text: string; spot: Spot; kind: string; header?: Range } | undefined {
  const at = c.here;
  const around = at?.file.loopAround(at.offset);
  if (at && around) {
    return {
      text: around.text,
      spot: { file: at.file, offset: around.start },
      kind: around.kind,
      header: around.header,
    };
  }
  for (let k = c.evidence.path.length - 1; k >= 0 && c.evidence.path.length - k < 2000; k--) {
    const spot = c.placeOf(c.evidence.path[k]!);
    const m =
      spot && /^\s*(?:\}?\s*)((for|while|do)\b[^{]*)/.exec(spot.file.lineText(spot.file.position(spot.offset).line));
    if (spot && m) return { text: m[1]!.trim(), spot, kind: m[2]! };
  }
  return undefined;
}

/** A counter for `while (condition)`. */
function bounded(c: Case, loop: { spot: Spot; kind: string; header?: Range } | undefined): Mend {
  const general = { text: `give the loop a constant bound: ${q('for (int i = 0; i < 256 && ...; i++)')}` };
  if (!loop?.header) return general;
  const { file } = loop.spot;
  if (loop.kind === 'for') {
    const condition = file.conditionAt(loop.spot.offset)?.text ?? '';
    const counter = /^([A-Za-z_]\w*)\s*<=?\s*[A-Za-z_][\w.>()-]*$/.exec(condition)?.[1];
    const start = file.code.indexOf(condition, loop.header.start);
    if (counter === undefined || start < 0) return general;
    const insert = `${counter} < 256 && ${condition}`;
    return c.replace(
      file,
      start,
      start + condition.length,
      insert,
      `give the loop a constant bound: ${q(insert)} on line ${file.position(start).line}`,
    );
  }
  if (loop.kind !== 'while') return general;
  const fn = file.functionAt(loop.spot.offset);
  const code = fn ? file.code.slice(fn.start, fn.body.end) : '';
  const name = ['i', 'j', 'k', 'n', 'round'].find((n) => !new RegExp(`\\b${n}\\b`).test(code));
  const condition = /^while\s*\((.*)\)$/.exec(file.slice(loop.header))?.[1];
  if (name === undefined || condition === undefined) return general;
  const one = /^[\w\s<>=!.+-]+$/.test(condition) ? condition : `(${condition})`;
  const header = `for (int ${name} = 0; ${name} < 256${condition === '1' ? '' : ` && ${one}`}; ${name}++)`;
  const text = `give the loop a constant bound: ${q(header)} on line ${file.position(loop.spot.offset).line}`;
  return c.replace(file, loop.header.start, loop.header.end, header, text);
}

/** `for (u32 i = 10; i >= 0; i--)`: an unsigned counter is never below 0. */
function countdown(c: Case, loop: { text: string; spot: Spot } | undefined): Said | undefined {
  const m = /^(for\s*\(\s*)((?:u\d+|__u\d+|unsigned(?: \w+)?|size_t|uint\d+_t))\s+(\w+)[^;]*;\s*\3\s*>=\s*0\s*;/.exec(
    loop?.text ?? '',
  );
  if (!loop || !m || !loop.spot.file.complete) return undefined;
  const [, head, type, name] = m;
  const start = loop.spot.offset + head!.length;
  const { file } = loop.spot;
  const line = file.position(start).line;
  return {
    ...NONE,
    summary: `the loop ${q(loop.text)} would never end`,
    reason: `${q(name!)} has no sign, so ${q(`${name} >= 0`)} always holds: below 0 comes the largest number`,
    variable: name,
    branches: 'none',
    spot: loop.spot,
    mend: c.replace(file, start, start + type!.length, 'int', `declare ${q(`int ${name}`)} on line ${line}`),
  };
}

function endless(c: Case): Said {
  const loop = loopAt(c);
  const down = countdown(c, loop);
  if (down) return down;
  return {
    ...NONE,
    summary: `the loop${loop ? ` ${q(loop.text)}` : ''} would never end`,
    reason:
      'it comes round to the same place with nothing changed: no variable that its condition reads is different from the round before',
    branches: 'none',
    ...(loop ? { spot: loop.spot } : {}),
    mend: { text: `count the rounds: ${q('for (int i = 0; i < 100; i++)')}, and leave the loop with ${q('break;')}` },
  };
}

function tooLong(c: Case, count: string | undefined, open: boolean): Said {
  const loop = loopAt(c);
  const rounds = loop ? /<=?\s*(\w+)/.exec(loop.text)?.[1] : undefined;
  return {
    ...NONE,
    summary: loop ? `the loop ${q(loop.text)} is too long to be proved` : 'the program is too complex to be proved',
    reason: open
      ? 'each round leaves another branch to be walked later, and more than 8192 are waiting: the loop has no bound that the verifier can see'
      : loop
        ? `the verifier walks each round, and gave up after ${count ?? 'a million'} instructions`
        : `the verifier walks every combination of branches that leaves different values behind, and a static function anew for each call; it gave up after ${count ?? 'a million'} instructions`,
    branches: 'none',
    ...(loop ? { spot: loop.spot } : {}),
    mend: open
      ? bounded(c, loop)
      : !loop
        ? {
            text: 'let branches leave fewer different values behind (compute with masks or tables instead), or split the program with tail calls',
          }
        : {
            text: `move the body into a function and run it with ${q(`bpf_loop(${rounds ?? 'n'}, body, &state, 0);`)} (Linux 5.17), or make fewer rounds`,
          },
  };
}

/** Where the program's entry function begins: for what concerns a program as a whole. */
function functionSpot(c: Case): Spot | undefined {
  const file = c.here?.file;
  const name = c.prog.funcs[0]?.name ?? c.prog.name;
  const fn = file?.complete ? file.functions().find((f) => f.name === name) : undefined;
  return fn && file ? { file, offset: fn.start } : undefined;
}

/** A pointer in arithmetic that only numbers have. */
function pointerArithmetic(c: Case, m: RegExpExecArray): Said {
  const regs = c.prog.insns[c.pc * 8 + 1] ?? 0;
  const register = /^R(\d+)/.test(m[0]) ? Number(/^R(\d+)/.exec(m[0])![1]) : regs & 15;
  const at = c.here;
  const origin = c.flow.reg(register);
  const name =
    c.nameOf(origin) ??
    (at
      ? /[A-Za-z_]\w*/.exec(at.file.slice({ start: at.file.statementAt(at.offset).inner, end: at.offset }))?.[0]
      : undefined);
  const other = c.nameOf(c.flow.reg(regs >> 4));
  const both = /pointer \S+ pointer/.test(m.input);
  const operator = /(?:with|operator) (\S+) (?:operator|on)/.exec(m.input)?.[1];
  return {
    summary: both
      ? `two pointers${name && other ? `, ${q(name)} and ${q(other)},` : ''} cannot be added`
      : `${name ? q(name) : 'a pointer'} is a pointer, and ${operator ? q(operator) : 'this'} is only for numbers`,
    reason: both
      ? `the sum of two addresses is no address; only their difference means something (${q('data_end - data')})`
      : 'on pointers there are only adding and subtracting of a number that has bounds; anything else would hide where it points',
    variable: name,
    known: [],
    origin,
    mend: {
      text: both
        ? 'add a number to a pointer, or subtract two pointers of the same packet'
        : 'compute with what it points to, or with a key or id that stands for it',
    },
  };
}

function leakText(c: Case, where: string): Said {
  const at = c.here;
  const assignment = at
    ? /=\s*(?:\([^()]*\)\s*)*&?\s*([A-Za-z_]\w*)/.exec(
        at.file.lineText(c.line!.line).slice(Math.max(0, at.file.position(at.offset).column - 1)),
      )?.[1]
    : undefined;
  const returned =
    where === 'return value'
      ? (c.exit ? returnStatement(c.exit) : undefined)?.value.replace(/^\([^()]*\)\s*/, '')
      : undefined;
  const name = returned ?? assignment;
  return {
    ...NONE,
    summary: `${name ? q(name) : 'a kernel address'} would become visible to the user`,
    reason: `${name ? `${q(name)} is an address of the kernel, and ` : ''}the user who loads the program may not learn any: ${where === 'return value' ? 'return values are seen from outside' : `${where} can be read from outside`}`,
    variable: name,
    branches: 'since',
    mend: { text: `store or return a number instead, or load the program with ${q('CAP_PERFMON')}` },
  };
}

export const CONTROL_RULES: readonly Rule[] = [
  { pattern: /^R(\d+) !read_ok/, category: 'uninitialised', say: (m, c) => uninitialised(c, Number(m[1])) },
  {
    pattern: /^(?:At .*) (?:the )?register R0 has (.*) should have been in [[(]([^;,]+)[;,] ?([^\])]+)[\])]/,
    category: 'return',
    say: (m, c) => {
      const r = c.reg(0);
      const numbers = [m[2]!, m[3]!].map((n) => (n.startsWith('0x') ? String(Number(n)) : n));
      return wrongReturn(
        c,
        r ? rangeText(r) : m[1]!.replace(/^smin=(-?\d+) smax=(-?\d+)$/, '$1 to $2'),
        numbers[0]!,
        numbers[1]!,
      );
    },
  },
  {
    pattern: /^At (?:.*) (?:the )?register R0 is not a (?:known|scalar) value \((\w+)\)/,
    category: 'return',
    say: (m, c) => {
      const returns = progTypeByName(c.progType)?.returns;
      const range = Array.isArray(returns) ? returns : [0, 0];
      return wrongReturn(c, m[1] === 'scalar' ? undefined : `a pointer (${m[1]})`, String(range[0]), String(range[1]));
    },
  },
  { pattern: /^infinite loop detected at insn|^cur state:|^old state:/, category: 'limit', say: (_, c) => endless(c) },
  {
    pattern: /^back-edge from insn (\d+) to (\d+)/,
    category: 'limit',
    say: (m, c) => {
      const at = c.placeOf(Number(m[1]));
      const around = at?.file.loopAround(at.offset);
      const spot = at && around ? { file: at.file, offset: around.start } : at;
      const line = spot?.file.position(spot.offset).line;
      return {
        ...NONE,
        summary: `there is a loop${line === undefined ? '' : ` on line ${line}`}, and this kernel knows no loops`,
        reason: 'before Linux 5.3 programs could not jump backwards',
        branches: 'none',
        spot,
        mend:
          around?.kind === 'for' && spot
            ? c.before(spot, '#pragma unroll', ', with a constant number of rounds')
            : { text: `${q('#pragma unroll')} before the loop, with a constant number of rounds` },
      };
    },
  },
  {
    pattern: /^BPF program is too large\. Processed (\d+) insn/,
    category: 'limit',
    say: (m, c) => tooLong(c, m[1] === undefined ? undefined : String(Number(m[1]) - 1), false),
  },
  {
    pattern: /^The sequence of \d+ jumps is too complex/,
    category: 'limit',
    say: (_, c) => tooLong(c, undefined, true),
  },
  {
    pattern:
      /^combined stack size of (\d+) calls is (\d+)|^stack size of subprog (\d+) is (\d+)|^tail_calls are not allowed when call stack of previous frames is (\d+)/,
    category: 'limit',
    say: (m, c) => {
      const [calls, bytes] = [m[1], m[2] ?? m[4] ?? m[5]];
      const limit = m[5] === undefined ? 512 : 256;
      return {
        ...NONE,
        summary: `${calls ? `a chain of ${calls} functions needs` : 'this function needs'} ${bytes} bytes of stack, and ${limit} is all there is`,
        reason: `the variables of all functions that are open at once share ${limit} bytes${limit === 256 ? ' where a tail call follows' : ''}${c.prog.funcs.length > 1 ? `; the functions here are ${c.prog.funcs.map((f) => q(f.name)).join(', ')}` : ''}`,
        branches: 'none',
        spot: functionSpot(c),
        mend: { text: `move the largest buffer into a map: ${q('BPF_PERCPU_ARRAY(scratch, struct data, 1);')}` },
      };
    },
  },
  {
    pattern: /^unreachable insn (\d+)/,
    category: 'structure',
    say: (m, c) => ({
      ...NONE,
      summary: 'there is code that no path reaches',
      reason: `instruction ${m[1]} comes after a jump or an exit, and nothing jumps to it`,
      branches: 'none',
      pc: Number(m[1]),
      mend: {
        text: c.prog.lines.length > 0 ? 'remove the statement, or compile with optimisation' : 'remove the instruction',
      },
    }),
  },
  {
    pattern: /^(?:R(\d+) leaks addr (?:into|as) (.*)|leaking pointer from stack.*|.*leaks addr.*)/,
    category: 'leak',
    say: (m, c) =>
      leakText(
        c,
        (m[2] ?? 'the stack')
          .replace(/^map$/, 'a map')
          .replace(/^mem$/, 'the memory')
          .replace(/^helper function$/, 'what the helper does'),
      ),
  },
  {
    pattern: /^R(\d+) pointer comparison prohibited/,
    category: 'leak',
    say: (m, c) => ({
      summary: 'a pointer is compared with something else than null',
      reason:
        'the result would tell an unprivileged user about the address; only comparisons with null, and of packet pointers with the end of the packet, are allowed',
      variable: c.nameOf(c.flow.reg(Number(m[1]))),
      known: [],
      origin: c.flow.reg(Number(m[1])),
      mend: { text: `compare what the pointers point to, or load the program with ${q('CAP_PERFMON')}` },
    }),
  },
  {
    pattern:
      /^R\d+ (?:pointer \S+ pointer prohibited|pointer arithmetic|bitwise operator \S+ on pointer|32-bit pointer arithmetic|tried to subtract pointer from scalar|subtraction from stack pointer)/,
    category: 'type',
    say: (m, c) => pointerArithmetic(c, m),
  },
  {
    pattern:
      /^.*prohibited for !root|^R\d+ (?:has unknown scalar with mixed signed bounds|tried to|has pointer with unsupported)/,
    category: 'leak',
    say: (m, c) => ({
      ...NONE,
      summary: 'unprivileged programs may not move pointers by unknown amounts like this',
      reason:
        'a processor that guesses branches could be led outside of the memory, and the user could measure what is there',
      variable: c.access?.pointer,
      branches: 'since',
      mend: { text: `use constant offsets, or load the program with ${q('CAP_PERFMON')}: ${m[0]}` },
    }),
  },
  {
    pattern: /^same insn cannot be used with different pointers/,
    category: 'type',
    say: (_, c) => ({
      ...NONE,
      summary: `${c.access ? q(c.access.pointer) : 'one pointer'} points to different kinds of memory, depending on the path`,
      reason: 'an access is translated once, for one kind of memory',
      variable: c.access?.pointer,
      branches: 'all',
      mend: { text: 'make the access in each branch, before the paths meet' },
    }),
  },
  {
    pattern: /^div by zero|^invalid shift (-?\d+)/,
    category: 'structure',
    say: (m, c) => ({
      ...NONE,
      summary: m[1] === undefined ? 'a division by the constant 0' : `a shift by ${m[1]} bits`,
      reason:
        m[1] === undefined
          ? 'no number divided by 0 has a result'
          : 'a shift must be by fewer bits than the number has, and not negative',
      variable: c.access?.pointer,
      branches: 'none',
      mend: { text: m[1] === undefined ? 'divide by something else' : 'shift by 0 to 63 (0 to 31 for 32 bits)' },
    }),
  },
  {
    pattern:
      /^(?:last insn is not an exit or jmp|jump out of range from insn (\d+) to (-?\d+)|jump into the middle of ldimm64 insn (\d+)|call to invalid destination)/,
    category: 'structure',
    say: (m) => ({
      ...NONE,
      summary: m[0].startsWith('last')
        ? 'the program runs past its end'
        : 'a jump leads to where no instruction begins',
      reason: m[0].startsWith('last') ? 'the last instruction is neither an exit nor a jump' : m[0],
      branches: 'none',
      ...(m[1] === undefined ? {} : { pc: Number(m[1]) }),
      mend: {
        text: m[0].startsWith('last')
          ? 'end with `exit`'
          : 'count targets from the instruction behind the jump; a wide load takes two',
      },
    }),
  },
  {
    pattern: /^program of (-?\d+) (instructions is too large|bytes is not a positive)/,
    category: 'limit',
    say: (m) => ({
      ...NONE,
      summary: m[2]!.startsWith('inst')
        ? `the program has ${m[1]} instructions, more than may be loaded`
        : 'this is no program',
      reason: m[0],
      branches: 'none',
      mend: m[2]!.startsWith('inst') ? { text: 'split it with tail calls' } : undefined,
    }),
  },
];
