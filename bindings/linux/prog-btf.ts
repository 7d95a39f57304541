/**
 * A program's own types, function prototypes and source lines, as BPF_PROG_LOAD takes them: the object's BTF, with the texts of the lines
 * added to its strings (https://docs.kernel.org/bpf/btf.html, "BPF_PROG_LOAD"). Loaded once an object. A kernel that does not take it runs the
 * program without.
 */
import { utf8Encode } from '../../core/base/bytes.ts';
import { BTF_HEADER_SIZE } from '../../core/btf/kinds.ts';
import { OP_LD_IMM64 } from '../../core/isa/ops.ts';
import type { LineInfo, ObjectSpec, ProgSpec } from '../../core/spec/spec.ts';
import { bpf, sys } from './bpf.ts';

/** Bits of a line_info's last word that hold the column. */
const COLUMN_BITS = 10;
const COLUMN_MOST = (1 << COLUMN_BITS) - 1;

export class ObjectBtf {
  /** 0 when the object has no types or the kernel does not take them. */
  readonly fd: number;
  readonly #strings: ReadonlyMap<string, number>;

  constructor(object: ObjectSpec) {
    const texts = new Set<string>();
    for (const prog of object.progs) for (const line of prog.lines) texts.add(line.file).add(line.text);
    const { bytes, strings } = withStrings(object.btf?.bytes ?? EMPTY, texts);
    this.#strings = strings;
    this.fd = object.btf ? Math.max(0, bpf('BTF_LOAD', { btf: bytes, btf_size: bytes.length })) : 0;
  }

  /** The fields of BPF_PROG_LOAD for one program; undefined when there is nothing to tell. `shift`: slots put in front of its first function. */
  infoOf(
    prog: ProgSpec,
    insns: Uint8Array,
    shift: number,
  ): { fd: number; funcInfo: Uint8Array; lineInfo: Uint8Array } | undefined {
    if (this.fd === 0 || prog.funcs.length === 0 || prog.funcs.some((func) => func.btfId === 0)) return undefined;
    const moved = (insn: number): number => (insn === 0 ? 0 : insn + shift);
    const funcs = prog.funcs.flatMap((func) => [moved(func.insn), func.btfId]);
    const lines: number[] = [];
    for (const line of completeLines(prog, insns, shift)) {
      const position = (line.line * (1 << COLUMN_BITS) + Math.min(line.column, COLUMN_MOST)) >>> 0;
      lines.push(moved(line.insn), this.#strings.get(line.file) ?? 0, this.#strings.get(line.text) ?? 0, position);
    }
    return { fd: this.fd, funcInfo: words(funcs), lineInfo: words(lines) };
  }

  close(): void {
    if (this.fd > 0) sys().close(this.fd);
  }
}

const EMPTY = new Uint8Array(0);

function words(values: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

/** The strings are a BTF's last part: more of them change nothing else but their length. */
function withStrings(btf: Uint8Array, texts: Iterable<string>): { bytes: Uint8Array; strings: Map<string, number> } {
  const strings = new Map<string, number>();
  if (btf.length < BTF_HEADER_SIZE) return { bytes: btf, strings };
  const lengthAt = 20;
  let length = new DataView(btf.buffer, btf.byteOffset).getUint32(lengthAt, true);
  const added: Uint8Array[] = [];
  for (const text of texts) {
    const encoded = utf8Encode(`${text.replaceAll('\0', ' ')}\0`);
    strings.set(text, length);
    added.push(encoded);
    length += encoded.length;
  }
  const bytes = new Uint8Array(btf.length + added.reduce((sum, text) => sum + text.length, 0));
  bytes.set(btf);
  let at = btf.length;
  for (const text of added) {
    bytes.set(text, at);
    at += text.length;
  }
  new DataView(bytes.buffer).setUint32(lengthAt, length, true);
  return { bytes, strings };
}

/** The lines with one for the first instruction of every function, which the kernel insists on, and none inside of an instruction. */
function completeLines(prog: ProgSpec, insns: Uint8Array, shift: number): LineInfo[] {
  if (prog.lines.length === 0) return [];
  const second = (insn: number): boolean =>
    insn > 0 && insns[(insn + shift - 1) * 8] === OP_LD_IMM64 && insns[(insn + shift) * 8] === 0;
  const byInsn = new Map<number, LineInfo>();
  for (const line of prog.lines) if (!second(line.insn)) byInsn.set(line.insn, line);
  const sorted = [...byInsn.values()].sort((a, b) => a.insn - b.insn);
  for (const { insn } of prog.funcs) {
    if (byInsn.has(insn)) continue;
    const before = sorted.findLast((line) => line.insn < insn) ?? sorted[0]!;
    byInsn.set(insn, { ...before, insn });
  }
  return [...byInsn.values()].sort((a, b) => a.insn - b.insn);
}
