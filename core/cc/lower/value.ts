/** Values: expressions to IR. Conditions become i1 and branches without going through an int where nobody asks for one. */
import type { Block, Cond, Inst, IntType, BinaryOp as IrBinary } from '../../ir/ir.ts';
import { alignOf, BOOL, type CType, integerOf, isInteger, sizeOf } from '../ctype.ts';
import type { BinaryOp, Expr, UpdateExpr } from '../tree.ts';
import { lowerBuiltin } from './builtins.ts';
import { lowerCall } from './calls.ts';
import { directCall } from './function-pointer.ts';
import { inMemory, irType, isSigned, type Lowering, resultNames } from './lowering.ts';
import { addressOf, copy, load, type Place, placeOf, pointerParts, store } from './place.ts';
import { lowerStatement } from './statement.ts';
import { isWide, storeWide, wideCompare, wideTruth, wideValue } from './wide.ts';

const SIGNED_OPS: Partial<Record<BinaryOp, IrBinary>> = { '/': 'sdiv', '%': 'srem', '>>': 'ashr' };
const OPS: Partial<Record<BinaryOp, IrBinary>> = {
  '+': 'add',
  '-': 'sub',
  '*': 'mul',
  '/': 'udiv',
  '%': 'urem',
  '&': 'and',
  '|': 'or',
  '^': 'xor',
  '<<': 'shl',
  '>>': 'lshr',
};
const CONDS: Partial<Record<BinaryOp, readonly [signed: Cond, unsigned: Cond]>> = {
  '<': ['slt', 'ult'],
  '<=': ['sle', 'ule'],
  '>': ['sgt', 'ugt'],
  '>=': ['sge', 'uge'],
  '==': ['eq', 'eq'],
  '!=': ['ne', 'ne'],
}; // prettier-ignore

const UNSIGNED_LONG: CType = { kind: 'int', name: 'unsigned long', size: 8, signed: false, rank: 4 };

/** The value of a scalar expression, in the IR type of its C type; something harmless for void and for what was refused. */
export function rvalue(f: Lowering, e: Expr): Inst {
  const { b } = f;
  if (e.kind !== 'int' && e.kind !== 'var') f.at(e.at);
  switch (e.kind) {
    case 'int': {
      const t = irType(e.type);
      if (t === undefined) return refuseWide(f, e);
      return t === 'ptr' ? b.const('ptr', BigInt.asIntN(64, e.value)) : b.const(t, e.value);
    }
    case 'var':
    case 'member':
    case 'deref':
    case 'literal':
    case 'string':
      if (irType(e.type) === undefined) return e.type.kind === 'void' ? f.i32(0) : refuseWide(f, e);
      return load(f, placeOf(f, e));
    case 'func':
      return b.const('ptr', BigInt(f.cx.functionId(e.symbol)));
    case 'decay':
      if (e.operand.type.kind === 'func') return rvalue(f, e.operand);
      return addressOf(f, placeOf(f, e.operand));
    case 'addr':
      return addressOf(f, placeOf(f, e.operand));
    case 'map':
      return b.mapRef(e.map.name);
    case 'unary':
      return lowerUnary(f, e);
    case 'binary':
      return lowerBinary(f, e);
    case 'ptradd':
      return pointerAdd(f, e);
    case 'ptrdiff': {
      const bytes = b.binary(
        'sub',
        b.cast('ptrtoint', rvalue(f, e.left), 'i64'),
        b.cast('ptrtoint', rvalue(f, e.right), 'i64'),
      );
      if (e.scale === 1) return bytes;
      const power = Math.log2(e.scale);
      return Number.isInteger(power) ? b.binary('ashr', bytes, f.i64(power)) : b.binary('sdiv', bytes, f.i64(e.scale));
    }
    case 'logical':
      return b.cast('zext', logicalValue(f, e), 'i32');
    case 'cond':
      return conditional(f, e);
    case 'assign':
      return assignment(f, e);
    case 'update':
      return update(f, e);
    case 'cast':
      return lowerCast(f, e);
    case 'comma':
      effect(f, e.left);
      return rvalue(f, e.right);
    case 'call':
      return lowerCall(f, e) ?? b.const(irType(e.type) ?? 'i32', 0n);
    case 'builtin':
      return lowerBuiltin(f, e) ?? f.i32(0);
    case 'stmtexpr':
      return statementValue(f, e, undefined) ?? f.i32(0);
    default:
      return f.i32(0);
  }
}

