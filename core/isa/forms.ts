/**
 * Every form an instruction can take, spelled out from the factored table: what coverage tests, fuzzers and the version
 * check enumerate. A form's name is `class.operation.source`, e.g. `alu64.add.k`, `ldx.dw`, `atomic.w.fetch_add`, `call.helper`.
 */
import {
  ALU_OPS,
  ALU_VARIANTS,
  ATOMIC_OPS,
  CALL_KINDS,
  CLASS,
  END_FORMS,
  JMP_OPS,
  MODE,
  OP_CALL,
  OP_GOTOL,
  OP_LD_IMM64,
  PSEUDO_LD,
  SIZES,
  SRC,
} from './ops.ts';

export interface Form {
  readonly name: string;
  readonly opcode: number;
  /** Where set, the field must have this value; `off` of an ALU form and `imm` of byte-order and atomic forms. */
  readonly src?: number;
  readonly off?: number;
  readonly imm?: number;
  /** cpu version (1 to 4) that first has it. */
  readonly version: 1 | 2 | 3 | 4;
}

export const FORMS: readonly Form[] = [...aluForms(), ...memoryForms(), ...jumpForms()];

function aluForms(): Form[] {
  const out: Form[] = [];
  const sources = [
    { tag: 'k', bit: SRC.K },
    { tag: 'x', bit: SRC.X },
  ];
  for (const [tag, cls] of [
    ['alu64', CLASS.ALU64],
    ['alu32', CLASS.ALU],
  ] as const) {
    for (const row of ALU_OPS) {
      if (row.name === 'end') continue;
      if (row.name === 'neg') out.push({ name: `${tag}.neg`, opcode: cls | row.code, off: 0, version: row.version });
      else
        for (const s of sources)
          out.push({
            name: `${tag}.${row.name}.${s.tag}`,
            opcode: cls | row.code | s.bit,
            off: 0,
            version: row.version,
          });
    }
    for (const row of ALU_VARIANTS) {
      if (!(row.classes as readonly string[]).includes(cls === CLASS.ALU64 ? 'ALU64' : 'ALU')) continue;
      const code = ALU_OPS.find((r) => r.name === row.base)!.code;
      for (const s of sources) {
        if (row.base === 'mov' && s.tag === 'k') continue;
        out.push({
          name: `${tag}.${row.name}.${s.tag}`,
          opcode: cls | code | s.bit,
          off: row.off,
          version: row.version,
        });
      }
    }
  }
  const end = ALU_OPS.find((r) => r.name === 'end')!.code;
  for (const row of END_FORMS) {
    for (const width of [16, 32, 64]) {
      out.push({
        name: `${row.name}${width}`,
        opcode: CLASS[row.class] | end | SRC[row.src],
        imm: width,
        version: row.version,
      });
    }
  }
  return out;
}

function memoryForms(): Form[] {
  const out: Form[] = [];
  for (const size of SIZES) {
    const tag = size.name.toLowerCase();
    out.push({ name: `ldx.${tag}`, opcode: CLASS.LDX | MODE.MEM | size.code, version: 1 });
    out.push({ name: `st.${tag}`, opcode: CLASS.ST | MODE.MEM | size.code, version: 1 });
    out.push({ name: `stx.${tag}`, opcode: CLASS.STX | MODE.MEM | size.code, version: 1 });
    if (size.name !== 'DW') {
      out.push({ name: `ldsx.${tag}`, opcode: CLASS.LDX | MODE.MEMSX | size.code, version: 4 });
      out.push({ name: `ld_abs.${tag}`, opcode: CLASS.LD | MODE.ABS | size.code, version: 1 });
      out.push({ name: `ld_ind.${tag}`, opcode: CLASS.LD | MODE.IND | size.code, version: 1 });
    }
    for (const row of ATOMIC_OPS) {
      const any = row.name === 'load_acq' || row.name === 'store_rel';
      if (!any && size.bytes < 4) continue;
      out.push({
        name: `atomic.${tag}.${row.name}`,
        opcode: CLASS.STX | MODE.ATOMIC | size.code,
        imm: row.imm,
        version: row.version,
      });
    }
  }
  for (const row of PSEUDO_LD)
    out.push({ name: `ld_imm64.${row.name}`, opcode: OP_LD_IMM64, src: row.src, version: 1 });
  return out;
}

function jumpForms(): Form[] {
  const out: Form[] = [];
  for (const row of JMP_OPS) {
    if (row.name === 'call') continue;
    if (!row.cond) {
      out.push({
        name: row.name === 'jcond' ? 'may_goto' : row.name,
        opcode: CLASS.JMP | row.code,
        version: row.version,
      });
      continue;
    }
    for (const [tag, bit] of [
      ['k', SRC.K],
      ['x', SRC.X],
    ] as const) {
      out.push({ name: `jmp.${row.name}.${tag}`, opcode: CLASS.JMP | row.code | bit, version: row.version });
      out.push({ name: `jmp32.${row.name}.${tag}`, opcode: CLASS.JMP32 | row.code | bit, version: 3 });
    }
  }
  out.push({ name: 'gotol', opcode: OP_GOTOL, version: 4 });
  for (const row of CALL_KINDS) out.push({ name: `call.${row.name}`, opcode: OP_CALL, src: row.src, version: 1 });
  return out;
}

const BY_OPCODE = new Map<number, Form[]>();
for (const form of FORMS) BY_OPCODE.set(form.opcode, [...(BY_OPCODE.get(form.opcode) ?? []), form]);

/** The form of an instruction, or undefined when it has none (checkStructure would refuse it). */
export function formOf(insn: { opcode: number; src: number; off: number; imm: number }): Form | undefined {
  return BY_OPCODE.get(insn.opcode)?.find(
    (f) =>
      (f.src === undefined || f.src === insn.src) &&
      (f.off === undefined || f.off === insn.off) &&
      (f.imm === undefined || f.imm === insn.imm),
  );
}
