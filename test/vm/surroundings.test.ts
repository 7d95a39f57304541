/** What engines do beyond arithmetic: faults, fuel, checked memory, callbacks, tail calls, packets. One suite for all. */
import { describe, expect, it } from 'vitest';
import { Fault } from '../../core/base/errors.ts';
import { KERNEL_BASE } from '../../core/base/memory.ts';
import type { HelperRow } from '../../core/helpers/helper.ts';
import * as B from '../../core/isa/builders.ts';
import { encode, type Insn } from '../../core/isa/insn.ts';
import type { LineInfo, ProgFacts } from '../../core/spec/spec.ts';
import { bareHost } from '../../core/vm/bare.ts';
import type { Engine, EngineHost, Executable, LinkedProgram, RunOptions } from '../../core/vm/engine.ts';
import { type MemoryOptions, VmMemory } from '../../core/vm/memory.ts';
import { ENGINES } from './engines.ts';

const VERIFIED: ProgFacts = { verified: true, stackDepth: 512 };

function row(id: number, name: string, run: HelperRow['run'], more: Partial<HelperRow> = {}): HelperRow {
  return { id, name, args: [], ret: 'integer', since: 'test', progTypes: 'all', ...(run ? { run } : {}), ...more };
}

/** A world with one ctx of 64 bytes between guard bytes. */
function world(helpers: readonly HelperRow[] = [], kfuncs: readonly HelperRow[] = [], kind: MemoryOptions = {}) {
  const memory = new VmMemory(kind);
  const area = memory.alloc(4096);
  memory.u8.fill(0xee, area, area + 4096);
  const ctx = area + 1024;
  memory.u8.fill(0, ctx, ctx + 64);
  const byId = (rows: readonly HelperRow[]) => new Map(rows.map((r) => [r.id, r]));
  const host = bareHost({
    memory,
    helper: (id) => byId(helpers).get(id),
    kfuncs: byId(kfuncs),
    regions: [{ offset: ctx, size: 64, writable: true }],
  });
  const guardsIntact = () =>
    memory.u8.subarray(area, ctx).every((b) => b === 0xee) &&
    memory.u8.subarray(ctx + 64, area + 4096).every((b) => b === 0xee);
  return { memory, ctx, host, guardsIntact };
}

function linked(code: readonly Insn[], facts?: ProgFacts, lines: readonly LineInfo[] = []): LinkedProgram {
  return { name: 'test', insns: encode(code), funcs: [], lines, facts };
}

