/**
 * The interpreter's loop: one `switch` over literal operation numbers, which V8 compiles to a jump table. Semantics are
 * RFC 9669's; each register is two signed 32-bit halves.
 *
 * This file is one function, and long, on purpose: its locals are the machine's state, and a call per instruction would cost
 * more than the instruction.
 */
import { KERNEL_HI } from '../base/memory.ts';
import { MAX_CALL_FRAMES, STACK_SIZE } from '../isa/ops.ts';
import { divmod64, sdivmod64 } from './arith64.ts';
import { atomic32, atomic64, type RmwImm } from './atomics.ts';
import { accessFault, callHelper, type Machine, type Run, slowAccess, tailCall } from './interp-machine.ts';
import { MAY_GOTO_BUDGET, makeFault, REASON } from './layout.ts';
import { type Operation, REG_HALVES } from './predecode.ts';

/** Where a BPF-to-BPF call came from. */
interface Frame {
  exe: Machine;
  r: Int32Array;
  /** Index of the instruction to go on with. */
  next: number;
  mayGoto: number;
  /** r6 to r9. */
  readonly saved: Int32Array;
}

const NO_FRAMES: Frame[] = [];

/** Run from the entry at index `start` until the function exits; r0 is then in `r`. `base` is the stack area. */
export function execute(exe: Machine, run: Run, r: Int32Array, start: number, base: number): void {
  let fuel = run.fuel;
  let mayGoto = MAY_GOTO_BUDGET;
  const entryRegisters = r;
  let frames: Frame[] = NO_FRAMES;
  let depth = 0;
  const { access } = run;
  const { memory } = exe.host;
  let { u8, i32 } = memory;
  let readLo = access.readLo | 0;
  let readLimit = access.readLimit | 0;
  let writeLo = access.writeLo | 0;
  let writeLimit = access.writeLimit | 0;
  let i = start;

  for (;;) {
    const w = r[i]!;
    const op = (w & 255) as Operation;
    const d = (w >>> 8) & 255;
    const s = w >>> 16;
    switch (op) {
      // ---- ALU, 64 bits
      case 1: {
        const lo = (r[d]! + r[s]!) | 0;
        r[d + 1] = r[d + 1]! + r[s + 1]! + (lo >>> 0 < r[s]! >>> 0 ? 1 : 0);
        r[d] = lo;
        i += 2;
        continue;
      }
      case 2: {
        const a = r[d]!;
        const b = r[s]!;
        r[d + 1] = r[d + 1]! - r[s + 1]! - (a >>> 0 < b >>> 0 ? 1 : 0);
        r[d] = a - b;
        i += 2;
        continue;
      }
      case 3: {
        // As mulHigh in arith64.ts, written out: V8 does not inline it into a function this long.
        const a = r[d]!;
        const b = r[s]!;
        const a0 = a & 0xffff;
        const b0 = b & 0xffff;
        const mid = (Math.imul(a >>> 16, b0) + (Math.imul(a0, b0) >>> 16)) | 0;
        const mid2 = (Math.imul(a0, b >>> 16) + (mid & 0xffff)) | 0;
        const top = (Math.imul(a >>> 16, b >>> 16) + (mid >>> 16) + (mid2 >>> 16)) | 0;
        r[d + 1] = top + Math.imul(a, r[s + 1]!) + Math.imul(r[d + 1]!, b);
        r[d] = Math.imul(a, b);
        i += 2;
        continue;
      }
      case 4:
        divmod64(r, d, s, false);
        i += 2;
        continue;
      case 5:
        r[d] = r[d]! | r[s]!;
        r[d + 1] = r[d + 1]! | r[s + 1]!;
        i += 2;
        continue;
      case 6:
        r[d] = r[d]! & r[s]!;
        r[d + 1] = r[d + 1]! & r[s + 1]!;
        i += 2;
        continue;
      case 7: {
        const n = r[s]! & 63;
        const lo = r[d]!;
        if (n >= 32) {
          r[d + 1] = lo << (n - 32);
          r[d] = 0;
        } else if (n !== 0) {
          r[d + 1] = (r[d + 1]! << n) | (lo >>> (32 - n));
          r[d] = lo << n;
        }
        i += 2;
        continue;
      }
      case 8: {
        const n = r[s]! & 63;
        const hi = r[d + 1]!;
        if (n >= 32) {
          r[d] = hi >>> (n - 32);
          r[d + 1] = 0;
        } else if (n !== 0) {
          r[d] = (r[d]! >>> n) | (hi << (32 - n));
          r[d + 1] = hi >>> n;
        }
        i += 2;
        continue;
      }
      case 9: {
        const lo = -r[d]! | 0;
        r[d + 1] = ~r[d + 1]! + (lo === 0 ? 1 : 0);
        r[d] = lo;
        i += 2;
        continue;
      }
      case 10:
        divmod64(r, d, s, true);
        i += 2;
        continue;
      case 11:
        r[d] = r[d]! ^ r[s]!;
        r[d + 1] = r[d + 1]! ^ r[s + 1]!;
        i += 2;
        continue;
      case 12:
        r[d] = r[s]!;
        r[d + 1] = r[s + 1]!;
        i += 2;
        continue;
      case 13: {
        const n = r[s]! & 63;
        const hi = r[d + 1]!;
        if (n >= 32) {
          r[d] = hi >> (n - 32);
          r[d + 1] = hi >> 31;
        } else if (n !== 0) {
          r[d] = (r[d]! >>> n) | (hi << (32 - n));
          r[d + 1] = hi >> n;
        }
        i += 2;
        continue;
      }
      case 14:
        sdivmod64(r, d, s, false);
        i += 2;
        continue;
      case 15:
        sdivmod64(r, d, s, true);
        i += 2;
        continue;
      case 16: {
        const v = (r[s]! << 24) >> 24;
        r[d] = v;
        r[d + 1] = v >> 31;
        i += 2;
        continue;
      }
      case 17: {
        const v = (r[s]! << 16) >> 16;
        r[d] = v;
        r[d + 1] = v >> 31;
        i += 2;
        continue;
      }
      case 18: {
        const v = r[s]!;
        r[d] = v;
        r[d + 1] = v >> 31;
        i += 2;
        continue;
      }
      // ---- ALU, 32 bits: the upper half becomes zero
      case 19:
        r[d] = r[d]! + r[s]!;
        r[d + 1] = 0;
        i += 2;
        continue;
      case 20:
        r[d] = r[d]! - r[s]!;
        r[d + 1] = 0;
        i += 2;
        continue;
      case 21:
        r[d] = Math.imul(r[d]!, r[s]!);
        r[d + 1] = 0;
        i += 2;
        continue;
      case 22: {
        const b = r[s]! >>> 0;
        r[d] = b === 0 ? 0 : (r[d]! >>> 0) / b;
        r[d + 1] = 0;
        i += 2;
        continue;
      }
      case 23:
        r[d] = r[d]! | r[s]!;
        r[d + 1] = 0;
        i += 2;
        continue;
      case 24:
        r[d] = r[d]! & r[s]!;
        r[d + 1] = 0;
        i += 2;
        continue;
      case 25:
        r[d] = r[d]! << r[s]!;
        r[d + 1] = 0;
        i += 2;
        continue;
      case 26:
        r[d] = r[d]! >>> r[s]!;
        r[d + 1] = 0;
        i += 2;
        continue;
      case 27:
        r[d] = -r[d]!;
        r[d + 1] = 0;
        i += 2;
        continue;
      case 28: {
        const b = r[s]! >>> 0;
        if (b !== 0) r[d] = (r[d]! >>> 0) % b;
        r[d + 1] = 0;
        i += 2;
        continue;
      }
      case 29:
        r[d] = r[d]! ^ r[s]!;
        r[d + 1] = 0;
        i += 2;
        continue;
      case 30:
        r[d] = r[s]!;
        r[d + 1] = 0;
        i += 2;
        continue;
      case 31:
        r[d] = r[d]! >> r[s]!;
        r[d + 1] = 0;
        i += 2;
        continue;
      case 32: {
        const b = r[s]!;
        r[d] = b === 0 ? 0 : r[d]! / b;
        r[d + 1] = 0;
        i += 2;
        continue;
      }
      case 33: {
        const b = r[s]!;
        if (b !== 0) r[d] = r[d]! % b;
        r[d + 1] = 0;
        i += 2;
        continue;
      }
      case 34:
        r[d] = (r[s]! << 24) >> 24;
        r[d + 1] = 0;
        i += 2;
        continue;
      case 35:
        r[d] = (r[s]! << 16) >> 16;
        r[d + 1] = 0;
        i += 2;
        continue;
      // ---- byte order
      case 36:
        r[d] = r[d]! & 0xffff;
        r[d + 1] = 0;
        i += 2;
        continue;
      case 37:
        r[d + 1] = 0;
        i += 2;
        continue;
      case 38:
        i += 2;
        continue;
      case 39: {
        const v = r[d]!;
        r[d] = ((v & 0xff) << 8) | ((v >>> 8) & 0xff);
        r[d + 1] = 0;
        i += 2;
        continue;
      }
      case 40:
        r[d] = swap32(r[d]!);
        r[d + 1] = 0;
        i += 2;
        continue;
      case 41: {
        const lo = r[d]!;
        r[d] = swap32(r[d + 1]!);
        r[d + 1] = swap32(lo);
        i += 2;
        continue;
      }
      // ---- conditional jumps, 64 bits: `break` takes the jump, below the switch
      case 42:
        if (r[d] === r[s] && r[d + 1] === r[s + 1]) break;
        i += 2;
        continue;
      case 43: {
        const a = r[d + 1]!;
        const b = r[s + 1]!;
        if (a === b ? r[d]! >>> 0 > r[s]! >>> 0 : a >>> 0 > b >>> 0) break;
        i += 2;
        continue;
      }
      case 44: {
        const a = r[d + 1]!;
        const b = r[s + 1]!;
        if (a === b ? r[d]! >>> 0 >= r[s]! >>> 0 : a >>> 0 > b >>> 0) break;
        i += 2;
        continue;
      }
      case 45:
        if (((r[d]! & r[s]!) | (r[d + 1]! & r[s + 1]!)) !== 0) break;
        i += 2;
        continue;
      case 46:
        if (r[d] !== r[s] || r[d + 1] !== r[s + 1]) break;
        i += 2;
        continue;
      case 47: {
        const a = r[d + 1]!;
        const b = r[s + 1]!;
        if (a === b ? r[d]! >>> 0 > r[s]! >>> 0 : a > b) break;
        i += 2;
        continue;
      }
      case 48: {
        const a = r[d + 1]!;
        const b = r[s + 1]!;
        if (a === b ? r[d]! >>> 0 >= r[s]! >>> 0 : a > b) break;
        i += 2;
        continue;
      }
      case 49: {
        const a = r[d + 1]!;
        const b = r[s + 1]!;
        if (a === b ? r[d]! >>> 0 < r[s]! >>> 0 : a >>> 0 < b >>> 0) break;
        i += 2;
        continue;
      }
      case 50: {
        const a = r[d + 1]!;
        const b = r[s + 1]!;
        if (a === b ? r[d]! >>> 0 <= r[s]! >>> 0 : a >>> 0 < b >>> 0) break;
        i += 2;
        continue;
      }
      case 51: {
        const a = r[d + 1]!;
        const b = r[s + 1]!;
        if (a === b ? r[d]! >>> 0 < r[s]! >>> 0 : a < b) break;
        i += 2;
        continue;
      }
      case 52: {
        const a = r[d + 1]!;
        const b = r[s + 1]!;
        if (a === b ? r[d]! >>> 0 <= r[s]! >>> 0 : a < b) break;
        i += 2;
        continue;
      }
      // ---- conditional jumps, 32 bits
      case 53:
        if (r[d] === r[s]) break;
        i += 2;
        continue;
      case 54:
        if (r[d]! >>> 0 > r[s]! >>> 0) break;
        i += 2;
        continue;
      case 55:
        if (r[d]! >>> 0 >= r[s]! >>> 0) break;
        i += 2;
        continue;
      case 56:
        if ((r[d]! & r[s]!) !== 0) break;
        i += 2;
        continue;
      case 57:
        if (r[d] !== r[s]) break;
        i += 2;
        continue;
      case 58:
        if (r[d]! > r[s]!) break;
        i += 2;
        continue;
      case 59:
        if (r[d]! >= r[s]!) break;
        i += 2;
        continue;
      case 60:
        if (r[d]! >>> 0 < r[s]! >>> 0) break;
        i += 2;
        continue;
      case 61:
        if (r[d]! >>> 0 <= r[s]! >>> 0) break;
        i += 2;
        continue;
      case 62:
        if (r[d]! < r[s]!) break;
        i += 2;
        continue;
      case 63:
        if (r[d]! <= r[s]!) break;
        i += 2;
        continue;
      // ---- loads and stores: inside the window here, others below the switch
      case 64: {
        const a = (r[s]! + r[i + 1]!) | 0;
        if (r[s + 1] !== KERNEL_HI || ((a - readLo) ^ 0x80000000) >= readLimit) break;
        r[d] = u8[a >>> 0]!;
        r[d + 1] = 0;
        i += 2;
        continue;
      }
      case 65: {
        const a = (r[s]! + r[i + 1]!) | 0;
        if (r[s + 1] !== KERNEL_HI || ((a - readLo) ^ 0x80000000) >= readLimit) break;
        r[d] = u8[a >>> 0]! | (u8[(a >>> 0) + 1]! << 8);
        r[d + 1] = 0;
        i += 2;
        continue;
      }
      case 66: {
        const a = (r[s]! + r[i + 1]!) | 0;
        if (r[s + 1] !== KERNEL_HI || ((a - readLo) ^ 0x80000000) >= readLimit) break;
        r[d] = (a & 3) === 0 ? i32[a >>> 2]! : word(u8, a >>> 0);
        r[d + 1] = 0;
        i += 2;
        continue;
      }
      case 67: {
        const a = (r[s]! + r[i + 1]!) | 0;
        if (r[s + 1] !== KERNEL_HI || ((a - readLo) ^ 0x80000000) >= readLimit) break;
        if ((a & 3) === 0) {
          r[d] = i32[a >>> 2]!;
          r[d + 1] = i32[(a >>> 2) + 1]!;
        } else {
          r[d] = word(u8, a >>> 0);
          r[d + 1] = word(u8, (a >>> 0) + 4);
        }
        i += 2;
        continue;
      }
      case 68: {
        const a = (r[s]! + r[i + 1]!) | 0;
        if (r[s + 1] !== KERNEL_HI || ((a - readLo) ^ 0x80000000) >= readLimit) break;
        const v = (u8[a >>> 0]! << 24) >> 24;
        r[d] = v;
        r[d + 1] = v >> 31;
        i += 2;
        continue;
      }
      case 69: {
        const a = (r[s]! + r[i + 1]!) | 0;
        if (r[s + 1] !== KERNEL_HI || ((a - readLo) ^ 0x80000000) >= readLimit) break;
        const v = ((u8[a >>> 0]! | (u8[(a >>> 0) + 1]! << 8)) << 16) >> 16;
        r[d] = v;
        r[d + 1] = v >> 31;
        i += 2;
        continue;
      }
      case 70: {
        const a = (r[s]! + r[i + 1]!) | 0;
        if (r[s + 1] !== KERNEL_HI || ((a - readLo) ^ 0x80000000) >= readLimit) break;
        const v = word(u8, a >>> 0);
        r[d] = v;
        r[d + 1] = v >> 31;
        i += 2;
        continue;
      }
      case 71: {
        const a = (r[d]! + r[i + 1]!) | 0;
        if (r[d + 1] !== KERNEL_HI || ((a - writeLo) ^ 0x80000000) >= writeLimit) break;
        u8[a >>> 0] = r[s]!;
        i += 2;
        continue;
      }
      case 72: {
        const a = (r[d]! + r[i + 1]!) | 0;
        if (r[d + 1] !== KERNEL_HI || ((a - writeLo) ^ 0x80000000) >= writeLimit) break;
        const lo = r[s]!;
        u8[a >>> 0] = lo;
        u8[(a >>> 0) + 1] = lo >> 8;
        i += 2;
        continue;
      }
      case 73: {
        const a = (r[d]! + r[i + 1]!) | 0;
        if (r[d + 1] !== KERNEL_HI || ((a - writeLo) ^ 0x80000000) >= writeLimit) break;
        if ((a & 3) === 0) i32[a >>> 2] = r[s]!;
        else setWord(u8, a >>> 0, r[s]!);
        i += 2;
        continue;
      }
      case 74: {
        const a = (r[d]! + r[i + 1]!) | 0;
        if (r[d + 1] !== KERNEL_HI || ((a - writeLo) ^ 0x80000000) >= writeLimit) break;
        if ((a & 3) === 0) {
          i32[a >>> 2] = r[s]!;
          i32[(a >>> 2) + 1] = r[s + 1]!;
        } else {
          setWord(u8, a >>> 0, r[s]!);
          setWord(u8, (a >>> 0) + 4, r[s + 1]!);
        }
        i += 2;
        continue;
      }
      // ---- control
      case 75:
        break;
      case 76:
        if (mayGoto === 0) break;
        mayGoto--;
        i += 2;
        continue;
      case 77:
      case 79: {
        const pc = exe.slot(i);
        const id = r[i + 1]!;
        const row = op === 77 ? exe.helper(id) : exe.host.kfunc?.(id);
        if (!row) throw makeFault(exe.program, op === 77 ? REASON.noHelper(id) : REASON.noKfunc(id), pc, r);
        run.fuel = fuel;
        callHelper(exe, run, row, r, pc);
        fuel = run.fuel;
        ({ u8, i32 } = memory);
        access.refresh();
        readLo = access.readLo | 0;
        readLimit = access.readLimit | 0;
        writeLo = access.writeLo | 0;
        writeLimit = access.writeLimit | 0;
        i += 2;
        continue;
      }
      case 78: {
        const target = r[i + 1]!;
        fuel -= r[s]!;
        if (fuel < 0) throw makeFault(exe.program, REASON.fuel, exe.slot(i), r);
        if (depth + 1 >= MAX_CALL_FRAMES) throw makeFault(exe.program, REASON.depth, exe.slot(i), r);
        if (frames === NO_FRAMES) frames = [];
        const frame = (frames[depth++] ??= { exe, r, next: 0, mayGoto: 0, saved: new Int32Array(8) });
        frame.exe = exe;
        frame.r = r;
        frame.next = i + 2;
        frame.mayGoto = mayGoto;
        // One by one: a loop over eight costs more than the call.
        const { saved } = frame;
        saved[0] = r[12]!;
        saved[1] = r[13]!;
        saved[2] = r[14]!;
        saved[3] = r[15]!;
        saved[4] = r[16]!;
        saved[5] = r[17]!;
        saved[6] = r[18]!;
        saved[7] = r[19]!;
        mayGoto = MAY_GOTO_BUDGET;
        r[20] = base + STACK_SIZE * (depth + 1);
        if (access.checked) {
          for (let k = 12; k < 20; k++) r[k] = 0;
          r[0] = r[1] = 0;
          memory.u8.fill(0, r[20]! - STACK_SIZE, r[20]!);
          access.frames(depth + 1);
          readLimit = access.readLimit | 0;
          writeLimit = access.writeLimit | 0;
        }
        i = target;
        continue;
      }
      case 80: {
        const pc = exe.slot(i);
        run.fuel = fuel;
        const target = tailCall(exe, run, r, pc);
        i += 2;
        if (target === undefined) continue;
        // The target goes on in this frame: same stack, same caller; its constants need its own register file.
        const next = target.takeRegisters();
        next.fill(0, 0, REG_HALVES);
        next[2] = r[2]!;
        next[3] = r[3]!;
        next[20] = r[20]!;
        next[21] = r[21]!;
        fuel = run.fuel;
        if (r !== entryRegisters && !frames.some((f, k) => k < depth && f.r === r)) exe.giveRegisters(r);
        exe = target;
        r = next;
        mayGoto = MAY_GOTO_BUDGET;
        i = exe.code.codeStart;
        continue;
      }
      case 81: {
        if (depth === 0) {
          run.fuel = fuel;
          if (r !== entryRegisters) {
            entryRegisters[0] = r[0]!;
            entryRegisters[1] = r[1]!;
            exe.giveRegisters(r);
          }
          return;
        }
        const frame = frames[--depth]!;
        const to = frame.r;
        if (to !== r) {
          for (let k = 0; k < 12; k++) to[k] = r[k]!;
          if (r !== entryRegisters) exe.giveRegisters(r);
          r = to;
          exe = frame.exe;
        }
        const { saved } = frame;
        r[12] = saved[0]!;
        r[13] = saved[1]!;
        r[14] = saved[2]!;
        r[15] = saved[3]!;
        r[16] = saved[4]!;
        r[17] = saved[5]!;
        r[18] = saved[6]!;
        r[19] = saved[7]!;
        r[20] = base + STACK_SIZE * (depth + 1);
        mayGoto = frame.mayGoto;
        i = frame.next;
        if (access.checked) {
          for (let k = 2; k < 12; k++) r[k] = 0;
          access.frames(depth + 1);
          readLimit = access.readLimit | 0;
          writeLimit = access.writeLimit | 0;
        }
        continue;
      }
      case 82: {
        const x = r[i + 1]!;
        const a = (r[d]! + (x >> 16)) | 0;
        const bytes = (x & 2) !== 0 ? 8 : 4;
        if (!access.allows(a, r[d + 1]!, bytes, true)) throw accessFault(exe, exe.slot(i), r, d, x >> 16, bytes, true);
        readLo = access.readLo | 0;
        readLimit = access.readLimit | 0;
        writeLo = access.writeLo | 0;
        writeLimit = access.writeLimit | 0;
        if (bytes === 8) atomic64(memory.view, a >>> 0, (x & 0xfd) as RmwImm, r, s);
        else atomic32(memory.view, a >>> 0, (x & 0xfd) as RmwImm, r, s);
        i += 2;
        continue;
      }
      case 83: {
        const value = exe.host.env.loadPacket?.((r[d]! + r[s]!) | 0, r[i + 1]!);
        if (value === undefined && !exe.host.env.loadPacket) {
          throw makeFault(exe.program, REASON.noPacket, exe.slot(i), r);
        }
        r[0] = value ?? 0;
        r[1] = 0;
        i += 2;
        // No such bytes: the function returns 0. The exit is carried out by an entry kept behind the program.
        if (value === undefined) i = exe.code.exitAt;
        continue;
      }
      case 84:
        exe.onStep!(exe.slot(i), r);
        i += 2;
        continue;
      case 85:
        r[22] = r[i + 1]!;
        i += 2;
        continue;
      case 86:
        r[23] = r[i + 1]!;
        i += 2;
        continue;
      case 0:
        throw makeFault(exe.program, 'unreachable instruction', exe.slot(i), r);
      default:
        throw unknownOperation(op);
    }
    if (op >= 64 && op <= 74) {
      // Outside the window: another region, a probe of unmapped memory, or a fault.
      slowAccess(exe, access, r, op, d, s, i);
      ({ u8, i32 } = memory);
      readLo = access.readLo | 0;
      readLimit = access.readLimit | 0;
      writeLo = access.writeLo | 0;
      writeLimit = access.writeLimit | 0;
      i += 2;
      continue;
    }
    // A jump is taken.
    const target = r[i + 1]!;
    if (target <= i) {
      fuel -= ((i - target) >> exe.code.shift) + 1;
      if (fuel < 0) throw makeFault(exe.program, REASON.fuel, exe.slot(i), r);
    }
    i = target;
  }
}

function unknownOperation(op: never): Error {
  return new Error(`interpreter has no case for operation ${op}`);
}

function swap32(v: number): number {
  return (v << 24) | ((v & 0xff00) << 8) | ((v >>> 8) & 0xff00) | (v >>> 24);
}

function word(u8: Uint8Array, at: number): number {
  return u8[at]! | (u8[at + 1]! << 8) | (u8[at + 2]! << 16) | (u8[at + 3]! << 24);
}

function setWord(u8: Uint8Array, at: number, value: number): void {
  u8[at] = value;
  u8[at + 1] = value >> 8;
  u8[at + 2] = value >> 16;
  u8[at + 3] = value >> 24;
}
