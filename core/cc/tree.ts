/**
 * The tree: typed expressions and statements, as the parser's actions (sema/) make them. Conversions are explicit ('cast', 'decay'),
 * `p->f` is a member of a dereference, `a[i]` a dereference of a pointer sum; so lowering sees few shapes.
 *
 * Every node keeps tokens for its caret (`at`) and its range (`from`..`to`), and its `depth`, which is limited so that no pass
 * over the tree can exhaust the JavaScript stack.
 */
import type { CType, EnumDecl, FieldPlace, FuncType } from './ctype.ts';
import type { MapDecl } from './flavour/map-decl.ts';
import type { Token } from './token.ts';

interface ExprBase {
  readonly type: CType;
  readonly at: Token;
  readonly from: Token;
  readonly to: Token;
  readonly depth: number;
}

/** Where a pointer's pointee lives, as far as the tree knows: see lower/provenance.ts. */
export type AddressSpace = 'none' | 'native' | 'btf' | 'kernel' | 'user' | 'any';

export type BinaryOp =
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '&'
  | '|'
  | '^'
  | '<<'
  | '>>'
  | '<'
  | '>'
  | '<='
  | '>='
  | '=='
  | '!=';

export interface IntExpr extends ExprBase {
  readonly kind: 'int';
  readonly value: bigint;
} // prettier-ignore
export interface StringExpr extends ExprBase {
  readonly kind: 'string' /** With the NUL. */;
  readonly bytes: readonly number[];
} // prettier-ignore
export interface VarExpr extends ExprBase {
  readonly kind: 'var';
  readonly symbol: VarSymbol;
} // prettier-ignore
export interface FuncExpr extends ExprBase {
  readonly kind: 'func';
  readonly symbol: FuncSymbol;
} // prettier-ignore
export interface MapExpr extends ExprBase {
  readonly kind: 'map';
  readonly map: MapDecl;
} // prettier-ignore
export interface MethodExpr extends ExprBase {
  readonly kind: 'method';
  readonly map: MapDecl;
  readonly name: Token;
} // prettier-ignore
export interface UnaryExpr extends ExprBase {
  readonly kind: 'unary';
  readonly op: '-' | '~' | '!';
  readonly operand: Expr;
} // prettier-ignore
export interface DerefExpr extends ExprBase {
  readonly kind: 'deref';
  readonly operand: Expr;
} // prettier-ignore
export interface AddrExpr extends ExprBase {
  readonly kind: 'addr';
  readonly operand: Expr;
} // prettier-ignore
export interface MemberExpr extends ExprBase {
  readonly kind: 'member';
  readonly base: Expr;
  readonly place: FieldPlace;
} // prettier-ignore
export interface BinaryExpr extends ExprBase {
  readonly kind: 'binary';
  readonly op: BinaryOp;
  readonly left: Expr;
  readonly right: Expr;
} // prettier-ignore
/** Pointer plus (or minus) `index` times `scale` bytes; `index` is 64 bits wide. */
export interface PtrAddExpr extends ExprBase {
  readonly kind: 'ptradd';
  readonly pointer: Expr;
  readonly index: Expr;
  readonly scale: number;
  readonly minus: boolean;
} // prettier-ignore
export interface PtrDiffExpr extends ExprBase {
  readonly kind: 'ptrdiff';
  readonly left: Expr;
  readonly right: Expr;
  readonly scale: number;
} // prettier-ignore
export interface LogicalExpr extends ExprBase {
  readonly kind: 'logical';
  readonly op: '&&' | '||';
  readonly left: Expr;
  readonly right: Expr;
} // prettier-ignore
/** `c ? a : b`; without `yes` it is GNU's `c ?: b`, whose value is `c` converted. */
export interface CondExpr extends ExprBase {
  readonly kind: 'cond';
  readonly condition: Expr;
  readonly yes: Expr | undefined;
  readonly otherwise: Expr;
} // prettier-ignore
export interface AssignExpr extends ExprBase {
  readonly kind: 'assign';
  readonly target: Expr;
  readonly value: Expr;
} // prettier-ignore
/** `target op= value`, computed in `work` type; on pointers `scale` is the pointee's size. `++` and `--` are these with `post`. */
export interface UpdateExpr extends ExprBase {
  readonly kind: 'update';
  readonly target: Expr;
  readonly op: BinaryOp;
  readonly value: Expr;
  readonly work: CType;
  readonly scale: number;
  readonly post: boolean;
} // prettier-ignore
export interface CastExpr extends ExprBase {
  readonly kind: 'cast';
  readonly operand: Expr;
  readonly explicit: boolean;
} // prettier-ignore
export interface DecayExpr extends ExprBase {
  readonly kind: 'decay';
  readonly operand: Expr;
} // prettier-ignore
export interface CommaExpr extends ExprBase {
  readonly kind: 'comma';
  readonly left: Expr;
  readonly right: Expr;
} // prettier-ignore
export interface CallExpr extends ExprBase {
  readonly kind: 'call';
  readonly callee: FuncSymbol;
  readonly args: readonly Expr[];
} // prettier-ignore
/** Anything lowered by its own rule: builtins, map methods, helpers of the flavour. `what` is a name of lower/builtins. */
export interface BuiltinExpr extends ExprBase {
  readonly kind: 'builtin';
  readonly what: string;
  readonly args: readonly Expr[];
  readonly map?: MapDecl;
  readonly data?: unknown;
} // prettier-ignore
export interface StmtExpr extends ExprBase {
  readonly kind: 'stmtexpr';
  readonly body: BlockStmt;
  /** It stands for a call through a pointer (sema/pointer-call.ts). */
  readonly through?: PointerCall;
} // prettier-ignore
export interface PointerCall {
  readonly type: FuncType;
  readonly callee: Expr;
  readonly args: readonly Expr[];
  /** Functions that the body asks for; filled when the whole text is read. */
  readonly candidates: FuncSymbol[];
}
/** A compound literal: its variable, initialised where it stands. */
export interface LiteralExpr extends ExprBase {
  readonly kind: 'literal';
  readonly symbol: VarSymbol;
} // prettier-ignore
export interface ErrorExpr extends ExprBase {
  readonly kind: 'error';
} // prettier-ignore

