/**
 * Iterators (kernel/bpf/bpf_iter.c): the program runs once for each of the kernel's objects, and once more with NULL at the end; what it writes with
 * bpf_seq_printf and bpf_seq_write is what is read. Targets: `task` (every task that the model knows) and `bpf_map_elem` (the elements of one map).
 *
 * As bpf_seq_read() does, a read gives what fits into one buffer: an object whose output no longer fits is shown again by the next read.
 */
import type { Link, Probe } from '../backend/backend.ts';
import { BpfError, nearestNames, SysError, Unsupported } from '../base/errors.ts';
import { KERNEL_HI, type LinearMemory } from '../base/memory.ts';
import { EOVERFLOW } from '../maps/errno.ts';
import type { BpfMap } from '../maps/map.ts';
import type { Context } from './ctx.ts';
import type { KernelObjects } from './objects.ts';

/** Bytes of output that one read gives at most (bpf_seq_read: PAGE_SIZE << 3). */
const BUFFER = 4096 << 3;

/** What iterators go over. */
export interface IterWorld {
  readonly objects: KernelObjects;
  /** Offsets of the struct task_struct of every task. */
  tasks(): Iterable<number>;
}

/** One field of the context after `meta` and the words that it takes for each object; the last row stands for the end (all NULL). */
interface Target {
  readonly name: string;
  /** Fields of struct bpf_iter__NAME after `meta`, and for each object their addresses (offsets, 0 for NULL). */
  readonly fields: readonly string[];
  walk(world: IterWorld, map: BpfMap | undefined): Iterable<readonly number[]>;
  readonly needsMap?: true;
}

const TARGETS: readonly Target[] = [
  {
    name: 'task',
    fields: ['task'],
    *walk(world) {
      for (const task of world.tasks()) yield [task];
    },
  },
  {
    name: 'bpf_map_elem',
    fields: ['map', 'key', 'value'],
    needsMap: true,
    walk: (world, map) => elements(world, map!),
  },
];

/** Keys are copies; values are the map's own, which the program may change, but per-CPU ones: those are copies of all CPUs'. */
function* elements({ objects: { memory } }: IterWorld, map: BpfMap): Iterable<readonly number[]> {
  const keySize = Math.max(8, map.attrs.keySize);
  const key = memory.alloc(keySize);
  let copy: { readonly at: number; readonly size: number } | undefined;
  try {
    for (let bytes = map.nextKey(undefined); bytes; bytes = map.nextKey(bytes)) {
      memory.u8.set(bytes, key);
      let value = 0;
      if (map.attrs.type.includes('percpu')) {
        const all = map.lookup(bytes);
        if (!all) continue;
        copy ??= { at: memory.alloc(all.length), size: all.length };
        memory.u8.set(all, copy.at);
        value = copy.at;
      } else value = map.lookupOffset(key);
      if (value !== 0) yield [map.offset, key, value];
    }
    yield [map.offset, 0, 0];
  } finally {
    memory.free(key, keySize);
    if (copy) memory.free(copy.at, copy.size);
  }
}

/** Maps whose elements an iterator goes over. */
const ITERABLE = /^(lru_)?(percpu_)?(hash|array)$/;

/** Runs the program on a context; what it writes goes to `write`, which answers 0 or -EOVERFLOW. Answers its r0. */
export type RunIterator = (context: Context, write: (bytes: Uint8Array) => number) => number;

/** A program attached to an iterator, and its one reader. */
export class IterLink implements Link {
  readonly probe: Probe;
  readonly #target: Target;
  readonly #world: IterWorld;
  readonly #map: BpfMap | undefined;
  readonly #run: RunIterator;
  readonly #closed: (link: IterLink) => void;
  #walk: Iterator<readonly number[]> | undefined;
  /** An object that found no room in the last read's buffer. */
  #again: readonly number[] | undefined;
  #done = false;
  #seqNum = -1;

