/**
 * Programs typed as arrays, and the five steps: on the model kernel, and the same spec in the real one by bpf(2) where that is permitted. The
 * array is the one of the oldest example, in both languages, form by form.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  bpfOrThrow,
  bpfUnavailable,
  createMap as createKernelMap,
  lookupElem,
  progLoad,
  sys,
  testRun,
} from '../../bindings/linux/bpf.ts';
import { arrayToSpec, RawBpf } from '../../core/bcc/raw.ts';
import { printUapi } from '../../core/bcc/uapi-names.ts';
import * as skep from '../../core/index.ts';
import { mapTypeByName } from '../../core/maps/index.ts';
import type { PacketSocket } from '../../core/model/packet-socket.ts';
import { defineWorkload } from '../../core/model/workload/workload.ts';
import { progTypeByName } from '../../core/progs/index.ts';
import type { ObjectSpec, ProgSpec } from '../../core/spec/spec.ts';
import { runLuaScript } from '../../frontends/lua/index.ts';
import { bench } from './model.ts';

const {
  BPF_ADD,
  BPF_ALU64_IMM,
  BPF_CALL,
  BPF_DW,
  BPF_EXIT_INSN,
  BPF_FUNC_map_lookup_elem,
  BPF_JEQ,
  BPF_JMP,
  BPF_JMP_IMM,
  BPF_LD_ABS,
  BPF_LD_MAP_FD,
  BPF_LD_MAP_VALUE,
  BPF_LDX_MEM,
  BPF_MAP_TYPE_ARRAY,
  BPF_MOV64_IMM,
  BPF_MOV64_REG,
  BPF_PROG_TYPE_KPROBE,
  BPF_PROG_TYPE_SOCKET_FILTER,
  BPF_RAW_INSN,
  BPF_REG_0,
  BPF_REG_1,
  BPF_REG_2,
  BPF_REG_6,
  BPF_REG_10,
  BPF_ST_MEM,
  BPF_STX,
  BPF_W,
  BPF_H,
  BPF_XADD,
} = skep;

/** The counter, as the article has it. */
const counter = (map_fd: number) => [
  /* Put 0 (the map key) on the stack */
  BPF_ST_MEM(BPF_W, BPF_REG_10, -4, 0),
  /* Put frame pointer into R2 */
  BPF_MOV64_REG(BPF_REG_2, BPF_REG_10),
  /* Decrement pointer by four */
  BPF_ALU64_IMM(BPF_ADD, BPF_REG_2, -4),
  /* Put map_fd into R1 */
  BPF_LD_MAP_FD(BPF_REG_1, map_fd),
  /* Load current count from map into R0 */
  BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
  /* If returned value NULL, skip two instructions and return */
  BPF_JMP_IMM(BPF_JEQ, BPF_REG_0, 0, 2),
  /* Put 1 into R1 */
  BPF_MOV64_IMM(BPF_REG_1, 1),
  /* Increment value by 1 */
  BPF_RAW_INSN(BPF_STX | BPF_XADD | BPF_DW, BPF_REG_0, BPF_REG_1, 0, 0),
  /* Return from program */
  BPF_EXIT_INSN(),
];

const LUA_COUNTER = `
local k = BPF:raw()
local counts = k:create_map{type=BPF_MAP_TYPE_ARRAY, key_size=4, value_size=8, max_entries=1}
local map_fd = counts.fd
local prog = {
  -- Put 0 (the map key) on the stack
  BPF_ST_MEM(BPF_W, BPF_REG_10, -4, 0),
  -- Put frame pointer into R2
  BPF_MOV64_REG(BPF_REG_2, BPF_REG_10),
  -- Decrement pointer by four
  BPF_ALU64_IMM(BPF_ADD, BPF_REG_2, -4),
  -- Put map_fd into R1
  BPF_LD_MAP_FD(BPF_REG_1, map_fd),
  -- Load current count from map into R0
  BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
  -- If returned value NULL, skip two instructions and return
  BPF_JMP_IMM(BPF_JEQ, BPF_REG_0, 0, 2),
  -- Put 1 into R1
  BPF_MOV64_IMM(BPF_REG_1, 1),
  -- Increment value by 1
  BPF_RAW_INSN(BPF_STX | BPF_XADD | BPF_DW, BPF_REG_0, BPF_REG_1, 0, 0),
  -- Return from program
  BPF_EXIT_INSN(),
}
`;

const COUNTS = { type: BPF_MAP_TYPE_ARRAY, keySize: 4, valueSize: 8, maxEntries: 1, name: 'counts' };