function faultOf(run: () => void): Fault {
  try {
    run();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error('no fault');
}

const r0 = (exe: Executable) => (BigInt(exe.r0Hi >>> 0) << 32n) | BigInt(exe.r0Lo >>> 0);
const exit = B.BPF_EXIT_INSN();

describe.each(ENGINES)('$name', (engine: Engine) => {
  const prepare = (code: readonly Insn[], host: EngineHost, facts?: ProgFacts, options?: RunOptions) =>
    engine.prepare(linked(code, facts), host, options);

  describe('structure', () => {
    it('is refused with pc and reason', () => {
      const fault = faultOf(() => prepare([B.BPF_MOV64_IMM(0, 0), B.BPF_JMP_A(7), exit], world().host));
      expect([fault.pc, fault.reason]).toEqual([1, 'jump to 9 is out of range: the program has 3 instructions']);
    });
  });

  describe('checked memory', () => {
    const { ctx, host, guardsIntact, memory } = world();
    const attempts: readonly (readonly [string, readonly Insn[], number])[] = [
      ['just past ctx', [B.BPF_ST_MEM(B.BPF_DW, 1, 57, 0), exit], 0],
      ['just before ctx', [B.BPF_ST_MEM(B.BPF_B, 1, -1, 0), exit], 0],
      ['far past ctx', [B.BPF_STX_MEM(B.BPF_DW, 1, 1, 32000), exit], 0],
      ['read past ctx', [B.BPF_LDX_MEM(B.BPF_H, 0, 1, 63), exit], 0],
      ['atomic past ctx', [B.BPF_STX_XADD(B.BPF_DW, 1, 1, 60), exit], 0],
      ['null', [B.BPF_MOV64_IMM(0, 0), B.BPF_LDX_MEM(B.BPF_B, 0, 0, 0), exit], 1],
      ['small number', [B.BPF_MOV64_IMM(2, 100), B.BPF_ST_MEM(B.BPF_B, 2, 0, 0), exit], 1],
      ['low bits of ctx without the high ones', [B.BPF_MOV32_REG(2, 1), B.BPF_ST_MEM(B.BPF_B, 2, 0, 1), exit], 1],
      ['above the stack', [B.BPF_ST_MEM(B.BPF_B, 10, 0, 1), exit], 0],
      ['below the stack', [B.BPF_ST_MEM(B.BPF_W, 10, -514, 1), exit], 0],
      [
        'top of the 32-bit space',
        [B.BPF_LD_IMM64(2, KERNEL_BASE + 0xffffffffn), B.BPF_LDX_MEM(B.BPF_DW, 0, 2, 4), exit],
        2,
      ],
      ['wrapping below zero', [B.BPF_LD_IMM64(2, KERNEL_BASE), B.BPF_LDX_MEM(B.BPF_DW, 0, 2, -8), exit], 2],
      [
        'beyond the mapped pages',
        [B.BPF_LD_IMM64(2, KERNEL_BASE + 0xf0000000n), B.BPF_ST_MEM(B.BPF_DW, 2, 0, 1), exit],
        2,
      ],
      [
        'another function address',
        [B.BPF_LD_FUNC(2, 3), B.BPF_LDX_MEM(B.BPF_B, 0, 2, 0), exit, B.BPF_MOV64_IMM(0, 0), exit],
        2,
      ],
    ];
    it.each(attempts.map(([name, code, pc]) => ({ name, code, pc })))('a program cannot touch $name', ({
      code,
      pc,
    }) => {
      const fault = faultOf(() => prepare(code, host).run(ctx, 64));
      expect(fault.reason).toMatch(/outside the program's memory/);
      expect(fault.pc).toBe(pc);
      expect(guardsIntact()).toBe(true);
    });

    it('every byte of ctx and stack is usable', () => {
      const code = [
        B.BPF_ST_MEM(B.BPF_B, 1, 63, 5),
        B.BPF_ST_MEM(B.BPF_DW, 1, 56, 7),
        B.BPF_ST_MEM(B.BPF_DW, 10, -512, 3),
        B.BPF_ST_MEM(B.BPF_B, 10, -1, 4),
        B.BPF_LDX_MEM(B.BPF_DW, 0, 10, -512),
        B.BPF_LDX_MEM(B.BPF_B, 2, 10, -1),
        B.BPF_ALU64_REG(B.BPF_ADD, 0, 2),
        B.BPF_LDX_MEM(B.BPF_W, 2, 1, 60),
        B.BPF_LDX_MEM(B.BPF_W, 3, 1, 56),
        B.BPF_ALU64_REG(B.BPF_ADD, 0, 3),
        exit,
      ];
      const exe = prepare(code, host);
      exe.run(ctx, 64);
      expect(r0(exe)).toBe(14n);
      expect(guardsIntact()).toBe(true);
    });

    it('read-only regions can be read and not written', () => {
      const readOnly = { ...host, regions: () => [{ offset: ctx, size: 64, writable: false }] };
      memory.u8[ctx] = 9;
      const exe = prepare([B.BPF_LDX_MEM(B.BPF_B, 0, 1, 0), exit], readOnly);
      exe.run(ctx);
      expect(r0(exe)).toBe(9n);
      expect(faultOf(() => prepare([B.BPF_ST_MEM(B.BPF_B, 1, 0, 0), exit], readOnly).run(ctx)).pc).toBe(0);
    });

    it("a returned frame's stack is out of reach", () => {
      const code = [
        B.BPF_CALL_REL(3),
        B.BPF_LDX_MEM(B.BPF_DW, 0, 0, -8),
        B.BPF_MOV64_IMM(0, 0),
        exit,
        B.BPF_ST_MEM(B.BPF_DW, 10, -8, 1),
        B.BPF_MOV64_REG(0, 10),
        exit,
      ];
      expect(faultOf(() => prepare(code, host).run(ctx)).pc).toBe(1);
    });
  });

  it('verified programs are stopped at the end of the mapped memory', () => {
    const { host, ctx } = world();
    const wild = [
      B.BPF_MOV64_IMM(0, 0),
      B.BPF_LD_IMM64(2, KERNEL_BASE + 0xf0000000n),
      B.BPF_LDX_MEM(B.BPF_DW, 0, 2, 0),
      exit,
    ];
    const fault = faultOf(() => prepare(wild, host, VERIFIED).run(ctx));
    expect([fault.pc, fault.reason]).toEqual([3, expect.stringMatching(/^read of .*outside the program's memory$/)]);
  });

  it('probe loads of unmapped memory give 0, others fault', () => {
    const { host, ctx } = world();
    const code = [
      B.BPF_MOV64_IMM(0, 7),
      B.BPF_MOV64_IMM(2, 0),
      B.BPF_LDX_MEM(B.BPF_DW, 0, 2, 16),
      B.BPF_ALU64_IMM(B.BPF_ADD, 0, 1),
      exit,
    ];
    const exe = prepare(code, host, { ...VERIFIED, probeLoads: [2] });
    exe.run(ctx);
    expect(r0(exe)).toBe(1n);
    expect(faultOf(() => prepare(code, host).run(ctx)).pc).toBe(2);
  });

  it('a fault names registers and the source line', () => {
    const { host, ctx } = world();
    const lines = [
      { insn: 0, file: 'a.c', line: 3, column: 1, text: 'x' },
      { insn: 2, file: 'a.c', line: 9, column: 1, text: 'y' },
    ];
    const code = [B.BPF_LD_IMM64(6, 0x1122334455667788n), B.BPF_LDX_MEM(B.BPF_DW, 0, 6, 0), exit];
    const fault = faultOf(() => engine.prepare(linked(code, undefined, lines), host).run(ctx));
    expect(fault.sourceLine).toBe('a.c:9');
    expect(fault.regs).toHaveLength(11);
    expect(fault.regs[6]).toBe(0x1122334455667788n);
    expect(fault.regs[1]).toBe(KERNEL_BASE + BigInt(ctx));
  });

  describe('fuel', () => {
    it('ends an endless loop at its jump', () => {
      const fault = faultOf(() =>
        prepare([B.BPF_MOV64_IMM(0, 0), B.BPF_JMP_A(-1), exit], world().host, VERIFIED, { fuel: 1000 }).run(0),
      );
      expect([fault.pc, fault.reason]).toEqual([1, 'out of fuel']);
    });

    it('is charged by the length of the way back, to the instruction', () => {
      const { host } = world();
      const loop = [
        B.BPF_MOV64_IMM(0, 0),
        B.BPF_ALU64_IMM(B.BPF_ADD, 0, 1),
        B.BPF_ALU64_IMM(B.BPF_ADD, 0, 0),
        B.BPF_JMP_IMM(B.BPF_JLT, 0, 10, -3),
        exit,
      ];
      const exe = prepare(loop, host, VERIFIED, { fuel: 27 });
      exe.run(0);
      expect(r0(exe)).toBe(10n);
      expect(faultOf(() => prepare(loop, host, VERIFIED, { fuel: 26 }).run(0)).pc).toBe(3);
    });

    it('is charged for calls, and is whole again in the next run', () => {
      const { host } = world();
      const code = [B.BPF_CALL_REL(2), B.BPF_CALL_REL(1), exit, B.BPF_MOV64_IMM(0, 1), B.BPF_MOV64_IMM(0, 2), exit];
      const exe = prepare(code, host, VERIFIED, { fuel: 6 });
      exe.run(0);
      exe.run(0);
      expect(r0(exe)).toBe(2n);
      expect(faultOf(() => prepare(code, host, VERIFIED, { fuel: 5 }).run(0)).pc).toBe(1);
    });
  });

  it('recursion without end faults at the eighth frame', () => {
    const { host } = world();
    const fault = faultOf(() => prepare([B.BPF_CALL_REL(-1), exit], host).run(0));
    expect([fault.pc, fault.reason]).toEqual([0, 'call depth exceeds 8 frames']);
  });

  describe('calls', () => {
    it('of helpers that do not exist, or have no behaviour, fault by name', () => {
      const { host } = world([row(5, 'ktime_get_ns', undefined)]);
      expect(faultOf(() => prepare([B.BPF_EMIT_CALL(4711), exit], host).run(0)).reason).toBe(
        'helper 4711 does not exist',
      );
      expect(faultOf(() => prepare([B.BPF_EMIT_CALL(5), exit], host).run(0)).reason).toMatch(
        /ktime_get_ns is known but not supported/,
      );
      expect(faultOf(() => prepare([B.BPF_CALL_KFUNC(0, 9), exit], host).run(0)).reason).toMatch(/kfunc with BTF id 9/);
    });

    it('of kfuncs work when the host has them', () => {
      const kfunc = row(9, 'bpf_nine', (_env, r) => {
        r[0] = r[2]! + 9;
        r[1] = 0;
      });
      const exe = prepare([B.BPF_MOV64_IMM(1, 4), B.BPF_CALL_KFUNC(0, 9), exit], world([], [kfunc]).host);
      exe.run(0);
      expect(r0(exe)).toBe(13n);
    });

    it.each([{}, { unshared: true }, { plain: true }])('see memory that a helper made grow (%o)', (kind) => {
      const grow = [
        row(6, 'grow', (env, r) => {
          const at = env.memory.alloc(8 << 20);
          env.memory.view.setBigUint64(at + (8 << 20) - 8, 0x1234567890n, true);
          r[0] = at + (8 << 20) - 8;
          r[1] = Number(BigInt.asIntN(32, KERNEL_BASE >> 32n));
        }),
      ];
      const { memory, host } = world(grow, [], kind);
      const code = [B.BPF_EMIT_CALL(6), B.BPF_ST_MEM(B.BPF_B, 0, 7, 1), B.BPF_LDX_MEM(B.BPF_DW, 0, 0, 0), exit];
      const exe = prepare(code, host, VERIFIED);
      exe.run(0);
      expect(r0(exe)).toBe(0x0100001234567890n);
      expect(memory.u8.length).toBeGreaterThan(8 << 20);
    });

    it('check the arguments of unverified programs', () => {
      const copy = row(7, 'take', (_env, r) => void (r[0] = r[1] = 0), { args: ['mem', 'const_size'] });
      const { host, ctx, guardsIntact } = world([copy]);
      const code = (size: number) => [B.BPF_MOV64_IMM(2, size), B.BPF_EMIT_CALL(7), exit];
      prepare(code(64), host).run(ctx);
      const fault = faultOf(() => prepare(code(65), host).run(ctx));
      expect([fault.pc, fault.reason]).toEqual([
        1,
        "helper take: argument 1 points to 65 bytes outside the program's memory",
      ]);
      expect(faultOf(() => prepare(code(-1), host).run(ctx)).reason).toMatch(/argument 2 is no size/);
      expect(guardsIntact()).toBe(true);
    });
  });

  describe('callbacks', () => {
    /** bpf_loop without its limits: nr, callback, ctx. */
    const loop = row(
      181,
      'loop',
      (env, r) => {
        const count = r[2]!;
        const callback = r[4]!;
        const args = new Int32Array(10);
        let i = 0;
        for (; i < count; i++) {
          args[0] = i;
          args[2] = r[6]!;
          args[3] = r[7]!;
          if (env.callback!(callback, args) !== 0) break;
        }
        r[0] = i;
        r[1] = 0;
      },
      { args: ['anything', 'func', 'stack_or_null', 'anything'] },
    );
    const program = (body: readonly Insn[]) => [
      B.BPF_ST_MEM(B.BPF_DW, 10, -8, 0),
      B.BPF_MOV64_IMM(1, 5),
      B.BPF_LD_FUNC(2, 7),
      B.BPF_MOV64_REG(3, 10),
      B.BPF_ALU64_IMM(B.BPF_ADD, 3, -8),
      B.BPF_MOV64_IMM(4, 0),
      B.BPF_EMIT_CALL(181),
      B.BPF_LDX_MEM(B.BPF_DW, 0, 10, -8),
      exit,
      ...body,
      B.BPF_MOV64_IMM(0, 0),
      exit,
    ];

    it.each([undefined, VERIFIED])('run a function of the program on its own frame (facts %o)', (facts) => {
      const { host } = world([loop]);
      const body = [
        B.BPF_STX_MEM(B.BPF_DW, 10, 1, -8),
        B.BPF_LDX_MEM(B.BPF_DW, 3, 2, 0),
        B.BPF_ALU64_REG(B.BPF_ADD, 3, 1),
        B.BPF_STX_MEM(B.BPF_DW, 2, 3, 0),
      ];
      const exe = prepare(program(body), host, facts);
      exe.run(0);
      expect(r0(exe)).toBe(10n);
    });

    it('can be called after the run, by who kept the program', () => {
      let kept: { call(address: number, args: Int32Array): number } | undefined;
      let address = 0;
      const keep = row(
        170,
        'timer_set_callback',
        (env, r) => {
          kept = env.program;
          address = r[2]!;
          r[0] = r[1] = 0;
        },
        { args: ['func'] },
      );
      const { host, ctx, memory } = world([keep]);
      // ld_imm64 takes two slots: the function is at slot 4.
      const code = [
        B.BPF_LD_FUNC(1, 3),
        B.BPF_EMIT_CALL(170),
        exit,
        B.BPF_STX_MEM(B.BPF_W, 1, 2, 0),
        B.BPF_MOV64_REG(0, 2),
        B.BPF_STX_MEM(B.BPF_DW, 10, 0, -8),
        exit,
      ];
      for (const facts of [undefined, VERIFIED]) {
        prepare(code, host, facts).run(0);
        expect(host.env.program).toBeUndefined();
        expect(
          kept!.call(
            address,
            Int32Array.of(ctx, Number(BigInt.asIntN(32, KERNEL_BASE >> 32n)), 77, 0, 0, 0, 0, 0, 0, 0),
          ),
        ).toBe(77);
        expect(memory.view.getInt32(ctx, true)).toBe(77);
      }
    });

    it('share the fuel of the run', () => {
      const { host } = world([loop]);
      const fault = faultOf(() => prepare(program([B.BPF_MOV64_IMM(5, 0)]), host, VERIFIED, { fuel: 8 }).run(0));
      expect(fault.reason).toBe('out of fuel');
    });

    it('of an address that is no function fault', () => {
      const { host } = world([loop]);
      const code = [B.BPF_MOV64_IMM(1, 1), B.BPF_MOV64_IMM(2, 77), B.BPF_MOV64_IMM(3, 0), B.BPF_EMIT_CALL(181), exit];
      const fault = faultOf(() => prepare(code, host, VERIFIED).run(0));
      expect([fault.pc, fault.reason]).toEqual([3, 'callback is not a function of this program']);
    });
  });

  describe('tail calls', () => {
    const MAP = 70_000;
    /** r1 = ctx, r2 = the prog array, r3 = index; after: r0 = 99. */
    const jump = (index: number) => [
      B.BPF_LD_IMM64(2, KERNEL_BASE + BigInt(MAP)),
      B.BPF_MOV64_IMM(3, index),
      B.BPF_EMIT_CALL(12),
      B.BPF_MOV64_IMM(0, 99),
      exit,
    ];
    const withTargets = (host: EngineHost, targets: Record<number, () => Executable>): EngineHost => ({
      ...host,
      helper: (id) => (id === 12 ? row(12, 'tail_call', () => {}) : host.helper(id)),
      tailCallTarget: (map, index) => (map === MAP ? targets[index]?.() : undefined),
    });

    it('go on in the target, with ctx, and do not come back', () => {
      const { host, ctx, memory } = world();
      memory.view.setInt32(ctx, 1234, true);
      const target = prepare([B.BPF_LDX_MEM(B.BPF_W, 0, 1, 0), exit], host, VERIFIED);
      const exe = prepare(jump(3), withTargets(host, { 3: () => target }), VERIFIED);
      exe.run(ctx);
      expect(r0(exe)).toBe(1234n);
    });

    it('fall through where there is no target', () => {
      const { host, ctx } = world();
      const exe = prepare(jump(4), withTargets(host, {}), VERIFIED);
      exe.run(ctx);
      expect(r0(exe)).toBe(99n);
    });

    it('in a callee return to its caller', () => {
      const { host, ctx } = world();
      const target = prepare([B.BPF_MOV64_IMM(6, 0), B.BPF_MOV64_IMM(0, 5), exit], host, VERIFIED);
      const code = [B.BPF_MOV64_IMM(6, 40), B.BPF_CALL_REL(2), B.BPF_ALU64_REG(B.BPF_ADD, 0, 6), exit, ...jump(0)];
      const exe = prepare(code, withTargets(host, { 0: () => target }), VERIFIED);
      exe.run(ctx);
      exe.run(ctx);
      expect(r0(exe)).toBe(45n);
    });

    it.each([
      ['verified', VERIFIED, 'verified', VERIFIED],
      ['unverified', undefined, 'verified', VERIFIED],
      ['unverified', undefined, 'unverified', undefined],
    ])('go from %s to %o programs (%s, %o)', (_a, from, _b, to) => {
      const { host, ctx, memory } = world();
      memory.view.setInt32(ctx, 5, true);
      const code = [
        B.BPF_LDX_MEM(B.BPF_W, 0, 1, 0),
        B.BPF_STX_MEM(B.BPF_DW, 10, 0, -8),
        B.BPF_LDX_MEM(B.BPF_DW, 0, 10, -8),
        B.BPF_STX_MEM(B.BPF_W, 1, 0, 60),
        exit,
      ];
      const target = prepare(code, host, to);
      const exe = prepare(jump(0), withTargets(host, { 0: () => target }), from);
      exe.run(ctx);
      exe.run(ctx);
      expect(r0(exe)).toBe(5n);
      expect(memory.view.getInt32(ctx + 60, true)).toBe(5);
    });

    it('do not lead from a verified program into an unverified one', () => {
      const { host, ctx } = world();
      const target = prepare([B.BPF_MOV64_IMM(0, 0), exit], host);
      const exe = prepare(jump(0), withTargets(host, { 0: () => target }), VERIFIED);
      expect(faultOf(() => exe.run(ctx)).reason).toMatch(/into 'test', which is not verified/);
    });

    it('happen 33 times at most', () => {
      const { host, ctx, memory } = world();
      let self: Executable;
      const code = [
        B.BPF_LDX_MEM(B.BPF_W, 4, 1, 0),
        B.BPF_ALU64_IMM(B.BPF_ADD, 4, 1),
        B.BPF_STX_MEM(B.BPF_W, 1, 4, 0),
        ...jump(0),
      ];
      self = prepare(code, withTargets(host, { 0: () => self }), VERIFIED);
      self.run(ctx);
      expect(r0(self)).toBe(99n);
      expect(memory.view.getInt32(ctx, true)).toBe(34);
    });
  });

  it('ld_abs and ld_ind ask for the packet; past its end the program returns 0', () => {
    const { host } = world();
    const packet = [0x11, 0x22, 0x33, 0x44];
    host.env.loadPacket = (offset, size) => {
      if (offset < 0 || offset + size > packet.length) return undefined;
      return packet.slice(offset, offset + size).reduce((v, b) => (v << 8) | b, 0);
    };
    const run = (code: readonly Insn[]) => {
      const exe = prepare(code, host, VERIFIED);
      exe.run(0);
      return r0(exe);
    };
    expect(run([B.BPF_LD_ABS(B.BPF_H, 1), exit])).toBe(0x2233n);
    expect(run([B.BPF_MOV64_IMM(7, 2), B.BPF_LD_IND(B.BPF_B, 7, 1), exit])).toBe(0x44n);
    expect(run([B.BPF_LD_ABS(B.BPF_W, 1), B.BPF_MOV64_IMM(0, 7), exit])).toBe(0n);
    const inCallee = [
      B.BPF_CALL_REL(2),
      B.BPF_ALU64_IMM(B.BPF_ADD, 0, 3),
      exit,
      B.BPF_LD_ABS(B.BPF_W, 9),
      B.BPF_MOV64_IMM(0, 7),
      exit,
    ];
    expect(run(inCallee)).toBe(3n);
  });

  it('runs inside runs keep their registers and stacks apart', () => {
    let inner: Executable | undefined;
    const nest = row(8, 'nest', (_env, r) => {
      if (inner) {
        const now = inner;
        inner = undefined;
        now.run(0);
      }
      r[0] = r[1] = 0;
    });
    const { host } = world([nest]);
    const code = [
      B.BPF_MOV64_IMM(6, 11),
      B.BPF_ST_MEM(B.BPF_DW, 10, -8, 31),
      B.BPF_EMIT_CALL(8),
      B.BPF_LDX_MEM(B.BPF_DW, 0, 10, -8),
      B.BPF_ALU64_REG(B.BPF_ADD, 0, 6),
      B.BPF_MOV64_IMM(6, 0),
      B.BPF_ST_MEM(B.BPF_DW, 10, -8, 0),
      exit,
    ];
    const exe = prepare(code, host, VERIFIED);
    inner = exe;
    exe.run(0);
    expect(r0(exe)).toBe(42n);
  });

  it('runBatch walks over contexts', () => {
    const { host, ctx, memory } = world();
    for (let i = 0; i < 8; i++) memory.view.setInt32(ctx + 8 * i, i * i, true);
    const out = memory.alloc(32);
    const exe = prepare([B.BPF_LDX_MEM(B.BPF_W, 0, 1, 0), B.BPF_ALU64_REG(B.BPF_ADD, 0, 2), exit], host, VERIFIED);
    exe.runBatch!(ctx, 8, 8, out, 100);
    expect(Array.from({ length: 8 }, (_, i) => memory.view.getInt32(out + 4 * i, true))).toEqual(
      [0, 1, 4, 9, 16, 25, 36, 49].map((v) => v + 100),
    );
  });

  it('onStep sees every instruction before it runs', () => {
    const seen: string[] = [];
    const code = [B.BPF_LD_IMM64(0, 1), B.BPF_CALL_REL(1), exit, B.BPF_MOV64_IMM(0, 2), exit];
    const onStep = (pc: number, regs: Int32Array) => void seen.push(`${pc}:${regs[0]}`);
    prepare(code, world().host, VERIFIED, { onStep }).run(0);
    expect(seen).toEqual(['0:0', '2:1', '4:1', '5:2', '3:2']);
  });
});
