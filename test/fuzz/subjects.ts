/**
 * What a fuzzed program runs on: each engine with checks and without, the BigInt oracle, the real kernel by PROG_TEST_RUN. All start from the same
 * bytes of map 0 and the same entries of the others, and answer what is in the maps afterwards.
 */
import {
  bpf,
  bpfUnavailable,
  createMap as createKernelMap,
  deleteElem,
  lookupElem,
  nextKey,
  progLoad,
  sys,
  testRun,
  updateElem,
} from '../../bindings/linux/bpf.ts';
import { toHex } from '../../core/base/bytes.ts';
import { ERRNO, errnoName } from '../../core/base/errno.ts';
import { KERNEL_BASE, KERNEL_HI } from '../../core/base/memory.ts';
import { helperById } from '../../core/helpers/index.ts';
import { INSN_SIZE } from '../../core/isa/insn.ts';
import { OP_LD_IMM64, PSEUDO } from '../../core/isa/ops.ts';
import { createMap, mapTypeByName } from '../../core/maps/index.ts';
import { bareHost } from '../../core/vm/bare.ts';
import type { Engine } from '../../core/vm/engine.ts';
import { VmMemory } from '../../core/vm/memory.ts';
import { oracle } from '../oracle/oracle.ts';
import { DATA_SIZE, FUZZ_MAPS, MEMORY_SIZE } from './generate.ts';

export interface Outcome {
  /** Low half of r0 as the caller saw it. The whole r0 is in the memory: programs store it there. */
  readonly r0: number;
  /** Entries of each map as `key=value` in hex, sorted; map 0 is the memory. */
  readonly maps: readonly (readonly string[])[];
}

export interface Subject {
  readonly name: string;
  /** Made ready to run on inputs of DATA_SIZE bytes; undefined when the subject refuses the program (the kernel may). */
  prepare(bytes: Uint8Array): { run(input: Uint8Array): Outcome; close(): void } | undefined;
}

/** Entries that map 1 (hash) starts with. */
const INITIAL = [
  [1, 0x11],
  [6, 0x66],
] as const;

const word = (n: number, size: number): Uint8Array => {
  const out = new Uint8Array(size);
  new DataView(out.buffer).setUint32(0, n, true);
  return out;
};

/** Map numbers in ld_imm64 to what `patch` says: source field and the two halves. */
function patched(
  bytes: Uint8Array,
  patch: (map: number, value: boolean) => readonly [src: number, lo: number, hi: number],
) {
  const out = bytes.slice();
  const view = new DataView(out.buffer);
  for (let at = 0; at < out.length; at += INSN_SIZE) {
    if (out[at] !== OP_LD_IMM64) continue;
    const kind = out[at + 1]! >> 4;
    if (kind === PSEUDO.map_fd || kind === PSEUDO.map_value) {
      const [src, lo, hi] = patch(view.getInt32(at + 4, true), kind === PSEUDO.map_value);
      out[at + 1] = (out[at + 1]! & 15) | (src << 4);
      view.setInt32(at + 4, lo, true);
      view.setInt32(at + 12, hi, true);
    }
    at += INSN_SIZE;
  }
  return out;
}

/** The maps that engines and the oracle share, in one linear memory. */
class World {
  readonly memory = new VmMemory();
  readonly maps = FUZZ_MAPS.map((attrs, i) =>
    createMap(
      { ...attrs, name: `map${i}`, flags: 0 },
      { memory: this.memory, cpus: 1, currentCpu: () => 0, random: () => 0 },
    ),
  );
  readonly base = this.maps[0]!.valueBase!();
  readonly frames = this.memory.alloc(4096);
  readonly host = bareHost({
    memory: this.memory,
    helper: helperById,
    maps: this.maps,
    regions: [{ offset: this.base, size: MEMORY_SIZE, writable: true }],
  });

  link(bytes: Uint8Array): Uint8Array {
    return patched(bytes, (map, value) => [0, value ? this.base : this.maps[map]!.offset, KERNEL_HI]);
  }

  reset(input: Uint8Array): void {
    const [memory, hash, array] = this.maps as [BpfMapLike, BpfMapLike, BpfMapLike];
    const value = new Uint8Array(MEMORY_SIZE);
    value.set(input);
    memory.update(word(0, 4), value, 0);
    for (let k = 0; k < 8; k++) hash.delete(word(k, 4));
    for (const [k, v] of INITIAL) hash.update(word(k, 4), word(v, 8), 0);
    for (let k = 0; k < FUZZ_MAPS[2].maxEntries; k++) array.update(word(k, 4), word(k, 8), 0);
  }

  outcome(r0: number): Outcome {
    const maps = this.maps.map((map) => {
      const list: string[] = [];
      for (let key = map.nextKey(undefined); key; key = map.nextKey(key))
        list.push(`${toHex(key)}=${toHex(map.lookup(key)!)}`);
      return list.sort();
    });
    return { r0: r0 >>> 0, maps };
  }
}

