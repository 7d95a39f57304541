/**
 * The linear memory: one shared WebAssembly.Memory that engines, maps and the model kernel live in, and its allocator.
 *
 * Reserving the maximum costs address space only, so it is asked for once and as large as the machine gives (`ulimit -v`
 * makes it refuse; then smaller maxima are tried). Pages are committed by `grow` when `alloc` needs them. The last
 * 64 KiB below 4 GiB stay unmapped for ever, as do the first 64 KiB: a base address plus a 16-bit offset that runs over
 * either end of the 32-bit offset space thus always lands on unmapped bytes and engines need no carry check.
 *
 * Small objects (up to 2 KiB) come from slabs, one size class per 64 KiB page; larger ones from a sorted list of free
 * extents that coalesce. All bookkeeping is outside the memory, so no program can damage it.
 */
import { BpfError } from '../base/errors.ts';
import { FIRST_MAPPED, type LinearMemory } from '../base/memory.ts';
import { type WasmMemory, wasm } from '../base/platform.ts';

const PAGE = 65536;
/** 4 GiB less one page, see above. */
const MOST_PAGES = 65535;
const GRAIN = 64;
const SMALL_MOST = 2048;

/** Sizes of the small classes: steps of 8 up to 128, then four to a doubling. */
export const SIZE_CLASSES: readonly number[] = sizeClasses();

function sizeClasses(): number[] {
  const sizes: number[] = [];
  for (let size = 8; size <= 128; size += 8) sizes.push(size);
  for (let base = 128; base < SMALL_MOST; base *= 2) {
    for (let quarter = 1; quarter <= 4; quarter++) sizes.push(base + (base / 4) * quarter);
  }
  return sizes;
}

/** What holds the bytes: a WebAssembly memory, or a plain buffer where there is no WebAssembly. */
interface Store {
  readonly buffer: ArrayBufferLike;
  readonly wasmMemory: WasmMemory | undefined;
  /** Make it at least `bytes` long (a multiple of 64 KiB); false when refused. */
  grow(bytes: number): boolean;
}

function wasmStore(initialPages: number, maximumPages: number, unshared: boolean): Store | undefined {
  if (!wasm) return undefined;
  for (const shared of unshared ? [false] : [true, false]) {
    for (let maximum = maximumPages; maximum >= initialPages; maximum = Math.floor(maximum / 2)) {
      try {
        const memory = new wasm.Memory({ initial: initialPages, maximum, shared });
        return {
          get buffer() {
            return memory.buffer;
          },
          wasmMemory: memory,
          grow(bytes) {
            try {
              memory.grow((bytes - memory.buffer.byteLength) / PAGE);
              return true;
            } catch {
              return false;
            }
          },
        };
      } catch {
        // Refused: not that much address space, or no shared memories here. Ask for less.
      }
    }
  }
  return undefined;
}

function plainStore(initialPages: number, maximumPages: number): Store {
  let buffer = new ArrayBuffer(initialPages * PAGE);
  return {
    get buffer() {
      return buffer;
    },
    wasmMemory: undefined,
    grow(bytes) {
      if (bytes > maximumPages * PAGE) return false;
      try {
        const larger = new ArrayBuffer(bytes);
        new Uint8Array(larger).set(new Uint8Array(buffer));
        buffer = larger;
        return true;
      } catch {
        return false;
      }
    },
  };
}

export interface MemoryOptions {
  /** Most bytes the memory may ever have; rounded down to 64 KiB pages. Default: as near to 4 GiB as the host gives. */
  readonly maximumBytes?: number;
  /** Bytes mapped from the start. Default 1 MiB. */
  readonly initialBytes?: number;
  /** Do without WebAssembly although it is there (the JIT is then unavailable). */
  readonly plain?: boolean;
  /** A WebAssembly memory that is not shared, as pages without cross-origin isolation have it. */
  readonly unshared?: boolean;
}

/** Free bytes between two allocations. */
interface Extent {
  start: number;
  end: number;
}

export class VmMemory implements LinearMemory {
  u8!: Uint8Array;
  i32!: Int32Array;
  view!: DataView;
  /** What the JIT imports; undefined where there is no WebAssembly. */
  readonly wasmMemory: WasmMemory | undefined;
  readonly #store: Store;
  /** Free extents, sorted by start, never touching one another. The last byte mapped is never past `#top`. */
  readonly #free: Extent[];
  /** Rounded size of each large allocation. */
  readonly #large = new Map<number, number>();
  /** Size class of each 64 KiB page that is a slab, plus one; 0 for others. */
  readonly #slabClass = new Uint8Array(PAGE);
  readonly #smallFree: number[][] = SIZE_CLASSES.map(() => []);
  /** Class index of (size + 7) / 8. */
  readonly #classOf = new Uint8Array(SMALL_MOST / 8 + 1);
  #top: number;
  /** Bytes from here on were never handed out: still zero, not to be touched for zeroing. */
  #fresh: number;

