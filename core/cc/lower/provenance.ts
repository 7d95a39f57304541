/**
 * Where pointers point: the rule behind BCC's implicit kernel reads, decided on the tree by types and data flow, never by text.
 *
 * A pointer that BPF may follow itself is 'native' (stack, map value, packet, ring buffer record), 'ctx' (the context), or 'btf' (typed by the
 * kernel: a plain load that the kernel guards). Everything else must be read by a helper: 'kernel', 'user', or 'any' where both are
 * possible (x86's old bpf_probe_read tells by the address). The space of a variable is the join of all that is assigned to it, so order does
 * not matter; a join of native and kernel is kernel, since probe_read_kernel reads BPF's own memory too.
 *
 * One `Provenance` is for one function body in one calling context: inlined functions get their own for each call.
 */
import { helperById } from '../../helpers/index.ts';
import { type CType, isInteger, sizeOf } from '../ctype.ts';
import { methodRow } from '../flavour/methods.ts';
import type { ProgramKind } from '../flavour/programs.ts';
import type { CallExpr, Expr, FuncSymbol, Init, Stmt, VarSymbol } from '../tree.ts';

export type Space = 'none' | 'native' | 'ctx' | 'btf' | 'kernel' | 'user' | 'any';

/** The least space that covers both. */
export function joinSpace(a: Space, b: Space): Space {
  if (a === b || b === 'none') return a;
  if (a === 'none') return b;
  const native = (s: Space) => s === 'native' || s === 'ctx';
  if (native(a) && native(b)) return 'native';
  if (a === 'any' || b === 'any' || a === 'user' || b === 'user') return 'any';
  return 'kernel';
}

/** Does the pointer need a helper to be read through? */
export function isForeign(s: Space): s is 'kernel' | 'user' | 'any' {
  return s === 'kernel' || s === 'user' || s === 'any';
}

/** Helpers whose number is an address in the kernel, and nothing that the verifier follows. */
const KERNEL_ADDRESSES = new Set(['get_current_task', 'get_func_ip']);

/** Rounds of the fixpoint: chains of copies longer than this in the wrong order do not occur. */
const MOST_ROUNDS = 12;

export class Provenance {
  readonly kind: ProgramKind;
  readonly #spaces = new Map<VarSymbol, Space>();
  /** Variables that hold a foreign pointer for certain: an argument of a probed function, something read from the kernel. */
  readonly #certain = new Set<VarSymbol>();
  readonly #returns: (fn: FuncSymbol, params: readonly Space[]) => Space;
  #changed = false;
  /** What the function returns. */
  result: Space = 'none';

  /** `returns` answers for calls of the program's own functions. */
  constructor(kind: ProgramKind, returns: (fn: FuncSymbol, params: readonly Space[]) => Space) {
    this.kind = kind;
    this.#returns = returns;
  }

