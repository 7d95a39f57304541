/**
 * One refusal, opened up for the rules: the source around it, what the registers hold and where it came from, and the ways to write a mend.
 */

import type { Btf } from '../../btf/btf.ts';
import { helperById } from '../../helpers/index.ts';
import { insnText } from '../../isa/disasm.ts';
import { CLASS, OP_CALL, OP_LD_IMM64 } from '../../isa/ops.ts';
import { progTypeByName } from '../../progs/index.ts';
import type { LineInfo, MapSpec, ProgSpec } from '../../spec/spec.ts';
import { Flow, type Origin } from './flow.ts';
import { heldAt } from './held.ts';
import type { Edit, Patch } from './patch.ts';
import { type RegText, readRegister } from './register.ts';
import { type Access, type Call, Sources, type SourceText, splitAccess } from './source.ts';
import type { FunctionText } from './statements.ts';

/** What is known of a refusal, whoever refused: this verifier, or a kernel by its log. */
export interface Evidence {
  readonly prog: ProgSpec;
  readonly maps?: readonly MapSpec[] | undefined;
  readonly objectBtf?: Btf | undefined;
  /** Text of a source file, where it can be had. */
  readonly source?: ((file: string) => string | undefined) | undefined;
  readonly message: string;
  /** Lines of the log that belong to the message: `invalid access to map value, value_size=8 off=8 size=8`. */
  readonly details: readonly string[];
  readonly pc: number;
  /** Instructions that led there, oldest first, `pc` last. */
  readonly path: readonly number[];
  /** The log's text of a register before the refused instruction. */
  readonly registers: ReadonlyMap<number, string>;
  /** Kernel whose rules were applied, where it is known. */
  readonly kernel?: string | undefined;
}

/** Stands for the file where a log shows source lines without saying where they are from: those have no numbers. */
export const LOG_FILE = '<log>';

export interface Mend {
  readonly text: string;
  readonly patch?: Patch | undefined;
}

/** Where the arguments of BCC's map methods go: by method, the register of each argument. */
const METHOD_ARGS: Record<string, readonly number[]> = {
  lookup: [2],
  lookup_or_try_init: [2, 3],
  lookup_or_init: [2, 3],
  update: [2, 3, 4],
  insert: [2, 3],
  delete: [2],
  perf_submit: [1, 4, 5],
  perf_submit_skb: [1, 3, 4, 5],
  perf_read: [2],
  ringbuf_reserve: [2],
  ringbuf_submit: [1, 2],
  ringbuf_discard: [1, 2],
  ringbuf_output: [2, 3, 4],
  ringbuf_query: [2],
  get_stackid: [1, 3],
  call: [1, 3],
  push: [2, 3],
  pop: [2],
  peek: [2],
  redirect_map: [2, 3],
  sk_storage_get: [2, 3, 4],
  task_storage_get: [2, 3, 4],
};

/** What a program of the type returns to let things go their way. */
const PASS: Record<string, string> = { xdp: 'XDP_PASS', sk_lookup: 'SK_PASS', sk_skb: 'SK_PASS', sk_msg: 'SK_PASS' };

/** Atomic operations are written as calls and are accesses: `__sync_fetch_and_add(&v->n, 1)`. */
function atomicAt(file: SourceText, offset: number): Access | undefined {
  const call = file.callAt(offset);
  if (!call || !/^(?:__sync_|__atomic_|lock_xadd)/.test(call.name)) return undefined;
  const first = call.args[0] ?? '';
  const lvalue = first.startsWith('&') ? first.slice(1).trim() : `*${first}`;
  return { range: call.range, text: lvalue, ...splitAccess(lvalue) };
}

/** A place in the source. */
export interface Spot {
  readonly file: SourceText;
  readonly offset: number;
}

export class Case {
  readonly evidence: Evidence;
  readonly prog: ProgSpec;
  readonly pc: number;
  readonly line: LineInfo | undefined;
  readonly sources: Sources;
  #flow: Flow | undefined;
  #access: Access | null | undefined;
  #call: Call | null | undefined;

