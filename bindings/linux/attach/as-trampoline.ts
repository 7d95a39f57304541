/**
 * A kprobe program as one for the same function's trampoline: kprobe becomes fentry, kretprobe becomes fexit. The context of a kprobe is the registers of the
 * machine (struct pt_regs), that of a trampoline an array of the function's arguments with the returned value behind them; so each load of a
 * register becomes one of the argument that the register holds. Which instructions these are the verifier tells, which knows where the context is;
 * what else is done with the context decides whether the program can be rewritten at all.
 *
 * What a kprobe takes for a number stays one: the verifier gives a pointer to an argument that is one, and two negations make a number of it, on which
 * the program may compute and which it reads through with probe_read, as before. (Linux: btf_ctx_access, check_alu_op; arch/x86/net/bpf_jit_comp.c, save_args.)
 */
import type { Btf, BtfOf, BtfType } from '../../../core/btf/btf.ts';
import { resolve } from '../../../core/btf/layout.ts';
import { helperById } from '../../../core/helpers/index.ts';
import { type DecodedProgram, decode, type Insn, toInsns } from '../../../core/isa/insn.ts';
import { ALU, CLASS, MODE, OP_CALL, OP_EXIT, OP_LD_IMM64, SIZE, SRC } from '../../../core/isa/ops.ts';
import { FUNCTION_ARGS, PT_REGS, type PtReg } from '../../../core/progs/pt-regs.ts';
import type { ProgSpec } from '../../../core/spec/spec.ts';
import { spliced } from '../../../core/spec/splice.ts';
import { type StateView, type VerifyInput, verify } from '../../../core/verifier/index.ts';

/** The function to go to. */
export interface TracedFunction {
  readonly name: string;
  /** Types that its own are told in: the kernel's, or its module's. */
  readonly btf: Btf;
  readonly proto: BtfOf<'func_proto'>;
  /** Where it begins; undefined where kallsyms is hidden. */
  readonly address: bigint | undefined;
  readonly atReturn: boolean;
}

/** Why a program cannot be rewritten: what it does, for "...: it NEEDS". */
export class NotRewritable extends Error {}

/** A load of the context: which bytes of struct pt_regs. */
interface Read {
  readonly offset: number;
  readonly bytes: number;
}

/** What the verifier saw of the context. */
interface ContextUses {
  readonly reads: Map<number, Read>;
  /** Exits of the entry function. */
  readonly exits: Set<number>;
  /** Calls that walk the kernel's own stack: how many frames they already skip, and how deep in BPF functions they stand. */
  readonly stacks: Map<number, { readonly depth: number }>;
}

const BYTES: Readonly<Record<number, number>> = { [SIZE.B]: 1, [SIZE.H]: 2, [SIZE.W]: 4, [SIZE.DW]: 8 };
const SIZE_OF = new Map(Object.entries(BYTES).map(([code, bytes]) => [bytes, Number(code)]));

/** Frames of a stack that a kprobe does not have: the program's own and the trampoline's. */
const TRAMPOLINE_FRAMES = 2;
const SKIP_FIELD_MASK = 0xffn;
const F_USER_STACK = 1n << 8n;

/** Where helpers that walk stacks take their flags. */
const STACK_FLAGS: Readonly<Record<string, number>> = { get_stackid: 3, get_stack: 4 };

/** Helpers that depend on the kind of program in a way that no rewriting mends. */
const TIED: Readonly<Record<string, string>> = {
  tail_call: 'jumps to other programs (bpf_tail_call), which would have to be of the same type',
  override_return: 'changes what the function returns (bpf_override_return), which takes a kprobe',
};

/**
 * `input` is how the kprobe program was verified. Throws NotRewritable, and BpfError E2BIG when a jump gets too long. The answer is not verified.
 */
export function asTrampoline(input: VerifyInput, kernel: string, traced: TracedFunction): ProgSpec {
  const { prog } = input;
  const uses = contextUses(input, kernel);
  const code = toInsns(prog.insns);
  const slots: number[] = [];
  let slot = 0;
  for (const insn of code) {
    slots.push(slot);
    slot += insn.opcode === OP_LD_IMM64 ? 2 : 1;
  }
  const instead = new Map<number, readonly Insn[]>();
  code.forEach((insn, i) => {
    const pc = slots[i]!;
    const read = uses.reads.get(pc);
    const stack = uses.stacks.get(pc);
    if (read) instead.set(pc, argumentLoad(insn, read, traced));
    // What a kprobe returns nobody asks; of these programs it must be 0.
    else if (uses.exits.has(pc)) instead.set(pc, [movImm(0, 0), insn]);
    else if (stack)
      instead.set(pc, [
        alu(CLASS.ALU64, ALU.add, STACK_FLAGS[helperById(insn.imm)!.name]!, TRAMPOLINE_FRAMES + stack.depth),
        insn,
      ]);
  });
  return {
    ...spliced(prog, instead),
    type: 'tracing',
    attachType: traced.atReturn ? 'trace_fexit' : 'trace_fentry',
    attach: { kind: traced.atReturn ? 'kretfunc' : 'kfunc', target: traced.name },
    section: `${traced.atReturn ? 'fexit' : 'fentry'}/${traced.name}`,
  };
}

