/**
 * Explanations: what a refusal means in the words of the source. From our own verdict or from the log of a real kernel (its
 * level 1 log holds the failing path), with the program's line info: the line with a caret, the variable that the
 * register holds as far as the source shows it, the branches and assignments that lead there, and what to do.
 */
import type { LineInfo, ProgSpec } from '../spec/spec.ts';
import type { Env } from './env.ts';
import { EXPLAIN_RULES } from './explain-rules.ts';
import type { Category } from './refusal.ts';
import type { State } from './state.ts';

export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The source line. */
  readonly text: string;
}

export interface Step {
  readonly pc: number;
  readonly place?: Place | undefined;
  /** What happened: 'sets `val`', 'the condition holds'. */
  readonly text: string;
}

export interface Explanation {
  readonly category: Category;
  /** The verifier's own message. */
  readonly message: string;
  readonly reason: string;
  readonly pc: number;
  readonly at?: Place | undefined;
  readonly variable?: string | undefined;
  /** Oldest first. */
  readonly path: readonly Step[];
  readonly suggestion?: string | undefined;
}

function lineAt(prog: ProgSpec, pc: number): LineInfo | undefined {
  let found: LineInfo | undefined;
  for (const line of prog.lines) {
    if (line.insn > pc) break;
    found = line;
  }
  return found;
}

function placeAt(prog: ProgSpec, pc: number): Place | undefined {
  const l = lineAt(prog, pc);
  return l && { file: l.file, line: l.line, column: l.column, text: l.text };
}

interface Decoded {
  readonly opcode: number;
  readonly dst: number;
  readonly src: number;
}

function insnAt(prog: ProgSpec, pc: number): Decoded {
  const at = pc * 8;
  const regs = prog.insns[at + 1] ?? 0;
  return { opcode: prog.insns[at] ?? 0, dst: regs & 15, src: regs >> 4 };
}

/** The register an instruction writes, or -1. */
function written(insn: Decoded): number {
  const cls = insn.opcode & 7;
  if (cls === 0 || cls === 1 || cls === 4 || cls === 7) return insn.dst;
  return insn.opcode === 0x85 ? 0 : -1;
}

/** The variable that a source line assigns: `val` of `u64 *val = counts.lookup(&key);`. */
function assignedName(text: string): string | undefined {
  const m = /([A-Za-z_]\w*)\s*(?:\[[^\]]*\]\s*)?=(?!=)/.exec(text);
  return m?.[1];
}

/** Where the register got its value, going back over the path through copies. */
function origin(prog: ProgSpec, path: readonly number[], register: number): number | undefined {
  let wanted = register;
  for (let k = path.length - 2; k >= 0; k--) {
    const insn = insnAt(prog, path[k]!);
    if (written(insn) !== wanted) continue;
    // A copy: what was copied is the thing.
    if (insn.opcode === 0xbf && insn.src !== 10) wanted = insn.src;
    else return path[k];
  }
  return undefined;
}

const MAX_STEPS = 12;

function stepsOf(
  prog: ProgSpec,
  path: readonly number[],
  source: number | undefined,
  variable: string | undefined,
): Step[] {
  const steps: Step[] = [];
  let last: LineInfo | undefined;
  for (let k = 0; k < path.length - 1; k++) {
    const pc = path[k]!;
    const insn = insnAt(prog, pc);
    const cls = insn.opcode & 7;
    const line = lineAt(prog, pc);
    const conditional =
      (cls === 5 || cls === 6) && (insn.opcode & 0xf0) !== 0 && insn.opcode !== 0x85 && insn.opcode !== 0x95;
    if (pc === source) {
      steps.push({
        pc,
        place: placeAt(prog, pc),
        text: variable ? `\`${variable}\` gets its value` : 'the value comes from here',
      });
    } else if (conditional && line !== last) {
      const jumped = path[k + 1] !== pc + 1;
      steps.push({ pc, place: placeAt(prog, pc), text: jumped ? 'the branch is taken' : 'the branch is not taken' });
    } else continue;
    last = line;
  }
  return steps.slice(-MAX_STEPS);
}

