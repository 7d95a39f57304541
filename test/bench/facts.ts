/**
 * What facts about single instructions (ProgFacts.insns) are worth to the JIT: each program verified as the kernel's column has it, and measured with the
 * facts and without, by turns. Both know that the program is verified and how many instructions a run has at the most.
 */
import { KERNEL_HI } from '../../core/base/memory.ts';
import { helperById } from '../../core/helpers/index.ts';
import { createMap } from '../../core/maps/index.ts';
import type { BpfMap } from '../../core/maps/map.ts';
import { movePacketLoads, POINTER_AT } from '../../core/model/link.ts';
import { contextSize } from '../../core/model/packet-buffer.ts';
import type { MapSpec, ProgFacts } from '../../core/spec/spec.ts';
import { verify } from '../../core/verifier/index.ts';
import { bareHost } from '../../core/vm/bare.ts';
import type { Executable } from '../../core/vm/engine.ts';
import { resolve } from '../../core/vm/harness.ts';
import { jit } from '../../core/vm/jit/jit.ts';
import { makeProg } from '../verifier/cases.ts';
import { bestSample, hash, memory } from './engines.ts';
import { type BenchProgram, code, PARSER, PROGRAMS, packet, START } from './programs.ts';

export interface FactGain {
  /** ns an instruction (a packet, for the parser), with facts and without. */
  readonly with: number;
  readonly without: number;
}

/** Programs in which facts have something to say that the fixed set has not. */
const MORE: readonly BenchProgram[] = [
  {
    name: 'spills',
    what: 'a loop whose variables are on the stack, as compilers leave them at -O0',
    n: 20_000,
    kernelN: 20_000,
    memory: 0,
    text: (n) => `*(u64 *)(r10 -8) = ${n}
*(u64 *)(r10 -16) = 1
*(u64 *)(r10 -24) = 0
loop: r1 = *(u64 *)(r10 -16)
r2 = *(u64 *)(r10 -24)
r1 *= 3
r1 ^= r2
*(u64 *)(r10 -16) = r1
r2 += 7
*(u64 *)(r10 -24) = r2
r3 = *(u64 *)(r10 -8)
r3 -= 1
*(u64 *)(r10 -8) = r3
if r3 != 0 goto loop
r0 = *(u64 *)(r10 -16)
exit`,
  },
  {
    name: 'counter',
    what: 'a counter in an array map, whose key is a constant',
    n: 8192,
    kernelN: 8192,
    memory: 65536,
    text: (n) => `r8 = ${n}
loop: *(u32 *)(r10 -4) = 0
r2 = r10
r2 += -4
r1 = map[id:1]
call #1
if r0 == 0 goto next
r1 = *(u64 *)(r0 +0)
r1 += 1
*(u64 *)(r0 +0) = r1
next: r8 -= 1
if r8 != 0 goto loop
r0 = 0
exit`,
  },
  {
    name: 'divide',
    what: 'divisions by a number that is not 0',
    n: 20_000,
    kernelN: 20_000,
    memory: 0,
    text: (n) => `r8 = ${n}
r3 = 1
loop: r1 = r8
r1 *= 12345
r2 = r8
r2 &= 255
r2 |= 3
r1 /= r2
r0 += r1
r8 -= 1
if r8 != 0 goto loop
exit`,
  },
];

/** The whole pointers lie behind the context. */
const XDP_MD = contextSize('xdp');
const BATCH = 256;
const PACKET_STRIDE = 64;
const CONTEXT_STRIDE = 64;
let unique = 1;

const spec = (map: BpfMap, name: string): MapSpec =>
  ({ flags: 0, ...map.attrs, name, keyType: 0, valueType: 0 }) as MapSpec;

interface Ready {
  readonly facts: ProgFacts;
  readonly prepare: (facts: ProgFacts, onStep?: () => void) => Executable;
}

