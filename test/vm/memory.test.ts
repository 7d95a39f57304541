import { describe, expect, it } from 'vitest';
import { FIRST_MAPPED } from '../../core/base/memory.ts';
import { VmMemory } from '../../core/vm/memory.ts';

const MIB = 1 << 20;

describe.each([
  { name: 'WebAssembly', kind: {} },
  { name: 'WebAssembly, not shared', kind: { unshared: true } },
  { name: 'plain buffer', kind: { plain: true } },
])('linear memory ($name)', ({ kind }) => {
  it('hands out zeroed, aligned, disjoint bytes above the first 64 KiB', () => {
    const memory = new VmMemory({ ...kind, maximumBytes: 64 * MIB });
    const taken: { at: number; size: number }[] = [];
    let seed = 1;
    const random = (n: number) => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) % n;
    for (let step = 0; step < 4000; step++) {
      if (taken.length > 0 && random(3) === 0) {
        const [gone] = taken.splice(random(taken.length), 1);
        memory.free(gone!.at, gone!.size);
        continue;
      }
      const size = random(10) === 0 ? random(100_000) : random(300);
      const align = 1 << random(8);
      const at = memory.alloc(size, align);
      expect(at % align).toBe(0);
      expect(at).toBeGreaterThanOrEqual(FIRST_MAPPED);
      expect(memory.u8.subarray(at, at + size).every((b) => b === 0)).toBe(true);
      memory.u8.fill(0xaa, at, at + size);
      taken.push({ at, size });
    }
    taken.sort((a, b) => a.at - b.at);
    for (let i = 1; i < taken.length; i++) {
      expect(taken[i]!.at).toBeGreaterThanOrEqual(taken[i - 1]!.at + taken[i - 1]!.size);
    }
  });

  it('gives freed large blocks back as one', () => {
    const memory = new VmMemory({ ...kind, maximumBytes: 8 * MIB });
    const blocks = Array.from({ length: 6 }, () => memory.alloc(MIB));
    for (const at of [1, 3, 5, 0, 2, 4]) memory.free(blocks[at]!, MIB);
    expect(memory.alloc(6 * MIB)).toBe(blocks[0]);
  });

  it('keeps contents when it grows, and says ENOMEM at the maximum', () => {
    const memory = new VmMemory({ ...kind, initialBytes: 128 * 1024, maximumBytes: 4 * MIB });
    const at = memory.alloc(8);
    memory.view.setInt32(at, 42, true);
    memory.alloc(2 * MIB);
    expect(memory.view.getInt32(at, true)).toBe(42);
    expect(memory.byteLength).toBe(memory.u8.length);
    expect(() => memory.alloc(3 * MIB)).toThrow(/linear memory is full/);
    expect(memory.alloc(16)).toBeGreaterThan(0);
  });

  it('refuses to free what it did not give', () => {
    const memory = new VmMemory(kind);
    const at = memory.alloc(5000);
    expect(() => memory.free(at + 64, 5000)).toThrow(/not allocated/);
    memory.free(at, 5000);
    expect(() => memory.free(at, 5000)).toThrow(/not allocated/);
  });
});

it('reserves nearly 4 GiB where the host allows, without committing it', () => {
  const memory = new VmMemory();
  expect(memory.byteLength).toBeLessThanOrEqual(MIB);
  expect(memory.wasmMemory).toBeDefined();
});