  constructor(evidence: Evidence) {
    this.evidence = evidence;
    this.prog = evidence.prog;
    this.pc = evidence.pc;
    this.line = this.lineAt(evidence.pc);
    this.sources = new Sources(evidence.prog, evidence.source);
  }

  get flow(): Flow {
    this.#flow ??= new Flow(this.prog, this.evidence.path);
    return this.#flow;
  }

  lineAt(pc: number): LineInfo | undefined {
    const { lines } = this.prog;
    let low = 0;
    let high = lines.length - 1;
    let found = -1;
    while (low <= high) {
      const mid = (low + high) >> 1;
      if (lines[mid]!.insn <= pc) {
        found = mid;
        low = mid + 1;
      } else high = mid - 1;
    }
    // What stands before a function's first line belongs to that line, not to the function above.
    const starts = this.prog.funcs.map((f) => f.insn);
    const start = Math.max(0, ...starts.filter((s) => s <= pc));
    const end = Math.min(Number.POSITIVE_INFINITY, ...starts.filter((s) => s > pc));
    const next = lines[found + 1];
    if ((lines[found]?.insn ?? -1) < start && next !== undefined && next.insn < end) return next;
    return found < 0 ? undefined : lines[found];
  }

  /** File and offset of an instruction. */
  placeOf(pc: number): Spot | undefined {
    const l = this.lineAt(pc);
    if (!l || l.line === 0) return undefined;
    const file = this.sources.file(l.file);
    // Some compilers give only the line.
    const indent = /^\s*/.exec(file.lineText(l.line))![0].length;
    return { file, offset: file.offset(l.line, Math.max(l.column, l.column <= 1 ? indent + 1 : 1)) };
  }

  get here(): Spot | undefined {
    return this.placeOf(this.pc);
  }

  lineOf(pc: number): number | undefined {
    const line = this.lineAt(pc);
    return line?.file === LOG_FILE ? undefined : line?.line;
  }

  /** The instruction as the kernel prints it. */
  instructionText(pc: number): string {
    const { opcode, dst, src, off, imm } = this.flow.code;
    if (pc < 0 || pc >= opcode.length) return '';
    const wide = opcode[pc] === OP_LD_IMM64 ? { immHi: imm[pc + 1] ?? 0 } : {};
    const insn = { opcode: opcode[pc]!, dst: dst[pc]!, src: src[pc]!, off: off[pc]!, imm: imm[pc]!, ...wide };
    return insnText(insn, { helper: (id) => helperById(id)?.name }).replace(/^\([0-9a-f]{2}\) /, '');
  }

  get opcode(): number {
    return this.prog.insns[this.pc * 8] ?? 0;
  }

  get isCall(): boolean {
    return this.opcode === OP_CALL;
  }

  get isStore(): boolean {
    return (this.opcode & 7) === CLASS.ST || (this.opcode & 7) === CLASS.STX;
  }

  get progType(): string {
    return this.prog.type;
  }

  /** What the log says the register holds. */
  reg(n: number): RegText | undefined {
    const text = this.evidence.registers.get(n);
    return text === undefined ? undefined : readRegister(text);
  }

  // --- the source ---------------------------------------------------------------------------------------------------

  get function(): FunctionText | undefined {
    const at = this.here;
    return at?.file.complete ? at.file.functionAt(at.offset) : undefined;
  }

  /** The memory access that failed. */
  get access(): Access | undefined {
    if (this.#access === undefined) {
      const at = this.here;
      this.#access =
        (at && !this.isCall ? (atomicAt(at.file, at.offset) ?? at.file.accessAt(at.offset)) : undefined) ?? null;
    }
    return this.#access ?? undefined;
  }

  /** The access as it is written. */
  get accessText(): string | undefined {
    const { access, here } = this;
    return access && here ? (access.text ?? here.file.slice(access.range)) : undefined;
  }

