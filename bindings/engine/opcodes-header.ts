/**
 * Prints native/gen/opcodes.gen.h and opcodes_linux.gen.h from the opcode table: the forms that C++ decodes by, lists of them by
 * family (so that a handler is one macro over a list), and enumerations of the operators, on which the engine's semantics are
 * specialised: an operator that is missing on either side does not compile.
 * Rewrite the files with `SKEP_WRITE_GEN=1 npx vitest run test/native`.
 */
import { FORMS, type Form } from '../../core/isa/forms.ts';
import {
  ALU_OPS,
  ALU_VARIANTS,
  ATOMIC_OPS,
  CALL_KINDS,
  CLASS,
  JMP_OPS,
  MODE,
  PSEUDO_LD,
  SIZES,
  SRC,
} from '../../core/isa/ops.ts';

const DO_NOT_EDIT = '// Printed by bindings/engine/opcodes-header.ts from core/isa/ops.ts; do not edit.';

/** `alu64.add.k` as an identifier. */
function identifier(form: Form): string {
  return form.name.replaceAll('.', '_');
}

function list(comment: string, name: string, rows: readonly string[]): string {
  return `// ${comment}\n#define ${name}(X) \\\n${rows.map((row) => `  X(${row})`).join(' \\\n')}\n`;
}

function cType(size: string, signed: boolean): string {
  const row = SIZES.find((r) => r.name === size)!;
  return `${signed ? '' : 'u'}int${row.bytes * 8}_t`;
}

/** The rows of each family, columns as its comment says. */
function families(): Record<'alu' | 'end' | 'load' | 'store' | 'atomic' | 'jump' | 'packet' | 'constant', string[]> {
  const out = { alu: [], end: [], load: [], store: [], atomic: [], jump: [], packet: [], constant: [] } as Record<
    'alu' | 'end' | 'load' | 'store' | 'atomic' | 'jump' | 'packet' | 'constant',
    string[]
  >;
  for (const form of FORMS) {
    const id = identifier(form);
    const [family = '', second = '', third = ''] = form.name.split('.');
    const end = /^(le|be|bswap)(\d+)$/.exec(family);
    const size = second.toUpperCase();
    if (/^alu/.test(family)) out.alu.push(`${id}, ${family.slice(3)}, ${second}, ${third || 'k'}`);
    else if (end) out.end.push(`${id}, ${end[1]}, ${end[2]}`);
    else if (family === 'ldx' || family === 'ldsx') out.load.push(`${id}, ${cType(size, family === 'ldsx')}, plain`);
    else if (family === 'st') out.store.push(`${id}, ${cType(size, false)}, k, plain`);
    else if (family === 'stx') out.store.push(`${id}, ${cType(size, false)}, x, plain`);
    else if (third === 'load_acq') out.load.push(`${id}, ${cType(size, false)}, ordered`);
    else if (third === 'store_rel') out.store.push(`${id}, ${cType(size, false)}, x, ordered`);
    else if (family === 'atomic') out.atomic.push(`${id}, ${cType(size, false)}, ${third}`);
    else if (family === 'jmp') out.jump.push(`${id}, 64, ${second}, ${third}`);
    else if (family === 'jmp32') out.jump.push(`${id}, 32, ${second}, ${third}`);
    else if (family === 'ld_abs' || family === 'ld_ind') out.packet.push(id);
    else if (family === 'ld_imm64') out.constant.push(id);
  }
  return out;
}

function enumeration(name: string, prefix: string, rows: readonly string[]): string {
  return `enum ${name} { ${rows.map((row) => `${prefix}${row}`).join(', ')} };`;
}

