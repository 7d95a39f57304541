/**
 * The text form of the IR: what `-d PASS` prints and tests feed in. One instruction a line:
 *
 *   section ".rodata" ro 0102
 *   func @main(%0: ptr ctx "ctx") -> i64 entry {
 *   b0 "entry":
 *     %1 = alloca 8 align 8 "key"
 *     store %1+0, 5:i64
 *     %2 = callhelper ptr 1 "map_lookup_elem" map "counts", %1
 *     %3 = icmp.ne %2, 0:ptr
 *     condbr %3, b1, b2 likely
 *   b1: ...
 *     %4 = phi i32 [b0: 1:i32], [b1: %7]
 *     switch %4, b3, 1 -> b1, 2 -> b2
 *   }
 *
 * Constants are `value:type`; the other leaves are `undef:i32`, `map "m"`, `global ".bss"+8`, `func @f`, `sym "s"`. `;` starts a
 * comment. `print(parse(text))` is `text`, up to comments.
 */
import {
  Block,
  type Cond,
  canonical,
  Func,
  Inst,
  IR_OP,
  type Module,
  type Op,
  type RmwOp,
  type Section,
  type Space,
  type Type,
} from './ir.ts';

export interface PrintOptions {
  /** Number values and blocks afresh in order of appearance (goldens); by default their own ids are shown. */
  readonly renumber?: boolean;
  /** Append `; file:line:column` where it changes. */
  readonly locs?: boolean;
}

/** The type of these is fixed by the operation and not printed. */
const FIXED_TYPE: Partial<Record<Op, Type>> = {
  icmp: 'i1',
  ptradd: 'ptr',
  alloca: 'ptr',
  inttoptr: 'ptr',
  ptrtoint: 'i64',
  store: 'void',
  memcpy: 'void',
  memmove: 'void',
  memset: 'void',
  barrier: 'void',
  br: 'void',
  condbr: 'void',
  switch: 'void',
  ret: 'void',
  unreachable: 'void',
  ldabs: 'i64',
  ldind: 'i64',
};
/** These show `+off` on their first operand. */
const HAS_OFFSET = new Set<Op>(['load', 'store', 'atomicrmw', 'cmpxchg', 'ldabs', 'ldind']);
const HAS_SIZE = new Set<Op>(['memcpy', 'memmove', 'memset', 'bswap', 'ldabs', 'ldind']);

export function printModule(module: Module, options: PrintOptions = {}): string {
  const hex = (data: Uint8Array) => Array.from(data, (b) => b.toString(16).padStart(2, '0')).join('');
  const sections = module.sections.map((s) => `section ${quote(s.name)} ${s.readOnly ? 'ro' : 'rw'} ${hex(s.data)}`);
  return [...sections, ...module.functions.map((f) => printFunc(f, options))].join('\n');
}

export function printFunc(fn: Func, options: PrintOptions = {}): string {
  const valueNames = new Map<Inst, number>();
  const blockNames = new Map<Block, number>();
  if (options.renumber) {
    for (const p of fn.params) valueNames.set(p, valueNames.size);
    for (const block of fn.blocks) {
      blockNames.set(block, blockNames.size);
      for (const inst of block.insts) if (inst.type !== 'void') valueNames.set(inst, valueNames.size);
    }
  }
  const v = (inst: Inst) => valueName(inst, valueNames);
  const b = (block: Block) => `b${blockNames.get(block) ?? block.id}`;
  const params = fn.params.map(
    (p) => `${v(p)}: ${p.type}${p.space ? ` ${p.space}` : ''}${p.name ? ` ${quote(p.name)}` : ''}`,
  );
  const flags = `${fn.entry ? ' entry' : ''}${fn.noinline ? ' noinline' : ''}`;
  const lines = [`func @${fn.name}(${params.join(', ')}) -> ${fn.ret}${flags} {`];
  let lastLoc = '';
  for (const block of fn.blocks) {
    lines.push(
      `${b(block)}${block.name ? ` ${quote(block.name)}` : ''}${block.unroll === undefined ? '' : ` unroll ${block.unroll}`}:`,
    );
    for (const inst of block.insts) {
      const loc = options.locs && inst.loc ? `${inst.loc.file}:${inst.loc.line}:${inst.loc.column}` : lastLoc;
      lines.push(`  ${printInst(inst, v, b)}${loc !== lastLoc ? `  ; ${loc}` : ''}`);
      lastLoc = loc;
    }
  }
  lines.push('}');
  return lines.join('\n');
}

