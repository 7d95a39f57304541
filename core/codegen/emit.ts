/**
 * From laid-out machine blocks to instruction bytes, relocations and line rows (shapes: spec.ts). A program is its entry function
 * followed by every function it calls or names; calls between them are relative, as are the addresses of callbacks.
 */

import type { Loc } from '../ir/ir.ts';
import { encode, type Insn } from '../isa/insn.ts';
import {
  ALU,
  ATOMIC,
  CALL,
  CLASS,
  type CondOp,
  JMP,
  MODE,
  OP_CALL,
  OP_EXIT,
  OP_GOTOL,
  OP_JA,
  OP_LD_IMM64,
  PSEUDO,
  REG_FP,
  SIZE,
  SRC,
} from '../isa/ops.ts';
import type { FuncInfo, LineInfo, ProgReloc } from '../spec/spec.ts';
import type { MBlock, MCond, MFunc, MInst } from './mir.ts';

const SIZE_OF: Record<number, number> = { 1: SIZE.B, 2: SIZE.H, 4: SIZE.W, 8: SIZE.DW };
const JUMP: Record<Exclude<MCond, 'nset'>, CondOp> = {
  eq: 'jeq',
  ne: 'jne',
  ugt: 'jgt',
  uge: 'jge',
  ult: 'jlt',
  ule: 'jle',
  sgt: 'jsgt',
  sge: 'jsge',
  slt: 'jslt',
  sle: 'jsle',
  set: 'jset',
};

/** `field` is the key that the module's maker gave it. */
export interface FieldRef {
  readonly insn: number;
  readonly field: string;
}

