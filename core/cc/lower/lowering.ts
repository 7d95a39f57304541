/**
 * Lowering one program: its builder, and the frame of the function whose body is being lowered now (the program itself, or one that is
 * inlined into it). The rules are in the files beside; they all take a `Lowering`.
 */
import type { Builder } from '../../ir/build.ts';
import type { Block, Inst, IntType, Loc } from '../../ir/ir.ts';
import type { Context } from '../context.ts';
import { alignOf, type CType, integerOf, isInteger, sizeOf } from '../ctype.ts';
import { note } from '../report.ts';
import { type Token, writtenAt } from '../token.ts';
import type { Expr, FuncSymbol, VarSymbol } from '../tree.ts';
import type { Globals } from './globals.ts';
import type { Provenance, Space } from './provenance.ts';

/** One function body being lowered: inlined calls stack these. */
export interface Frame {
  readonly fn: FuncSymbol;
  readonly provenance: Provenance;
  readonly slots: Map<VarSymbol, Inst>;
  readonly labels: Map<string, Block>;
  /** Where `return` goes in an inlined body; undefined in the program itself. */
  readonly exit: Block | undefined;
  readonly result: Inst | undefined;
  readonly caller: Frame | undefined;
  /** What the parameters of an inlined function were given, to be read in the caller's frame. */
  readonly given: ReadonlyMap<VarSymbol, Expr>;
  breakTo: Block | undefined;
  continueTo: Block | undefined;
}

/** What the unit knows of functions called rather than inlined. */
export interface Calls {
  /** Is it better called than inlined? */
  outOfLine(fn: FuncSymbol): boolean;
  /** A call with these argument spaces was made. */
  called(fn: FuncSymbol, spaces: readonly Space[]): void;
  provenance(fn: FuncSymbol, caller: Provenance, spaces: readonly Space[]): Provenance;
}

export class Lowering {
  readonly cx: Context;
  readonly b: Builder;
  readonly globals: Globals;
  readonly calls: Calls;
  frame: Frame;
  /** The program's context. */
  context: Inst | undefined;
  #scratch: Inst | undefined;

  constructor(cx: Context, b: Builder, globals: Globals, calls: Calls, frame: Frame) {
    this.cx = cx;
    this.b = b;
    this.globals = globals;
    this.calls = calls;
    this.frame = frame;
  }

  /** Eight bytes on the stack for values that helpers fill: always read at once, so one is enough for all. */
  get scratch(): Inst {
    this.#scratch ??= this.b.alloca(8, 8, '');
    return this.#scratch;
  }

  /** Say where the following instructions come from. */
  at(token: Token): void {
    this.b.loc = locOf(token) ?? this.b.loc;
  }

  error(at: Token, message: string): void {
    const notes = [];
    for (let f: Frame | undefined = this.frame; f?.caller; f = f.caller)
      notes.push(note(f.fn.at, `in '${f.fn.name}', inlined`));
    this.cx.report.error(at, message, { notes });
  }

  /** The stack slot of a local. */
  slot(symbol: VarSymbol): Inst {
    let slot = this.frame.slots.get(symbol);
    if (!slot) {
      const size = sizeOf(symbol.type) ?? 8;
      const align = Math.min(Math.max(alignOf(symbol.type), size >= 8 ? 8 : 1), 8);
      slot = this.b.alloca(Math.max(size, 1), align, symbol.name);
      this.frame.slots.set(symbol, slot);
    }
    return slot;
  }

  i32(value: bigint | number): Inst {
    return this.b.const('i32', BigInt(value));
  }

  i64(value: bigint | number): Inst {
    return this.b.const('i64', BigInt(value));
  }
}

/** Variables that first held a call's result: how warnings name it once variables are gone. */
export const resultNames = new WeakMap<Inst, string>();

const locs = new WeakMap<object, Map<number, Loc>>();

/** The source position of a token; one object per position. */
export function locOf(token: Token): Loc | undefined {
  const t = writtenAt(token);
  let known = locs.get(t.file);
  if (!known) locs.set(t.file, (known = new Map()));
  let loc = known.get(t.start);
  if (!loc) {
    if (t.file.name === '<built-in>') return undefined;
    const { line, column } = t.file.position(t.start);
    // The line of the text at hand, whatever `#line` calls it: messages about the program quote and mend that text.
    known.set(t.start, (loc = { file: t.file.name, line, column, text: t.file.lineText(line) }));
  }
  return loc;
}

/** The IR type of a scalar C type. Aggregates and __int128 have none. */
export function irType(t: CType): IntType | 'ptr' | undefined {
  if (t.kind === 'ptr' || t.kind === 'map') return 'ptr';
  if (!isInteger(t)) return undefined;
  switch (integerOf(t).size) {
    case 1:
      return 'i8';
    case 2:
      return 'i16';
    case 4:
      return 'i32';
    case 8:
      return 'i64';
    default:
      return undefined;
  }
}

export function isSigned(t: CType): boolean {
  return isInteger(t) && integerOf(t).signed;
}

/** Must it be handled as bytes in memory rather than as a value? */
export function inMemory(t: CType): boolean {
  return t.kind === 'record' || t.kind === 'array' || (isInteger(t) && integerOf(t).size === 16);
}