  /** The call that failed. */
  get call(): Call | undefined {
    if (this.#call === undefined) this.#call = this.callOf(this.pc) ?? null;
    return this.#call ?? undefined;
  }

  callOf(pc: number): Call | undefined {
    const at = this.placeOf(pc);
    if (!at) return undefined;
    const found = at.file.callAt(at.offset);
    if (found) return found;
    // Only the line is known, or the position of what the result goes into: a helper's own name says where the call is.
    const text = at.file.lineText(at.file.position(at.offset).line);
    const m = /(?:\.|\b(?:bpf_))\w+\s*\(/.exec(text);
    return m ? at.file.callAt(at.file.offset(at.file.position(at.offset).line, 1) + m.index) : undefined;
  }

  /** What was written for the argument that goes into a register. */
  argument(register: number): string | undefined {
    const { call } = this;
    if (!call) return undefined;
    const order = call.receiver === undefined ? undefined : METHOD_ARGS[call.name];
    const index = order ? order.indexOf(register) : call.receiver === undefined ? register - 1 : -1;
    return index < 0 ? undefined : call.args[index];
  }

  /** Name of the variable that the value was given to, or of the parameter it is. */
  nameOf(o: Origin | undefined): string | undefined {
    if (!o) return undefined;
    if (o.kind === 'param') return this.paramName(o);
    const at = this.placeOf(o.pc);
    return at && o.kind !== 'const' ? at.file.assignedAt(at.offset)?.name : undefined;
  }

  paramName(o: Origin): string | undefined {
    const at = this.placeOf(o.pc);
    const fn = at?.file.complete ? at.file.functionAt(at.offset) : undefined;
    return fn?.params[(o.number ?? 0) - 1] || (o.number === 1 && o.step === 0 ? 'ctx' : undefined);
  }

  /** The user's words for what a register holds here: an expression, else `r3`. Without backquotes. */
  subject(register: number): string {
    if (this.isCall) return this.argument(register) ?? this.nameOf(this.flow.reg(register)) ?? `r${register}`;
    return this.access?.pointer ?? this.nameOf(this.flow.reg(register)) ?? `r${register}`;
  }

  /** A name that can stand in C (a variable, or a chain of members), not a register or a call. */
  isExpression(text: string): boolean {
    return /^[A-Za-z_][\w.]*(?:(?:->|\.)\w+|\[[^\]]*\])*$/.test(text) && !/^r\d+$/.test(text);
  }

  /** The statement that leaves the function here, after what was taken is given back; but for `except`, which is null where it is checked. */
  leaveWithout(except: string | undefined): string {
    const held = heldAt(this).filter((t) => t.name === undefined || t.name !== except);
    if (held.length === 0) return this.#return;
    const releases = held.reverse().map((t) => `${t.release} `);
    return `{ ${releases.join('')}${this.#return} }`;
  }

  get leave(): string {
    return this.leaveWithout(undefined);
  }

  /** `return 0;`, or what this function and this program type need to go on undisturbed. */
  get #return(): string {
    const fn = this.function;
    if (fn && /(?:^|\s)void$/.test(fn.returns)) return 'return;';
    if (fn && this.prog.funcs.length > 0 && fn.name !== this.prog.name && fn.name !== this.prog.funcs[0]?.name) {
      return 'return 0;';
    }
    const pass = PASS[this.progType];
    if (pass && this.mentions(pass)) return `return ${pass};`;
    if (pass === 'XDP_PASS') return 'return XDP_PASS;';
    const returns = progTypeByName(this.progType)?.returns;
    if (Array.isArray(returns) && returns[0] === 0 && returns[1] === 1) return 'return 1;';
    return 'return 0;';
  }

