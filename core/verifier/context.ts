/**
 * The program's context: which loads and stores of it are allowed, by the program type's table row, and what a load gives.
 * Linux: the is_valid_access functions of net/core/filter.c and kernel/trace/bpf_trace.c.
 */
import { BPF_SOCK_POINTEE, BPF_TCP_SOCK_POINTEE, SOCK_COMMON_POINTEE } from '../progs/ctx-sock.ts';
import type { CtxField } from '../progs/prog-type.ts';
import { attachArgument } from './attach.ts';
import type { Env } from './env.ts';
import { FLAG, KIND } from './reg.ts';

export const SOCKET_FIELDS = BPF_SOCK_POINTEE;
export const SOCK_COMMON_FIELDS = SOCK_COMMON_POINTEE;
export const TCP_SOCK_FIELDS = BPF_TCP_SOCK_POINTEE;

/** What a load gives: a number, or a pointer of this type (and BTF id). */
export interface Loaded {
  readonly type: number;
  readonly btfId: number;
}

const NUMBER: Loaded = { type: KIND.SCALAR, btfId: 0 };

const POINTERS = {
  packet: KIND.PKT,
  packet_end: KIND.PKT_END,
  packet_meta: KIND.PKT_META,
  sock_common_or_null: KIND.SOCK_COMMON | FLAG.MAYBE_NULL,
  socket: KIND.SOCKET,
  socket_or_null: KIND.SOCKET | FLAG.MAYBE_NULL,
  flow_keys: KIND.FLOW_KEYS,
  btf: KIND.BTF_ID | FLAG.TRUSTED,
} as const satisfies Record<NonNullable<CtxField['pointer']>, number>;

/** The field an access falls on, if the access is allowed. Accesses are aligned to their size. */
export function fieldAccess(
  fields: readonly CtxField[],
  off: number,
  size: number,
  write: boolean,
  attachType: string | undefined,
  signed: boolean,
): CtxField | undefined {
  if (off < 0 || off % size !== 0) return undefined;
  for (const f of fields) {
    if (off < f.offset || off >= f.offset + f.size) continue;
    if (f.attachTypes && !(attachType !== undefined && f.attachTypes.includes(attachType))) continue;
    return allows(f, off, size, write, attachType, signed) ? f : undefined;
  }
  return undefined;
}

function allows(
  f: CtxField,
  off: number,
  size: number,
  write: boolean,
  attachType: string | undefined,
  signed: boolean,
): boolean {
  if (write) {
    const writable = f.writeAttachTypes ? attachType !== undefined && f.writeAttachTypes.includes(attachType) : f.write;
    if (!writable) return false;
  } else if (!f.read) return false;
  if (f.bytes) return off + size <= f.offset + f.size;
  if (f.wide && size === 8) return true;
  const whole = off === f.offset && size === f.size;
  if (f.pointer) return whole && !signed;
  if (whole || (off === f.offset && size === f.alsoSize && !write)) return true;
  if (f.narrowAtStart && off !== f.offset) return false;
  return !write && f.narrow === true && size <= f.size && size >= (f.minSize ?? 1);
}

/** Check an access of the context; undefined when it is not allowed. */
export function contextAccess(
  env: Env,
  off: number,
  size: number,
  write: boolean,
  signed: boolean,
): Loaded | undefined {
  const layout = env.progType.ctx;
  switch (layout.kind) {
    case 'fields': {
      const f = fieldAccess(layout.fields, off, size, write, env.program.spec.attachType, signed);
      if (!f || (f.privileged && !env.privileged)) return undefined;
      if (!f.pointer || write) return NUMBER;
      if (f.pointer === 'packet' || f.pointer === 'packet_end' || f.pointer === 'packet_meta')
        env.packetLoads.set(env.insn, f.pointer);
      const btfId = f.btf ? (env.kernelBtf?.find(f.btf, 'struct') ?? 0) : 0;
      if (f.pointer === 'btf' && btfId === 0) {
        env.fail('unsupported', `the context field '${f.name}' needs the kernel's BTF for struct ${f.btf}`);
      }
      return { type: POINTERS[f.pointer], btfId };
    }
    case 'words': {
      if (write && !layout.write) return undefined;
      // Linux 6.18 lets tracepoint programs read in front of their context (tp_prog_is_valid_access compares a negative offset unsigned).
      if (off < (layout.from ?? 0) || off + size > layout.size || off % size !== 0) return undefined;
      return layout.wordBytes.includes(size) ? NUMBER : undefined;
    }
    case 'args': {
      if (write || off < 0 || off >= layout.count * 8 || off % size !== 0) return undefined;
      if (!layout.anySize) return attachArgument(env, off, size);
      // Writable raw tracepoints: the first argument points to the buffer.
      if (env.progType.name !== 'raw_tracepoint_writable' || off !== 0) return NUMBER;
      return size === 8 ? { type: KIND.TP_BUFFER, btfId: 0 } : undefined;
    }
  }
}
