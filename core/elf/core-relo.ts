/**
 * CO-RE relocations: an object compiled against some kernel's types is fitted to the kernel whose BTF is given
 * (include/uapi/linux/bpf.h, enum bpf_core_relo_kind). Each relocation names an instruction and a field, type or enumerator of the
 * program's own BTF; the instruction gets the value that this has on the kernel. What the kernel does not have turns the
 * instruction into a call of a helper that does not exist, as libbpf does: harmless where it is never reached.
 */
import { BpfError } from '../base/errors.ts';
import type { Btf, BtfType } from '../btf/btf.ts';
import { resolve, sizeOf } from '../btf/layout.ts';
import { INSN_SIZE } from '../isa/insn.ts';
import { CLASS, OP_CALL, OP_LD_IMM64, SIZES, SRC } from '../isa/ops.ts';
import type { CoreReloc, ObjectSpec, ProgSpec } from '../spec/spec.ts';
import {
  candidates,
  essentialName,
  type FieldSpec,
  localField,
  matchField,
  typesCompatible,
  typesMatch,
} from './core-match.ts';

/** Helper number of a poisoned instruction; the kernel's log shows it as `unknown#195896080`. */
export const POISON_HELPER = 0xbad2310;

/** What an instruction is to hold. `undefined` value: the kernel does not have it. */
interface Resolution {
  readonly value: bigint | undefined;
  /** For byte offsets: bytes of the field here, and whether a load of it may change its width. */
  readonly size?: number;
  readonly resizable?: boolean;
}

/** Resolve the CO-RE relocations of all programs against a kernel's BTF. */
export function relocateObject(object: ObjectSpec, kernel: Btf): ObjectSpec {
  return { ...object, progs: object.progs.map((prog) => relocateProg(prog, object.btf, kernel)) };
}

/** Resolve the CO-RE relocations of one program; `local` is its object's BTF. Throws BpfError CORE where a relocation is ambiguous or damaged. */
export function relocateProg(prog: ProgSpec, local: Btf | undefined, kernel: Btf): ProgSpec {
  if (!prog.coreRelos || prog.coreRelos.length === 0) return prog;
  if (!local) throw new BpfError('CORE', `program '${prog.name}' has CO-RE relocations but its object has no BTF`);
  const insns = new Uint8Array(prog.insns);
  for (const relo of prog.coreRelos) {
    try {
      patch(insns, relo, resolveRelo(relo, local, local, [relo.typeId]), resolveRelo(relo, local, kernel, undefined));
    } catch (error) {
      if (!(error instanceof BpfError) && !(error instanceof RangeError)) throw error;
      throw new BpfError(
        'CORE',
        `program '${prog.name}', instruction ${relo.insn}: CO-RE relocation ${relo.kind} of ${local.type(relo.typeId).name || `type ${relo.typeId}`} (${relo.access}): ${error.message}`,
        { cause: error },
      );
    }
  }
  const { coreRelos: _, ...rest } = prog;
  return { ...rest, insns };
}

/** The value of a relocation in `kernel`; `among` are the types it may be (undefined: look them up by name). */
function resolveRelo(relo: CoreReloc, local: Btf, kernel: Btf, among: readonly number[] | undefined): Resolution {
  if (relo.kind === 'type_id_local') return { value: BigInt(relo.typeId) };
  const found = (among ?? candidates(kernel, local, relo.typeId))
    .map((id) => resolveIn(relo, local, kernel, id))
    .filter((r) => r !== undefined);
  const values = new Set(found.map((r) => r.value));
  if (values.size > 1)
    throw new BpfError(
      'CORE',
      `the kernel has several types of this name, which give different values: ${[...values].join(', ')}`,
    );
  return found[0] ?? absent(relo);
}

/** The value where the kernel has no such thing. */
function absent(relo: CoreReloc): Resolution {
  switch (relo.kind) {
    case 'field_exists':
    case 'enumval_exists':
    case 'type_exists':
    case 'type_matches':
    case 'type_size':
    case 'type_id_target':
      return { value: 0n };
    default:
      return { value: undefined };
  }
}

/** The value in one candidate, or undefined when that one does not have it. */
function resolveIn(relo: CoreReloc, local: Btf, kernel: Btf, candidate: number): Resolution | undefined {
  switch (relo.kind) {
    case 'type_exists':
    case 'type_id_target':
    case 'type_size':
      if (!typesCompatible(local, relo.typeId, kernel, candidate)) return undefined;
      if (relo.kind === 'type_exists') return { value: 1n };
      return { value: BigInt(relo.kind === 'type_size' ? sizeOf(kernel, candidate) : candidate) };
    case 'type_matches':
      return typesMatch(local, relo.typeId, kernel, candidate) ? { value: 1n } : undefined;
    case 'enumval_exists':
    case 'enumval_value':
      return enumerator(relo, local, kernel, candidate);
    default: {
      const field = matchField(localField(local, relo.typeId, relo.access), kernel, candidate);
      return field && fieldValue(relo, field);
    }
  }
}

