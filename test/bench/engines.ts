/** Measuring one engine: nanoseconds an instruction on the fixed set, packets a second, and how long a program takes to its first result. */
import { KERNEL_HI } from '../../core/base/memory.ts';
import { helperById } from '../../core/helpers/index.ts';
import { OP_LD_IMM64 } from '../../core/isa/ops.ts';
import { createMap } from '../../core/maps/index.ts';
import { bareHost } from '../../core/vm/bare.ts';
import type { Engine, EngineHost, Executable, LinkedProgram } from '../../core/vm/engine.ts';
import { interp } from '../../core/vm/interp.ts';
import { VmMemory } from '../../core/vm/memory.ts';
import { type BenchProgram, code, HASH, PARSER, PROGRAMS, packet, START } from './programs.ts';

export const memory = new VmMemory();
export const BUFFER = memory.alloc(65536);
export const hash = createMap(
  {
    name: 'hash',
    type: 'hash',
    keySize: HASH.key_size,
    valueSize: HASH.value_size,
    maxEntries: HASH.max_entries,
    flags: 0,
  },
  { memory, cpus: 1, currentCpu: () => 0, random: () => 0 },
);
for (let k = 0; k < HASH.max_entries; k++)
  hash.update(new Uint8Array(new Uint32Array([k]).buffer), new Uint8Array(8), 0);

const nowNs = (): number => performance.now() * 1e6;
let unique = 1;

/** Ready to run, as a verified program: with the map's address in place. */
export function prepare(engine: Engine, bytes: Uint8Array, onStep?: () => void, bound?: number): Executable {
  const { program, host } = surround(bytes, bound);
  return engine.prepare(program, host, onStep ? { onStep } : {});
}

/** A program and what surrounds it: all that an engine is given. */
function surround(bytes: Uint8Array, bound?: number): { readonly program: LinkedProgram; readonly host: EngineHost } {
  const insns = bytes.slice();
  const view = new DataView(insns.buffer);
  for (let at = 0; at < insns.length; at += 8) {
    if (insns[at] !== OP_LD_IMM64) continue;
    if (insns[at + 1]! >> 4 === 1) {
      insns[at + 1]! &= 15;
      view.setInt32(at + 4, hash.offset, true);
      view.setInt32(at + 12, KERNEL_HI, true);
    }
    at += 8;
  }
  const host = bareHost({ memory, helper: helperById, maps: [hash] });
  const facts = { verified: true, stackDepth: 512, ...(bound !== undefined && { insnBound: bound }) };
  return { program: { name: 'bench', insns, funcs: [], lines: [], facts }, host };
}

/** Instructions that a run executes, start included. */
export function instructions(bytes: Uint8Array, size: number): number {
  let steps = 0;
  prepare(interp, bytes, () => void steps++).run(size > 0 ? BUFFER : 0, size);
  return steps;
}

export function engineCode(program: BenchProgram, n = program.n): Uint8Array {
  return code(START.engine(unique++), program.text(n));
}

/** Short samples: between two switches of the scheduler there is room for one, so that the best is free of other processes, as gcc's loop. */
const SAMPLE_NS = 150_000;

/** ns a call: the best sample of `spellMs`, after as long a time of warming up. */
export function bestSample(spellMs: number, run: () => void): number {
  const warm = nowNs() + spellMs * 1e6;
  let once = Number.POSITIVE_INFINITY;
  while (nowNs() < warm) {
    const start = nowNs();
    run();
    once = Math.min(once, nowNs() - start);
  }
  const runs = Math.max(1, Math.round(SAMPLE_NS / once));
  let least = Number.POSITIVE_INFINITY;
  const end = nowNs() + 3 * spellMs * 1e6;
  while (nowNs() < end) {
    const start = nowNs();
    for (let k = 0; k < runs; k++) run();
    least = Math.min(least, (nowNs() - start) / runs);
  }
  return least;
}

/** The best of several modules, each with bytes of its own. */
function best(modules: number, spellMs: number, make: () => () => void): number {
  return Math.min(...Array.from({ length: modules }, () => bestSample(spellMs, make())));
}

/** Nanoseconds an instruction, by program. */
export function measureEngine(
  engine: Engine,
  counts: ReadonlyMap<string, number>,
  modules: number,
  spellMs: number,
): Map<string, number> {
  const out = new Map<string, number>();
  for (const program of PROGRAMS) {
    const ns = best(modules, spellMs, () => {
      // The instructions that a run executes are what the verifier's walk counts where no two of its states are alike.
      const exe = prepare(engine, engineCode(program), undefined, counts.get(program.name));
      const ctx = program.memory > 0 ? BUFFER : 0;
      return () => exe.run(ctx, program.memory);
    });
    out.set(program.name, ns / counts.get(program.name)!);
  }
  return out;
}

const BATCH = 256;

/** Nanoseconds a packet: one call each, and in batches of 256. */
export function measureParser(
  engine: Engine,
  modules: number,
  spellMs: number,
): { readonly single: number; readonly batched: number } {
  const results = memory.alloc(4 * BATCH);
  for (let i = 0; i < BATCH; i++) memory.u8.set(packet(i), BUFFER + 64 * i);
  const make = () => prepare(engine, code(START.engine(unique++), PARSER));
  const single = best(modules, spellMs, () => {
    const exe = make();
    return () => {
      for (let i = 0; i < BATCH; i++) exe.run(BUFFER + 64 * i, 64);
    };
  });
  const batched = best(modules, spellMs, () => {
    const exe = make();
    return () => {
      // Several batches between looks at the clock.
      for (let k = 0; k < 16; k++) exe.runBatch!(BUFFER, 64, BATCH, results, 64);
    };
  });
  const want = prepare(interp, code(START.engine(0), PARSER));
  for (let i = 0; i < BATCH; i++) {
    want.run(BUFFER + 64 * i, 64);
    if (memory.view.getInt32(results + 4 * i, true) !== want.r0Lo || want.r0Lo === 0)
      throw new Error(`${engine.name}: packet ${i} gave a wrong result`);
  }
  memory.free(results, 4 * BATCH);
  return { single: single / BATCH, batched: batched / BATCH / 16 };
}

/** A program of `count` instructions with branches, unlike any before. */
export function longProgram(count: number): Uint8Array {
  const lines = [`r0 = ${unique++}`];
  for (let i = 1; lines.length < count - 1; i++) {
    lines.push(`r0 += ${i}`, `r${1 + (i % 5)} = r0`, `if r${1 + (i % 5)} == ${i * 3} goto pc+1`, `r0 ^= ${i * 7}`);
  }
  return code('', `${lines.slice(0, count - 1).join('\n')}\nr0 = r0\nexit`);
}

/** Milliseconds from bytes to the first result: decode, check, compile (or not), run. */
export function firstResultMs(engine: Engine, bytes: Uint8Array): number {
  const { program, host } = surround(bytes);
  const start = performance.now();
  engine.prepare(program, host).run(0, 0);
  return performance.now() - start;
}
