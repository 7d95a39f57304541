/**
 * Loads through pointers to kernel objects that BTF types: which field the access hits, and whether the loaded value is a
 * number or another object's pointer. Such loads fault to zero, so any path may be walked; only trusted pointers may go
 * to helpers. Linux: check_ptr_to_btf_access, btf_struct_walk.
 */
import type { Btf, BtfType } from '../btf/btf.ts';
import type { Env } from './env.ts';
import type { Access } from './mem.ts';
import { makePointer } from './range.ts';
import { structFields } from './record.ts';
import { FLAG, isTrusted, KIND, kindOf, type Reg } from './reg.ts';
import { checkStructOpsWrite } from './struct-ops.ts';
import * as tnum from './tnum.ts';

function skipModifiers(btf: Btf, id: number): BtfType {
  let t = btf.type(id);
  while (
    t.kind === 'typedef' ||
    t.kind === 'const' ||
    t.kind === 'volatile' ||
    t.kind === 'restrict' ||
    t.kind === 'type_tag'
  ) {
    t = btf.type(t.type);
  }
  return t;
}

export { skipModifiers };

/** Size in bytes; 0 where a type has none. */
export function sizeOf(btf: Btf, t: BtfType): number {
  switch (t.kind) {
    case 'int':
    case 'struct':
    case 'union':
    case 'enum':
    case 'enum64':
    case 'float':
      return t.size;
    case 'ptr':
      return 8;
    case 'array':
      return t.count * sizeOf(btf, skipModifiers(btf, t.type));
    default:
      return 0;
  }
}

export interface WalkResult {
  /** 'memory': a pointer to something that is no struct, readable at any address. */
  readonly kind: 'scalar' | 'pointer' | 'memory' | 'struct';
  /** Pointee of a pointer, or the struct found at the very offset. */
  readonly id: number;
  readonly flags: number;
  readonly field: string;
}

/** What Linux prints for a struct or a member without a name. */
const ANONYMOUS = '(anon)';

/** What an access of `size` bytes at `off` in the struct hits. A string is the reason why nothing. */
export function walkStruct(btf: Btf, id: number, off: number, size: number, before: number): WalkResult | string {
  let flags = before;
  let t = skipModifiers(btf, id);
  again: for (;;) {
    const name = t.name || ANONYMOUS;
    if (t.kind !== 'struct' && t.kind !== 'union') return `Type '${name}' is not a struct`;
    if (t.kind === 'union' && t.members.length !== 1) flags |= FLAG.UNTRUSTED;
    if (off + size > t.size) {
      // A flexible array at the end goes on and on.
      const last = t.members[t.members.length - 1];
      const type = last && skipModifiers(btf, last.type);
      const start = last ? last.bitOffset / 8 : 0;
      if (type?.kind === 'array' && type.count === 0 && off >= start) {
        const element = skipModifiers(btf, type.type);
        if (element.kind === 'int') return { kind: 'scalar', id: 0, flags, field: last!.name };
        if ((element.kind === 'struct' || element.kind === 'union') && element.size > 0) {
          off = (off - start) % element.size;
          t = element;
          continue;
        }
      }
      return `access beyond struct ${name} at off ${off} size ${size}`;
    }
    for (const m of t.members) {
      let start = Math.floor(m.bitOffset / 8);
      if (off + size <= start) break;
      if (m.bitSize > 0) {
        if (off <= start && Math.ceil((m.bitOffset + m.bitSize) / 8) <= off + size) {
          return { kind: 'scalar', id: 0, flags, field: m.name };
        }
        continue;
      }
      if (off < start) break;
      let type = skipModifiers(btf, m.type);
      let typeId = m.type;
      let width = sizeOf(btf, type);
      const end = start + width;
      if (off >= end) continue;
      if (type.kind === 'array') {
        while (type.kind === 'array') {
          typeId = type.type;
          type = skipModifiers(btf, type.type);
        }
        width = sizeOf(btf, type);
        if (width === 0) continue;
        start += Math.floor((off - start) / width) * width;
      }
      if (type.kind === 'struct' || type.kind === 'union') {
        if (off === start) return { kind: 'struct', id: type.id === 0 ? typeId : type.id, flags, field: m.name };
        off -= start;
        t = type;
        continue again;
      }
      if (type.kind === 'ptr') {
        if (width !== size || off !== start) {
          return `cannot access ptr member ${m.name || ANONYMOUS} with moff ${start} in struct ${name} with off ${off} size ${size}`;
        }
        const direct = type.type === 0 ? undefined : btf.type(type.type);
        const tag = direct?.kind === 'type_tag' ? direct.name : '';
        const target = skipModifiers(btf, type.type);
        if (target.kind === 'struct' || target.kind === 'union') {
          if (tag === 'user') flags |= FLAG.USER;
          if (tag === 'percpu') flags |= FLAG.PERCPU;
          if (tag === 'rcu') flags |= FLAG.RCU;
          return { kind: 'pointer', id: target.id, flags, field: m.name };
        }
        return { kind: 'memory', id: 0, flags, field: m.name };
      }
      if (off + size > end && !(flags & FLAG.UNTRUSTED)) {
        return `access beyond the end of member ${m.name || ANONYMOUS} (mend:${end}) in struct ${name} with off ${off} size ${size}`;
      }
      return { kind: 'scalar', id: 0, flags, field: m.name };
    }
    return `struct ${name} doesn't have field at offset ${off}`;
  }
}