function enumerator(relo: CoreReloc, local: Btf, kernel: Btf, candidate: number): Resolution | undefined {
  const wanted = resolve(local, relo.typeId);
  const target = resolve(kernel, candidate);
  const isEnum = (type: BtfType): type is BtfType & { kind: 'enum' | 'enum64' } =>
    type.kind === 'enum' || type.kind === 'enum64';
  if (!isEnum(wanted) || !isEnum(target)) throw new BpfError('CORE', 'it is not an enum');
  const name = wanted.values[Number(relo.access)]?.name;
  if (name === undefined) throw new BpfError('CORE', 'the enum has no such enumerator');
  const found = target.values.find((v) => essentialName(v.name) === essentialName(name));
  return found && { value: relo.kind === 'enumval_exists' ? 1n : found.value };
}

function fieldValue(relo: CoreReloc, field: FieldSpec): Resolution {
  if (relo.kind === 'field_exists') return { value: 1n };
  const type = resolve(field.btf, field.type);
  const bitfield = field.member?.bitSize ?? 0;
  let size = bitfield > 0 ? ((type as { size?: number }).size ?? 0) : sizeOf(field.btf, field.type);
  let offset = Math.floor(field.bitOffset / 8);
  if (bitfield > 0) {
    // The smallest aligned unit that holds the whole bitfield.
    const place = (): number => Math.floor(field.bitOffset / 8 / size) * size;
    for (offset = place(); field.bitOffset + bitfield - offset * 8 > size * 8; offset = place()) {
      if (size >= 8) throw new BpfError('CORE', 'the bitfield does not fit any load of up to 8 bytes');
      size *= 2;
    }
  }
  const bits = bitfield || size * 8;
  switch (relo.kind) {
    case 'field_byte_offset':
      return {
        value: BigInt(offset),
        ...(bitfield > 0 ? {} : { size, resizable: type.kind === 'ptr' || (type.kind === 'int' && !type.signed) }),
      };
    case 'field_byte_size':
      return { value: BigInt(size) };
    case 'field_signed':
      return {
        value: (type.kind === 'int' || type.kind === 'enum' || type.kind === 'enum64') && type.signed ? 1n : 0n,
      };
    case 'field_lshift_u64':
      return { value: BigInt(64 - (field.bitOffset + bits - offset * 8)) };
    case 'field_rshift_u64':
      return { value: BigInt(64 - bits) };
    default:
      throw new BpfError('CORE', `kind ${relo.kind} is not one of a field`);
  }
}

/** Put the value into the instruction. `before` is what the compiler put there, by the program's own types. */
function patch(insns: Uint8Array, relo: CoreReloc, before: Resolution, now: Resolution): void {
  const at = relo.insn * INSN_SIZE;
  if (!Number.isInteger(relo.insn) || at + INSN_SIZE > insns.length)
    throw new BpfError('CORE', 'there is no such instruction');
  const opcode = insns[at]!;
  const wide = opcode === OP_LD_IMM64;
  if (wide && at + 2 * INSN_SIZE > insns.length) throw new BpfError('CORE', 'the 64-bit load is cut off');
  if (now.value === undefined) {
    poison(insns, at);
    if (wide) poison(insns, at + INSN_SIZE);
    return;
  }
  const view = new DataView(insns.buffer, insns.byteOffset, insns.byteLength);
  const cls = opcode & 7;
  if (wide) {
    view.setInt32(at + 4, Number(BigInt.asIntN(32, now.value)), true);
    view.setInt32(at + 12, Number(BigInt.asIntN(32, now.value >> 32n)), true);
  } else if ((cls === CLASS.ALU || cls === CLASS.ALU64) && (opcode & SRC.X) === 0) {
    if (now.value > 0x7fffffffn || now.value < -0x80000000n)
      throw new BpfError('CORE', `value ${now.value} does not fit a 32-bit immediate`);
    view.setInt32(at + 4, Number(now.value), true);
  } else if (cls === CLASS.LDX || cls === CLASS.ST || cls === CLASS.STX) {
    if (now.value > 0x7fffn) throw new BpfError('CORE', `offset ${now.value} does not fit 16 bits`);
    view.setInt16(at + 2, Number(now.value), true);
    if (before.size !== undefined && now.size !== undefined && before.size !== now.size) {
      // A field that grew or shrank: an unsigned load reads the same value in the new width, anything else would not.
      const row = SIZES.find((s) => s.bytes === now.size);
      if (!before.resizable || !now.resizable || !row) poison(insns, at);
      else insns[at] = (opcode & ~0x18) | row.code;
    }
  } else {
    throw new BpfError('CORE', `the instruction (opcode 0x${opcode.toString(16)}) cannot take a value`);
  }
}

function poison(insns: Uint8Array, at: number): void {
  insns.fill(0, at, at + INSN_SIZE);
  insns[at] = OP_CALL;
  new DataView(insns.buffer, insns.byteOffset).setInt32(at + 4, POISON_HELPER, true);
}