export interface Emitted {
  readonly insns: Uint8Array;
  readonly relocs: ProgReloc[];
  /** Instructions that load an offset which a loader may change. */
  readonly fields: FieldRef[];
  readonly funcs: FuncInfo[];
  readonly lines: LineInfo[];
  /** Jumps that do not fit 16 bits, where the version has no long ones. */
  readonly tooFar: (Loc | undefined)[];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Put functions one after the other; the first is the entry. `btfIds` by function name. */
export function emit(functions: readonly MFunc[], cpu: number, btfIds: ReadonlyMap<string, number>): Emitted {
  const insns: Mutable<Insn>[] = [];
  const relocs: ProgReloc[] = [];
  const fields: FieldRef[] = [];
  const funcs: FuncInfo[] = [];
  const lines: LineInfo[] = [];
  const tooFar: (Loc | undefined)[] = [];
  const blockAt = new Map<MBlock, number>();
  const funcAt = new Map<string, number>();
  const fixups: { insn: Mutable<Insn>; at: number; target: MBlock | string; loc: Loc | undefined }[] = [];
  let slot = 0;
  let lastLoc: Loc | undefined;
  const add = (opcode: number, dst: number, src: number, off: number, imm: number, immHi?: number): Mutable<Insn> => {
    const insn = immHi === undefined ? { opcode, dst, src, off, imm } : { opcode, dst, src, off, imm, immHi };
    insns.push(insn);
    slot += opcode === OP_LD_IMM64 ? 2 : 1;
    return insn;
  };
  const jump = (opcode: number, dst: number, src: number, imm: number, target: MBlock, loc: Loc | undefined) => {
    const at = slot;
    fixups.push({ insn: add(opcode, dst, src, 0, imm), at, target, loc });
  };
  const one = (i: MInst): void => {
    switch (i.op) {
      case 'alu': {
        const code = (i.wide ? CLASS.ALU64 : CLASS.ALU) | ALU[i.alu];
        if (i.src >= 0) add(code | SRC.X, i.dst, i.src, i.signed ? 1 : 0, 0);
        else add(code, i.dst, 0, i.signed ? 1 : 0, i.imm);
        return;
      }
      case 'movsx':
        add((i.wide ? CLASS.ALU64 : CLASS.ALU) | ALU.mov | SRC.X, i.dst, i.src, i.size * 8, 0);
        return;
      case 'bswap':
        add(CLASS.ALU | ALU.end | SRC.X, i.dst, 0, 0, i.size * 8);
        return;
      case 'ldimm':
        ldimm(i);
        return;
      case 'frame':
        add(CLASS.ALU64 | ALU.mov | SRC.X, i.dst, REG_FP, 0, 0);
        add(CLASS.ALU64 | ALU.add, i.dst, 0, 0, i.slot!.offset + i.off);
        return;
      case 'ld':
        add(
          CLASS.LDX | (i.signed ? MODE.MEMSX : MODE.MEM) | SIZE_OF[i.size]!,
          i.dst,
          i.base,
          i.off + (i.slot?.offset ?? 0),
          0,
        );
        return;
      case 'st':
        if (i.src >= 0) add(CLASS.STX | MODE.MEM | SIZE_OF[i.size]!, i.base, i.src, i.off + (i.slot?.offset ?? 0), 0);
        else add(CLASS.ST | MODE.MEM | SIZE_OF[i.size]!, i.base, 0, i.off + (i.slot?.offset ?? 0), i.imm);
        return;
      case 'atomic':
        add(CLASS.STX | MODE.ATOMIC | SIZE_OF[i.size]!, i.base, i.src, i.off + (i.slot?.offset ?? 0), ATOMIC[i.atomic]);
        return;
      case 'call': {
        const at = slot;
        if (i.call === 'kfunc') relocs.push({ kind: 'kfunc', insn: slot, name: i.name });
        const insn = add(OP_CALL, 0, CALL[i.call], 0, i.call === 'helper' ? i.imm : i.call === 'kfunc' ? -1 : 0);
        if (i.call === 'local') fixups.push({ insn, at, target: i.name, loc: i.loc });
        return;
      }
      case 'packet':
        add(CLASS.LD | (i.src >= 0 ? MODE.IND : MODE.ABS) | SIZE_OF[i.size]!, 0, Math.max(i.src, 0), 0, i.imm);
        return;
      case 'jcc': {
        if (i.cond === 'nset') {
          add(...condition('set', i), 1, i.imm);
          jump(OP_JA, 0, 0, 0, i.target!, i.loc);
          return;
        }
        const [opcode, dst, src] = condition(i.cond, i);
        jump(opcode, dst, src, i.imm, i.target!, i.loc);
        return;
      }
      case 'ja':
        jump(OP_JA, 0, 0, 0, i.target!, i.loc);
        return;
      case 'exit':
        add(OP_EXIT, 0, 0, 0, 0);
        return;
    }
  };
  const ldimm = (i: MInst): void => {
    const at = slot;
    switch (i.kind) {
      case 'imm':
        add(
          OP_LD_IMM64,
          i.dst,
          PSEUDO.imm,
          0,
          Number(BigInt.asIntN(32, i.imm64)),
          Number(BigInt.asIntN(32, i.imm64 >> 32n)),
        );
        return;
      case 'map':
        relocs.push({ kind: 'map', insn: slot, map: i.name });
        add(OP_LD_IMM64, i.dst, PSEUDO.map_fd, 0, 0, 0);
        return;
      case 'map_value':
        relocs.push({ kind: 'map_value', insn: slot, map: i.name, offset: i.off });
        add(OP_LD_IMM64, i.dst, PSEUDO.map_value, 0, 0, i.off);
        return;
      case 'core':
        fields.push({ insn: slot, field: i.name });
        add(OP_LD_IMM64, i.dst, PSEUDO.imm, 0, i.off, 0);
        return;
      case 'ksym':
        relocs.push({ kind: 'ksym', insn: slot, name: i.name });
        add(OP_LD_IMM64, i.dst, PSEUDO.btf_id, 0, 0, 0);
        return;
      case 'func':
        fixups.push({ insn: add(OP_LD_IMM64, i.dst, PSEUDO.func, 0, 0, 0), at, target: i.name, loc: i.loc });
        return;
    }
  };
  for (const fn of functions) {
    funcAt.set(fn.name, slot);
    funcs.push({ insn: slot, name: fn.name, btfId: btfIds.get(fn.name) ?? 0 });
    lastLoc = undefined;
    for (const b of fn.blocks) {
      blockAt.set(b, slot);
      for (const i of b.insts) {
        if (i.loc && i.loc !== lastLoc && !samePlace(i.loc, lastLoc))
          lines.push({ insn: slot, file: i.loc.file, line: i.loc.line, column: i.loc.column, text: i.loc.text });
        if (i.loc) lastLoc = i.loc;
        one(i);
      }
    }
  }
  for (const f of fixups) {
    if (typeof f.target === 'string') {
      f.insn.imm = (funcAt.get(f.target) ?? 0) - f.at - 1;
      continue;
    }
    const distance = blockAt.get(f.target)! - f.at - 1;
    if (distance >= -32768 && distance <= 32767) f.insn.off = distance;
    else if (f.insn.opcode === OP_JA && cpu >= 4) {
      f.insn.opcode = OP_GOTOL;
      f.insn.imm = distance;
    } else tooFar.push(f.loc);
  }
  return { insns: encode(insns), relocs, fields, funcs, lines, tooFar };
}

function condition(cond: Exclude<MCond, 'nset'>, i: MInst): [opcode: number, dst: number, src: number] {
  const code = (i.wide ? CLASS.JMP : CLASS.JMP32) | JMP[JUMP[cond]];
  return i.src >= 0 ? [code | SRC.X, i.dst, i.src] : [code, i.dst, 0];
}

function samePlace(a: Loc, b: Loc | undefined): boolean {
  return b !== undefined && a.file === b.file && a.line === b.line && a.column === b.column;
}
