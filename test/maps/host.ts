/** A MapHost for tests: a small linear memory, a CPU that tests may change, a seeded generator (xorshift32). */
import type { LinearMemory } from '../../core/base/memory.ts';
import type { BpfMap, MapAttrs, MapHost } from '../../core/maps/map.ts';
import { VmMemory } from '../../core/vm/memory.ts';

export class TestHost implements MapHost {
  readonly memory: LinearMemory = new VmMemory();
  readonly cpus: number;
  cpu = 0;
  /** Inner maps by "file descriptor". */
  readonly maps = new Map<number, BpfMap>();
  #state: number;

  constructor(cpus = 4, seed = 1) {
    this.cpus = cpus;
    this.#state = seed;
  }

  currentCpu(): number {
    return this.cpu;
  }

  random(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }

  /** A number from 0 up to, not including, `n`. */
  below(n: number): number {
    return this.random() % n;
  }

  mapByFd(fd: number): BpfMap | undefined {
    return this.maps.get(fd);
  }

  mapId(map: BpfMap): number {
    for (const [fd, m] of this.maps) if (m === map) return fd;
    return 0;
  }
}

export function attrs(type: string, more: Partial<MapAttrs> = {}): MapAttrs {
  return { name: 'm', type, keySize: 4, valueSize: 8, maxEntries: 8, ...more };
}

export function u32(value: number): Uint8Array {
  return Uint8Array.of(value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24);
}

/** `size` bytes of a number, little-endian, zero-padded. */
export function num(value: number, size: number): Uint8Array {
  const out = new Uint8Array(size);
  for (let i = 0; i < Math.min(size, 6); i++) out[i] = Math.floor(value / 2 ** (8 * i)) & 255;
  return out;
}