type BpfMapLike = World['maps'][number];

/** One engine, checked (as for unverified programs) or not. */
function engineSubject(world: World, engine: Engine, verified: boolean): Subject {
  return {
    name: `${engine.name}${verified ? '' : ' checked'}`,
    prepare(bytes) {
      const facts = verified ? { verified: true, stackDepth: 512 } : undefined;
      const program = { name: 'fuzz', insns: world.link(bytes), funcs: [], lines: [], facts };
      const exe = engine.prepare(program, world.host);
      return {
        run(input) {
          world.reset(input);
          exe.run(0);
          return world.outcome(exe.r0Lo);
        },
        close: () => {},
      };
    },
  };
}

function oracleSubject(world: World): Subject {
  const helpers = new Map(
    [1, 2, 3].map((id) => {
      const row = helperById(id)!;
      return [id, { ...row, run: (_env: unknown, r: Int32Array) => row.run!(world.host.env, r) }];
    }),
  );
  return {
    name: 'oracle',
    prepare(bytes) {
      const insns = world.link(bytes);
      const { memory, frames } = world;
      return {
        run(input) {
          world.reset(input);
          memory.u8.fill(0, frames, frames + 4096);
          const r0 = oracle(insns, { memory, frameTop: KERNEL_BASE + BigInt(frames + 512), helpers });
          return world.outcome(Number(r0 & 0xffffffffn));
        },
        close: () => {},
      };
    },
  };
}

/** BPF_PROG_TYPE_SOCKET_FILTER; a test run wants a packet with an Ethernet header. */
const SOCKET_FILTER = 1;
const PACKET = new Uint8Array(64);

/** The real kernel. Its verifier may refuse a program (too complex, mostly): no answer then. */
function kernelSubject(): Subject {
  const fds = FUZZ_MAPS.map(({ type, ...map }, i) =>
    createKernelMap({ ...map, type: mapTypeByName(type)!.id, name: `fuzz${i}` }),
  );
  const [memory, hash, array] = fds as [number, number, number];
  return {
    name: 'kernel',
    prepare(bytes) {
      const insns = patched(bytes, (map, value) => [value ? PSEUDO.map_value : PSEUDO.map_fd, fds[map]!, 0]);
      const fd = bpf('PROG_LOAD', {
        prog_type: SOCKET_FILTER,
        insn_cnt: insns.length / INSN_SIZE,
        insns,
        license: new TextEncoder().encode('GPL\0'),
      });
      if (fd < 0) {
        refusal = whyRefused(insns, fd);
        return undefined;
      }
      return {
        run(input) {
          const value = new Uint8Array(MEMORY_SIZE);
          value.set(input);
          updateElem(memory, word(0, 4), value);
          for (let k = 0; k < 8; k++) deleteElem(hash, word(k, 4));
          for (const [k, v] of INITIAL) updateElem(hash, word(k, 4), word(v, 8));
          for (let k = 0; k < FUZZ_MAPS[2].maxEntries; k++) updateElem(array, word(k, 4), word(k, 8));
          const { retval } = testRun(fd, { data: PACKET });
          return { r0: retval >>> 0, maps: fds.map((map, i) => entries(map, FUZZ_MAPS[i]!.valueSize)) };
        },
        close: () => void sys().close(fd),
      };
    },
  };
}

/** The verifier's reason. Not of a program that is too complex (E2BIG): its log has hundreds of megabytes. */
function whyRefused(insns: Uint8Array, errno: number): string {
  if (errno === -ERRNO.E2BIG) return 'too complex';
  try {
    sys().close(progLoad({ type: SOCKET_FILTER, insns }).fd);
    return errnoName(errno);
  } catch (error) {
    return (error as Error).message;
  }
}

/** Why the kernel refused its last program, for the tally. */
let refusal = '';
export const lastRefusal = (): string => refusal;

function entries(map: number, valueSize: number): string[] {
  const list: string[] = [];
  const value = new Uint8Array(valueSize);
  let key: Uint8Array | undefined;
  for (;;) {
    const next = new Uint8Array(4);
    if (nextKey(map, key, next) < 0) return list.sort();
    if (lookupElem(map, next, value) === 0) list.push(`${toHex(next)}=${toHex(value)}`);
    key = next;
  }
}

/** All that can run here, the oracle first; and why the kernel is not among them, if it is not. */
export function makeSubjects(engines: readonly Engine[]): {
  readonly subjects: Subject[];
  readonly kernelMissing: string | undefined;
} {
  const world = new World();
  const subjects = [oracleSubject(world)];
  for (const engine of engines) subjects.push(engineSubject(world, engine, true), engineSubject(world, engine, false));
  const kernelMissing = bpfUnavailable();
  if (!kernelMissing) subjects.push(kernelSubject());
  return { subjects, kernelMissing };
}

/** Bytes of the memory that programs read, from a random source. */
export function randomInput(below: (n: number) => number): Uint8Array {
  return Uint8Array.from({ length: DATA_SIZE }, () => below(256));
}
