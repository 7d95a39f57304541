/** Small programs by hand, a kernel's BTF, and a backend that collects what they print: what the tests of the model share. */
import { readFileSync } from 'node:fs';
import { inflateRawSync, inflateSync } from 'node:zlib';
import type { Link } from '../../core/backend/backend.ts';
import type { Btf } from '../../core/btf/btf.ts';
import { readBtf } from '../../core/btf/read.ts';
import { encode, type Insn } from '../../core/isa/insn.ts';
import { ALU, CLASS, JMP, MODE, OP_CALL, OP_EXIT, OP_LD_IMM64, SIZE, SRC } from '../../core/isa/ops.ts';
import { ModelBackend, type ModelBackendOptions } from '../../core/model/backend.ts';
import type { EventSource } from '../../core/model/source.ts';
import { defineWorkload, WorkloadSource, type World } from '../../core/model/workload/workload.ts';
import type { ObjectSpec, ProgSpec } from '../../core/spec/spec.ts';

let btf: Btf | undefined;

/** The BTF that ships with the package. */
export function shippedBtf(): Btf {
  if (!btf) {
    const packed = readFileSync(new URL('../../data/btf-6.1-x86_64.btf.deflate', import.meta.url));
    let bytes: Uint8Array;
    try {
      bytes = inflateRawSync(packed);
    } catch {
      bytes = inflateSync(packed);
    }
    btf = readBtf(new Uint8Array(bytes));
  }
  return btf;
}

export const R = { r0: 0, r1: 1, r2: 2, r3: 3, r4: 4, r5: 5, r6: 6, r7: 7, r8: 8, r9: 9, fp: 10 } as const;
type Width = 'B' | 'H' | 'W' | 'DW';

const insn = (opcode: number, dst: number, src: number, off: number, imm: number): Insn => ({
  opcode,
  dst,
  src,
  off,
  imm,
});
export const mov = (dst: number, src: number) => insn(CLASS.ALU64 | SRC.X | ALU.mov, dst, src, 0, 0);
export const movImm = (dst: number, imm: number) => insn(CLASS.ALU64 | SRC.K | ALU.mov, dst, 0, 0, imm);
export const addImm = (dst: number, imm: number) => insn(CLASS.ALU64 | SRC.K | ALU.add, dst, 0, 0, imm);
export const load = (size: Width, dst: number, src: number, off: number) =>
  insn(CLASS.LDX | MODE.MEM | SIZE[size], dst, src, off, 0);
export const store = (size: Width, dst: number, off: number, src: number) =>
  insn(CLASS.STX | MODE.MEM | SIZE[size], dst, src, off, 0);
export const storeImm = (size: Width, dst: number, off: number, imm: number) =>
  insn(CLASS.ST | MODE.MEM | SIZE[size], dst, 0, off, imm);
export const call = (helper: number) => insn(OP_CALL, 0, 0, 0, helper);
export const jeqImm = (dst: number, imm: number, off: number) => insn(CLASS.JMP | SRC.K | JMP.jeq, dst, 0, off, imm);
export const exit = () => insn(OP_EXIT, 0, 0, 0, 0);
export const loadMap = (dst: number) => insn(OP_LD_IMM64, dst, 1, 0, 0);

export const HELPER = {
  map_lookup_elem: 1,
  map_update_elem: 2,
  probe_read: 4,
  ktime_get_ns: 5,
  trace_printk: 6,
  get_current_pid_tgid: 14,
  get_current_comm: 16,
  perf_event_output: 25,
  get_current_task: 35,
  probe_read_user: 112,
  probe_read_kernel: 113,
  probe_read_user_str: 114,
  probe_read_kernel_str: 115,
} as const;

/** trace_printk of a format with up to three registers. Uses 64 bytes of stack from fp-64 up. */
export function printk(format: string, ...args: number[]): Insn[] {
  const bytes = [...new TextEncoder().encode(format), 0];
  if (bytes.length > 64) throw new RangeError('format too long');
  while (bytes.length % 4 !== 0) bytes.push(0);
  const out: Insn[] = [];
  // Arguments first: r3..r5, in an order that does not destroy what is still needed (callers pass r6..r9).
  args.forEach((reg, i) => {
    out.push(mov(3 + i, reg));
  });
  for (let i = 0; i < bytes.length; i += 4) {
    const word = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    out.push(storeImm('W', R.fp, -64 + i, word));
  }
  const size = [...new TextEncoder().encode(format)].length + 1;
  out.push(mov(R.r1, R.fp), addImm(R.r1, -64), movImm(R.r2, size), call(HELPER.trace_printk));
  return out;
}

/** probe_read(fp+off, size, reg + delta) with the old helper or another one. */
export function probeRead(
  off: number,
  size: number,
  from: number,
  delta = 0,
  helper: number = HELPER.probe_read,
): Insn[] {
  return [mov(R.r1, R.fp), addImm(R.r1, off), movImm(R.r2, size), mov(R.r3, from), addImm(R.r3, delta), call(helper)];
}

export const EMPTY_OBJECT: ObjectSpec = { maps: [], progs: [], btf: undefined, license: 'GPL' };

export function program(type: string, insns: readonly Insn[], relocs: ProgSpec['relocs'] = []): ProgSpec {
  return {
    name: 'test',
    type,
    section: type,
    insns: encode([...insns, movImm(R.r0, 0), exit()]),
    relocs,
    funcs: [],
    lines: [],
    license: 'GPL',
  };
}

const TYPE_OF_KIND: Record<string, string> = {
  kprobe: 'kprobe',
  kretprobe: 'kprobe',
  tracepoint: 'tracepoint',
  raw_tracepoint: 'raw_tracepoint',
  kfunc: 'tracing',
  kretfunc: 'tracing',
};

/** A backend over a script. */
export function modelOf(script: (world: World) => void, options: Partial<ModelBackendOptions> = {}): ModelBackend {
  return modelWith(new WorkloadSource(defineWorkload('test', 'a test', script), { cpus: options.cpus ?? 1 }), options);
}

export function modelWith(source: EventSource, options: Partial<ModelBackendOptions> = {}): ModelBackend {
  return new ModelBackend({ btf: shippedBtf(), source, ...options });
}

/** Load and attach at 'kprobe:tcp_v4_connect', 'tracepoint:sched:sched_process_exec', ... */
export function attach(backend: ModelBackend, where: string, insns: readonly Insn[]): Link {
  const kind = where.slice(0, where.indexOf(':'));
  const target = where.slice(where.indexOf(':') + 1);
  const handle = backend.load(program(TYPE_OF_KIND[kind]!, insns), EMPTY_OBJECT, new Map());
  return backend.attach(handle, { kind, target });
}

/** Run the source to its end and collect the trace pipe. */
export function runAll(backend: ModelBackend): string[] {
  const pipe = backend.openTracePipe();
  const lines: string[] = [];
  for (let i = 0; i < 100_000; i++) {
    const result = backend.wait(-1);
    for (let line = pipe.read(); line !== undefined; line = pipe.read()) lines.push(line);
    if (result === 'ended') return lines;
  }
  throw new Error('the source did not end');
}

/** Messages alone, without task, time and the rest. */
export function messages(lines: readonly string[]): string[] {
  return lines
    .filter((l) => l !== '')
    .map((l) => l.slice(l.indexOf('bpf_trace_printk: ') + 'bpf_trace_printk: '.length));
}