/** Explain a message at `pc`, reached by `path` (instructions, oldest first, `pc` last). */
export function explainMessage(prog: ProgSpec, message: string, pc: number, path: readonly number[]): Explanation {
  const register = /\bR(\d+)\b/.exec(message);
  const source = register ? origin(prog, path, Number(register[1])) : undefined;
  const sourceLine = source === undefined ? undefined : lineAt(prog, source);
  const variable = sourceLine && assignedName(sourceLine.text);
  const shown = variable ? `\`${variable}\`` : register ? `r${register[1]}` : 'the value';
  const at = placeAt(prog, pc);
  for (const rule of EXPLAIN_RULES) {
    const m = rule.pattern.exec(message);
    if (!m) continue;
    return {
      category: rule.category,
      message,
      reason: rule.reason(m, shown),
      pc,
      at,
      variable,
      path: stepsOf(prog, path, source, variable),
      suggestion: rule.mend?.(m, shown, at?.line),
    };
  }
  return {
    category: 'structure',
    message,
    reason: message,
    pc,
    at,
    variable,
    path: stepsOf(prog, path, source, variable),
  };
}

const MAX_PATH = 4000;

/** Instructions of the current path of a walk, oldest first. */
export function pathOf(env: Env): number[] {
  const out = [env.insn];
  let state: State | undefined = env.state;
  let i = env.insn;
  let end = state?.history.length ?? 0;
  while (state && out.length < MAX_PATH) {
    const { history } = state;
    if (i === state.firstInsn && (end === 0 || (end === 1 && history[0]!.insn === i))) {
      state = state.parent;
      i = state?.lastInsn ?? -1;
      if (!state || i < 0) break;
      end = state.history.length;
      out.push(i);
      continue;
    }
    if (end > 0 && history[end - 1]!.insn === i) i = history[--end]!.previous;
    else i--;
    if (i < 0) break;
    // The second half of a wide load is no instruction.
    if (i > 0 && env.program.code.opcode[i] === 0 && env.program.code.opcode[i - 1] === 0x18) i--;
    out.push(i);
  }
  return out.reverse();
}

/** Explain the log of a real kernel (level 1 or 2): its last message, at the last instruction it prints. */
export function explainLog(prog: ProgSpec, log: string): Explanation | undefined {
  const path: number[] = [];
  let message = '';
  for (const line of log.split('\n')) {
    const insn = /^(\d+): \([0-9a-f]{2}\) /.exec(line);
    const resumed = /^from (\d+) to (\d+)/.exec(line);
    if (insn) path.push(Number(insn[1]));
    else if (resumed) {
      const back = path.lastIndexOf(Number(resumed[1]));
      if (back >= 0) path.length = back + 1;
    } else if (
      line !== '' &&
      !/^(processed |verification time|stack depth|; |mark_precise:|\d+:|func#|Live regs|\s)/.test(line)
    ) {
      message = line;
    }
  }
  if (message === '') return undefined;
  return explainMessage(prog, message, path[path.length - 1] ?? 0, path);
}

/** As text: message, the source line with a caret, reason, path, suggestion. */
export function renderExplanation(e: Explanation): string {
  const out: string[] = [];
  const where = e.at ? `${e.at.file}:${e.at.line}:${e.at.column}: ` : '';
  out.push(`${where}error: ${e.reason} [${e.category}]`);
  if (e.at) {
    const text = e.at.text.replace(/\t/g, '        ');
    out.push(text);
    const column = e.at.text.slice(0, Math.max(0, e.at.column - 1)).replace(/\t/g, '        ').length;
    out.push(`${' '.repeat(column)}^`);
  }
  for (const s of e.path) {
    const place = s.place ? `${s.place.file}:${s.place.line}: ` : `insn ${s.pc}: `;
    out.push(`  ${place}${s.text}${s.place ? `: ${s.place.text.trim()}` : ''}`);
  }
  out.push(`  verifier: ${e.message} (insn ${e.pc})`);
  if (e.suggestion) out.push(`  mend: ${e.suggestion}`);
  return out.join('\n');
}
