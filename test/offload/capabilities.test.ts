import { describe, expect, it } from 'vitest';
import { helperByName } from '../../core/helpers/index.ts';
import { encode, type Insn } from '../../core/isa/insn.ts';
import { mapTypeByName } from '../../core/maps/index.ts';
import { DEFAULT_DEVICE, fits } from '../../core/offload/capabilities.ts';
import { progTypeByName } from '../../core/progs/index.ts';
import type { MapSpec, ProgSpec } from '../../core/spec/spec.ts';

const exit: Insn = { opcode: 0x95, dst: 0, src: 0, off: 0, imm: 0 };
const prog = (type: string, insns: readonly Insn[]): ProgSpec => ({
  name: 'p',
  type,
  section: type,
  insns: encode([...insns, exit]),
  relocs: [],
  funcs: [],
  lines: [],
  license: 'GPL',
});
const map = (more: Partial<MapSpec>): MapSpec => ({
  name: 'm',
  type: 'hash',
  keySize: 4,
  valueSize: 4,
  maxEntries: 10,
  flags: 0,
  keyType: 0,
  valueType: 0,
  ...more,
});
const helper = (name: string): Insn => ({ opcode: 0x85, dst: 0, src: 0, off: 0, imm: helperByName(name)!.id });
const reasons = (p: ProgSpec, maps: MapSpec[] = [], stack = 0) =>
  fits(p, maps, DEFAULT_DEVICE, stack).map((m) => (m.pc === undefined ? m.reason : `${m.pc}: ${m.reason}`));

describe('the default device', () => {
  it('names only helpers, maps and program types that exist', () => {
    for (const name of DEFAULT_DEVICE.helpers) expect(helperByName(name), name).toBeDefined();
    for (const name of DEFAULT_DEVICE.mapTypes) expect(mapTypeByName(name), name).toBeDefined();
    for (const name of DEFAULT_DEVICE.progTypes) expect(progTypeByName(name), name).toBeDefined();
  });

  it('takes a plain XDP program', () => {
    expect(reasons(prog('xdp', [helper('map_lookup_elem')]), [map({})])).toEqual([]);
  });

  it('says every reason at once, with the place', () => {
    const insns: Insn[] = [
      { opcode: 0x18, dst: 1, src: 0, off: 0, imm: 0x3f },
      helper('ktime_get_ns'),
      { opcode: 0x3f, dst: 1, src: 2, off: 0, imm: 0 },
      { opcode: 0x37, dst: 1, src: 0, off: 0, imm: 3 },
      { opcode: 0xdb, dst: 10, src: 1, off: -8, imm: 0 },
      { opcode: 0xdb, dst: 10, src: 1, off: -8, imm: 0xe1 },
      { opcode: 0x85, dst: 0, src: 2, off: 0, imm: 77 },
      { opcode: 0x85, dst: 0, src: 0, off: 0, imm: 9999 },
    ];
    expect(reasons(prog('kprobe', insns), [map({ type: 'lru_hash', keySize: 65 })], 600)).toEqual([
      'the default device runs xdp and sched_cls programs, not kprobe',
      '600 bytes of stack; the default device has 512',
      'map m is of type lru_hash; the default device has hash, array, perf_event_array',
      'map m has keys of 65 bytes; the default device takes 64',
      '2: helper ktime_get_ns is not on the default device',
      '3: div by a register',
      '6: atomic operations other than add',
      '7: calls of kernel functions',
      '8: calls helper number 9999, which does not exist',
    ]);
  });

  it('has limits on size', () => {
    const nop: Insn = { opcode: 0xb7, dst: 0, src: 0, off: 0, imm: 0 };
    expect(reasons(prog('xdp', Array(8192).fill(nop)))).toEqual(['8193 instructions; the default device holds 8192']);
    expect(reasons(prog('xdp', []), [map({ maxEntries: 1 << 20 }), map({ name: 'n' })])).toEqual([
      '1048586 map elements in all; the default device has room for 1048576',
    ]);
  });
});