function printInst(inst: Inst, v: (i: Inst) => string, b: (b: Block) => string): string {
  let out = inst.type === 'void' ? inst.op : `${v(inst)} = ${inst.op}`;
  if (inst.sub) out += `.${inst.sub}`;
  if (FIXED_TYPE[inst.op] === undefined) out += ` ${inst.type}`;
  if (inst.op === 'callhelper') out += ` ${inst.helper}`;
  if (inst.op === 'alloca') out += ` ${inst.size} align ${inst.align}`;
  if (inst.name) out += ` ${quote(inst.name)}`;
  if (inst.op === 'phi') return `${out} ${inst.args.map((a, i) => `[${b(inst.targets[i]!)}: ${v(a)}]`).join(', ')}`;
  const operands = inst.args.map((a, i) => v(a) + (i === 0 && HAS_OFFSET.has(inst.op) ? signed(inst.off) : ''));
  if (inst.op === 'switch') {
    operands.push(b(inst.targets[0]!), ...inst.cases.map((c, i) => `${c} -> ${b(inst.targets[i + 1]!)}`));
  } else operands.push(...inst.targets.map(b));
  if (operands.length) out += ` ${operands.join(', ')}`;
  if (HAS_SIZE.has(inst.op)) out += ` size ${inst.size}`;
  if (inst.align && inst.op !== 'alloca') out += ` align ${inst.align}`;
  if (inst.volatile) out += ' volatile';
  if (inst.probe) out += ' probe';
  if (inst.space && inst.op !== 'alloca') out += ` space ${inst.space}`;
  if (inst.likely !== undefined) out += inst.likely ? ' likely' : ' unlikely';
  return out;
}

function valueName(inst: Inst, names: Map<Inst, number>): string {
  switch (inst.op) {
    case 'const':
      return `${inst.value}:${inst.type}`;
    case 'undef':
      return `undef:${inst.type}`;
    case 'mapref':
      return `map ${quote(inst.name)}`;
    case 'globalref':
      return `global ${quote(inst.name)}${signed(inst.off)}`;
    case 'funcref':
      return `func @${inst.name}`;
    case 'coreoff':
      return `core ${quote(inst.name)}${signed(inst.off)}`;
    case 'symref':
      return `sym ${quote(inst.name)}`;
    default:
      return `%${names.get(inst) ?? inst.id}`;
  }
}

function signed(n: number): string {
  return n < 0 ? `${n}` : `+${n}`;
}

function quote(text: string): string {
  return JSON.stringify(text);
}

// --- parsing ----------------------------------------------------------------------------------------------------------

/** Thrown for text that is not IR: says the line and what was expected. */
export class IrSyntaxError extends Error {
  constructor(message: string, line: number) {
    super(`line ${line}: ${message}`);
    this.name = 'IrSyntaxError';
  }
}

const TOKEN = /\s*(?:(;[^\n]*)|("(?:[^"\\]|\\.)*")|(->|[%@]?[\w.$]+|[-+]\d+|[^\s\w]))/y;

/** Parse a whole module. Throws IrSyntaxError. Use `check` for what is beyond syntax. */
export function parseModule(text: string): Module {
  const module: Module = { functions: [], sections: [] };
  let current: FuncParser | undefined;
  text.split('\n').forEach((line, index) => {
    const words = new Line(line, index + 1);
    if (words.done) return;
    if (current) {
      if (current.line(words)) current = undefined;
    } else if (words.skip('section')) {
      module.sections.push(parseSection(words));
    } else {
      words.expect('func');
      current = new FuncParser(words);
      module.functions.push(current.fn);
    }
    words.end();
  });
  if (current) throw new IrSyntaxError(`function ${current.fn.name} is not closed by '}'`, text.split('\n').length);
  return module;
}

function parseSection(words: Line): Section {
  const name = words.string();
  const readOnly = words.next() === 'ro';
  let hex = '';
  while (!words.done) hex += words.next();
  return { name, readOnly, data: Uint8Array.from(hex.match(/../g) ?? [], (h) => Number.parseInt(h, 16)) };
}

