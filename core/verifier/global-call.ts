/**
 * Global functions: other programs may call them, so each is verified by itself for any arguments its prototype allows, and a
 * call only checks that the arguments are such. Linux: btf_prepare_func_args, btf_check_func_arg_match.
 */
import type { Btf, BtfOf, BtfType } from '../btf/btf.ts';
import { sizeOf, skipModifiers, structMatches } from './btf-walk.ts';
import { clearPacketPointers, clobberCallerSaved } from './call.ts';
import { DYNPTR, dynptrAt } from './dynptr.ts';
import type { Env } from './env.ts';
import { checkHelperMemory, checkOffset } from './helper-args.ts';
import { notNull } from './jump.ts';
import { makePointer } from './range.ts';
import { Refusal } from './refusal.ts';
import { FLAG, isNull, KIND, kindOf, type Reg, typeName } from './reg.ts';

/** A parameter: a number, the program's context, or memory of a size (which may be null unless tagged otherwise). */
export type GlobalArgument =
  | { readonly kind: 'number' }
  | { readonly kind: 'ctx' }
  | { readonly kind: 'arena' }
  | { readonly kind: 'dynptr' }
  /** A kernel object that is alive (tag `arg:trusted`), by its BTF id. */
  | { readonly kind: 'trusted'; readonly id: number; readonly nullable: boolean; readonly untrusted: boolean }
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
    if (tags.includes('ctx') || isContext(env, btf, t.type, target)) {
      return { kind: 'ctx' };
    }
    if ((target.kind === 'struct' || target.kind === 'fwd') && target.name === 'bpf_dynptr') return { kind: 'dynptr' };
    if (tags.includes('arena')) return { kind: 'arena' };
    if (tags.includes('trusted') || (tags.includes('untrusted') && target.kind === 'struct')) {
      const untrusted = tags.includes('untrusted');
      if (untrusted && tags.includes('trusted'))
        env.fail('structure', `arg#${i} untrusted cannot be combined with any other tags`);
      const id = env.kernelBtf?.find(target.name.replace(/___.*$/, ''), 'struct');
      if (id === undefined) {
        env.fail(
          'structure',
          `arg#${i} reference type('${target.kind.toUpperCase()} ${target.name}') has no matches in kernel BTF`,
        );
      }
      return { kind: 'trusted', id: id!, nullable: tags.includes('nullable'), untrusted };
    }
    if (tags.includes('nullable'))
      env.fail('structure', `arg#${i} is of a kind that this verifier does not support (nullable) in ${name}()`);
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

/** The prototype names the program's context: by its struct, or by the typedef that stands for the registers of the machine. */
function isContext(env: Env, btf: Btf, id: number, target: BtfType): boolean {
  const { ctxType } = env.progType;
  if (target.kind === 'struct' && target.name === ctxType) return true;
  if (ctxType !== 'bpf_user_pt_regs_t') return false;
  if (target.kind === 'struct' && target.name === 'pt_regs') return true;
  let t = btf.type(id);
  while (t.kind === 'typedef' || t.kind === 'const' || t.kind === 'volatile') {
    if (t.kind === 'typedef' && t.name === ctxType) return true;
    t = btf.type(t.type);
  }
  return false;
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
    if (a.kind === 'arena') return makePointer(KIND.ARENA);
    if (a.kind === 'dynptr') {
      const d = makePointer(KIND.DYNPTR);
      d.aux = DYNPTR.LOCAL;
      d.aux2 = 1;
      d.id = env.newId();
      return d;
    }
    if (a.kind === 'trusted') {
      const object = makePointer(
        KIND.BTF_ID | (a.untrusted ? FLAG.UNTRUSTED : FLAG.TRUSTED) | (a.nullable ? FLAG.MAYBE_NULL : 0),
      );
      object.aux = a.id;
      if (a.nullable) object.id = env.newId();
      return object;
    }
    const r = makePointer(KIND.MEM | (a.nullable ? FLAG.MAYBE_NULL : 0));
    r.aux = a.size;
    r.id = env.newId();
    return r;
  });
}

/** Check a call of a global function. Answers the next instruction. */
export function callGlobal(env: Env, i: number, subprog: number): number {
  const sub = env.program.subprogs[subprog]!;
  const { state } = env;
  if (state.locks > 0) {
    env.say('global function calls are not allowed while holding a lock,');
    env.fail('reference', 'use static function instead');
  }
  const awake = state.rcuLocks > 0 || state.preemptLocks > 0 || state.irqId !== 0;
  if (sub.mightSleep && (awake || !(env.options.sleepable || state.sleepable))) {
    env.say('global functions that may sleep are not allowed in non-sleepable context,');
    env.say('i.e., in a RCU/IRQ/preempt-disabled section, or in');
    env.fail('reference', 'a non-sleepable BPF program context');
  }
  try {
    globalArguments(env, subprog).forEach((a, k) => {
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
  if (a.kind === 'arena') {
    if (r.type !== KIND.ARENA && r.type !== KIND.SCALAR) {
      env.fail('type', `R${regno} is not a pointer to arena or scalar.`);
    }
    return;
  }
  checkOffset(env, r, regno, false, a.kind === 'dynptr');
  if (a.kind === 'dynptr') {
    if (r.type !== KIND.STACK && r.type !== KIND.DYNPTR) {
      env.fail('type', `arg#${k} expected pointer to stack or const struct bpf_dynptr`);
    }
    if (!dynptrAt(env, r)) env.fail('type', `Expected an initialized dynptr as arg #${k}`);
    return;
  }
  if (a.kind === 'trusted') {
    checkTrusted(env, regno, r, a);
    return;
  }
  if (a.kind === 'ctx') {
    if (r.type !== KIND.CTX) env.fail('type', `arg#${k} expects pointer to ctx`);
    return;
  }
  if (isNull(r)) {
    // Linux 6.18 lets a known null through, and the function then uses it unchecked.
    if (!a.nullable) env.fail('null', `arg#${k} is expected to be non-NULL`);
    return;
  }
  if (r.mayBeNull) env.regs[regno] = notNull(r);
  checkHelperMemory(env, regno, a.size, false, true, undefined);
  checkHelperMemory(env, regno, a.size, true, true, undefined);
  env.regs[regno] = r;
  if (!a.nullable && r.mayBeNull) env.fail('null', `arg#${k} is expected to be non-NULL`);
}

/** A kernel object for a parameter tagged trusted (or untrusted, which any object pointer fits). */
function checkTrusted(
  env: Env,
  regno: number,
  r: Readonly<Reg>,
  a: Extract<GlobalArgument, { kind: 'trusted' }>,
): void {
  if (a.untrusted || (a.nullable && isNull(r))) return;
  const wanted = [KIND.BTF_ID, KIND.BTF_ID | FLAG.TRUSTED, KIND.BTF_ID | FLAG.RCU];
  const type = a.nullable ? r.type & ~FLAG.MAYBE_NULL : r.type;
  if (!wanted.includes(type)) {
    env.fail('type', `R${regno} type=${typeName(r.type)} expected=${wanted.map(typeName).join(', ')}`);
  }
  const btf = env.kernelBtf!;
  if (kindOf(r.type) === KIND.BTF_ID && !structMatches(btf, r.aux, r.off, a.id, false)) {
    env.fail('type', `R${regno} is of type ${btf.type(r.aux).name} but ${btf.type(a.id).name} is expected`);
  }
}
