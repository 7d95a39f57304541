/** What the JIT imports into wasm: each import costs a compilation of V8's, so a program has those it uses and no others. */
import { describe, expect, it } from 'vitest';
import { KERNEL_HI } from '../../core/base/memory.ts';
import { wasm } from '../../core/base/platform.ts';
import { helperById } from '../../core/helpers/index.ts';
import { assemble } from '../../core/isa/asm.ts';
import { createMap } from '../../core/maps/index.ts';
import { bareHost } from '../../core/vm/bare.ts';
import { jit } from '../../core/vm/jit/jit.ts';
import { VmMemory } from '../../core/vm/memory.ts';

/** What wasm's own class has, and core does not use. */
interface Describes {
  imports(module: object): { readonly name: string }[];
}

const memory = new VmMemory({ maximumBytes: 4 << 20 });
const map = (type: string) =>
  createMap(
    { name: type, type, keySize: 4, valueSize: 8, maxEntries: 4, flags: 0 },
    { memory, cpus: 1, currentCpu: () => 0, random: () => 0 },
  );
const [hash, lru] = [map('hash'), map('lru_hash')];

/** Names that the module of a program imports, besides its memory; the program is run once. */
function imports(text: string, verified: boolean): string[] {
  const host = bareHost({ memory, helper: helperById, maps: [hash, lru] });
  const facts = verified ? { verified: true, stackDepth: 512 } : undefined;
  const names: string[] = [];
  const { Module } = wasm!;
  wasm!.Module = class extends Module {
    constructor(bytes: Uint8Array) {
      super(bytes);
      names.push(...(Module as unknown as Describes).imports(this).map((i) => i.name));
    }
  };
  try {
    jit.prepare({ name: 'p', insns: assemble(text), funcs: [], lines: [], facts }, host).run(0);
  } finally {
    wasm!.Module = Module;
  }
  return names.filter((name) => name !== 'm');
}

const lookup = (offset: number) => `*(u32 *)(r10 -4) = 1
r2 = r10
r2 += -4
r1 = ${((BigInt(KERNEL_HI >>> 0) << 32n) | BigInt(offset)).toString()} ll
call #1
exit`;

describe.skipIf(!wasm)('imports', () => {
  it.each([
    ['arithmetic', 'r0 = 1\nif r0 > 2 goto pc+1\nr0 += 3\nexit', false, []],
    ['accesses of a verified program', '*(u64 *)(r10 -8) = 1\nr0 = *(u64 *)(r10 -8)\nexit', true, []],
    ['accesses of another', '*(u64 *)(r10 -8) = 1\nr0 = *(u64 *)(r10 -8)\nexit', false, ['access']],
    ['a lookup in a hash map', lookup(hash.offset), true, []],
    ['a lookup that is not carried out in wasm', lookup(lru.offset), true, ['h0']],
    ['a lookup of an unverified program', lookup(hash.offset), false, ['access', 'h0']],
    ['a local call', 'call f\nexit\nf: r0 = 1\nexit', true, []],
    ['a local call of an unverified program', 'call f\nexit\nf: r0 = 1\nexit', false, ['frames']],
    ['a tail call', 'r2 = 0\nr3 = 0\ncall #12\nr0 = 0\nexit', true, ['tail']],
    ['two helpers, one twice', 'call #5\ncall #7\ncall #5\nr0 = 0\nexit', true, ['h0', 'h1']],
    ['a helper that does not exist, never called', 'r0 = 0\nexit\ncall #9999\nexit', true, []],
  ])('%s', (_, text, verified, want) => {
    expect(imports(text, verified)).toEqual(want);
  });
});