/** The tokens of one line. */
class Line {
  readonly number: number;
  private readonly tokens: string[] = [];
  private at = 0;
  constructor(text: string, number: number) {
    this.number = number;
    TOKEN.lastIndex = 0;
    for (let m = TOKEN.exec(text); m !== null && m[1] === undefined; m = TOKEN.exec(text))
      this.tokens.push(m[2] ?? m[3]!);
  }
  get done(): boolean {
    return this.at >= this.tokens.length;
  }
  peek(): string {
    return this.tokens[this.at] ?? '';
  }
  next(): string {
    if (this.done) this.fail('more was expected at the end of the line');
    return this.tokens[this.at++]!;
  }
  skip(token: string): boolean {
    if (this.peek() !== token) return false;
    this.at++;
    return true;
  }
  expect(token: string): void {
    if (!this.skip(token)) this.fail(`'${token}' expected, found '${this.peek()}'`);
  }
  string(): string {
    return this.peek().startsWith('"')
      ? (JSON.parse(this.next()) as string)
      : this.fail(`a quoted name expected, found '${this.peek()}'`);
  }
  count(): number {
    const n = Number(this.next());
    return Number.isInteger(n) ? n : this.fail('a number expected');
  }
  /** `-5`, `5`, `+5`, also when the sign is a token of its own. */
  integer(): bigint {
    const sign = this.skip('-') ? -1n : 1n;
    const word = this.next();
    if (!/^[-+]?(0x[0-9a-fA-F]+|\d+)$/.test(word)) this.fail(`a number expected, found '${word}'`);
    return sign * BigInt(word.replace(/^\+/, ''));
  }
  end(): void {
    if (!this.done) this.fail(`'${this.peek()}' is too much`);
  }
  fail(message: string): never {
    throw new IrSyntaxError(message, this.number);
  }
}

class FuncParser {
  readonly fn: Func;
  private readonly values = new Map<number, Inst>();
  private readonly blocks = new Map<number, Block>();
  private readonly defined = new Set<number>();
  private at: Block | undefined;

  constructor(words: Line) {
    const name = words.next();
    const params: { id: number; type: Type; space: Space; name: string }[] = [];
    words.expect('(');
    while (!words.skip(')')) {
      const id = Number(words.next().slice(1));
      words.expect(':');
      const type = words.next() as Type;
      const space = /^\w/.test(words.peek()) ? (words.next() as Space) : undefined;
      params.push({ id, type, space, name: words.peek().startsWith('"') ? words.string() : '' });
      words.skip(',');
    }
    words.expect('->');
    this.fn = new Func(name.slice(1), words.next() as Type);
    this.fn.entry = words.skip('entry');
    this.fn.noinline = words.skip('noinline');
    words.expect('{');
    for (const p of params) {
      const inst = this.define(p.id, 'param', p.type, words);
      inst.off = this.fn.params.length;
      inst.space = p.space;
      inst.name = p.name;
      this.fn.params.push(inst);
    }
  }

  /** Takes one line; true when it closed the function. */
  line(words: Line): boolean {
    if (words.skip('}')) {
      for (const id of this.values.keys()) if (!this.defined.has(id)) words.fail(`%${id} is used but never defined`);
      for (const block of this.blocks.values())
        if (!this.fn.blocks.includes(block)) words.fail(`b${block.id} is never defined`);
      this.fn.nextId = Math.max(this.fn.nextId, ...this.values.keys()) + 1;
      return true;
    }
    const label = /^b(\d+)$/.exec(words.peek());
    if (label) {
      words.next();
      this.at = this.block(Number(label[1]));
      if (words.peek().startsWith('"')) this.at.name = words.string();
      if (words.skip('unroll')) this.at.unroll = words.count();
      words.expect(':');
      this.fn.blocks.push(this.at);
      return false;
    }
    if (this.at === undefined) words.fail('an instruction before the first block');
    this.inst(words, this.at!);
    return false;
  }