function refuseWide(f: Lowering, e: Expr): Inst {
  if (e.type.kind === 'int') f.error(e.at, '__int128 can be stored and copied, but not computed with in a BPF program');
  return f.i64(0);
}

/** Evaluate for effect only. */
export function effect(f: Lowering, e: Expr): void {
  switch (e.kind) {
    case 'int':
    case 'var':
    case 'string':
    case 'map':
    case 'func':
      // A volatile read is an effect.
      if (e.kind === 'var' && e.type.volatile && irType(e.type)) rvalue(f, e);
      return;
    case 'cast':
    case 'decay':
    case 'addr':
      if (e.kind === 'cast' && e.type.kind === 'void') {
        effect(f, e.operand);
        return;
      }
      if (inMemory(e.type) || e.type.kind === 'void') {
        effect(f, e.operand);
        return;
      }
      rvalue(f, e);
      return;
    case 'comma':
      effect(f, e.left);
      effect(f, e.right);
      return;
    case 'cond':
      if (e.type.kind === 'void' || inMemory(e.type)) {
        branchy(f, e);
        return;
      }
      rvalue(f, e);
      return;
    case 'stmtexpr':
      f.at(e.at);
      if (irType(e.type)) statementValue(f, e, undefined);
      else lowerStatement(f, e.body);
      return;
    case 'assign':
      f.at(e.at);
      if (inMemory(e.target.type)) {
        recordInto(f, e.value, placeOf(f, e.target));
        return;
      }
      assignment(f, e);
      return;
    case 'member':
    case 'deref':
      if (!irType(e.type)) return;
      if (e.type.volatile) rvalue(f, e);
      else effect(f, e.kind === 'member' ? e.base : e.operand);
      return;
    case 'logical': {
      const [right, end] = [f.b.block('logical'), f.b.block('end')];
      if (e.op === '&&') branch(f, e.left, right, end);
      else branch(f, e.left, end, right);
      f.b.setBlock(right);
      effect(f, e.right);
      f.b.br(end);
      f.b.setBlock(end);
      return;
    }
    case 'call':
      f.at(e.at);
      lowerCall(f, e);
      return;
    case 'builtin':
      f.at(e.at);
      lowerBuiltin(f, e, true);
      return;
    case 'error':
      return;
    default:
      rvalue(f, e);
  }
}

function branchy(f: Lowering, e: Extract<Expr, { kind: 'cond' }>): void {
  const [then, otherwise, end] = [f.b.block('then'), f.b.block('else'), f.b.block('end')];
  branch(f, e.condition, then, otherwise);
  f.b.setBlock(then);
  if (e.yes) effect(f, e.yes);
  f.b.br(end);
  f.b.setBlock(otherwise);
  effect(f, e.otherwise);
  f.b.br(end);
  f.b.setBlock(end);
}

// --- conditions --------------------------------------------------------------------------------------------------------

/** Is the scalar non-zero? As i1; `negate` asks the opposite. */
export function truth(f: Lowering, e: Expr, negate = false): Inst {
  const { b } = f;
  if (e.kind === 'unary' && e.op === '!') return truth(f, e.operand, !negate);
  if (isWide(e.type)) return wideTruth(f, e, negate);
  if (e.kind === 'binary' && e.op in CONDS) {
    f.at(e.at);
    if (isWide(e.left.type)) return wideCompare(f, e.op, e.left, e.right, negate);
    const signed = isSigned(e.left.type);
    const [x, y] = [rvalue(f, e.left), rvalue(f, e.right)];
    const cond = CONDS[e.op]![signed ? 0 : 1];
    return b.icmp(negate ? opposite(cond) : cond, x, y);
  }
  if (
    e.kind === 'cast' &&
    isInteger(e.type) &&
    (isInteger(e.operand.type) || e.operand.type.kind === 'ptr') &&
    (sizeOf(e.type)! >= sizeOf(e.operand.type)! || integerOf(e.type).name === '_Bool') &&
    e.operand.kind !== 'int'
  ) {
    return truth(f, e.operand, negate);
  }
  if (e.kind === 'builtin' && e.what === 'expect') return truth(f, e.args[0]!, negate);
  if (e.kind === 'logical' && !negate) return logicalValue(f, e);
  const v = rvalue(f, e);
  return b.icmp(negate ? 'eq' : 'ne', v, b.const(v.type, 0n));
}