  /** Infer the spaces of a function's variables from those of its parameters. */
  infer(fn: FuncSymbol, params: readonly Space[]): void {
    for (const [i, v] of fn.params.entries()) {
      this.#spaces.set(v, declaredSpace(v.type) ?? params[i] ?? 'none');
      if (v.source) this.#certain.add(v);
    }
    for (let round = 0; round < MOST_ROUNDS; round++) {
      this.#changed = false;
      if (fn.body) this.#statement(fn.body);
      if (!this.#changed) return;
    }
  }

  /** The space of a pointer that nothing is known of. */
  get unknown(): Space {
    return this.kind.unknown;
  }

  /** Where a pointer (or an integer that carries an address) points. */
  spaceOf(e: Expr): Space {
    const declared = e.type.kind === 'ptr' ? declaredSpace(e.type) : undefined;
    if (declared) return declared;
    switch (e.kind) {
      case 'string':
      case 'literal':
        return 'native';
      case 'var':
        return this.#variable(e.symbol, e.type);
      case 'decay':
      case 'addr':
        return this.placeSpace(e.operand);
      case 'member':
      case 'deref':
        return this.#loaded(e);
      case 'cast':
        return this.#cast(e.operand, e.type);
      case 'ptradd': {
        const s = this.spaceOf(e.pointer);
        return s === 'btf' && e.index.kind !== 'int' ? 'kernel' : s;
      }
      case 'binary':
        return '+-&|'.includes(e.op) ? joinSpace(this.spaceOf(e.left), this.spaceOf(e.right)) : 'none';
      case 'cond':
        return joinSpace(this.spaceOf(e.yes ?? e.condition), this.spaceOf(e.otherwise));
      case 'comma':
        return this.spaceOf(e.right);
      case 'assign':
        return this.spaceOf(e.value);
      case 'update':
        return this.spaceOf(e.target);
      case 'stmtexpr': {
        const last = e.body.body[e.body.body.length - 1];
        return last?.kind === 'expr' ? this.spaceOf(last.expr) : 'none';
      }
      case 'call':
        return this.#call(e);
      case 'builtin':
        return this.#builtin(e);
      default:
        return 'none';
    }
  }

  /** Where an object lives. */
  placeSpace(e: Expr): Space {
    switch (e.kind) {
      case 'deref': {
        const s = this.spaceOf(e.operand);
        return s === 'none' ? this.unknown : s;
      }
      case 'member':
        return this.placeSpace(e.base);
      default:
        return 'native';
    }
  }

  /**
   * Is it only a guess that a place is not BPF's own memory? So it is for pointers that were kept in memory (a struct on the stack may hold
   * packet pointers, which the verifier follows) and for what other functions gave. Reads go by the guess; writes may be right.
   */
  guessed(e: Expr): boolean {
    switch (e.kind) {
      case 'deref':
        return this.#guessedPointer(e.operand);
      case 'member':
        return this.guessed(e.base);
      default:
        return false;
    }
  }

  #guessedPointer(e: Expr): boolean {
    if (e.type.kind === 'ptr' && declaredSpace(e.type)) return false;
    switch (e.kind) {
      case 'var':
        return e.symbol.storage === 'global' || !this.#certain.has(e.symbol);
      case 'decay':
      case 'addr':
        return this.guessed(e.operand);
      case 'member':
      case 'deref': {
        const root = localRoot(e);
        if (root) return !this.#certain.has(root);
        const from = this.placeSpace(e);
        return from === 'native' || (isForeign(from) && this.guessed(e));
      }
      case 'cast':
        return this.#guessedPointer(e.operand);
      case 'ptradd':
        return this.#guessedPointer(e.pointer);
      case 'cond':
        return this.#guessedPointer(e.yes ?? e.condition) && this.#guessedPointer(e.otherwise);
      case 'comma':
        return this.#guessedPointer(e.right);
      case 'assign':
        return this.#guessedPointer(e.value);
      case 'update':
        return this.#guessedPointer(e.target);
      case 'call': {
        const row = e.callee.helper === undefined ? undefined : helperById(e.callee.helper);
        return !row || !KERNEL_ADDRESSES.has(row.name);
      }
      case 'builtin':
        return true;
      default:
        return false;
    }
  }

