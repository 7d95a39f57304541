/**
 * What a program needs from outside its own functions, found before any code is made: in wasm's numbering of functions imports come first.
 * No more is imported than the program uses, since V8 compiles a way out of wasm for every signature: the first import of a module costs
 * as much as compiling a hundred instructions.
 */
import { KERNEL_HI } from '../../base/memory.ts';
import { jumpTarget } from '../../isa/check.ts';
import type { DecodedProgram } from '../../isa/insn.ts';
import { CALL, CLASS, MODE, OP_CALL, OP_LD_IMM64 } from '../../isa/ops.ts';
import { HELPER_MAP_LOOKUP, HELPER_TAIL_CALL } from '../layout.ts';
import { lookupBody } from './lookup.ts';
import { calledRow, type ImportName, type Plan } from './plan.ts';
import type { Code } from './wasm.ts';

export interface Outside {
  readonly imports: readonly ImportName[];
  /** Helpers and kfuncs, imported in this order. */
  readonly calls: readonly { readonly kind: 'helper' | 'kfunc'; readonly id: number }[];
  /** Maps that are looked up in wasm: bodies of functions. */
  readonly lookups: readonly { readonly offset: number; readonly code: Code }[];
  /** Slot of a call -> index in `lookups`. */
  readonly lookupAt: ReadonlyMap<number, number>;
  /** Slot of a lookup -> size of the map's key, where the map is known. */
  readonly keySizes: ReadonlyMap<number, number>;
}

export function outsideOf(base: Pick<Plan, 'decoded' | 'host' | 'env' | 'checked'>): Outside {
  const { decoded: p, checked } = base;
  const imports: ImportName[] = [];
  const calls: { kind: 'helper' | 'kfunc'; id: number }[] = [];
  const lookups: { offset: number; code: Code }[] = [];
  const lookupAt = new Map<number, number>();
  const keySizes = new Map<number, number>();
  const need = (name: ImportName) => {
    if (!imports.includes(name)) imports.push(name);
  };
  let targets: ReadonlySet<number> | undefined;
  for (let pc = 0; pc < p.length; pc++) {
    const opcode = p.opcode[pc]!;
    if (opcode === OP_LD_IMM64) {
      pc++;
      continue;
    }
    if (opcode !== OP_CALL) {
      const cls = opcode & 7;
      if (cls === CLASS.LD) need('packet');
      else if (checked && (cls === CLASS.LDX || cls === CLASS.ST || cls === CLASS.STX)) need('access');
      continue;
    }
    if (p.src[pc] === CALL.local) {
      if (checked) need('frames');
      continue;
    }
    const id = p.imm[pc]!;
    const kind = p.src[pc] === CALL.kfunc ? 'kfunc' : 'helper';
    if (kind === 'helper' && id === HELPER_TAIL_CALL) {
      need('tail');
      continue;
    }
    const row = calledRow(base, kind, id);
    if (row === undefined) continue;
    if (row.name === 'map_lookup_elem' && id === HELPER_MAP_LOOKUP && !checked) {
      targets ??= jumpTargets(p);
      const offset = knownMap(p, targets, pc);
      const map = offset === undefined ? undefined : base.env.mapAt(offset);
      if (map) keySizes.set(pc, map.attrs.keySize);
      const at = offset === undefined ? -1 : lookupOf(offset);
      if (at >= 0) {
        lookupAt.set(pc, at);
        continue;
      }
    }
    if (!calls.some((c) => c.kind === kind && c.id === id)) calls.push({ kind, id });
  }

  /** Index of a map's lookup, or -1 where the map is of a type that has none. */
  function lookupOf(offset: number): number {
    const known = lookups.findIndex((l) => l.offset === offset);
    if (known >= 0) return known;
    const code = lookupBody(base.env, offset);
    return code ? lookups.push({ offset, code }) - 1 : -1;
  }
  return { imports, calls, lookups, lookupAt, keySizes };
}

function jumpTargets(p: DecodedProgram): Set<number> {
  const out = new Set<number>();
  for (let pc = 0; pc < p.length; pc++) {
    const target = jumpTarget(p, pc);
    if (target !== undefined) out.add(target);
    if (p.opcode[pc] === OP_LD_IMM64) pc++;
  }
  return out;
}

/** Offset of the map in r1 at the call at `pc`, when the instructions before it say which it is. */
function knownMap(p: DecodedProgram, targets: ReadonlySet<number>, pc: number): number | undefined {
  for (let at = pc - 1; at >= 0 && at > pc - 16; at--) {
    const opcode = p.opcode[at]!;
    const second = at > 0 && opcode === 0 && p.opcode[at - 1] === OP_LD_IMM64;
    if (second) {
      if (p.dst[at - 1] === 1 && p.src[at - 1] === 0 && p.imm[at] === KERNEL_HI && !joins(targets, at, pc)) {
        return p.imm[at - 1]! >>> 0;
      }
      if (p.dst[at - 1] === 1) return undefined;
      at--;
      continue;
    }
    const cls = opcode & 7;
    if (cls === CLASS.JMP || cls === CLASS.JMP32) return undefined;
    // An atomic may write either of its registers.
    const atomic = cls === CLASS.STX && (opcode & 0xe0) === MODE.ATOMIC;
    const writes = cls === CLASS.ALU || cls === CLASS.ALU64 || cls === CLASS.LDX;
    if ((writes && p.dst[at] === 1) || (atomic && (p.dst[at] === 1 || p.src[at] === 1))) return undefined;
  }
  return undefined;
}

/** Does a jump land between two slots (exclusive, inclusive)? Then what stood before does not hold. */
function joins(targets: ReadonlySet<number>, after: number, upTo: number): boolean {
  for (let pc = after + 1; pc <= upTo; pc++) if (targets.has(pc)) return true;
  return false;
}