export function printOpcodes(): string {
  const f = families();
  const any = (value: number | undefined) => (value === undefined ? 'kAny' : String(value));
  const forms = FORMS.map((form) => {
    const opcode = `0x${form.opcode.toString(16).padStart(2, '0')}`;
    return `${identifier(form)}, ${opcode}, ${any(form.src)}, ${any(form.off)}, ${any(form.imm)}`;
  });
  const alu = [...ALU_OPS.map((r) => r.name).filter((name) => name !== 'end'), ...ALU_VARIANTS.map((r) => r.name)];
  const jumps = JMP_OPS.filter((r) => r.cond).map((r) => r.name);
  const atomics = ATOMIC_OPS.map((r) => r.name).filter((name) => name !== 'load_acq' && name !== 'store_rel');
  return `${DO_NOT_EDIT}
// The names of some operators (and, or, xor) are operators of C++ too: paste them to something, never use them alone.
#pragma once
#include <cstdint>

namespace skep::isa {

// A field that any value will do for.
inline constexpr int32_t kAny = INT32_MIN;

${enumeration('AluOp', 'op_', alu)}
${enumeration('JumpOp', 'op_', jumps)}
${enumeration('AtomicOp', 'op_atomic_', atomics)}
enum Class { ${Object.entries(CLASS)
    .map(([name, value]) => `class_${name.toLowerCase()} = ${value}`)
    .join(', ')} };

}  // namespace skep::isa

${list('Every form: name, opcode byte, and what src, off and imm must be.', 'SKEP_FORMS', forms)}
${list('Arithmetic: form, width in bits, operator, source.', 'SKEP_ALU', f.alu)}
${list('Byte order: form, kind, width in bits.', 'SKEP_END', f.end)}
${list('Loads: form, type in memory, ordering.', 'SKEP_LOADS', f.load)}
${list('Stores: form, type in memory, source, ordering.', 'SKEP_STORES', f.store)}
${list('Atomic read-modify-write: form, type, operator.', 'SKEP_ATOMICS', f.atomic)}
${list('Conditional jumps: form, width in bits, operator, source.', 'SKEP_JUMPS', f.jump)}
${list('Legacy packet loads.', 'SKEP_PACKET_LOADS', f.packet)}
${list('Constants of 64 bits.', 'SKEP_CONSTANTS', f.constant)}`;
}

/** Linux's own names for the table's numbers: those that old headers lack are asserted where they are defined. */
export function printOpcodesLinux(): string {
  const always: string[] = [];
  const ifDefined: string[] = [];
  const add = (name: string, value: number, since: number) => {
    const line = `static_assert(${name} == 0x${value.toString(16)});`;
    if (since <= 1) always.push(line);
    else ifDefined.push(`#ifdef ${name}\n${line}\n#endif`);
  };
  for (const [name, value] of Object.entries(CLASS)) add(`BPF_${name}`, value, name === 'JMP32' ? 3 : 1);
  for (const [name, value] of Object.entries(SRC)) add(`BPF_${name}`, value, 1);
  for (const [name, value] of Object.entries(MODE)) {
    add(`BPF_${name}`, value, name === 'MEMSX' ? 4 : name === 'ATOMIC' ? 3 : 1);
  }
  for (const row of SIZES) add(`BPF_${row.name}`, row.code, 1);
  for (const row of [...ALU_OPS, ...JMP_OPS]) add(`BPF_${row.name.toUpperCase()}`, row.code, row.version);
  for (const row of ATOMIC_OPS) {
    if (/^(xchg|cmpxchg|load_acq|store_rel)$/.test(row.name))
      add(`BPF_${row.name.toUpperCase()}`, row.imm, row.version);
  }
  for (const row of PSEUDO_LD) {
    if (row.src === 0) continue;
    add(`BPF_PSEUDO_${row.name.toUpperCase()}`, row.src, 2);
  }
  for (const row of CALL_KINDS) {
    if (row.src !== 0) add(row.name === 'local' ? 'BPF_PSEUDO_CALL' : 'BPF_PSEUDO_KFUNC_CALL', row.src, 2);
  }
  return `${DO_NOT_EDIT}
// The numbers that belong to Linux, compared with the machine's own header.
#pragma once
#include <linux/bpf.h>

${[...new Set(always)].join('\n')}

${[...new Set(ifDefined)].join('\n')}
`;
}