/** Follow nested structs at offset 0 until a number or a pointer is found. */
function findField(btf: Btf, id: number, off: number, size: number): WalkResult | string {
  let flags = 0;
  for (;;) {
    const result = walkStruct(btf, id, off, size, flags);
    if (typeof result === 'string' || result.kind !== 'struct') return result;
    id = result.id;
    flags = result.flags;
    off = 0;
  }
}

/** Is the object at `off` inside type `have` one of type `want`? */
export function structMatches(btf: Btf, have: number, off: number, want: number, strict: boolean): boolean {
  if (off === 0 && sameType(btf, have, want)) return true;
  if (strict) return false;
  for (let depth = 0; depth < 16; depth++) {
    const result = walkStruct(btf, have, off, 1, 0);
    if (typeof result === 'string' || result.kind !== 'struct') return false;
    have = result.id;
    if (sameType(btf, have, want)) return true;
    off = 0;
  }
  return false;
}

function sameType(btf: Btf, a: number, b: number): boolean {
  if (a === b) return true;
  const ta = skipModifiers(btf, a);
  const tb = skipModifiers(btf, b);
  return ta.id === tb.id;
}

/** Fields that keep their owner's trust (Linux marks them in kernel/bpf/verifier.c): struct.field by degree of trust. */
const TRUSTED_FIELDS = new Set([
  'bpf_iter_meta.seq',
  'bpf_iter__task.meta',
  'bpf_iter__task.task',
  'linux_binprm.file',
  'file.f_inode',
  'vm_area_struct.vm_mm',
  'vm_area_struct.vm_file',
]);
const TRUSTED_OR_NULL_FIELDS = new Set(['socket.sk', 'dentry.d_inode']);
const RCU_FIELDS = new Set([
  'task_struct.cpus_ptr',
  'task_struct.cgroups',
  'task_struct.real_parent',
  'task_struct.group_leader',
  'cgroup.kn',
  'css_set.dfl_cgrp',
  'cgroup_subsys_state.cgroup',
]);
const RCU_OR_NULL_FIELDS = new Set(['mm_struct.exe_file', 'mm_struct.owner', 'sk_buff.sk', 'request_sock.sk']);

/** Are objects protected by RCU safe to look at here? */
export function inRcu(env: Env): boolean {
  return env.state.rcuLocks > 0 || env.state.locks > 0 || !(env.options.sleepable || env.state.sleepable);
}