  /** Throws BpfError ENOENT for a target that is none, EINVAL and Unsupported for a map that cannot be walked. */
  constructor(
    probe: Probe,
    world: IterWorld,
    map: BpfMap | undefined,
    run: RunIterator,
    closed: (link: IterLink) => void,
  ) {
    const target = TARGETS.find((t) => t.name === probe.target);
    if (!target) {
      const struct = `bpf_iter__${probe.target}`;
      if (world.objects.has(struct))
        throw new Unsupported(`iterating over ${probe.target}`, {
          backend: 'model',
          hint: `the model iterates over ${TARGETS.map((t) => t.name).join(', ')}`,
        });
      const near = nearestNames(
        probe.target,
        [...TARGETS].map((t) => t.name),
      );
      throw new BpfError(
        'ENOENT',
        `there is no iterator ${probe.target}${near.length > 0 ? `; nearest: ${near.join(', ')}` : ''}`,
      );
    }
    if (target.needsMap && !map)
      throw new SysError('bpf(BPF_LINK_CREATE)', 'EBADF', `an iterator over ${target.name} needs a map`);
    if (map && !ITERABLE.test(map.attrs.type))
      throw new SysError(
        'bpf(BPF_LINK_CREATE)',
        'EINVAL',
        `the elements of a ${map.attrs.type} cannot be iterated over`,
      );
    this.probe = probe;
    this.#target = target;
    this.#world = world;
    this.#map = map;
    this.#run = run;
    this.#closed = closed;
  }

  /** The next part of the output, at most 32 KiB; undefined at the end. Throws SysError E2BIG when one object writes more than that. */
  read(): Uint8Array | undefined {
    if (this.#done) return undefined;
    const parts: Uint8Array[] = [];
    let used = 0;
    this.#walk ??= this.#objects();
    for (;;) {
      const object = this.#again ?? this.#next();
      // The end is told with the number of the last object (bpf_iter_inc_seq_num counts what comes after the first).
      if (object && !this.#again && object.at(-1) !== 0) this.#seqNum++;
      this.#again = undefined;
      if (!object) {
        this.#done = true;
        break;
      }
      const written: Uint8Array[] = [];
      let size = used;
      let full = false;
      const result = this.#show(object, (bytes) => {
        if (full || size + bytes.length > BUFFER) {
          full = true;
          return EOVERFLOW;
        }
        written.push(bytes);
        size += bytes.length;
        return 0;
      });
      // A program that answers something else than 0 asks to be run again (-EAGAIN), a full buffer to be emptied first.
      if (full || result !== 0) {
        this.#again = object;
        if (used > 0) break;
        throw new SysError('read', full ? 'E2BIG' : 'EAGAIN', `reading from the iterator over ${this.#target.name}`);
      }
      parts.push(...written);
      used = size;
    }
    if (used === 0) return undefined;
    const out = new Uint8Array(used);
    let at = 0;
    for (const part of parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }

  #next(): readonly number[] | undefined {
    const { value, done } = this.#walk!.next();
    return done ? undefined : value;
  }

  *#objects(): Iterator<readonly number[]> {
    yield* this.#target.walk(this.#world, this.#map);
    // The end is told with NULL (task_seq_stop); map iterators end with their map (elements()).
    if (!this.#target.needsMap) yield this.#target.fields.map(() => 0);
  }

  #show(object: readonly number[], write: (bytes: Uint8Array) => number): number {
    const { objects } = this.#world;
    const struct = `bpf_iter__${this.#target.name}`;
    const ctx = objects.allocate(struct);
    const meta = objects.allocate('bpf_iter_meta');
    const seq = objects.allocate('seq_file');
    try {
      objects.point(struct, ctx, 'meta', meta);
      objects.point('bpf_iter_meta', meta, 'seq', seq);
      objects.set('bpf_iter_meta', meta, 'session_id', 1);
      objects.set('bpf_iter_meta', meta, 'seq_num', Math.max(this.#seqNum, 0));
      this.#target.fields.forEach((field, i) => {
        point(objects.memory, ctx + objects.field(struct, field).offset, object[i]!);
      });
      return this.#run({ offset: ctx, size: objects.sizeOf(struct) }, write);
    } finally {
      objects.free(struct, ctx);
      objects.free('bpf_iter_meta', meta);
      objects.free('seq_file', seq);
    }
  }

  close(): void {
    this.#done = true;
    this.#walk?.return?.();
    this.#closed(this);
  }
}

/** Context fields are declared as unions of a pointer and a u64 (__bpf_md_ptr): they have no name of their own. */
function point(memory: LinearMemory, at: number, target: number): void {
  memory.view.setInt32(at, target, true);
  memory.view.setInt32(at + 4, target === 0 ? 0 : KERNEL_HI, true);
}