function opposite(c: Cond): Cond {
  return (
    {
      eq: 'ne',
      ne: 'eq',
      ult: 'uge',
      ule: 'ugt',
      ugt: 'ule',
      uge: 'ult',
      slt: 'sge',
      sle: 'sgt',
      sgt: 'sle',
      sge: 'slt',
    } as const
  )[c];
}

/** Go to `then` when the condition holds, to `otherwise` when not. */
export function branch(f: Lowering, e: Expr, then: Block, otherwise: Block, likely?: boolean): void {
  const { b } = f;
  if (e.kind === 'int') {
    b.br(e.value !== 0n ? then : otherwise);
    return;
  }
  if (e.kind === 'unary' && e.op === '!') {
    branch(f, e.operand, otherwise, then, likely === undefined ? undefined : !likely);
    return;
  }
  if (e.kind === 'logical') {
    const right = b.block(e.op === '&&' ? 'and' : 'or');
    if (e.op === '&&') branch(f, e.left, right, otherwise, likely ? true : undefined);
    else branch(f, e.left, then, right, likely === false ? false : undefined);
    b.setBlock(right);
    branch(f, e.right, then, otherwise, likely);
    return;
  }
  if (e.kind === 'builtin' && e.what === 'expect') {
    branch(f, e.args[0]!, then, otherwise, e.data === undefined ? likely : (e.data as boolean));
    return;
  }
  if (
    e.kind === 'cast' &&
    isInteger(e.type) &&
    isInteger(e.operand.type) &&
    (sizeOf(e.type)! >= sizeOf(e.operand.type)! || integerOf(e.type).name === '_Bool')
  ) {
    branch(f, e.operand, then, otherwise, likely);
    return;
  }
  if (e.kind === 'comma') {
    effect(f, e.left);
    branch(f, e.right, then, otherwise, likely);
    return;
  }
  const c = truth(f, e);
  f.at(e.at);
  b.condBr(c, then, otherwise, likely);
}

function logicalValue(f: Lowering, e: Extract<Expr, { kind: 'logical' }>): Inst {
  const { b } = f;
  const [right, end] = [b.block('logical'), b.block('end')];
  // Every way out of the left side is a short cut; which blocks those are is only known after lowering, so meet in one.
  const short = b.block('short');
  if (e.op === '&&') branch(f, e.left, right, short);
  else branch(f, e.left, short, right);
  b.setBlock(right);
  const value = truth(f, e.right);
  const from = b.current;
  b.br(end);
  b.setBlock(short);
  b.br(end);
  b.setBlock(end);
  return b.phi('i1', [
    [value, from],
    [b.const('i1', e.op === '&&' ? 0n : 1n), short],
  ]);
}

// --- operators -----------------------------------------------------------------------------------------------------------

function lowerUnary(f: Lowering, e: Extract<Expr, { kind: 'unary' }>): Inst {
  if (e.op === '!') return f.b.cast('zext', truth(f, e.operand, true), 'i32');
  const v = rvalue(f, e.operand);
  return e.op === '-' ? f.b.neg(v) : f.b.not(v);
}

function lowerBinary(f: Lowering, e: Extract<Expr, { kind: 'binary' }>): Inst {
  if (e.op in CONDS) return f.b.cast('zext', truth(f, e), 'i32');
  if (inMemory(e.type)) return refuseWide(f, e);
  const x = rvalue(f, e.left);
  const y = rvalue(f, e.right);
  f.at(e.at);
  return arithmetic(f, e.op, x, y, e.type);
}

/** `x op y` in a C type; a shift's count may have another width. */
function arithmetic(f: Lowering, op: BinaryOp, x: Inst, y: Inst, type: CType): Inst {
  const { b } = f;
  const ir = (isSigned(type) ? SIGNED_OPS[op] : undefined) ?? OPS[op]!;
  return b.binary(ir, x, b.intCast(y, x.type as IntType, false));
}

