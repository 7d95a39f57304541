/**
 * Global functions: other programs may call them, so each is verified by itself for any arguments its prototype allows, and a
 * call only checks that the arguments are such. Linux: btf_prepare_func_args, btf_check_func_arg_match.
 */
import type { BtfOf } from '../btf/btf.ts';
import { sizeOf, skipModifiers } from './btf-walk.ts';
import { clearPacketPointers, clobberCallerSaved } from './call.ts';
import type { Env } from './env.ts';
import { checkHelperMemory, checkOffset } from './helper-args.ts';
import { notNull } from './jump.ts';
import { makePointer } from './range.ts';
import { Refusal } from './refusal.ts';
import { FLAG, isNull, KIND, type Reg } from './reg.ts';

/** A parameter: a number, the program's context, or memory of a size (which may be null unless tagged otherwise). */
export type GlobalArgument =
  | { readonly kind: 'number' }
  | { readonly kind: 'ctx' }
  | { readonly kind: 'mem'; readonly size: number; readonly nullable: boolean };

const MAX_ARGUMENTS = 5;

/** What the function's BTF prototype says of its parameters. Refuses prototypes that global functions may not have. */
export function globalArguments(env: Env, subprog: number): GlobalArgument[] {
  const { program } = env;
  const btf = program.objectBtf!;
  const info = program.spec.funcs.find((f) => f.insn === program.subprogs[subprog]!.start)!;
  const func = btf.type(info.btfId);
  const proto = func.kind === 'func' ? btf.type(func.type) : undefined;
  if (proto?.kind !== 'func_proto') return env.fail('structure', `Invalid type of function ${info.name}()`);
  const count = proto.params.length;
  if (count > MAX_ARGUMENTS) {
    env.fail('structure', `Global function ${info.name}() with ${count} > ${MAX_ARGUMENTS} args. Buggy compiler.`);
  }
  const result = skipModifiers(btf, proto.ret);
  if (result.kind !== 'int' && result.kind !== 'enum' && result.kind !== 'enum64') {
    env.fail('structure', `Global function ${info.name}() doesn't return scalar. Only those are supported.`);
  }
  return proto.params.map((_, i) => argument(env, info.name, info.btfId, proto, i));
}

function argument(env: Env, name: string, funcId: number, proto: BtfOf<'func_proto'>, i: number): GlobalArgument {
  const btf = env.program.objectBtf!;
  const tags = tagsOf(env, funcId, i);
  const t = skipModifiers(btf, proto.params[i]!.type);
  if (t.kind === 'ptr') {
    const target = skipModifiers(btf, t.type);
    if (tags.includes('ctx') || (target.kind === 'struct' && target.name === env.progType.ctxType)) {
      return { kind: 'ctx' };
    }
    const other = tags.find((tag) => tag !== 'nonnull');
    if (other !== undefined || (target.kind === 'struct' && target.name === 'bpf_dynptr')) {
      env.fail(
        'unsupported',
        `arg#${i} of global function ${name}() is of a kind that this verifier does not support (${other ?? 'dynptr'})`,
      );
    }
    const size =
      target.kind === 'func_proto' || target.kind === 'fwd' || target.kind === 'void' ? 0 : sizeOf(btf, target);
    if (size === 0) {
      env.fail(
        'structure',
        `arg#${i} reference type('${target.kind.toUpperCase()} ${target.name}') size cannot be determined: -22`,
      );
    }
    return { kind: 'mem', size, nullable: !tags.includes('nonnull') };
  }
  if (tags.length > 0) env.fail('structure', `arg#${i} has pointer tag, but is not a pointer type`);
  if (t.kind === 'int' || t.kind === 'enum' || t.kind === 'enum64') return { kind: 'number' };
  return env.fail('structure', `Arg#${i} type ${t.kind.toUpperCase()} in ${name}() is not supported yet.`);
}

/** `arg:` tags of a parameter. */
function tagsOf(env: Env, funcId: number, i: number): string[] {
  const btf = env.program.objectBtf!;
  const out: string[] = [];
  for (let id = 1; id < btf.typeCount; id++) {
    const t = btf.type(id);
    if (t.kind === 'decl_tag' && t.type === funcId && t.component === i && t.name.startsWith('arg:')) {
      out.push(t.name.slice(4));
    }
  }
  return out;
}

/** Registers at the entry of a global function that is verified by itself. */
export function globalEntry(env: Env, subprog: number): Readonly<Reg>[] {
  return globalArguments(env, subprog).map((a) => {
    if (a.kind === 'number') return env.unknown;
    if (a.kind === 'ctx') return makePointer(KIND.CTX);
    const r = makePointer(KIND.MEM | (a.nullable ? FLAG.MAYBE_NULL : 0));
    r.aux = a.size;
    r.id = env.newId();
    return r;
  });
}

/** Check a call of a global function. Answers the next instruction. */
export function callGlobal(env: Env, i: number, subprog: number): number {
  const sub = env.program.subprogs[subprog]!;
  if (env.state.locks > 0 || env.state.preemptLocks > 0 || env.state.irqId !== 0) {
    const why = env.state.locks > 0 ? 'while holding a lock' : 'with preemption disabled';
    env.say(`global function calls are not allowed ${why},`);
    env.fail('reference', 'use static function instead');
  }
  const shape = globalArguments(env, subprog);
  try {
    shape.forEach((a, k) => {
      checkPassed(env, k, a);
    });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    env.say(error.message);
    env.fail(error.category, `Caller passes invalid args into func#${subprog} ('${sub.name}')`);
  }
  env.say(`Func#${subprog} ('${sub.name}') is global and assumed valid.`);
  env.globalCalls.add(subprog);
  if (sub.changesPacket) clearPacketPointers(env);
  clobberCallerSaved(env);
  env.setUnknown(0);
  return i + 1;
}

function checkPassed(env: Env, k: number, a: GlobalArgument): void {
  const regno = k + 1;
  const r = env.regs[regno]!;
  if (a.kind === 'number') {
    if (r.type !== KIND.SCALAR) env.fail('type', `R${regno} is not a scalar`);
    return;
  }
  checkOffset(env, r, regno, false, false);
  if (a.kind === 'ctx') {
    if (r.type !== KIND.CTX) env.fail('type', `arg#${k} expects pointer to ctx`);
    return;
  }
  if (isNull(r)) return;
  if (r.mayBeNull) env.regs[regno] = notNull(r);
  checkHelperMemory(env, regno, a.size, false, true, undefined);
  checkHelperMemory(env, regno, a.size, true, true, undefined);
  env.regs[regno] = r;
  if (!a.nullable && r.mayBeNull) env.fail('null', `arg#${k} is expected to be non-NULL`);
}