/** Flags of a pointer loaded from a field of the object. */
function loadedFlags(env: Env, r: Readonly<Reg>, owner: string, found: WalkResult): number {
  const { flags } = found;
  const trust = FLAG.TRUSTED | FLAG.ALLOC | FLAG.RCU;
  if (r.type & FLAG.UNTRUSTED) return FLAG.UNTRUSTED;
  if (!isTrusted(r) && !(r.type & FLAG.RCU)) return flags & ~trust;
  const name = `${owner}.${found.field}`;
  if (TRUSTED_FIELDS.has(name)) return flags | FLAG.TRUSTED;
  if (TRUSTED_OR_NULL_FIELDS.has(name)) return flags | FLAG.TRUSTED | FLAG.MAYBE_NULL;
  if (!inRcu(env) || r.mayBeNull) return FLAG.UNTRUSTED;
  if (RCU_FIELDS.has(name)) return flags | FLAG.RCU;
  if (flags & FLAG.RCU || RCU_OR_NULL_FIELDS.has(name)) {
    const safe = RCU_OR_NULL_FIELDS.has(name) ? flags & ~FLAG.UNTRUSTED : flags;
    return safe | FLAG.RCU | FLAG.MAYBE_NULL;
  }
  if (flags & (FLAG.PERCPU | FLAG.USER)) return flags;
  return flags & ~trust;
}

/** A loaded number; or, since 6.17, memory that may be read with faults giving zero. */
function setPlain(env: Env, reg: number, found: WalkResult): void {
  if (found.kind === 'memory' && env.options.features.faultingMemory) {
    env.setReg(reg, makePointer(KIND.MEM | FLAG.RDONLY | FLAG.UNTRUSTED));
  } else env.setUnknown(reg);
}

/** A struct whose members, all the way down, are numbers: what a kernel function may be handed as plain memory. */
export function isPlainStruct(btf: Btf, t: BtfType, depth = 0): boolean {
  if ((t.kind !== 'struct' && t.kind !== 'union') || depth > 4) return false;
  return t.members.every((m) => {
    let member = skipModifiers(btf, m.type);
    if (member.kind === 'struct' || member.kind === 'union') return isPlainStruct(btf, member, depth + 1);
    if (member.kind === 'array') member = skipModifiers(btf, member.type);
    return member.kind === 'int' || member.kind === 'enum' || member.kind === 'enum64';
  });
}

const MAY_WRITE_CONNECTIONS = new Set(['sched_cls', 'sched_act', 'xdp']);

/** Of the kernel's own objects a program may write one field: a tracked connection's mark. Linux: nf_conntrack_btf_struct_access. */
function writeConnection(env: Env, r: Readonly<Reg>, owner: string, off: number, size: number): void {
  const known = r.aux2 !== 1 && (owner === 'nf_conn' || owner === 'nf_conn___init') && !(r.type & FLAG.UNTRUSTED);
  if (!known || !MAY_WRITE_CONNECTIONS.has(env.progType.name)) env.fail('type', 'only read is supported');
  const btf = env.kernelBtf!;
  const id = btf.find('nf_conn', 'struct');
  const struct = id === undefined ? undefined : btf.type(id);
  const mark = struct?.kind === 'struct' ? struct.members.find((m) => m.name === 'mark') : undefined;
  if (!mark || off !== mark.bitOffset / 8) env.fail('type', `no write support to nf_conn at off ${off}`);
  const end = off + sizeOf(btf, skipModifiers(btf, mark!.type));
  if (off + size > end) {
    env.fail('bounds', `write access at off ${off} with size ${size} beyond the member of nf_conn ended at ${end}`);
  }
}

