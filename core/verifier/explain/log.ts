/**
 * A kernel's own log, read as evidence: the failing path, the states it shows, the message. Shapes differ by release (4.14 to 6.18): states stand
 * behind a semicolon on the instruction's line or on a line `12: R0=…` of their own; source lines are `; text` or, since 6.9,
 * `; text @ file.c:12`; at level 2 other paths lie between.
 */
import { BpfError } from '../../base/errors.ts';
import { assemble } from '../../isa/asm.ts';
import { readState } from './register.ts';

export interface LogEvidence {
  readonly message: string;
  readonly details: readonly string[];
  readonly path: readonly number[];
  readonly registers: ReadonlyMap<number, string>;
  /** Source lines that the log shows, by instruction. */
  readonly lines: ReadonlyMap<number, { text: string; file?: string; line?: number }>;
}

const MAX_LINES = 100_000;

const INSN = /^(\d+): \([0-9a-f]{2}\) (.*)$/;
const RESUMED = /^from (\d+) to (\d+)(?: \(speculative execution\))?:\s?(.*)$/;
const STATE = /^(\d+):\s+((?:frame\d+: ?)?R\d+.*)$/;
const NOISE =
  /^(?:processed \d+|verification time|stack depth|mark_precise:|last_idx |first_idx |regs=|parent |BPF program is too large.*\n|func#\d|Live regs|\d+: safe|returning from callee|to caller at|caller:|callee:|frame\d+:|Validating |math_|arg#\d+ is|The sequence of 0|verifier log|-- (?:BEGIN|END)|libbpf:|max_states|propagating |tail_call(?!s are)|old state:|cur state:|\s*R\d+(?:_\w+)?=|\d+: \.|\s+\d+: [.\d]{5})/;

/** Of a log of a million lines the end is enough: what was said of a register before then has been said again, or does not matter. */
function endOf(log: string): string {
  let start = log.length;
  for (let lines = 0; lines < MAX_LINES && start > 0; lines++) start = log.lastIndexOf('\n', start - 1);
  return start <= 0 ? log : log.slice(start + 1);
}

/** Without the prefixes that loaders and consoles put before each line, and the statistics behind a message that lacks its newline. */
function bareLine(line: string): string {
  return line
    .replace(/\r$/, '')
    .replace(/(?<=.)processed \d+ insns \(limit.*$/, '')
    .replace(/^(?:libbpf: |\[[\s\d.]+\] |\s*;; )/, '');
}

/** What the log says, or undefined where it holds no message (an accepted program). */
export function readKernelLog(log: string): LogEvidence | undefined {
  const path: number[] = [];
  let registers = new Map<number, string>();
  const lines = new Map<number, { text: string; file?: string; line?: number }>();
  let message = '';
  let details: string[] = [];
  let comment: { text: string; file?: string; line?: number } | undefined;
  const learn = (text: string) => {
    for (const [r, value] of readState(text)) registers.set(r, value);
  };
  for (const raw of endOf(log).split('\n')) {
    const line = bareLine(raw);
    if (line.trim() === '') continue;
    const insn = INSN.exec(line);
    if (insn) {
      const pc = Number(insn[1]);
      path.push(pc);
      if (comment) lines.set(pc, comment);
      comment = undefined;
      message = '';
      details = [];
      const changes = insn[2]!.indexOf(';');
      if (changes >= 0) learn(insn[2]!.slice(changes + 1));
      else clobber(insn[2]!, registers);
      continue;
    }
    const resumed = RESUMED.exec(line);
    if (resumed) {
      const back = path.lastIndexOf(Number(resumed[1]));
      if (back >= 0) {
        path.length = back + 1;
      }
      message = '';
      details = [];
      if (resumed[3] !== 'safe') {
        registers = new Map();
        learn(resumed[3]!);
      }
      continue;
    }
    if (line.startsWith('; ')) {
      const at = /^; (.*?)(?: @ (.*):(\d+))?$/.exec(line)!;
      comment = { text: at[1]!, ...(at[2] === undefined ? {} : { file: at[2], line: Number(at[3]) }) };
      continue;
    }
    const state = STATE.exec(line);
    if (state) {
      // The state before an instruction, or what the last one changed.
      learn(state[2]!);
      continue;
    }
    if (/^(?:to caller at|caller:)/.test(line)) {
      learn(line);
      continue;
    }
    // Before 5.18 the state stands on a line of its own, indented.
    if (/^\s+(?:frame\d+: ?)?R\d+(?:_\w+)?=/.test(raw)) {
      learn(line);
      continue;
    }
    if (NOISE.test(line) || /^\s/.test(raw)) continue;
    if (message !== '') details.push(message);
    message = line;
  }
  if (message === '') return undefined;
  return { message, details, path, registers, lines };
}

/** An instruction line without a state: what it wrote is not known any more. */
function clobber(text: string, registers: Map<number, string>): void {
  const assigned = /^[rw](\d+) /.exec(text);
  if (assigned) {
    const copied = /^r(\d+) = r(\d+)$/.exec(text);
    const from = copied && registers.get(Number(copied[2]));
    if (from) registers.set(Number(assigned[1]), from);
    else registers.delete(Number(assigned[1]));
  } else if (text.startsWith('call ')) for (let r = 0; r <= 5; r++) registers.delete(r);
}

/** The program that a log is about: the one whose instructions the log shows. Undefined where none fits all of them. */
export function programOfLog<T extends { readonly insns: Uint8Array }>(
  log: string,
  progs: readonly T[],
): T | undefined {
  const shown = new Map<number, number>();
  for (const m of log.matchAll(/^(\d+): \(([0-9a-f]{2})\) /gm)) shown.set(Number(m[1]), Number.parseInt(m[2]!, 16));
  return progs.find((p) => [...shown].every(([pc, opcode]) => p.insns[pc * 8] === opcode));
}

/** The instructions that a log shows, at their places, for an explanation without the program; what it does not show is zero. */
export function instructionsOfLog(log: string): Uint8Array {
  const shown = new Map<number, string>();
  for (const m of log.matchAll(/^(\d+): \([0-9a-f]{2}\) ([^;\n]*)/gm)) shown.set(Number(m[1]), m[2]!.trim());
  const length = [...shown.keys()].reduce((most, pc) => Math.max(most, pc + 2), 0);
  if (length > 1_000_000) return new Uint8Array(0);
  const out = new Uint8Array(length * 8);
  for (const [pc, text] of shown) {
    // A map is shown by its address.
    const plain = text.replace(/^(r\d+ = )map\[.*$/, '$10 ll');
    try {
      out.set(assemble(plain), pc * 8);
    } catch (error) {
      // Notation of a newer kernel: the instruction stays unknown, the explanation says less.
      if (!(error instanceof BpfError)) throw error;
    }
  }
  return out;
}
