/**
 * Facts against what happens: a run that asks, before every instruction, whether each fact claimed about it holds for the registers it is about to run
 * with. The strongest test of core/verifier/facts.ts, since it trusts nothing that the verifier computed.
 */
import { KERNEL_HI } from '../../core/base/memory.ts';
import { functionStarts, jumpTarget } from '../../core/isa/check.ts';
import { decode } from '../../core/isa/insn.ts';
import { CALL, CLASS, MODE, OP_CALL, STACK_SIZE } from '../../core/isa/ops.ts';
import { HEADER } from '../../core/maps/layout.ts';
import { ANY_OFFSET, BASE, type InsnFacts, VALUE } from '../../core/spec/facts.ts';
import type { HarnessWorld } from '../../core/vm/harness.ts';

const SIZE_OF = [4, 2, 1, 8];
const LOAD_ACQUIRE = 0x100;
const MAP_LOOKUP = 1;

export class WrongFact extends Error {}

/** What to call before each instruction (RunOptions.onStep) of a program with these facts. Throws WrongFact. */
export function factChecker(
  insns: Uint8Array,
  facts: InsnFacts,
  { memory, ctx, maps }: HarnessWorld,
): (pc: number, regs: Int32Array) => void {
  const p = decode(insns);
  const starts = functionStarts(p);
  /** First slot of the function that each frame pointer belongs to. */
  const functionOf = new Map<number, number>();
  let expected: { readonly from: number; readonly pc: number } | undefined;

  return (pc, regs) => {
    const wrong = (what: string): never => {
      const halves = Array.from({ length: 11 }, (_, r) => `r${r}=${hex(regs[2 * r + 1]!)}${hex(regs[2 * r]!)}`);
      throw new WrongFact(`wrong fact at ${pc}: ${what}; ${halves.join(' ')}`);
    };
    if (expected && expected.pc !== pc) wrong(`the jump at ${expected.from} was to lead to ${expected.pc}`);
    expected = undefined;
    const fp = regs[20]! >>> 0;
    functionOf.set(fp, starts.findLast((s) => s <= pc)!);
    const opcode = p.opcode[pc]!;
    const [dst, src] = [p.dst[pc]!, p.src[pc]!];
    const values = facts.values[pc]!;
    const fromReg = (opcode & 8) !== 0;
    const cls = opcode & 7;
    const wide = cls === CLASS.ALU64 || cls === CLASS.JMP;
    if (values & VALUE.dst_u32 && regs[2 * dst + 1] !== 0) wrong(`r${dst} is no 32-bit value`);
    if (values & VALUE.src_u32 && (fromReg ? regs[2 * src + 1] !== 0 : p.imm[pc]! < 0))
      wrong('operand 2: no 32-bit value');
    if (values & VALUE.src_not_zero) {
      const zero = fromReg ? (regs[2 * src]! | (wide ? regs[2 * src + 1]! : 0)) === 0 : p.imm[pc] === 0;
      if (zero) wrong('operand 2 is 0');
    }
    if (values & VALUE.addresses && (regs[2 * dst + 1] !== KERNEL_HI || regs[2 * src + 1] !== KERNEL_HI))
      wrong('no two addresses');
    if (values & VALUE.always) expected = { from: pc, pc: jumpTarget(p, pc)! };
    if (values & VALUE.never) expected = { from: pc, pc: pc + 1 };

    const lookup = opcode === OP_CALL && src === CALL.helper && p.imm[pc] === MAP_LOOKUP;
    const atomic = cls === CLASS.STX && (opcode & 0xe0) === MODE.ATOMIC;
    const isAccess = cls === CLASS.LDX || cls === CLASS.ST || cls === CLASS.STX;
    if (!isAccess && !lookup) return;
    const base = facts.base[pc]!;
    if (base === BASE.none) wrong('an instruction that no path was to reach');
    const pointer = lookup ? 2 : cls === CLASS.LDX || (atomic && p.imm[pc] === LOAD_ACQUIRE) ? src : dst;
    const address = (regs[2 * pointer]! + (lookup ? 0 : p.off[pc]!)) >>> 0;
    const offset = facts.offset[pc]!;
    const at = offset === ANY_OFFSET ? undefined : offset;
    switch (base) {
      case BASE.stack:
        if (at !== undefined ? address !== fp + at : address < fp - STACK_SIZE || address >= fp)
          wrong(`not at fp${at ?? ''}`);
        break;
      case BASE.ctx:
        if (at !== undefined && ctx !== 0 && address !== ctx + at) wrong(`not at ctx+${at}`);
        break;
      case BASE.map_value:
        if (at !== undefined && !maps.some((m) => isAtOffset(m, address, at))) wrong(`not at value+${at} of any map`);
        break;
      default:
    }
    if (lookup || (base === BASE.stack && at !== undefined && !atomic)) return;
    for (let i = 0; i < SIZE_OF[(opcode >> 3) & 3]!; i++) {
      const frame = frameOf(address + i);
      const exposed = frame === undefined ? undefined : facts.exposed.get(functionOf.get(frame)!);
      if (exposed && exposed[address + i - (frame! - STACK_SIZE)] !== 1)
        wrong(`byte fp${address + i - frame!} is touched`);
    }
  };

  /** Frame pointer of the active frame that holds the byte. */
  function frameOf(byte: number): number | undefined {
    const frame = byte - (byte % STACK_SIZE) + STACK_SIZE;
    return functionOf.has(frame) ? frame : undefined;
  }

  function isAtOffset(map: HarnessWorld['maps'][number], address: number, offset: number): boolean {
    // Only values of arrays lie at places that can be told from outside.
    if (map.attrs.type !== 'array') return true;
    const field = (at: number) => memory.view.getUint32(map.offset + at, true);
    const behind = address - offset - field(HEADER.DATA);
    return behind >= 0 && behind % field(HEADER.ELEM_SIZE) === 0;
  }
}

function hex(half: number): string {
  return (half >>> 0).toString(16).padStart(8, '0');
}
