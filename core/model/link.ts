/**
 * Linking: map references in a program's instructions become addresses in the linear memory. `ld_imm64 map_fd` gets the address of the
 * map's header, `map_value` the address of a byte of an array's value.
 */
import { BpfError } from '../base/errors.ts';
import { KERNEL_HI } from '../base/memory.ts';
import { OP_LD_IMM64 } from '../isa/ops.ts';
import type { BpfMap } from '../maps/map.ts';
import type { ProgFacts, ProgSpec } from '../spec/spec.ts';

/** A copy of the program's bytes with every map reference resolved. Throws BpfError for a map that is not there. */
export function linkMaps(prog: ProgSpec, maps: ReadonlyMap<string, BpfMap>): Uint8Array {
  const bytes = prog.insns.slice();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const reloc of prog.relocs) {
    const at = reloc.insn * 8;
    if (reloc.kind !== 'map' && reloc.kind !== 'map_value') {
      throw new BpfError('ENOENT', `program ${prog.name}: the model kernel has no ${reloc.kind} ${reloc.name}`);
    }
    const map = maps.get(reloc.map);
    if (!map) throw new BpfError('ENOENT', `program ${prog.name} names a map ${reloc.map} that was not created`);
    if (bytes[at] !== OP_LD_IMM64)
      throw new BpfError(
        'EINVAL',
        `program ${prog.name}: relocation at instruction ${reloc.insn}, which loads no address`,
      );
    let address = map.offset;
    if (reloc.kind === 'map_value') {
      if (!map.valueBase)
        throw new BpfError('EINVAL', `program ${prog.name}: map ${reloc.map} has no values with fixed addresses`);
      address = map.valueBase() + reloc.offset;
    }
    bytes[at + 1] = bytes[at + 1]! & 15;
    view.setInt32(at + 4, address, true);
    view.setInt32(at + 12, KERNEL_HI, true);
  }
  return bytes;
}

/** ldxw and ldxdw: loads of 4 and 8 bytes. */
const LDXW = 0x61;
const LDXDW = 0x79;
/** Where the whole pointers lie behind a packet program's context (packet-buffer.ts). */
export const POINTER_AT = { packet: 0, packet_end: 8, packet_meta: 16 } as const;

/** Loads of the context's packet pointers become loads of the whole pointers, which lie `ctxSize` bytes behind its start. Changes the bytes. */
export function movePacketLoads(insns: Uint8Array, facts: ProgFacts | undefined, ctxSize: number): void {
  const view = new DataView(insns.buffer, insns.byteOffset, insns.byteLength);
  for (const [slot, pointer] of facts?.packetLoads ?? []) {
    const at = slot * 8;
    if (insns[at] !== LDXW) continue;
    insns[at] = LDXDW;
    view.setInt16(at + 2, ctxSize + POINTER_AT[pointer], true);
  }
}
