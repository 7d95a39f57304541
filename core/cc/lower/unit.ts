/** Lowering a translation unit: every program becomes an entry function of the module; functions that stay calls follow. */
import { Builder, newModule } from '../../ir/build.ts';
import type { Inst, IntType, Module } from '../../ir/ir.ts';
import type { Context } from '../context.ts';
import { isProgram, kindOf, type ProgramKind } from '../flavour/programs.ts';
import { Fatal } from '../report.ts';
import type { FuncSymbol, Unit, VarSymbol } from '../tree.ts';
import { callable, resultIr } from './calls.ts';
import { Globals } from './globals.ts';
import { type Calls, type Frame, inMemory, irType, isSigned, Lowering, locOf } from './lowering.ts';
import { joinSpace, Provenance, type Space } from './provenance.ts';
import { lowerStatement } from './statement.ts';

/** IR values made for one program after which further functions become calls. */
const INLINE_BUDGET = 20_000;
/** The same for a function that became a call because a budget was spent: functions that call one another twice would fill one after the other. */
const CALLED_BUDGET = 1_000;

export interface LoweredUnit {
  readonly module: Module;
  readonly globals: Globals;
  readonly programs: readonly { readonly fn: FuncSymbol; readonly kind: ProgramKind }[];
}

export function lowerUnit(cx: Context, unit: Unit): LoweredUnit {
  const module = newModule();
  const globals = new Globals(cx);
  const outside = new OutOfLine();
  const programs: { fn: FuncSymbol; kind: ProgramKind }[] = [];
  for (const g of unit.globals) {
    const elsewhere = g.extern || g.section === 'license' || g.section === 'version' || g.section === '.maps';
    if (!elsewhere && (g.used || !g.isStatic)) globals.place(g);
  }
  const sections = unit.functions.some((fn) => isProgram(fn) && fn.section !== undefined && !kindOf(fn).plain);
  for (const fn of unit.functions) {
    if (!isProgram(fn)) continue;
    const kind = kindOf(fn);
    // In a plain file, what takes or gives a struct, or more than five values, is a function for the others to inline; and where programs have
    // sections, one that is called and has none is a function of theirs.
    if (kind.plain && fn.used && (!callable(fn) || sections)) continue;
    programs.push({ fn, kind });
    lowerFunction(cx, module, globals, outside, fn, kind, undefined);
  }
  outside.drain((fn, kind, spaces) => {
    module.functions = module.functions.filter((f) => f.name !== fn.name || f.entry);
    lowerFunction(cx, module, globals, outside, fn, kind, spaces);
  });
  module.sections = globals.sections.map((s) => ({
    name: s.name,
    data: Uint8Array.from(s.bytes),
    readOnly: s.readOnly,
  }));
  return { module, globals, programs };
}

/** Functions that are called: their argument spaces are the join over all calls, so a new call may lower one again. */
class OutOfLine {
  readonly #spaces = new Map<FuncSymbol, { spaces: Space[]; kind: ProgramKind; stale: boolean }>();

  called(fn: FuncSymbol, kind: ProgramKind, spaces: readonly Space[]): void {
    const known = this.#spaces.get(fn);
    if (!known) {
      this.#spaces.set(fn, { spaces: [...spaces], kind, stale: true });
      return;
    }
    spaces.forEach((s, i) => {
      const joined = joinSpace(known.spaces[i] ?? 'none', s);
      if (joined === known.spaces[i]) return;
      known.spaces[i] = joined;
      known.stale = true;
    });
  }

