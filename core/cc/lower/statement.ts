/** Statements to blocks. */
import type { Block, IntType } from '../../ir/ir.ts';
import { type IntType as CIntType, integerOf } from '../ctype.ts';
import type { LoopStmt, Stmt, SwitchStmt } from '../tree.ts';
import { initVariable } from './init.ts';
import { inMemory, irType, isSigned, type Lowering } from './lowering.ts';
import { load, placeOf, store } from './place.ts';
import { branch, effect, labelBlock, recordInto, rvalue } from './value.ts';

/** IR values that one program may take: a quarter of them are more instructions than a jump can cross. */
const MOST_VALUES = 250_000;
/** A case range up to this many values becomes single cases; wider ones are compared. */
const MOST_RANGE = 32n;

export function lowerStatement(f: Lowering, s: Stmt): void {
  const { b } = f;
  if (b.fn.nextId > MOST_VALUES)
    f.cx.report.fatal(
      s.at,
      `'${b.fn.name}' is too large: with the functions inlined into it, it makes more than ${MOST_VALUES} values`,
    );
  f.at(s.at);
  switch (s.kind) {
    case 'empty':
      return;
    case 'expr':
      effect(f, s.expr);
      return;
    case 'decl':
      for (const v of s.vars) {
        f.slot(v);
        initVariable(f, v);
      }
      return;
    case 'block':
      for (const inner of s.body) lowerStatement(f, inner);
      return;
    case 'if': {
      if (s.condition.kind === 'int' && !hasLabel(s)) {
        const taken = s.condition.value !== 0n ? s.yes : s.otherwise;
        if (taken) lowerStatement(f, taken);
        return;
      }
      const then = b.block('then');
      const end = b.block('end');
      const otherwise = s.otherwise ? b.block('else') : end;
      branch(f, s.condition, then, otherwise);
      b.setBlock(then);
      lowerStatement(f, s.yes);
      b.br(end);
      if (s.otherwise) {
        b.setBlock(otherwise);
        lowerStatement(f, s.otherwise);
        b.br(end);
      }
      b.setBlock(end);
      return;
    }
    case 'loop':
      loop(f, s);
      return;
    case 'switch':
      lowerSwitch(f, s);
      return;
    case 'case': {
      // The switch made the block; falling into it from above is C.
      const block = labelBlock(f, caseName(s));
      b.br(block);
      b.setBlock(block);
      lowerStatement(f, s.body);
      return;
    }
    case 'label': {
      const block = labelBlock(f, s.name);
      b.br(block);
      b.setBlock(block);
      lowerStatement(f, s.body);
      return;
    }
    case 'goto':
      b.br(labelBlock(f, s.name));
      dead(f);
      return;
    case 'break':
    case 'continue': {
      const to = s.kind === 'break' ? f.frame.breakTo : f.frame.continueTo;
      if (to) b.br(to);
      dead(f);
      return;
    }
    case 'return':
      lowerReturn(f, s);
      return;
    case 'asm':
      for (const e of s.assigned) effect(f, e);
      for (const e of s.opaque) {
        const place = placeOf(f, e);
        if (!inMemory(e.type)) {
          const v = load(f, place);
          const up = v.type === 'i8' || v.type === 'i16' ? b.cast('zext', v, 'i32') : v;
          const hidden = b.opaque(up);
          store(f, place, hidden.type === v.type ? hidden : b.cast('trunc', hidden, v.type));
        }
      }
      if (s.memory || s.opaque.length === 0) b.barrier();
      return;
    default:
  }
}

/** What follows a jump is reached by labels only. */
function dead(f: Lowering): void {
  f.b.setBlock(f.b.block('dead'));
}

/** May something outside jump into this statement? */
function hasLabel(s: Stmt): boolean {
  switch (s.kind) {
    case 'label':
    case 'case':
      return true;
    case 'block':
      return s.body.some(hasLabel);
    case 'if':
      return hasLabel(s.yes) || (s.otherwise !== undefined && hasLabel(s.otherwise));
    case 'loop':
    case 'switch':
      return hasLabel(s.body);
    default:
      return false;
  }
}