function contextUses(input: VerifyInput, kernel: string): ContextUses {
  const code = decode(input.prog.insns);
  const uses: ContextUses = { reads: new Map(), exits: new Set(), stacks: new Map() };
  const checked = verify(input, {
    kernel,
    level: 0,
    onInsn: (state) => {
      look(code, state, uses);
      return undefined;
    },
  });
  if (!checked.ok) throw new NotRewritable(`is refused as it is: ${checked.error!.message}`);
  return uses;
}

function look(code: DecodedProgram, state: StateView, uses: ContextUses): void {
  const { pc } = state;
  const opcode = code.opcode[pc]!;
  const dst = code.dst[pc]!;
  const src = code.src[pc]!;
  const cls = opcode & 7;
  const isCtx = (register: number) => state.reg(register).type === 'ctx';
  if (opcode === OP_EXIT) {
    if (state.depth === 0) uses.exits.add(pc);
  } else if (opcode === OP_CALL) {
    if (src === 0) lookAtCall(state, isCtx, uses);
    else if (src !== 1 && [1, 2, 3, 4, 5].some(isCtx))
      throw new NotRewritable('gives its context to a kernel function');
  } else if (cls === CLASS.LDX && isCtx(src)) {
    if ((opcode & 0xe0) !== MODE.MEM) throw new NotRewritable('reads its context with sign extension');
    uses.reads.set(pc, { offset: state.reg(src).offset + code.off[pc]!, bytes: BYTES[opcode & SIZE.DW]! });
  } else if (cls === CLASS.STX && isCtx(src) && state.reg(dst).type !== 'fp') {
    throw new NotRewritable('keeps the address of its context in memory');
  } else if (cls === CLASS.ALU || cls === CLASS.ALU64) {
    const op = opcode & 0xf0;
    const fromContext = (opcode & SRC.X) !== 0 && isCtx(src);
    if (op === ALU.mov ? fromContext && cls === CLASS.ALU : fromContext || (isCtx(dst) && op !== ALU.add))
      throw new NotRewritable('computes with the address of its context');
  }
}

function lookAtCall(state: StateView, isCtx: (register: number) => boolean, uses: ContextUses): void {
  const helper = helperById(state.helper!);
  if (!helper) return;
  const tied = TIED[helper.name];
  if (tied !== undefined) throw new NotRewritable(tied);
  helper.args.forEach((kind, i) => {
    if (kind !== 'ctx' && kind !== 'ctx_or_null' && isCtx(i + 1))
      throw new NotRewritable(`gives the address of its registers to bpf_${helper.name}`);
  });
  const at = STACK_FLAGS[helper.name];
  if (at === undefined) return;
  const flags = state.reg(at).known;
  if (flags === undefined) throw new NotRewritable(`gives bpf_${helper.name} flags that are not a constant`);
  if ((flags & F_USER_STACK) !== 0n) return;
  if ((flags & SKIP_FIELD_MASK) + BigInt(TRAMPOLINE_FRAMES + state.depth) > SKIP_FIELD_MASK)
    throw new NotRewritable(`lets bpf_${helper.name} skip too many frames`);
  uses.stacks.set(state.pc, { depth: state.depth });
}

// ---- one load ----------------------------------------------------------------------------------------------------------

function argumentLoad(insn: Insn, read: Read, traced: TracedFunction): Insn[] {
  const [name, start] = (Object.entries(PT_REGS) as [PtReg, number][]).find(
    ([, at]) => read.offset >= at && read.offset < at + 8,
  )!;
  const skip = read.offset - start;
  const argument = (FUNCTION_ARGS as readonly string[]).indexOf(name);
  if (name === 'ip' && !traced.atReturn) return [entryAddress(insn, read, skip, traced)];
  if (argument >= 0 && traced.atReturn)
    throw new NotRewritable(`reads register ${name}, which holds no argument any more at a return`);
  if (argument >= 0) return ofContext(insn, read, skip, argument, passedAs(traced, argument));
  if (name === 'ax' && traced.atReturn) {
    const { proto, btf } = traced;
    if (proto.ret === 0) throw new NotRewritable(`reads what ${traced.name} returns, which is nothing`);
    // All of the register is kept, whatever the type is.
    const returned = { bytes: 8, signed: false, pointer: resolve(btf, proto.ret).kind === 'ptr' };
    return ofContext(insn, read, skip, slotsBefore(traced, proto.params.length), returned);
  }
  throw new NotRewritable(`reads register ${name}, which a trampoline does not tell`);
}