  drain(lower: (fn: FuncSymbol, kind: ProgramKind, spaces: readonly Space[]) => void): void {
    for (let round = 0; round < 64; round++) {
      const stale = [...this.#spaces].filter(([, v]) => v.stale);
      if (stale.length === 0) return;
      for (const [fn, v] of stale) {
        v.stale = false;
        lower(fn, v.kind, [...v.spaces]);
      }
    }
  }
}

/** Return spaces of the program's own functions, by argument spaces. */
function returnsOf(kind: ProgramKind): (fn: FuncSymbol, params: readonly Space[]) => Space {
  const memo = new Map<string, Space>();
  const active = new Set<FuncSymbol>();
  const answer = (fn: FuncSymbol, params: readonly Space[]): Space => {
    if (fn.type.ret.kind !== 'ptr' && irType(fn.type.ret) !== 'i64') return 'none';
    const key = `${fn.name} ${params.join()}`;
    const known = memo.get(key);
    if (known !== undefined) return known;
    if (active.has(fn)) return 'none';
    active.add(fn);
    const p = new Provenance(kind, answer);
    p.infer(fn, params);
    active.delete(fn);
    memo.set(key, p.result);
    return p.result;
  };
  return answer;
}

function lowerFunction(
  cx: Context,
  module: Module,
  globals: Globals,
  outside: OutOfLine,
  fn: FuncSymbol,
  kind: ProgramKind,
  spaces: readonly Space[] | undefined,
): void {
  const entry = spaces === undefined;
  const returns = returnsOf(kind);
  const ret = resultIr(fn.type.ret);
  const b = new Builder(module, fn.name, entry && ret === 'void' ? 'i32' : entry && ret === 'ptr' ? 'i64' : ret);
  b.fn.entry = entry;
  b.fn.noinline = !entry;
  b.fn.loc = locOf(fn.at);
  b.loc = b.fn.loc;
  const given: readonly Space[] =
    spaces ?? fn.params.map((p) => (p.source?.kind === 'ctx' ? 'ctx' : (p.space ?? 'native')));
  const provenance = new Provenance(kind, returns);
  provenance.infer(fn, given);
  const budget = entry || fn.noinline ? INLINE_BUDGET : CALLED_BUDGET;
  const calls: Calls = {
    outOfLine: (callee) => callee.noinline || b.fn.nextId > budget,
    called: (callee, argSpaces) => outside.called(callee, kind, argSpaces),
    provenance: (callee, _caller, argSpaces) => {
      const p = new Provenance(kind, returns);
      p.infer(callee, argSpaces);
      return p;
    },
  };
  const frame: Frame = {
    fn,
    provenance,
    slots: new Map(),
    labels: new Map(),
    exit: undefined,
    result: undefined,
    caller: undefined,
    given: new Map(),
    breakTo: undefined,
    continueTo: undefined,
  };
  const f = new Lowering(cx, b, globals, calls, frame);
  const plain = fn.params.every((p) => p.source === undefined);
  if (plain) registerParams(f, fn, given);
  else probeParams(f, fn);
  try {
    lowerStatement(f, fn.body!);
  } catch (e) {
    if (!(e instanceof Fatal)) throw e;
    b.finish();
    throw e;
  }
  if (fn.end) f.at(fn.end);
  b.ret(b.fn.ret === 'void' ? undefined : b.const(b.fn.ret as IntType, 0n));
  b.finish();
}

/** Parameters that arrive in r1 to r5. */
function registerParams(f: Lowering, fn: FuncSymbol, spaces: readonly Space[]): void {
  const { b } = f;
  if (fn.params.length > 5)
    f.cx.report.error(fn.params[5]!.at, `'${fn.name}' has ${fn.params.length} parameters: BPF passes at most five`);
  for (const [i, v] of fn.params.slice(0, 5).entries()) {
    if (inMemory(v.type)) {
      f.cx.report.error(
        v.at,
        `'${v.name}' cannot be passed in a register: a program's parameters are integers and pointers`,
      );
      continue;
    }
    const type = resultIr(v.type);
    const space = spaces[i] === 'ctx' ? 'ctx' : undefined;
    const param = b.param(type, v.name, space);
    if (space === 'ctx') f.context = param;
    const own = irType(v.type);
    b.store(own !== undefined && own !== param.type ? b.cast('trunc', param, own) : param, f.slot(v));
  }
}

/** The context, and what the flavour reads from it for further parameters that the body uses. */
function probeParams(f: Lowering, fn: FuncSymbol): void {
  const { b } = f;
  const ctx = b.param('ptr', fn.params[0]!.name || 'ctx', 'ctx');
  f.context = ctx;
  let inner: Inst | undefined;
  for (const v of fn.params) {
    const { source } = v;
    if (!source || !v.used) continue;
    f.at(v.at);
    switch (source.kind) {
      case 'ctx':
        b.store(ctx, f.slot(v));
        break;
      case 'regs':
      case 'word':
        keep(f, v, b.load('i64', ctx, source.kind === 'regs' ? source.offset : source.index * 8, { space: 'ctx' }));
        break;
      default:
        // The wrapper's only argument is the pt_regs of the system call.
        inner ??= b.load('ptr', ctx, 112, { space: 'ctx' });
        b.callHelper(113, 'probe_read_kernel', 'i64', [f.scratch, f.i32(8), b.ptrAdd(inner, source.offset)]);
        keep(f, v, b.load('i64', f.scratch));
    }
  }
}

/** Store a 64-bit register as the parameter's type. */
function keep(f: Lowering, v: VarSymbol, value: Inst): void {
  const { b } = f;
  const type = irType(v.type);
  if (type === undefined) return;
  b.store(type === 'ptr' ? b.cast('inttoptr', value, 'ptr') : b.intCast(value, type, isSigned(v.type)), f.slot(v));
}
