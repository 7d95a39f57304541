/**
 * Programs that are a function of one of the kernel's structs (struct_ops): which members a program may be, what it may write behind its
 * arguments, which helpers it has. A target is `STRUCT:MEMBER`. Linux: check_struct_ops_btf_id, net/ipv4/bpf_tcp_ca.c,
 * net/bpf/bpf_dummy_struct_ops.c.
 */
import type { Btf, BtfOf } from '../btf/btf.ts';
import { compositeOf, findMember, resolve, sizeOf } from '../btf/layout.ts';
import type { Env } from './env.ts';

interface StructRow {
  /** Members with a function that no program may be. */
  readonly unsupported?: readonly string[];
  /** Where given: only these members may sleep. */
  readonly sleepable?: readonly string[];
  /** Helpers beside those that programs of all types have; without a list, it has not even those. */
  readonly helpers?: readonly string[];
  /** Helpers that all members but one have. */
  readonly onlyOthers?: { readonly member: string; readonly helpers: readonly string[] };
  /** The arguments' type of this name is one that begins with it. */
  readonly promotes?: { readonly from: string; readonly to: string };
  readonly writes: Writes;
}

interface Writes {
  readonly struct: string;
  /** Fields, by the struct at the object's start that has them; without: the whole object. */
  readonly fields?: readonly (readonly [struct: string, path: string])[];
  /** The message for objects of other structs. */
  readonly others: string;
}

const STRUCTS: Readonly<Record<string, StructRow>> = {
  tcp_congestion_ops: {
    unsupported: ['get_info'],
    helpers: ['tcp_send_ack', 'sk_storage_get', 'sk_storage_delete', 'setsockopt', 'getsockopt', 'ktime_get_coarse_ns'],
    onlyOthers: { member: 'release', helpers: ['setsockopt', 'getsockopt'] },
    promotes: { from: 'sock', to: 'tcp_sock' },
    writes: {
      struct: 'tcp_sock',
      fields: [
        ['sock', 'sk_pacing_rate'],
        ['sock', 'sk_pacing_status'],
        ['inet_connection_sock', 'icsk_ca_priv'],
        ['inet_connection_sock', 'icsk_ack.pending'],
        ['tcp_sock', 'snd_cwnd'],
        ['tcp_sock', 'snd_cwnd_cnt'],
        ['tcp_sock', 'snd_cwnd_stamp'],
        ['tcp_sock', 'snd_ssthresh'],
        ['tcp_sock', 'ecn_flags'],
        ['tcp_sock', 'app_limited'],
      ],
      others: 'only read is supported',
    },
  },
  bpf_dummy_ops: {
    sleepable: ['test_sleepable'],
    writes: { struct: 'bpf_dummy_ops_state', others: 'only access to bpf_dummy_ops_state is supported' },
  },
};

interface Member {
  readonly struct: string;
  readonly name: string;
  readonly row: StructRow | undefined;
}

/** What the program's target names; undefined for one that is not told. */
function memberOf(env: Env): Member | undefined {
  const [struct = '', name] = (env.program.spec.attach?.target ?? '').split(':');
  return name === undefined ? undefined : { struct, name, row: STRUCTS[struct] };
}

/** The prototype of the member that the program is, which BPF_PROG_LOAD looks up; undefined where the target does not say. */
export function structOpsPrototype(env: Env, btf: Btf): BtfOf<'func_proto'> | undefined {
  const member = memberOf(env);
  if (!env.options.gpl) env.fail('structure', 'struct ops programs must have a GPL compatible license');
  if (!member) return undefined;
  const { struct, name, row } = member;
  const id = btf.find(struct, 'struct');
  if (id === undefined || btf.find(`bpf_struct_ops_${struct}`, 'struct') === undefined) {
    return env.fail('structure', `attach_btf_id ${id ?? 0} is not a supported struct`);
  }
  const { members } = compositeOf(btf, id)!;
  const index = members.findIndex((m) => m.name === name);
  if (index < 0) return env.fail('structure', `attach to invalid member idx ${members.length} of struct ${struct}`);
  const t = resolve(btf, members[index]!.type);
  const proto = t.kind === 'ptr' ? resolve(btf, t.type) : t;
  if (proto.kind !== 'func_proto') {
    return env.fail('structure', `attach to invalid member ${name}(@idx ${index}) of struct ${struct}`);
  }
  const awake = env.options.sleepable && row?.sleepable?.includes(name) === false;
  if (row?.unsupported?.includes(name) || awake) {
    env.fail('structure', `attach to unsupported member ${name} of struct ${struct}`);
  }
  return proto;
}

/** May the argument be null: the function that the kernel calls where no program is given says so (its cfi_stubs). */
export function structOpsNullable(env: Env, btf: Btf, index: number): boolean {
  const member = memberOf(env);
  const id = member && btf.find(`${member.struct}__${member.name}`, 'func');
  const func = id === undefined ? undefined : btf.type(id);
  const proto = func?.kind === 'func' ? btf.type(func.type) : undefined;
  return proto?.kind === 'func_proto' && proto.params[index]?.name.endsWith('__nullable') === true;
}

/** The type that an argument of type `id` has in these programs. */
export function structOpsArgument(env: Env, btf: Btf, id: number): number {
  const promotes = memberOf(env)?.row?.promotes;
  return promotes && btf.type(id).name === promotes.from ? (btf.find(promotes.to, 'struct') ?? id) : id;
}

/** Helpers that only some structs' programs have. */
export function structOpsMayCall(env: Env, helper: string): boolean {
  const member = memberOf(env);
  if (!member) return true;
  const { row, name } = member;
  if (row && !row.helpers) return false;
  const some = Object.values(STRUCTS).some((s) => s.helpers?.includes(helper));
  if (!some) return true;
  const { member: without, helpers } = row?.onlyOthers ?? {};
  return row?.helpers?.includes(helper) === true && !(name === without && helpers?.includes(helper));
}

/** Check a store to a kernel object of type `id`. */
export function checkStructOpsWrite(env: Env, btf: Btf, id: number, off: number, size: number): void {
  const writes = memberOf(env)?.row?.writes;
  if (!writes || btf.type(id).name !== writes.struct) env.fail('type', writes?.others ?? 'only read is supported');
  if (!writes!.fields) {
    if (off + size > sizeOf(btf, id)) env.fail('type', `write access at off ${off} with size ${size}`);
    return;
  }
  const end = writes!.fields.map(([struct, path]) => endOfField(btf, struct, path, off)).find((e) => e !== undefined);
  if (end === undefined) env.fail('type', `no write support to ${writes!.struct} at off ${off}`);
  if (off + size > end!) {
    env.fail(
      'type',
      `write access at off ${off} with size ${size} beyond the member of ${writes!.struct} ended at ${end}`,
    );
  }
}

/** End of the field where the access begins with it, or within an array. */
function endOfField(btf: Btf, struct: string, path: string, off: number): number | undefined {
  const id = btf.find(struct, 'struct');
  const field = id === undefined ? undefined : findMember(btf, id, path);
  if (!field) return undefined;
  const type = resolve(btf, field.type);
  const start = field.bitOffset >> 3;
  const end = start + sizeOf(btf, field.type);
  return off === start || (type.kind === 'array' && off > start && off < end) ? end : undefined;
}