export function loadThroughBtf(env: Env, regno: number, off: number, a: Access): void {
  const r = env.regs[regno]!;
  const local = r.aux2 === 1;
  const btf = local ? env.program.objectBtf : env.kernelBtf;
  if (!btf) env.fail('unsupported', 'access to kernel objects needs the kernel BTF');
  const owner = btf!.type(r.aux).name;
  if (!env.privileged) {
    env.fail('leak', `'struct ${owner}' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN`);
  }
  if (!env.options.gpl) {
    env.fail('helper', `Cannot access kernel 'struct ${owner}' from non-GPL compatible program`);
  }
  if (off < 0) env.fail('bounds', `R${regno} is ptr_${owner} invalid negative access: off=${off}`);
  if (!tnum.isConst(r) || (r.vLo | r.vHi) !== 0) {
    env.fail('bounds', `R${regno} is ptr_${owner} invalid variable offset: off=${off}, var_off=${tnum.format(r)}`);
  }
  if (r.type & FLAG.USER) env.fail('type', `R${regno} is ptr_${owner} access user memory: off=${off}`);
  if (r.type & FLAG.PERCPU) env.fail('type', `R${regno} is ptr_${owner} access percpu memory: off=${off}`);
  if (a.write && !(r.type & FLAG.ALLOC && !(r.type & FLAG.UNTRUSTED))) {
    if (env.progType.name === 'struct_ops' && !local) checkStructOpsWrite(env, btf!, r.aux, off, a.size);
    else writeConnection(env, r, owner, off, a.size);
    return;
  }
  if (local) {
    for (const f of structFields(btf!, env.kernelBtf, r.aux)) {
      if (off < f.offset + f.size && f.offset < off + a.size) {
        env.fail('type', `direct access to ${f.name} is disallowed`);
      }
    }
  }
  const found = findField(btf!, r.aux, off, a.size);
  if (typeof found === 'string') env.fail('bounds', found);
  if (a.reg < 0 || a.write) return;
  const result = found as WalkResult;
  if (result.kind !== 'pointer' || r.type & FLAG.ALLOC) {
    setPlain(env, a.reg, r.type & FLAG.ALLOC ? { ...result, kind: 'scalar' } : result);
    return;
  }
  const flags = loadedFlags(env, r, owner, result);
  const loaded = makePointer(KIND.BTF_ID | flags);
  loaded.aux = result.id;
  loaded.aux2 = r.aux2;
  if (flags & FLAG.MAYBE_NULL) loaded.id = env.newId();
  env.setReg(a.reg, loaded);
}

/** Kernel structs behind map pointers, where they are not plain bpf_map. */
const MAP_STRUCTS: Record<string, string> = {
  array: 'bpf_array',
  percpu_array: 'bpf_array',
  prog_array: 'bpf_array',
  perf_event_array: 'bpf_array',
  cgroup_array: 'bpf_array',
  array_of_maps: 'bpf_array',
  hash: 'bpf_htab',
  percpu_hash: 'bpf_htab',
  lru_hash: 'bpf_htab',
  lru_percpu_hash: 'bpf_htab',
  hash_of_maps: 'bpf_htab',
  lpm_trie: 'lpm_trie',
  stack_trace: 'bpf_stack_map',
  queue: 'bpf_queue_stack',
  stack: 'bpf_queue_stack',
  ringbuf: 'bpf_ringbuf_map',
  user_ringbuf: 'bpf_ringbuf_map',
  devmap: 'bpf_dtab',
  devmap_hash: 'bpf_dtab',
  cpumap: 'bpf_cpu_map',
  xskmap: 'xsk_map',
  sockmap: 'bpf_stab',
  sockhash: 'bpf_shtab',
  reuseport_sockarray: 'reuseport_array',
  sk_storage: 'bpf_local_storage_map',
  inode_storage: 'bpf_local_storage_map',
  task_storage: 'bpf_local_storage_map',
  cgrp_storage: 'bpf_local_storage_map',
  bloom_filter: 'bpf_bloom_filter',
};

export function loadThroughMapPointer(env: Env, regno: number, off: number, a: Access): void {
  const r = env.regs[regno]!;
  const btf = env.kernelBtf;
  const { type } = env.map(r.aux).spec;
  const struct = MAP_STRUCTS[type] ?? 'bpf_map';
  const id = btf?.find(struct, 'struct');
  if (!btf || id === undefined) {
    env.fail('unsupported', `access to struct ${struct} needs the kernel BTF`);
  }
  if (!env.privileged) {
    env.fail('leak', `'struct ${struct}' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN`);
  }
  if (off < 0) env.fail('bounds', `R${regno} is ${struct} invalid negative access: off=${off}`);
  if (a.write) env.fail('type', `only read from ${struct} is supported`);
  const found = findField(btf!, id!, off, a.size);
  if (typeof found === 'string') env.fail('bounds', found);
  if (a.reg < 0) return;
  const result = found as WalkResult;
  if (result.kind !== 'pointer') {
    setPlain(env, a.reg, result);
    return;
  }
  const loaded = makePointer(KIND.BTF_ID | result.flags);
  loaded.aux = result.id;
  env.setReg(a.reg, loaded);
}

export function isBtfPointer(r: Readonly<Reg>): boolean {
  return kindOf(r.type) === KIND.BTF_ID;
}