/**
 * A program verified and linked, ready to be prepared again and again with bytes of its own each time, since V8 keeps what it compiled. Throws where it is
 * refused.
 */
function verified(type: string, text: string, maps: readonly BpfMap[]): Ready {
  const bytes = code('r0 = 0\n', text);
  const prog = makeProg({ name: 'bench', type, attach: undefined, target: undefined, license: 'GPL', insns: bytes });
  const { ok, error, facts } = verify({ prog, maps: maps.map((m, i) => spec(m, `m${i}`)) });
  if (!ok) throw new Error(`a benchmark is refused: ${error!.message}`);
  const insns = resolve(bytes, maps, memory, []);
  movePacketLoads(insns, facts, XDP_MD);
  const around = bareHost({ memory, helper: helperById, maps });
  const prepare: Ready['prepare'] = (known, onStep) => {
    const own = insns.slice();
    new DataView(own.buffer).setInt32(4, unique++, true);
    return jit.prepare(
      { name: 'bench', insns: own, funcs: [], lines: [], facts: known },
      around,
      onStep ? { onStep } : {},
    );
  };
  return { facts, prepare };
}

/** By program: how long with facts and without. `rounds`: modules of each, by turns; `most`: iterations of a program. */
export function measureFacts(
  rounds: number,
  spellMs: number,
  most = Number.POSITIVE_INFINITY,
): Record<string, FactGain> {
  const attrs = { name: 'buffer', type: 'array', keySize: 4, valueSize: 65536, maxEntries: 1, flags: 0 };
  const buffer = createMap(attrs, { memory, cpus: 1, currentCpu: () => 0, random: () => 0 });
  const packets = memory.alloc(BATCH * PACKET_STRIDE);
  const contexts = memory.alloc(BATCH * CONTEXT_STRIDE);
  /** ns a unit: `run` goes through `units` of the program. */
  const measure = (units: number, { facts, prepare }: Ready, run: (exe: Executable) => () => void): FactGain => {
    const best = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY] as [number, number];
    for (let round = 0; round < rounds; round++) {
      for (const [side, known] of [withFacts, withoutFacts].entries()) {
        best[side] = Math.min(best[side]!, bestSample(spellMs, run(prepare(known(facts)))));
      }
    }
    return { with: best[0] / units, without: best[1] / units };
  };
  try {
    const out: Record<string, FactGain> = {};
    for (const program of [...PROGRAMS, ...MORE]) {
      const text = START.kernel(program.memory) + program.text(Math.min(program.n, most));
      const ready = verified('socket_filter', text, [hash, buffer]);
      let steps = 0;
      ready.prepare(ready.facts, () => void steps++).run(0);
      out[program.name] = measure(steps, ready, (exe) => () => exe.run(0));
    }
    for (let i = 0; i < BATCH; i++) {
      memory.u8.set(packet(i), packets + i * PACKET_STRIDE);
      const at = contexts + i * CONTEXT_STRIDE + XDP_MD;
      for (const [behind, pointer] of [
        [0, POINTER_AT.packet],
        [PACKET_STRIDE, POINTER_AT.packet_end],
      ] as const) {
        memory.view.setUint32(at + pointer, packets + i * PACKET_STRIDE + behind, true);
        memory.view.setInt32(at + pointer + 4, KERNEL_HI, true);
      }
    }
    out['parser'] = measure(
      BATCH,
      verified('xdp', START.xdp + PARSER, []),
      (exe) => () => exe.runBatch!(contexts, CONTEXT_STRIDE, BATCH, 0),
    );
    return out;
  } finally {
    buffer.close();
    memory.free(packets, BATCH * PACKET_STRIDE);
    memory.free(contexts, BATCH * CONTEXT_STRIDE);
  }
}

function withFacts(facts: ProgFacts): ProgFacts {
  if (!facts.insns) throw new Error('a verified program without facts');
  return facts;
}

function withoutFacts({ insns: _, ...facts }: ProgFacts): ProgFacts {
  return facts;
}