  constructor(options: MemoryOptions = {}) {
    const maximum = Math.max(2, Math.min(MOST_PAGES, Math.floor((options.maximumBytes ?? MOST_PAGES * PAGE) / PAGE)));
    const initial = Math.max(2, Math.min(maximum, Math.ceil((options.initialBytes ?? 16 * PAGE) / PAGE)));
    this.#store =
      (options.plain ? undefined : wasmStore(initial, maximum, options.unshared === true)) ??
      plainStore(initial, maximum);
    this.wasmMemory = this.#store.wasmMemory;
    this.#top = initial * PAGE;
    this.#fresh = FIRST_MAPPED;
    this.#free = [{ start: FIRST_MAPPED, end: this.#top }];
    for (let k = 0, c = 0; k < this.#classOf.length; k++) {
      if (k * 8 > SIZE_CLASSES[c]!) c++;
      this.#classOf[k] = c;
    }
    this.#refreshViews();
  }

  /** Bytes mapped now. */
  get byteLength(): number {
    return this.#top;
  }

  alloc(size: number, align = 8): number {
    if (!(size >= 0) || !Number.isSafeInteger(size)) throw new RangeError(`alloc of ${size} bytes`);
    if (!(align > 0) || (align & (align - 1)) !== 0) throw new RangeError(`alignment ${align} is not a power of two`);
    if (align > 8) size = Math.max(align, size);
    if (size <= SMALL_MOST && align <= 64)
      return this.#allocSmall(align > 8 ? Math.ceil(size / align) * align : size, align);
    return this.#allocLarge(Math.ceil(size / GRAIN) * GRAIN, Math.max(align, GRAIN));
  }

  free(offset: number, size: number): void {
    const slab = this.#slabClass[offset >>> 16]!;
    if (slab !== 0) {
      if (size > SIZE_CLASSES[slab - 1]!) throw new RangeError(`free of ${size} bytes at ${offset}: it has fewer`);
      this.#smallFree[slab - 1]!.push(offset);
      return;
    }
    const rounded = this.#large.get(offset);
    if (rounded === undefined) throw new RangeError(`free of offset ${offset}, which is not allocated`);
    if (size > rounded) throw new RangeError(`free of ${size} bytes at ${offset}: it has ${rounded}`);
    this.#large.delete(offset);
    this.#release(offset, offset + rounded);
  }

  #allocSmall(size: number, align: number): number {
    let c = this.#classOf[(size + 7) >> 3]!;
    // In a slab every object lies at a multiple of its class size, so the class must be a multiple of the alignment.
    while (SIZE_CLASSES[c]! % align !== 0) c++;
    const list = this.#smallFree[c]!;
    const bytes = SIZE_CLASSES[c]!;
    if (list.length === 0) {
      const slab = this.#takeExtent(PAGE, PAGE);
      if (slab + PAGE > this.#fresh) this.#fresh = slab + PAGE;
      this.#slabClass[slab >>> 16] = c + 1;
      for (let at = slab + (Math.floor(PAGE / bytes) - 1) * bytes; at >= slab; at -= bytes) list.push(at);
    }
    const offset = list.pop()!;
    this.u8.fill(0, offset, offset + bytes);
    return offset;
  }

  #allocLarge(size: number, align: number): number {
    const offset = this.#takeExtent(size, align);
    this.#large.set(offset, size);
    if (offset < this.#fresh) this.u8.fill(0, offset, Math.min(offset + size, this.#fresh));
    if (offset + size > this.#fresh) this.#fresh = offset + size;
    return offset;
  }

  /** First fit by address (low addresses fill up, the fresh top stays untouched), growing the memory when nothing fits. */
  #takeExtent(size: number, align: number): number {
    for (let i = 0; i < this.#free.length; i++) {
      const extent = this.#free[i]!;
      const start = Math.ceil(extent.start / align) * align;
      const end = start + size;
      if (end > extent.end) continue;
      const rest: Extent[] = [];
      if (extent.start < start) rest.push({ start: extent.start, end: start });
      if (end < extent.end) rest.push({ start: end, end: extent.end });
      this.#free.splice(i, 1, ...rest);
      return start;
    }
    this.#growFor(size, align);
    return this.#takeExtent(size, align);
  }

  #growFor(size: number, align: number): void {
    const last = this.#free[this.#free.length - 1];
    const from = last && last.end === this.#top ? last.start : this.#top;
    const need = Math.ceil((Math.ceil(from / align) * align + size) / PAGE) * PAGE;
    // Grow by an eighth at least, so that many small growths do not each replace the views.
    const wish = Math.min(MOST_PAGES * PAGE, Math.max(need, Math.ceil((this.#top * 1.125) / PAGE) * PAGE + 16 * PAGE));
    const old = this.#top;
    if (need > MOST_PAGES * PAGE || !(this.#store.grow(wish) || (wish !== need && this.#store.grow(need)))) {
      throw new BpfError('ENOMEM', `linear memory is full: ${size} more bytes do not fit beside ${old} mapped ones`);
    }
    this.#refreshViews();
    this.#top = this.u8.length;
    this.#release(old, this.#top);
  }

  #release(start: number, end: number): void {
    const free = this.#free;
    let low = 0;
    let high = free.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (free[mid]!.start < start) low = mid + 1;
      else high = mid;
    }
    const before = free[low - 1];
    const after = free[low];
    if (before && before.end === start) {
      before.end = end;
      if (after && after.start === end) {
        before.end = after.end;
        free.splice(low, 1);
      }
    } else if (after && after.start === end) after.start = start;
    else free.splice(low, 0, { start, end });
  }

  #refreshViews(): void {
    const { buffer } = this.#store;
    this.u8 = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.view = new DataView(buffer);
  }
}