  /**
   * The return statement by which the path ended. Compilers join the returns of a function, so the exit may carry another one's line: then the
   * one meant is the equal statement to which the last other instruction of the path leads.
   */
  get exit(): Spot | undefined {
    const { path } = this.flow;
    let k = path.length - 1;
    let exit: Spot | undefined;
    for (; k >= 0 && !exit; k--) {
      const at = this.placeOf(path[k]!);
      const line = at?.file.lineText(at.file.position(at.offset).line) ?? '';
      // clang gives the exit the line of the function's closing brace.
      if (at && (/\breturn\b/.test(line) || line.trim() === '}')) exit = at;
    }
    if (!exit?.file.complete) return exit ?? this.here;
    const { file } = exit;
    const brace = file.code[exit.offset] === '}';
    const own = brace ? exit.offset : file.statementAt(exit.offset).inner;
    const text = brace ? '' : file.statementText(own);
    const fits = (s: number) => (brace ? /^return\b/.test(file.statementText(s)) : file.statementText(s) === text);
    for (; k >= 0; k--) {
      const at = this.placeOf(path[k]!);
      if (!at || at.file !== file) continue;
      const start = file.statementAt(at.offset).inner;
      if (start === own) continue;
      const condition = file.conditionAt(at.offset);
      const candidates = condition
        ? [file.firstInside(condition.whenTrue.start), file.nextStatement(start)]
        : [...file.returnsOfSwitch(start), file.nextStatement(start)];
      const meant = candidates.includes(own) ? own : candidates.find(fits);
      return { file, offset: meant ?? own };
    }
    return { file, offset: own };
  }

  mentions(word: string): boolean {
    return this.here?.file.code.includes(word) ?? false;
  }

  // --- mends --------------------------------------------------------------------------------------------------------

  /** `code` before the statement that an instruction comes from. */
  before(where: number | Spot, code: string, more = ''): Mend {
    const at = typeof where === 'number' ? this.placeOf(where) : where;
    if (!at) return { text: `\`${code}\`${more}` };
    const { file, offset } = at;
    const { outer, inner } = file.statementAt(offset);
    const { line, column } = file.position(inner);
    const text = `\`${code}\` before ${file.name === LOG_FILE ? 'this line' : `line ${line}`}${more}`;
    if (!file.complete) return { text };
    const statement = file.text.slice(inner, file.statementEnd(inner));
    if (outer !== inner) {
      // The body of an `if` without braces: it gets some. An `if` after an `else` cannot be guarded like this.
      if (/^(?:if|for|while|do|switch)\b/.test(statement)) return { text };
      return {
        text,
        patch: this.#patch(file, [{ line, column, remove: statement, insert: `{ ${code} ${statement} }` }]),
      };
    }
    if (
      file
        .lineText(line)
        .slice(0, column - 1)
        .trim() !== ''
    ) {
      return { text, patch: this.#patch(file, [{ line, column, remove: '', insert: `${code} ` }]) };
    }
    const indent = file.lineText(line).slice(0, column - 1);
    const lines = code.split('\n').map((l) => `${indent}${l}\n`);
    return { text, patch: this.#patch(file, [{ line, column: 1, remove: '', insert: lines.join('') }]) };
  }

  /** `code` behind the statement that an instruction comes from. */
  after(pc: number, code: string): Mend {
    const at = this.placeOf(pc);
    if (!at) return { text: `\`${code}\`` };
    const { file, offset } = at;
    const { outer, inner } = file.statementAt(offset);
    const end = file.statementEnd(inner);
    const { line, column } = file.position(end);
    const text = `\`${code}\` after line ${line}`;
    if (!file.complete || outer !== inner) return { text };
    const indent = /^\s*/.exec(file.lineText(file.position(inner).line))![0];
    return { text, patch: this.#patch(file, [{ line, column, remove: '', insert: `\n${indent}${code}` }]) };
  }

  /** Put `insert` for the text between two offsets of the file that the refused instruction comes from. */
  replace(file: SourceText, start: number, end: number, insert: string, text: string): Mend {
    if (!file.complete) return { text };
    const { line, column } = file.position(start);
    return { text, patch: this.#patch(file, [{ line, column, remove: file.text.slice(start, end), insert }]) };
  }

  #patch(file: SourceText, edits: readonly Edit[]): Patch {
    return { file: file.name, edits };
  }
}