export type Expr =
  | IntExpr
  | StringExpr
  | VarExpr
  | FuncExpr
  | MapExpr
  | MethodExpr
  | UnaryExpr
  | DerefExpr
  | AddrExpr
  | MemberExpr
  | BinaryExpr
  | PtrAddExpr
  | PtrDiffExpr
  | LogicalExpr
  | CondExpr
  | AssignExpr
  | UpdateExpr
  | CastExpr
  | DecayExpr
  | CommaExpr
  | CallExpr
  | BuiltinExpr
  | StmtExpr
  | LiteralExpr
  | ErrorExpr; // prettier-ignore

/** An initialiser: one expression, or places inside an aggregate (everything not named is zero). */
export type Init =
  | { readonly kind: 'expr'; readonly expr: Expr }
  | { readonly kind: 'list'; readonly items: readonly InitItem[]; readonly at: Token };

export interface InitItem {
  /** From the start of the object. */
  readonly bitOffset: number;
  readonly bitWidth: number | undefined;
  readonly type: CType;
  readonly expr: Expr;
}

export interface VarSymbol {
  readonly kind: 'var';
  readonly name: string;
  type: CType;
  readonly at: Token;
  /** 'register' of the machine's kind does not exist: auto, param, or a global (static locals are globals with a longer name). */
  readonly storage: 'auto' | 'param' | 'global';
  init: Init | undefined;
  /** ELF section given by an attribute. */
  section?: string | undefined;
  extern?: boolean;
  /** A definition may be missing: it counts as 0. */
  weak?: boolean;
  /** Not seen outside this file: left out where nothing uses it. */
  isStatic?: boolean;
  used: boolean;
  /** Assigned to after its initialiser, or its address is taken: it may hold something else. */
  written?: boolean;
  /** Pointer provenance that the flavour knows of a parameter. */
  space?: AddressSpace;
  /** How a parameter of a probe function gets its value. */
  source?: ParamSource;
}

/** Where a program's parameter comes from: register of the context, word of an argument array, ... */
export type ParamSource =
  | { readonly kind: 'ctx' }
  /** Field of struct pt_regs at this byte offset. */
  | { readonly kind: 'regs'; readonly offset: number }
  /** Field of the pt_regs that the context's first argument points to (system call wrappers). */
  | { readonly kind: 'syscall'; readonly offset: number }
  /** 64-bit word of the context. */
  | { readonly kind: 'word'; readonly index: number };