function pointerAdd(f: Lowering, e: Extract<Expr, { kind: 'ptradd' }>): Inst {
  const { b } = f;
  const p = pointerParts(f, e.pointer);
  if (e.index.kind === 'int')
    return b.ptrAdd(p.base, p.off + (e.minus ? -1 : 1) * Number(BigInt.asIntN(64, e.index.value)) * e.scale);
  let bytes = rvalue(f, e.index);
  f.at(e.at);
  if (e.scale !== 1) {
    const power = Math.log2(e.scale);
    bytes = Number.isInteger(power) ? b.binary('shl', bytes, f.i64(power)) : b.binary('mul', bytes, f.i64(e.scale));
  }
  if (e.minus) bytes = b.neg(bytes);
  return b.ptrAdd(b.ptrAdd(p.base, p.off), bytes);
}

function conditional(f: Lowering, e: Extract<Expr, { kind: 'cond' }>): Inst {
  const { b } = f;
  if (e.type.kind === 'void') {
    branchy(f, e);
    return f.i32(0);
  }
  const [then, otherwise, end] = [b.block('then'), b.block('else'), b.block('end')];
  if (!e.yes) {
    // `c ?: b`: the condition is evaluated once.
    const c = rvalue(f, e.condition);
    const type = irType(e.type) as IntType | 'ptr';
    const zero = b.icmp('ne', c, b.const(c.type, 0n));
    b.condBr(zero, then, otherwise);
    b.setBlock(then);
    const kept = convert(f, c, e.condition.type, e.type);
    const from = b.current;
    b.br(end);
    b.setBlock(otherwise);
    const other = rvalue(f, e.otherwise);
    const elseFrom = b.current;
    b.br(end);
    b.setBlock(end);
    return b.phi(type, [
      [kept, from],
      [other, elseFrom],
    ]);
  }
  branch(f, e.condition, then, otherwise);
  b.setBlock(then);
  const x = rvalue(f, e.yes);
  const thenFrom = b.current;
  b.br(end);
  b.setBlock(otherwise);
  const y = rvalue(f, e.otherwise);
  const elseFrom = b.current;
  b.br(end);
  b.setBlock(end);
  return b.phi(x.type, [
    [x, thenFrom],
    [y, elseFrom],
  ]);
}

function assignment(f: Lowering, e: Extract<Expr, { kind: 'assign' }>): Inst {
  if (inMemory(e.target.type)) {
    recordInto(f, e.value, placeOf(f, e.target));
    return f.i32(0);
  }
  const value = rvalue(f, e.value);
  if (value.op === 'callhelper' && e.target.kind === 'var') resultNames.set(value, e.target.symbol.name);
  const place = placeOf(f, e.target);
  f.at(e.at);
  return store(f, place, value);
}

function update(f: Lowering, e: UpdateExpr): Inst {
  const { b } = f;
  if (inMemory(e.target.type)) {
    wideValue(f, e);
    return f.i32(0);
  }
  // The right side first, as GCC and clang do: `total += next()` sees what next() did to total.
  const right = rvalue(f, e.value);
  const place = placeOf(f, e.target);
  const old = load(f, place);
  let fresh: Inst;
  if (e.target.type.kind === 'ptr') {
    const bytes = e.scale === 1 ? right : b.binary('mul', right, f.i64(e.scale));
    fresh =
      right.op === 'const'
        ? b.ptrAdd(old, Number(right.value) * e.scale * (e.op === '-' ? -1 : 1))
        : b.ptrAdd(old, e.op === '-' ? b.neg(bytes) : bytes);
  } else {
    f.at(e.at);
    const work = convert(f, old, e.target.type, e.work);
    fresh = convert(f, arithmetic(f, e.op, work, right, e.work), e.work, e.target.type);
  }
  const kept = store(f, place, fresh);
  return e.post ? old : kept;
}

// --- conversions -----------------------------------------------------------------------------------------------------------