  #variable(symbol: VarSymbol, type: CType): Space {
    if (symbol.storage === 'global')
      return type.kind === 'array' || type.kind === 'record' ? 'native' : this.#stored(type);
    return this.#spaces.get(symbol) ?? 'none';
  }

  /** What was kept in memory of the program's own (map values, globals): never a pointer that the verifier still knows. */
  #stored(type: CType): Space {
    return type.kind === 'ptr' || (isInteger(type) && sizeOf(type) === 8) ? this.unknown : 'none';
  }

  /** A pointer loaded from a place. */
  #loaded(e: Expr): Space {
    const root = localRoot(e);
    if (root) {
      const s = this.#spaces.get(root);
      return s === undefined || s === 'none' ? this.#stored(e.type) : s;
    }
    const from = this.placeSpace(e);
    switch (from) {
      case 'native':
        return this.#stored(e.type);
      case 'ctx':
        return this.#fromContext(e);
      case 'btf':
        return e.type.kind === 'ptr' && e.type.to.kind === 'record' && e.type.to.decl.btfId !== undefined
          ? 'btf'
          : 'kernel';
      default:
        // A saved pt_regs holds a user's registers as well as kernel addresses.
        if (
          from === 'kernel' &&
          e.kind === 'member' &&
          e.base.type.kind === 'record' &&
          e.base.type.decl.name === 'pt_regs'
        )
          return 'any';
        return from;
    }
  }

  #fromContext(e: Expr): Space {
    const s = this.kind.ctxLoads;
    // Keys and values that an iterator shows are buffers (PTR_TO_BUF), which programs may follow and, some of them, change.
    if (this.kind.attachType === 'trace_iter' && e.type.kind === 'ptr' && e.type.to.kind === 'void') return 'native';
    if (s === 'btf') return e.type.kind === 'ptr' ? 'btf' : 'kernel';
    return s;
  }

  #cast(operand: Expr, to: CType): Space {
    const s = this.spaceOf(operand);
    if (s !== 'btf') return s;
    // The kernel knows the pointer by its own type: seen as another struct it must be read by helper.
    if (to.kind !== 'ptr' || operand.type.kind !== 'ptr')
      return to.kind === 'ptr' && to.to.kind === 'record' && operand.kind === 'call'
        ? 'btf'
        : to.kind === 'ptr'
          ? 'kernel'
          : 'btf';
    const [a, b] = [operand.type.to, to.to];
    if (b.kind === 'record' && a.kind === 'record' && a.decl.name === b.decl.name) return 'btf';
    return a.kind === 'void' && b.kind === 'record' && b.decl.btfId !== undefined ? 'btf' : 'kernel';
  }

  #call(e: CallExpr): Space {
    const fn = e.callee;
    if (fn.helper === undefined) {
      if (fn.kfunc || !fn.body) return e.type.kind === 'ptr' ? 'btf' : 'none';
      return this.#returns(
        fn,
        e.args.map((a) => this.spaceOf(a)),
      );
    }
    const row = helperById(fn.helper);
    if (!row) return 'none';
    if (/btf_id/.test(row.ret)) return 'btf';
    if (/sock|map_value|mem/.test(row.ret)) return 'native';
    return KERNEL_ADDRESSES.has(row.name) ? 'kernel' : this.#stored(e.type);
  }

  #builtin(e: Extract<Expr, { kind: 'builtin' }>): Space {
    if (e.what === 'unresolved') return 'native';
    if (e.what === 'expect') return this.spaceOf(e.args[0]!);
    if (e.what === 'memcpy' || e.what === 'memmove' || e.what === 'memset') return this.spaceOf(e.args[0]!);
    if (e.map && e.type.kind === 'ptr') return 'native';
    if (typeof e.data === 'string' && methodRow(e.data)) return 'none';
    return e.type.kind === 'ptr' ? this.unknown : 'none';
  }

  // --- what assignments tell ----------------------------------------------------------------------------------------

  #note(symbol: VarSymbol, space: Space, certain: boolean): void {
    if (symbol.storage === 'global' || declaredSpace(symbol.type)) return;
    if (certain && isForeign(space) && !this.#certain.has(symbol)) {
      this.#certain.add(symbol);
      this.#changed = true;
    }
    const before = this.#spaces.get(symbol) ?? 'none';
    const after = joinSpace(before, space);
    if (after === before) return;
    this.#spaces.set(symbol, after);
    this.#changed = true;
  }

  #assigned(target: Expr, value: Expr): void {
    const root = target.kind === 'var' ? target.symbol : localRoot(target);
    if (root && carriesAddress(target.type)) this.#note(root, this.spaceOf(value), !this.#guessedPointer(value));
  }

  #init(symbol: VarSymbol, init: Init | undefined): void {
    if (!init) return;
    if (init.kind === 'expr') {
      this.#expression(init.expr);
      if (carriesAddress(symbol.type)) this.#note(symbol, this.spaceOf(init.expr), !this.#guessedPointer(init.expr));
      return;
    }
    for (const item of init.items) {
      this.#expression(item.expr);
      if (carriesAddress(item.type)) this.#note(symbol, this.spaceOf(item.expr), !this.#guessedPointer(item.expr));
    }
  }

  #statement(s: Stmt): void {
    switch (s.kind) {
      case 'expr':
        this.#expression(s.expr);
        return;
      case 'decl':
        for (const v of s.vars) this.#init(v, v.init);
        return;
      case 'block':
        for (const inner of s.body) this.#statement(inner);
        return;
      case 'if':
        this.#expression(s.condition);
        this.#statement(s.yes);
        if (s.otherwise) this.#statement(s.otherwise);
        return;
      case 'loop':
        if (s.init) this.#statement(s.init);
        if (s.condition) this.#expression(s.condition);
        if (s.step) this.#expression(s.step);
        this.#statement(s.body);
        return;
      case 'switch':
        this.#expression(s.value);
        this.#statement(s.body);
        return;
      case 'case':
      case 'label':
        this.#statement(s.body);
        return;
      case 'return':
        if (!s.value) return;
        this.#expression(s.value);
        this.result = joinSpace(this.result, this.spaceOf(s.value));
        return;
      case 'asm':
        for (const e of [...s.assigned, ...s.opaque]) this.#expression(e);
        return;
      default:
    }
  }

  #expression(e: Expr): void {
    switch (e.kind) {
      case 'unary':
      case 'deref':
      case 'addr':
      case 'cast':
      case 'decay':
        this.#expression(e.operand);
        return;
      case 'member':
        this.#expression(e.base);
        return;
      case 'binary':
      case 'logical':
      case 'ptrdiff':
      case 'comma':
        this.#expression(e.left);
        this.#expression(e.right);
        return;
      case 'ptradd':
        this.#expression(e.pointer);
        this.#expression(e.index);
        return;
      case 'cond':
        this.#expression(e.condition);
        if (e.yes) this.#expression(e.yes);
        this.#expression(e.otherwise);
        return;
      case 'assign':
        this.#expression(e.target);
        this.#expression(e.value);
        this.#assigned(e.target, e.value);
        return;
      case 'update':
        this.#expression(e.target);
        this.#expression(e.value);
        return;
      case 'literal':
        this.#init(e.symbol, e.symbol.init);
        return;
      case 'stmtexpr':
        this.#statement(e.body);
        return;
      case 'call':
        for (const a of e.args) this.#expression(a);
        this.#filled(e);
        return;
      case 'builtin':
        for (const a of e.args) this.#expression(a);
        return;
      default:
    }
  }

  /** Calls that fill a variable through its address. */
  #filled(e: CallExpr): void {
    const row = e.callee.helper === undefined ? undefined : helperById(e.callee.helper);
    if (row) {
      const first = e.args[0];
      if (!first) return;
      if (/^probe_read_kernel/.test(row.name)) this.#pointee(first, 'kernel');
      else if (/^(?:probe_read_user|copy_from_user)/.test(row.name)) this.#pointee(first, 'user');
      else if (/^probe_read/.test(row.name)) this.#pointee(first, 'any');
      else if (/^get_stack|^snprintf|^strto|^get_func_/.test(row.name)) {
        for (const a of e.args) this.#pointee(a, this.unknown, false);
      }
      return;
    }
    for (const a of e.args)
      if (a.type.kind === 'ptr' && carriesAddress(a.type.to)) this.#pointee(a, this.unknown, false);
  }

  /** `&variable` was given away to be filled with something that lives in `space`. */
  #pointee(e: Expr, space: Space, certain = true): void {
    let at = e;
    while (at.kind === 'cast') at = at.operand;
    if (at.kind !== 'addr' && at.kind !== 'decay') return;
    const root = at.operand.kind === 'var' ? at.operand.symbol : localRoot(at.operand);
    if (root) this.#note(root, space, certain);
  }
}

/** `__user` in the type says it, whatever was assigned. */
function declaredSpace(t: CType): Space | undefined {
  return t.kind === 'ptr' && t.to.user ? 'user' : undefined;
}

function carriesAddress(t: CType): boolean {
  return t.kind === 'ptr' || t.kind === 'record' || t.kind === 'array' || (isInteger(t) && (sizeOf(t) ?? 0) >= 4);
}

/** The local variable that a member or element belongs to, when no pointer is followed on the way. */
function localRoot(e: Expr): VarSymbol | undefined {
  let at = e;
  for (;;) {
    if (at.kind === 'member') at = at.base;
    else if (at.kind === 'deref') {
      let p = at.operand;
      while (p.kind === 'ptradd') p = p.pointer;
      if (p.kind === 'decay' || p.kind === 'addr') at = p.operand;
      else return undefined;
    } else break;
  }
  return (at.kind === 'var' || at.kind === 'literal') && at.symbol.storage !== 'global' ? at.symbol : undefined;
}
