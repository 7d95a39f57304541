/** Compile a plain C text and run its `entry` on an engine: what the self-checking tests and the random programs stand on. */

import { renderDiagnostics } from '../../core/base/diagnostics.ts';
import { KERNEL_BASE } from '../../core/base/memory.ts';
import { type CompileOptions, compile } from '../../core/cc/index.ts';
import { helperById } from '../../core/helpers/index.ts';
import { createMap } from '../../core/maps/index.ts';
import type { ObjectSpec, ProgFacts } from '../../core/spec/spec.ts';
import { bareHost } from '../../core/vm/bare.ts';
import type { Engine } from '../../core/vm/engine.ts';
import { interp } from '../../core/vm/interp.ts';
import { VmMemory } from '../../core/vm/memory.ts';

export function compileOk(text: string, options: CompileOptions = {}): ObjectSpec {
  const { object, diagnostics } = compile({ name: 'test.c', text }, { check: true, ...options });
  if (!object) throw new Error(renderDiagnostics(diagnostics));
  return object;
}

/** Rendered diagnostics of a text. */
export function diagnose(text: string, options: CompileOptions = {}, name = 'test.c'): string {
  return renderDiagnostics(compile({ name, text }, options).diagnostics);
}

export interface Runner {
  /** r0 of `entry(mem, mem.length)` as unsigned 64 bits; `mem` is changed as the program changes it. */
  run(mem?: Uint8Array): bigint;
  readonly object: ObjectSpec;
}

/** Prepare `entry` (or another function) of a program. */
export function prepareC(text: string, options: CompileOptions = {}, name = 'entry'): Runner {
  return prepareObject(compileOk(text, options), name);
}

/** Prepare a program of a compiled object for an engine; `facts` are what the verifier said of it, if it was asked. */
export function prepareObject(
  object: ObjectSpec,
  name = 'entry',
  engine: Engine = interp,
  facts: ProgFacts = { verified: true, stackDepth: 0 },
): Runner {
  const prog = object.progs.find((p) => p.name === name);
  if (!prog) throw new Error(`no program '${name}'`);
  const memory = new VmMemory();
  const mapHost = { memory, cpus: 1, currentCpu: () => 0, random: () => 7 };
  const maps = new Map(
    object.maps.map((m) => {
      const map = createMap(
        {
          name: m.name,
          type: m.type,
          keySize: m.keySize,
          valueSize: m.valueSize,
          maxEntries: m.maxEntries,
          flags: m.flags & ~128,
        },
        mapHost,
      );
      for (const { key, value } of m.initial ?? []) map.update(key, value, 0);
      return [m.name, map];
    }),
  );
  const insns = prog.insns.slice();
  const view = new DataView(insns.buffer);
  for (const relo of prog.relocs) {
    if (relo.kind !== 'map' && relo.kind !== 'map_value') throw new Error(`relocation ${relo.kind}`);
    const map = maps.get(relo.map)!;
    const address = KERNEL_BASE + BigInt(relo.kind === 'map' ? map.offset : map.valueBase!() + relo.offset);
    view.setInt32(relo.insn * 8 + 4, Number(BigInt.asIntN(32, address)), true);
    view.setInt32(relo.insn * 8 + 12, Number(BigInt.asIntN(32, address >> 32n)), true);
    insns[relo.insn * 8 + 1]! &= 0x0f;
  }
  const host = bareHost({ memory, helper: helperById, maps: [...maps.values()] });
  const exe = engine.prepare({ name, insns, funcs: prog.funcs, lines: prog.lines, facts }, host);
  return {
    object,
    run(mem = new Uint8Array(0)) {
      const offset = memory.alloc(Math.max(mem.length, 8));
      memory.u8.set(mem, offset);
      exe.run(offset, mem.length);
      mem.set(memory.u8.subarray(offset, offset + mem.length));
      return (BigInt(exe.r0Hi >>> 0) << 32n) | BigInt(exe.r0Lo >>> 0);
    },
  };
}
