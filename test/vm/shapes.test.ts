/** Large and oddly shaped programs: what breaks recursive compilers. */
import { describe, expect, it } from 'vitest';
import * as B from '../../core/isa/builders.ts';
import type { Insn } from '../../core/isa/insn.ts';
import { bareHost } from '../../core/vm/bare.ts';
import { VmMemory } from '../../core/vm/memory.ts';
import { link } from './conformance/case.ts';
import { ENGINES } from './engines.ts';

const exit = B.BPF_EXIT_INSN();

describe.each(ENGINES)('$name', (engine) => {
  const run = (code: readonly Insn[], r2 = 0): number => {
    const memory = new VmMemory();
    const exe = engine.prepare(link(code, true), bareHost({ memory }));
    exe.run(0, r2);
    return exe.r0Lo;
  };

  it('3,000 nested ifs, each with its own end', () => {
    const depth = 3000;
    const code: Insn[] = [B.BPF_MOV64_IMM(0, 0)];
    // Branch k skips to the k-th addition from the end: properly nested blocks.
    for (let k = 0; k < depth; k++) code.push(B.BPF_JMP_IMM(B.BPF_JEQ, 2, k, 2 * depth - 2 * k - 1));
    for (let k = 0; k < depth; k++) code.push(B.BPF_ALU64_IMM(B.BPF_ADD, 0, 1));
    code.push(exit);
    expect(run(code, -1)).toBe(depth);
    expect(run(code, 0)).toBe(0);
    expect(run(code, 10)).toBe(10);
  });

  it('3,000 ifs one after another', () => {
    const code: Insn[] = [B.BPF_MOV64_IMM(0, 0)];
    for (let k = 0; k < 3000; k++) code.push(B.BPF_JMP_IMM(B.BPF_JGT, 2, k, 1), B.BPF_ALU64_IMM(B.BPF_ADD, 0, 1));
    code.push(exit);
    expect(run(code, 1000)).toBe(2000);
  });

  it('3,000 exits to one place', () => {
    const code: Insn[] = [B.BPF_MOV64_IMM(0, 7)];
    for (let k = 0; k < 3000; k++) code.push(B.BPF_MOV64_IMM(0, k), B.BPF_JMP_IMM(B.BPF_JEQ, 2, k, 2 * (3000 - k) - 2));
    code.push(exit);
    expect(run(code, 1234)).toBe(1234);
    expect(run(code, 5000)).toBe(2999);
  });

  it('50 loops inside one another', () => {
    const code: Insn[] = [B.BPF_MOV64_IMM(0, 0), B.BPF_MOV64_IMM(3, 0)];
    const heads: number[] = [];
    for (let k = 0; k < 50; k++) {
      heads.push(code.length);
      code.push(B.BPF_ALU64_IMM(B.BPF_ADD, 0, 1));
    }
    for (let k = 49; k >= 0; k--) {
      // Each way back may be taken twice in all.
      code.push(B.BPF_ALU64_IMM(B.BPF_ADD, 3, 1), B.BPF_JMP_IMM(B.BPF_JLT, 3, 100, heads[k]! - code.length - 2));
    }
    code.push(exit);
    const reference = ENGINES[0]!;
    const memory = new VmMemory();
    const exe = reference.prepare(link(code, true), bareHost({ memory }));
    exe.run(0);
    expect(run(code)).toBe(exe.r0Lo);
    expect(exe.r0Lo).toBeGreaterThan(100);
  });

  it('a state machine of 500 states that all jump into one another (irreducible)', () => {
    const states = 500;
    const code: Insn[] = [B.BPF_MOV64_IMM(0, 0), B.BPF_MOV64_IMM(3, 2000), B.BPF_JMP_IMM(B.BPF_JSET, 2, 1, 5)];
    for (let k = 0; k < states; k++) {
      const at = code.length;
      const to = (k * 7 + 3) % states;
      code.push(
        B.BPF_ALU64_IMM(B.BPF_ADD, 0, k),
        B.BPF_ALU64_IMM(B.BPF_SUB, 3, 1),
        B.BPF_JMP_IMM(B.BPF_JSLE, 3, 0, 5 * (states - k) - 3),
        B.BPF_JMP_IMM(B.BPF_JSET, 0, 1, 5 * (to - k) - 4),
        B.BPF_JMP_A(k === states - 1 ? 3 - at - 5 : 0),
      );
    }
    code.push(exit);
    let [r0, left, k] = [0, 2000, 1];
    for (;;) {
      r0 += k;
      if (--left <= 0) break;
      k = (r0 & 1) !== 0 ? (k * 7 + 3) % states : (k + 1) % states;
    }
    expect(run(code, 1)).toBe(r0);
  });

  it('more code than a wasm function may have', () => {
    const code: Insn[] = [B.BPF_MOV64_IMM(0, 5)];
    for (let k = 0; k < 200_000; k++) code.push(B.BPF_BSWAP(0, 64));
    code.push(exit);
    expect(run(code)).toBe(5);
  });

  it('60,000 instructions with jumps too long for 16 bits', () => {
    const code: Insn[] = [B.BPF_MOV64_IMM(0, 0), B.BPF_JMP_IMM(B.BPF_JEQ, 2, 0, 1), B.BPF_JMP32_A(60_000)];
    for (let k = 0; k < 60_000; k++) code.push(B.BPF_ALU64_IMM(k % 2 === 0 ? B.BPF_ADD : B.BPF_XOR, 0, k));
    code.push(exit);
    let want = 0;
    for (let k = 0; k < 60_000; k++) want = k % 2 === 0 ? (want + k) | 0 : want ^ k;
    expect(run(code, 0)).toBe(want);
    expect(run(code, 1)).toBe(0);
  });
});