/** Frames with an Ethernet header: protocol, then bytes. */
const frame = (protocol: number, ...rest: number[]) =>
  Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, protocol >> 8, protocol & 255, ...rest);

describe('the five steps on the model kernel', () => {
  it('count calls of a kernel function, from TypeScript', () => {
    const { backend } = bench('connects');
    const k = new RawBpf();
    const counts = k.createMap(COUNTS);
    const prog = k.loadProgram({ progType: BPF_PROG_TYPE_KPROBE, insns: counter(counts.fd), name: 'counter' });
    const link = prog.attach('kprobe', 'tcp_v4_connect');
    expect(counts.get(0)).toBe(0n);
    expect(k.wait()).toBe('ended');
    expect(counts.get(0)).toBe(CONNECTS);
    link.close();
    k.close();
    backend.close();
  });

  it('count the same from Lua', () => {
    const { backend } = bench('connects');
    expect(
      lua(`${LUA_COUNTER}
      local p = k:load_program{prog_type=BPF_PROG_TYPE_KPROBE, insns=prog, license='GPL'}
      p:attach('kprobe', 'tcp_v4_connect')
      print(k:wait(), counts:get(0), #prog, prog[1].opcode == BPF_ST + BPF_MEM + BPF_W)`),
    ).toEqual([`ended\t${CONNECTS}ULL\t9\ttrue`]);
    backend.close();
  });

  it.each([
    ['kretprobe', 'tcp_v4_connect', 'kprobe'],
    ['tracepoint', 'syscalls:sys_enter_connect', 'tracepoint'],
    ['raw_tracepoint', 'sys_enter', 'raw_tracepoint'],
  ])('attach by %s %s', (kind, target, progType) => {
    const { backend } = bench('connects');
    const k = new RawBpf();
    const counts = k.createMap(COUNTS);
    k.loadProgram({ progType, insns: counter(counts.fd) }).attach(kind, target);
    k.wait();
    expect(counts.get(0)).toBeGreaterThanOrEqual(CONNECTS);
    backend.close();
  });

  const BASH = '/bin/bash';
  /** Two shells that read lines: three, and two. */
  const lines = defineWorkload('lines', 'shells that read lines', (world) => {
    for (const [pid, count] of [
      [100, 3],
      [200, 2],
    ] as const) {
      const shell = world.spawn({ comm: 'bash', pid });
      for (let i = 0; i < count; i++) {
        shell.pass(`uprobe:${BASH}:readline`, { args: [0x1000] });
        shell.pass(`uretprobe:${BASH}:readline`, { ret: 0x2000 });
        shell.pass(`uprobe:${BASH}:add_history`, { args: [0x2000] });
      }
      shell.exit(0);
    }
  });

  it.each([
    ['uprobe', `${BASH}:readline`, {}, 5n],
    ['uretprobe', `${BASH}:readline`, {}, 5n],
    ['uprobe', `${BASH}:readline`, { pid: 200 }, 2n],
    ['uprobe', `${BASH}:nothing`, {}, 0n],
  ] as const)('count passes of a user function by %s %s %j', (kind, target, options, want) => {
    const { backend } = bench(lines);
    const k = new RawBpf();
    const counts = k.createMap(COUNTS);
    const prog = k.loadProgram({ progType: BPF_PROG_TYPE_KPROBE, insns: counter(counts.fd) });
    const link = prog.attach(kind, target, options);
    expect(k.wait()).toBe('ended');
    expect(counts.get(0)).toBe(want);
    link.close();
    backend.close();
  });

  it('a user function gives its arguments and its result, from Lua', () => {
    const { backend } = bench(lines);
    // struct pt_regs of x86-64: di is at 112, ax at 80. Both are added up.
    const body = (register: number) => `
      local function sum_of(register)
        return {
          BPF_MOV64_REG(BPF_REG_6, BPF_REG_1),
          BPF_LDX_MEM(BPF_DW, BPF_REG_7, BPF_REG_6, register),
          BPF_LD_MAP_VALUE(BPF_REG_1, sums.fd, 0),
          BPF_RAW_INSN(BPF_STX + BPF_XADD + BPF_DW, BPF_REG_1, BPF_REG_7, 0, 0),
          BPF_MOV64_IMM(BPF_REG_0, 0),
          BPF_EXIT_INSN(),
        }
      end
      local p = k:load_program{prog_type='kprobe', insns=sum_of(${register})}`;
    const script = (register: number, attach: string) => `
      local k = BPF:raw()
      local sums = k:create_map{type='array', key_size=4, value_size=8, max_entries=1}
      ${body(register)}
      p:attach${attach}
      k:wait()
      print(sums:get(0))`;
    expect(lua(script(112, `('uprobe', '${BASH}:readline')`))).toEqual([`${5 * 0x1000}ULL`]);
    backend.close();
    const second = bench(lines);
    expect(lua(script(80, `{kind='uretprobe', target='${BASH}:readline', pid=100}`))).toEqual([`${3 * 0x2000}ULL`]);
    second.backend.close();
  });

  it('filter a socket: what r0 says is kept, in order, cut', () => {
    const { backend } = bench('hello');
    const k = new RawBpf({ backend });
    const sizes = k.createMap({ type: 'array', key_size: 4, value_size: 16, max_entries: 1 });
    const filter = k.loadProgram({
      progType: 'BPF_PROG_TYPE_SOCKET_FILTER',
      insns: [
        BPF_MOV64_REG(BPF_REG_6, BPF_REG_1),
        BPF_LDX_MEM(BPF_W, BPF_REG_2, BPF_REG_6, 0),
        BPF_LD_MAP_VALUE(BPF_REG_1, sizes.fd, 8),
        BPF_RAW_INSN(BPF_STX | BPF_XADD | BPF_DW, BPF_REG_1, BPF_REG_2, 0, 0),
        BPF_LD_ABS(BPF_H, 12),
        BPF_JMP_IMM(BPF_JEQ, BPF_REG_0, 0x0800, 2),
        BPF_MOV64_IMM(BPF_REG_0, 0),
        BPF_EXIT_INSN(),
        BPF_MOV64_IMM(BPF_REG_0, 16),
        BPF_EXIT_INSN(),
      ],
    });
    const socket = filter.attach('socket', 'lo') as PacketSocket;
    expect(backend.injectPacket('lo', frame(0x0800, 1, 2, 3, 4))).toBe(1);
    expect(backend.injectPacket('lo', frame(0x86dd, 1, 2, 3, 4))).toBe(0);
    expect(backend.injectPacket('eth0', frame(0x0800, 9))).toBe(0);
    // Too short for ld_abs: the program ends with r0 = 0.
    expect(backend.injectPacket('lo', Uint8Array.of(1, 2, 3))).toBe(0);
    expect(backend.injectPacket('lo', frame(0x0800, 5))).toBe(1);
    expect(socket.read()).toEqual(frame(0x0800, 1, 2));
    expect(socket.read()).toEqual(frame(0x0800, 5));
    expect(socket.read()).toBeUndefined();
    expect(sizes.items()).toEqual([[0, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 18 + 18 + 3 + 15, 0, 0, 0, 0, 0, 0, 0)]]);
    socket.close();
    expect(backend.injectPacket('lo', frame(0x0800, 1))).toBe(0);
    expect(() => filter.attach('socket', 'wlan7')).toThrow("the model kernel has no network device 'wlan7'");
    backend.close();
  });

  it('says what is wrong with a step', () => {
    const { backend } = bench('hello');
    const k = new RawBpf();
    expect(() => k.createMap({ type: 'arry', keySize: 4 })).toThrow(/no map type "arry"; nearest: array/);
    expect(() => k.createMap({ type: 'array', keySize: 3, valueSize: 8, maxEntries: 1 })).toThrow(/EINVAL|key/);
    expect(() => k.loadProgram({ progType: 'kprobe', insns: counter(77) })).toThrow(
      'program prog0, pc 3: 77 is the number of no map; no map was created',
    );
    const { fd } = k.createMap(COUNTS);
    expect(() => k.createMap(COUNTS)).toThrow("there is a map 'counts' already");
    expect(() => k.loadProgram({ progType: 'kprobe', insns: counter(77) })).toThrow(`there is: ${fd} (counts)`);
    expect(() => k.loadProgram({ progType: 'kprob', insns: [] })).toThrow(/no program type "kprob"; nearest: kprobe/);
    expect(() => k.loadProgram({ progType: 'kprobe', insns: [BPF_EXIT_INSN()] })).toThrow(/R0 !read_ok/);
    expect(() => k.loadProgram({ progType: 'kprobe', insns: [BPF_MOV64_IMM(0, 0)] })).toThrow(skep.BpfError);
    expect(() => k.loadProgram({ progType: 'kprobe', insns: [] })).toThrow(skep.BpfError);
    const prog = k.loadProgram({ progType: 'kprobe', insns: counter(fd) });
    expect(() => prog.attach('kprob', 'x')).toThrow(/there is no probe kind 'kprob'/);
    expect(() => prog.attach('socket', 'lo')).toThrow(/of type kprobe cannot filter a socket/);
    k.close();
    k.close();
    expect(() => k.createMap(COUNTS)).toThrow(/closed/);
    backend.close();
  });
});