function lowerCast(f: Lowering, e: Extract<Expr, { kind: 'cast' }>): Inst {
  const { operand, type } = e;
  if (type.kind === 'void') {
    effect(f, operand);
    return f.i32(0);
  }
  if (isInteger(type) && integerOf(type).name === BOOL.name) return f.b.cast('zext', truth(f, operand), 'i8');
  if (inMemory(type)) return refuseWide(f, e);
  // The low part of an __int128.
  if (isWide(operand.type)) return convert(f, wideValue(f, operand).low, UNSIGNED_LONG, type);
  return convert(f, rvalue(f, operand), operand.type, type);
}

/** A value of one scalar type as another. */
export function convert(f: Lowering, v: Inst, from: CType, to: CType): Inst {
  const { b } = f;
  const type = irType(to);
  if (type === undefined || v.type === type)
    return isInteger(to) && integerOf(to).name === BOOL.name && !(isInteger(from) && integerOf(from).name === BOOL.name)
      ? b.cast('zext', b.icmp('ne', v, b.const(v.type, 0n)), 'i8')
      : v;
  if (type === 'ptr') return b.cast('inttoptr', b.intCast(v, 'i64', isSigned(from)), 'ptr');
  if (isInteger(to) && integerOf(to).name === BOOL.name)
    return b.cast('zext', b.icmp('ne', v, b.const(v.type, 0n)), 'i8');
  if (v.type === 'ptr') return b.intCast(b.cast('ptrtoint', v, 'i64'), type, false);
  return b.intCast(v, type, isSigned(from));
}

/** The value of a statement expression: its last expression's; `into` receives it when it is an aggregate. */
function statementValue(
  f: Lowering,
  e: Extract<Expr, { kind: 'stmtexpr' }>,
  into: Place | undefined,
): Inst | undefined {
  if (e.through) {
    const call = directCall(f, e, e.through);
    if (call) return lowerCall(f, call, into);
  }
  const { body } = e.body;
  const last = body[body.length - 1];
  for (const s of body.slice(0, -1)) lowerStatement(f, s);
  let value = last;
  while (value?.kind === 'label') {
    const block = labelBlock(f, value.name);
    f.b.br(block);
    f.b.setBlock(block);
    value = value.body;
  }
  if (value?.kind !== 'expr') {
    if (value) lowerStatement(f, value);
    return undefined;
  }
  if (into) {
    recordInto(f, value.expr, into);
    return undefined;
  }
  if (value.expr.type.kind === 'array') return addressOf(f, placeOf(f, value.expr));
  if (irType(value.expr.type) === undefined) {
    effect(f, value.expr);
    return undefined;
  }
  return rvalue(f, value.expr);
}

export function labelBlock(f: Lowering, name: string): Block {
  let block = f.frame.labels.get(name);
  if (!block) f.frame.labels.set(name, (block = f.b.block(name)));
  return block;
}

// --- aggregates ------------------------------------------------------------------------------------------------------------

/** Put a struct, union, array or __int128 into a place. */
export function recordInto(f: Lowering, e: Expr, to: Place): void {
  const { b } = f;
  const size = sizeOf(to.type) ?? sizeOf(e.type) ?? 0;
  const align = Math.min(alignOf(to.type), 8);
  f.at(e.at);
  switch (e.kind) {
    case 'cond': {
      const [then, otherwise, end] = [b.block('then'), b.block('else'), b.block('end')];
      branch(f, e.condition, then, otherwise);
      b.setBlock(then);
      recordInto(f, e.yes ?? e.condition, to);
      b.br(end);
      b.setBlock(otherwise);
      recordInto(f, e.otherwise, to);
      b.br(end);
      b.setBlock(end);
      return;
    }
    case 'comma':
      effect(f, e.left);
      recordInto(f, e.right, to);
      return;
    case 'assign':
      recordInto(f, e.value, placeOf(f, e.target));
      copy(f, to, placeOf(f, e.target), size, align);
      return;
    case 'stmtexpr':
      statementValue(f, e, to);
      return;
    case 'call':
      lowerCall(f, e, to);
      return;
    case 'int':
    case 'cast':
    case 'binary':
    case 'unary':
    case 'update':
      if (isWide(to.type)) storeWide(f, to, wideValue(f, e));
      else if (e.kind === 'cast') recordInto(f, e.operand, to);
      return;
    case 'error':
      return;
    default:
      copy(f, to, placeOf(f, e), size, align);
  }
}