/** An argument or the returned value, as the trampoline keeps it: in a slot of 8 bytes, of which only its own are defined. */
interface Passed {
  readonly bytes: number;
  readonly signed: boolean;
  readonly pointer: boolean;
}

function passedAs(traced: TracedFunction, register: number): Passed {
  const { params } = traced.proto;
  slotsBefore(traced, register);
  const param = params[register];
  if (!param || param.type === 0)
    throw new NotRewritable(
      `reads argument ${register + 1} of ${traced.name}, which has ${params.length === 1 ? 'one' : params.length}`,
    );
  const type = resolve(traced.btf, param.type);
  return { bytes: widthOf(type, traced), signed: 'signed' in type && type.signed, pointer: type.kind === 'ptr' };
}

/** Arguments that are structs are passed in other ways than one register each. */
function slotsBefore({ proto, btf, name }: TracedFunction, count: number): number {
  for (const param of proto.params.slice(0, count)) {
    const type = resolve(btf, param.type);
    if (type.kind === 'struct' || type.kind === 'union')
      throw new NotRewritable(`needs arguments of ${name} that come behind a struct passed as a value`);
  }
  return count;
}

function widthOf(type: BtfType, { name }: TracedFunction): number {
  if (type.kind === 'ptr') return 8;
  if ((type.kind === 'int' || type.kind === 'enum' || type.kind === 'enum64') && type.size <= 8) return type.size;
  throw new NotRewritable(`reads an argument of ${name} that is neither a number nor a pointer`);
}

/** Loads what the original wanted: `bytes` of the register from its byte `skip` on, zero-extended. */
function ofContext(insn: Insn, { bytes, offset }: Read, skip: number, slot: number, passed: Passed): Insn[] {
  const { dst } = insn;
  // The register that holds the context may be some way into it.
  const base = insn.off - offset;
  const load = (width: number): Insn => ({
    ...insn,
    opcode: CLASS.LDX | MODE.MEM | SIZE_OF.get(width)!,
    off: base + 8 * slot,
  });
  if (skip >= passed.bytes) return [movImm(dst, 0)];
  if (!passed.pointer && skip === 0) {
    const width = Math.min(bytes, passed.bytes);
    const out = [load(width)];
    // The caller extends what is smaller than an int.
    if (passed.signed && passed.bytes < 4 && bytes > width) {
      const shift = 32 - 8 * width;
      out.push(alu(CLASS.ALU, ALU.lsh, dst, shift), alu(CLASS.ALU, ALU.arsh, dst, shift));
      if (bytes === 2) out.push(alu(CLASS.ALU64, ALU.and, dst, 0xffff));
    }
    return out;
  }
  const out = [load(passed.bytes)];
  if (passed.pointer) out.push(alu(CLASS.ALU64, ALU.neg, dst, 0), alu(CLASS.ALU64, ALU.neg, dst, 0));
  if (skip > 0) out.push(alu(CLASS.ALU64, ALU.rsh, dst, 8 * skip));
  if (skip + bytes < passed.bytes) {
    if (bytes === 4) out.push({ opcode: CLASS.ALU | SRC.X | ALU.mov, dst, src: dst, off: 0, imm: 0 });
    else out.push(alu(CLASS.ALU64, ALU.and, dst, bytes === 2 ? 0xffff : 0xff));
  }
  return out;
}

/** PT_REGS_IP at an entry: behind the breakpoint, as kprobes leave it (kprobe_ftrace_handler). */
function entryAddress(insn: Insn, { bytes }: Read, skip: number, { address, name }: TracedFunction): Insn {
  if (address === undefined) throw new NotRewritable(`reads register ip, and kallsyms does not tell where ${name} is`);
  const value = BigInt.asUintN(8 * bytes, BigInt.asUintN(64, address + 1n) >> BigInt(8 * skip));
  return {
    opcode: OP_LD_IMM64,
    dst: insn.dst,
    src: 0,
    off: 0,
    imm: Number(BigInt.asIntN(32, value)),
    immHi: Number(BigInt.asIntN(32, value >> 32n)),
  };
}

function alu(cls: number, op: number, dst: number, imm: number): Insn {
  return { opcode: cls | SRC.K | op, dst, src: 0, off: 0, imm };
}

function movImm(dst: number, imm: number): Insn {
  return alu(CLASS.ALU64, ALU.mov, dst, imm);
}