function loop(f: Lowering, s: LoopStmt): void {
  const { b, frame } = f;
  if (s.init) lowerStatement(f, s.init);
  const head = b.block('loop');
  const body = s.doWhile ? head : b.block('body');
  const step = b.block('step');
  const end = b.block('end');
  head.unroll = s.unroll;
  const outer = { breakTo: frame.breakTo, continueTo: frame.continueTo };
  frame.breakTo = end;
  frame.continueTo = step;
  b.br(head);
  b.setBlock(head);
  if (!s.doWhile) {
    if (s.condition) branch(f, s.condition, body, end);
    else b.br(body);
    b.setBlock(body);
  }
  lowerStatement(f, s.body);
  b.br(step);
  b.setBlock(step);
  if (s.step) effect(f, s.step);
  if (s.doWhile && s.condition) branch(f, s.condition, head, end);
  else {
    f.at(s.at);
    b.br(head);
  }
  frame.breakTo = outer.breakTo;
  frame.continueTo = outer.continueTo;
  b.setBlock(end);
}

const names = new WeakMap<Stmt, string>();
let count = 0;

/** A case has no name in C; its block is found by one all the same. */
function caseName(s: Stmt): string {
  let name = names.get(s);
  if (name === undefined) names.set(s, (name = `case ${count++}`));
  return name;
}

function lowerSwitch(f: Lowering, s: SwitchStmt): void {
  const { b, frame } = f;
  const value = rvalue(f, s.value);
  const type = integerOf(s.value.type as CIntType);
  const end = b.block('end');
  const fallback = s.cases.find((c) => c.low === undefined);
  const otherwise = fallback ? labelBlock(f, caseName(fallback)) : end;
  const rows: [bigint, Block][] = [];
  for (const c of s.cases) {
    if (c.low === undefined || c.high === undefined) continue;
    const block = labelBlock(f, caseName(c));
    if (c.high - c.low < MOST_RANGE) {
      for (let v = c.low; v <= c.high; v++) rows.push([v, block]);
      continue;
    }
    const [above, next] = [b.block('range'), b.block('next')];
    b.condBr(b.icmp(type.signed ? 'sge' : 'uge', value, b.const(value.type, c.low)), above, next);
    b.setBlock(above);
    b.condBr(b.icmp(type.signed ? 'sle' : 'ule', value, b.const(value.type, c.high)), block, next);
    b.setBlock(next);
  }
  b.switch(value, otherwise, rows);
  const outer = frame.breakTo;
  frame.breakTo = end;
  dead(f);
  lowerStatement(f, s.body);
  b.br(end);
  frame.breakTo = outer;
  b.setBlock(end);
}

function lowerReturn(f: Lowering, s: Extract<Stmt, { kind: 'return' }>): void {
  const { b, frame } = f;
  const ret = frame.fn.type.ret;
  if (frame.exit) {
    if (s.value && frame.result) {
      if (inMemory(ret))
        recordInto(f, s.value, { base: frame.result, off: 0, type: ret, space: 'native', volatile: false, at: s.at });
      else b.store(rvalue(f, s.value), frame.result);
    } else if (s.value) effect(f, s.value);
    b.br(frame.exit);
    dead(f);
    return;
  }
  const type = b.fn.ret;
  if (type === 'void') {
    if (s.value) effect(f, s.value);
    b.ret();
  } else if (s.value && irType(ret)) {
    const v = rvalue(f, s.value);
    // A program answers in a number, whatever its function is declared to return.
    if (v.type === type) b.ret(v);
    else b.ret(v.type === 'ptr' ? b.cast('ptrtoint', v, 'i64') : b.intCast(v, type as IntType, isSigned(ret)));
  } else b.ret(b.const(type, 0n));
  dead(f);
}