  private inst(words: Line, block: Block): void {
    let id: number | undefined;
    if (words.peek().startsWith('%')) {
      id = Number(words.next().slice(1));
      words.expect('=');
    }
    const [op, sub] = words.next().split('.') as [Op, string | undefined];
    if (IR_OP[op] === undefined) words.fail(`unknown operation '${op}'`);
    const type = FIXED_TYPE[op] ?? (words.next() as Type);
    const inst = id === undefined ? new Inst(this.freshId(), op, type, []) : this.define(id, op, type, words);
    inst.sub = (sub ?? '') as Cond | RmwOp | '';
    inst.block = block;
    block.insts.push(inst);
    if (op === 'callhelper') inst.helper = words.count();
    if (op === 'alloca') {
      inst.size = words.count();
      inst.space = 'stack';
    }
    if (words.peek().startsWith('"')) inst.name = words.string();
    if (op === 'phi') this.phi(inst, words);
    else this.operands(inst, words);
    this.attributes(inst, words);
    if (inst.name === '' && op === 'alloca' && words.peek().startsWith('"')) inst.name = words.string();
  }

  private phi(inst: Inst, words: Line): void {
    while (words.skip('[')) {
      inst.targets.push(this.target(words));
      words.expect(':');
      inst.args.push(this.operand(words));
      words.expect(']');
      words.skip(',');
    }
  }

  private operands(inst: Inst, words: Line): void {
    while (!words.done && !ATTRIBUTES.has(words.peek())) {
      if (/^b\d+$/.test(words.peek())) inst.targets.push(this.target(words));
      else if (inst.op === 'switch' && inst.targets.length > 0) {
        inst.cases.push(words.integer());
        words.expect('->');
        inst.targets.push(this.target(words));
      } else {
        inst.args.push(this.operand(words));
        if (inst.args.length === 1 && HAS_OFFSET.has(inst.op) && /^[-+]\d/.test(words.peek())) inst.off = words.count();
      }
      if (!words.skip(',')) break;
    }
  }

  private attributes(inst: Inst, words: Line): void {
    for (;;) {
      if (words.skip('size')) inst.size = words.count();
      else if (words.skip('align')) inst.align = words.count();
      else if (words.skip('volatile')) inst.volatile = true;
      else if (words.skip('probe')) inst.probe = true;
      else if (words.skip('space')) inst.space = words.next() as Space;
      else if (words.skip('likely')) inst.likely = true;
      else if (words.skip('unlikely')) inst.likely = false;
      else return;
    }
  }

  private operand(words: Line): Inst {
    const word = words.peek();
    if (word.startsWith('%')) return this.value(Number(words.next().slice(1)));
    const leaf = (op: Op, type: Type): Inst => new Inst(this.freshId(), op, type, []);
    if (words.skip('map') || words.skip('sym')) {
      const inst = leaf(word === 'map' ? 'mapref' : 'symref', 'ptr');
      inst.name = words.string();
      return inst;
    }
    if (words.skip('global') || words.skip('core')) {
      const inst = word === 'global' ? leaf('globalref', 'ptr') : leaf('coreoff', 'i64');
      inst.name = words.string();
      if (/^[-+]\d/.test(words.peek())) inst.off = words.count();
      return inst;
    }
    if (words.skip('func')) {
      const inst = leaf('funcref', 'ptr');
      inst.name = words.next().slice(1);
      return inst;
    }
    const undef = words.skip('undef');
    const value = undef ? 0n : words.integer();
    words.expect(':');
    const inst = leaf(undef ? 'undef' : 'const', words.next() as Type);
    inst.value = canonical(inst.type, value);
    return inst;
  }

  private target(words: Line): Block {
    const m = /^b(\d+)$/.exec(words.next());
    return m ? this.block(Number(m[1])) : words.fail('a block expected');
  }

  private block(id: number): Block {
    let block = this.blocks.get(id);
    if (!block) {
      this.blocks.set(id, (block = new Block(id, '')));
      this.fn.nextBlock = Math.max(this.fn.nextBlock, id + 1);
    }
    return block;
  }

  private value(id: number): Inst {
    let inst = this.values.get(id);
    if (!inst) this.values.set(id, (inst = new Inst(id, 'undef', 'void', [])));
    return inst;
  }

  private define(id: number, op: Op, type: Type, words: Line): Inst {
    if (this.defined.has(id)) words.fail(`%${id} is defined twice`);
    this.defined.add(id);
    const inst = this.value(id);
    inst.op = op;
    inst.type = type;
    return inst;
  }

  /** Ids of leaves and void instructions are not in the text: far above those that are. */
  private freshId(): number {
    this.fn.nextId = Math.max(this.fn.nextId, 1_000_000) + 1;
    return this.fn.nextId;
  }
}

const ATTRIBUTES = new Set(['size', 'align', 'volatile', 'probe', 'space', 'likely', 'unlikely']);
