/** Lookups of maps that a verified program names: the JIT does them in wasm, and must find what the map finds. */
import { describe, expect, it } from 'vitest';
import { KERNEL_BASE } from '../../core/base/memory.ts';
import { helperById } from '../../core/helpers/index.ts';
import * as B from '../../core/isa/builders.ts';
import { encode } from '../../core/isa/insn.ts';
import { createMap } from '../../core/maps/index.ts';
import { bareHost } from '../../core/vm/bare.ts';
import { VmMemory } from '../../core/vm/memory.ts';
import { ENGINES } from './engines.ts';
import { random } from './random-program.ts';

describe.each(ENGINES)('$name', (engine) => {
  it.each([
    ['array', 4],
    ['hash', 4],
    ['hash', 1],
    ['hash', 6],
    ['hash', 7],
    ['hash', 16],
    ['hash', 40],
    ['hash', 300],
    ['percpu_hash', 8],
    ['lru_hash', 8],
  ])('%s with keys of %i bytes', (type, keySize) => {
    const memory = new VmMemory();
    const entries = 64;
    const mapHost = { memory, cpus: 2, currentCpu: () => 0, random: () => 0x12345678 };
    const map = createMap({ name: 'm', type, keySize, valueSize: 12, maxEntries: entries }, mapHost);
    const r = random(keySize);
    const keys = Array.from({ length: 150 }, (_, i) => {
      const key = Uint8Array.from({ length: keySize }, () => (keySize === 1 ? r(150) : r(4)));
      if (type === 'array') new DataView(key.buffer).setUint32(0, i, true);
      return key;
    });
    const value = (i: number) => Uint8Array.from({ length: type === 'percpu_hash' ? 32 : 12 }, (_, k) => i + k);
    keys.forEach((key, i) => {
      if (i % 3 !== 0) map.update(key, value(i), 0);
    });
    for (const key of keys.slice(0, 20)) map.delete(key);
    const ctx = memory.alloc(keySize + 8);
    const code = encode([
      B.BPF_MOV64_REG(2, 1),
      B.BPF_LD_IMM64(1, KERNEL_BASE + BigInt(map.offset)),
      B.BPF_EMIT_CALL(1),
      B.BPF_EXIT_INSN(),
    ]);
    const host = bareHost({ memory, helper: helperById, maps: [map] });
    const facts = { verified: true, stackDepth: 0 };
    const exe = engine.prepare({ name: 'lookup', insns: code, funcs: [], lines: [], facts }, host);
    // Bytes behind the key must not matter.
    memory.u8.fill(0xff, ctx, ctx + keySize + 8);
    let found = 0;
    for (const key of keys) {
      memory.u8.set(key, ctx);
      exe.run(ctx);
      const want = map.lookupOffset(ctx);
      expect(exe.r0Lo >>> 0, `key ${key}`).toBe(want);
      expect(exe.r0Hi).toBe(want === 0 ? 0 : Number(BigInt.asIntN(32, KERNEL_BASE >> 32n)));
      if (want !== 0) found++;
    }
    expect(found).toBeGreaterThan(10);
    expect(found).toBeLessThan(keys.length);
  });
});