it('an array becomes an inert spec that names its maps', () => {
  const spec = arrayToSpec(counter(42), { name: 'c', type: 'kprobe', license: 'GPL' }, new Map([[42, 'counts']]));
  expect(spec.relocs).toEqual([{ kind: 'map', insn: 3, map: 'counts' }]);
  expect(spec.insns.length).toBe(80);
  expect(spec.insns.subarray(24, 32)).toEqual(Uint8Array.of(0x18, 0x11, 0, 0, 0, 0, 0, 0));
});

it('names of uapi/linux/bpf.h are those of the tables', () => {
  const path = join(import.meta.dirname, '../../core/bcc/uapi.gen.ts');
  if (process.env['SKEP_WRITE_GEN']) writeFileSync(path, printUapi());
  expect(readFileSync(path, 'utf8')).toBe(printUapi());
  expect(skep).toMatchObject({ BPF_FUNC_probe_read: 4, BPF_MAP_TYPE_RINGBUF: 27, BPF_PROG_TYPE_XDP: 6 });
});

const missing = bpfUnavailable();
const fds: number[] = [];
afterAll(() => {
  for (const fd of fds) sys().close(fd);
});

/** Make the maps of a spec in the real kernel and load a program of it: the numbers by map name, and the program's. */
function loadIntoKernel(
  object: ObjectSpec,
  spec: ProgSpec,
): { readonly fd: number; readonly maps: Map<string, number> } {
  const maps = new Map<string, number>();
  for (const { name, type, keySize, valueSize, maxEntries, flags } of object.maps) {
    maps.set(name, createKernelMap({ type: mapTypeByName(type)!.id, keySize, valueSize, maxEntries, flags, name }));
  }
  const insns = spec.insns.slice();
  for (const reloc of spec.relocs) {
    if (reloc.kind !== 'map') throw new Error(`a ${reloc.kind} here`);
    new DataView(insns.buffer).setInt32(reloc.insn * 8 + 4, maps.get(reloc.map)!, true);
  }
  const { fd } = progLoad({ type: progTypeByName(spec.type)!.id, insns, license: spec.license, name: spec.name });
  fds.push(fd, ...maps.values());
  return { fd, maps };
}

