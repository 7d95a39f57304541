/**
 * `skep disasm FILE|-`: machine code as the kernel prints it (`bpftool prog dump xlated`). The input may be an ELF object of any compiler, hex text as
 * `skep asm` prints it, or raw instructions; which one is seen from the bytes.
 */
import type { Command } from 'commander';
import { fromHex } from '../../../core/base/bytes.ts';
import { BpfError } from '../../../core/base/errors.ts';
import { readObject } from '../../../core/elf/object.ts';
import { isElf } from '../../../core/elf/read.ts';
import { helperById } from '../../../core/helpers/index.ts';
import { disassemble, insnText } from '../../../core/isa/disasm.ts';
import { toInsns } from '../../../core/isa/insn.ts';
import { OP_LD_IMM64 } from '../../../core/isa/ops.ts';
import type { ProgSpec } from '../../../core/spec/spec.ts';
import { print, writeAll } from '../output.ts';
import { readInput } from './asm.ts';

const helper = (id: number): string | undefined => helperById(id)?.name;

export function define(command: Command): void {
  command
    .argument('<file>', 'an ELF object, hex text or raw instructions; - is standard input')
    .action((file: string) => {
      const bytes = readInput(file);
      if (!isElf(bytes)) {
        writeAll(1, disassemble(instructionBytes(bytes, file), { helper }));
        return;
      }
      const { progs } = readObject(bytes);
      if (progs.length === 0) throw new BpfError('ENOENT', `${file}: the object has no programs`);
      progs.forEach((prog, i) => {
        if (i > 0) print('');
        printProgram(prog);
      });
    });
}

/** Raw instructions from text or bytes; throws BpfError for what is neither. Hex digits and white space alone are text: as instructions they would be nonsense. */
export function instructionBytes(bytes: Uint8Array, file: string): Uint8Array {
  const isText = bytes.length > 0 && bytes.every((b) => /[0-9a-fA-F\s]/.test(String.fromCharCode(b)));
  let code = bytes;
  if (isText) {
    try {
      code = fromHex(new TextDecoder().decode(bytes));
    } catch (error) {
      throw new BpfError('EINVAL', `${file}: ${(error as Error).message}`, { cause: error });
    }
  }
  if (code.length === 0) throw new BpfError('EINVAL', `${file}: there is no instruction in it`);
  if (code.length % 8 !== 0) {
    const what = isText ? 'hex text' : 'neither an ELF object nor hex text, and as raw instructions it';
    throw new BpfError('EINVAL', `${file}: ${what} has ${code.length} bytes: no whole number of 8-byte instructions`);
  }
  return code;
}

/** A program of an object: its functions named, its source lines before their instructions, maps by name behind a `;`. */
function printProgram(prog: ProgSpec): void {
  print(`; ${prog.type} ${prog.name} (section ${prog.section})`);
  const functions = new Map(prog.funcs.map((f) => [f.insn, f.name]));
  const lines = new Map(prog.lines.map((l) => [l.insn, l.text.trim()]));
  const relocs = new Map(prog.relocs.map((r) => [r.insn, r]));
  let pc = 0;
  for (const insn of toInsns(prog.insns)) {
    if (functions.has(pc)) print(`${functions.get(pc)}:`);
    const source = lines.get(pc);
    if (source) print(`; ${source}`);
    const reloc = relocs.get(pc);
    const note =
      reloc &&
      ('map' in reloc
        ? `map ${reloc.map}${'offset' in reloc ? `+${reloc.offset}` : ''}`
        : `${reloc.kind} ${reloc.name}`);
    print(`${String(pc).padStart(4)}: ${insnText(insn, { helper })}${note ? ` ; ${note}` : ''}`);
    pc += insn.opcode === OP_LD_IMM64 ? 2 : 1;
  }
}