export interface FuncSymbol {
  readonly kind: 'func';
  readonly name: string;
  type: FuncType;
  readonly at: Token;
  params: VarSymbol[];
  body: BlockStmt | undefined;
  isStatic: boolean;
  isInline: boolean;
  noinline: boolean;
  /** Its parameters come from the system call that the probed function serves (BPF_KSYSCALL). */
  syscallArguments?: boolean;
  section: string | undefined;
  used: boolean;
  /** A kernel helper: its id. */
  helper?: number;
  /** A kernel function called by BTF (`__ksym`). */
  kfunc?: boolean;
  /** Closing brace, for messages and line info. */
  end?: Token;
}

export interface TypedefSymbol {
  readonly kind: 'typedef';
  readonly name: string;
  readonly type: CType;
  readonly at: Token;
} // prettier-ignore
export interface EnumeratorSymbol {
  readonly kind: 'enumerator';
  readonly name: string;
  readonly value: bigint;
  readonly type: CType;
  readonly decl: EnumDecl | undefined;
  readonly at: Token | undefined;
} // prettier-ignore
export interface MapSymbol {
  readonly kind: 'map';
  readonly name: string;
  readonly map: MapDecl;
  readonly at: Token;
} // prettier-ignore
export type CSymbol = VarSymbol | FuncSymbol | TypedefSymbol | EnumeratorSymbol | MapSymbol;

interface StmtBase {
  readonly at: Token;
}
export interface ExprStmt extends StmtBase {
  readonly kind: 'expr';
  readonly expr: Expr;
} // prettier-ignore
export interface DeclStmt extends StmtBase {
  readonly kind: 'decl';
  readonly vars: readonly VarSymbol[];
} // prettier-ignore
export interface BlockStmt extends StmtBase {
  readonly kind: 'block';
  readonly body: readonly Stmt[];
  readonly end: Token;
} // prettier-ignore
export interface IfStmt extends StmtBase {
  readonly kind: 'if';
  readonly condition: Expr;
  readonly yes: Stmt;
  readonly otherwise: Stmt | undefined;
} // prettier-ignore
/** while, do and for in one: `init; for (; condition; step) body`, tested first unless `doWhile`. */
export interface LoopStmt extends StmtBase {
  readonly kind: 'loop';
  readonly init: Stmt | undefined;
  readonly condition: Expr | undefined;
  readonly step: Expr | undefined;
  readonly body: Stmt;
  readonly doWhile: boolean;
  readonly unroll: number | undefined;
} // prettier-ignore
export interface SwitchStmt extends StmtBase {
  readonly kind: 'switch';
  readonly value: Expr;
  readonly body: Stmt;
  readonly cases: readonly CaseStmt[];
} // prettier-ignore
/** `case low ... high:` or `default:` (both undefined), then a statement. */
export interface CaseStmt extends StmtBase {
  readonly kind: 'case';
  readonly low: bigint | undefined;
  readonly high: bigint | undefined;
  readonly body: Stmt;
} // prettier-ignore
export interface LabelStmt extends StmtBase {
  readonly kind: 'label';
  readonly name: string;
  readonly body: Stmt;
} // prettier-ignore
export interface GotoStmt extends StmtBase {
  readonly kind: 'goto';
  readonly name: string;
} // prettier-ignore
export interface JumpStmt extends StmtBase {
  readonly kind: 'break' | 'continue';
} // prettier-ignore
export interface ReturnStmt extends StmtBase {
  readonly kind: 'return';
  readonly value: Expr | undefined;
} // prettier-ignore
/** `asm volatile("" ::: "memory")` and `asm("" : "+r"(x))`. */
export interface AsmStmt extends StmtBase {
  readonly kind: 'asm';
  readonly memory: boolean;
  /** Inputs that share an output's register: assignments that come first. */
  readonly assigned: readonly Expr[];
  readonly opaque: readonly Expr[];
} // prettier-ignore
export interface EmptyStmt extends StmtBase {
  readonly kind: 'empty';
} // prettier-ignore

export type Stmt =
  | ExprStmt
  | DeclStmt
  | BlockStmt
  | IfStmt
  | LoopStmt
  | SwitchStmt
  | CaseStmt
  | LabelStmt
  | GotoStmt
  | JumpStmt
  | ReturnStmt
  | AsmStmt
  | EmptyStmt; // prettier-ignore

/** A whole translation unit. */
export interface Unit {
  readonly functions: readonly FuncSymbol[];
  readonly globals: readonly VarSymbol[];
  readonly maps: readonly MapDecl[];
  readonly license: string | undefined;
}