describe.skipIf(missing)(`the same spec in the real kernel${missing ? ` (skipped: ${missing})` : ''}`, () => {
  function fromModel(progType: number | string) {
    const { backend } = bench('hello');
    const k = new RawBpf();
    const counts = k.createMap(COUNTS);
    const prog = k.loadProgram({ progType, insns: counter(counts.fd), name: 'counter' });
    const { object } = k;
    backend.close();
    return loadIntoKernel(object, prog.spec);
  }
  const count = (fd: number): number => {
    const value = new Uint8Array(8);
    expect(lookupElem(fd, new Uint8Array(4), value)).toBe(0);
    return Number(new DataView(value.buffer).getBigUint64(0, true));
  };

  it('counts the packets of a socket filter', () => {
    const { fd, maps } = fromModel(BPF_PROG_TYPE_SOCKET_FILTER);
    testRun(fd, { data: frame(0x0800, ...new Array(50).fill(7)), repeat: 5 });
    expect(count(maps.get('counts')!)).toBe(5);
  });

  it('counts system calls by a raw tracepoint', () => {
    const { fd, maps } = fromModel('raw_tracepoint');
    const name = new TextEncoder().encode('sys_enter\0');
    fds.push(bpfOrThrow('RAW_TRACEPOINT_OPEN', { name, prog_fd: fd }, 'attaching to sys_enter'));
    readFileSync('/proc/self/comm');
    expect(count(maps.get('counts')!)).toBeGreaterThan(0);
  });

  it.each(['kprobe', 'tracepoint'])('loads as a %s', (type) => {
    expect(fromModel(type).fd).toBeGreaterThan(0);
  });
});

/** Connections of the workload `connects` over IPv4, one of them by a mapped address. */
const CONNECTS = 5n;

function lua(text: string): string[] {
  const out: string[] = [];
  runLuaScript({
    name: 'counter.lua',
    text,
    args: [],
    output: { write: (_fd, bytes) => void out.push(Buffer.from(bytes).toString('utf8').trimEnd()) },
  });
  return out;
}
