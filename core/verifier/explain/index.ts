/**
 * Explanations: what a refusal means in the words of the source. From our own verdict or from the log of a real kernel (its level 1 log holds
 * the failing path), with the program's line info and, where it is at hand, the source: what is wrong with which variable, why, what is
 * known of it, the assignments and branches that lead there, and a mend that is a patch where it can be.
 *
 * rules-*.ts say what each message means; case.ts opens the refusal up for them; text.ts, statements.ts and source.ts read the C, flow.ts follows values along the path,
 * register.ts reads the log's registers, path.ts picks the steps, render.ts prints. The JSON shape is `Explanation`: docs/explanations.md.
 */
import type { Btf } from '../../btf/btf.ts';
import type { MapSpec, ProgSpec } from '../../spec/spec.ts';
import type { Category } from '../refusal.ts';
import { Case, type Evidence, LOG_FILE, type Spot } from './case.ts';
import { instructionsOfLog, readKernelLog } from './log.ts';
import type { Patch } from './patch.ts';
import { marksOf, placeOfLine, stepsOf } from './path.ts';
import type { Known, Said } from './rule.ts';
import { ACCESS_RULES } from './rules-access.ts';
import { BOUNDS_RULES } from './rules-bounds.ts';
import { CALL_RULES } from './rules-call.ts';
import { CONTROL_RULES } from './rules-control.ts';
import { NULL_RULES } from './rules-null.ts';
import { PACKET_RULES } from './rules-packet.ts';
import { STACK_RULES } from './rules-stack.ts';

export type { Evidence } from './case.ts';
export { programOfLog } from './log.ts';
export { applyPatch, type Edit, type Patch } from './patch.ts';
export { type RenderOptions, renderExplanation } from './render.ts';
export type { Known } from './rule.ts';

export interface Place {
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  readonly column: number;
  /** 1-based column behind the expression, where it is known. */
  readonly endColumn?: number | undefined;
  /** The source line. */
  readonly text: string;
}

export interface Step {
  readonly pc: number;
  readonly place?: Place | undefined;
  readonly instruction: string;
  /** What happened: '`val` may be null from here on', '`key == 5` is false'. */
  readonly text: string;
}

export interface Explanation {
  readonly category: Category;
  /** The category in words: 'null pointer'. */
  readonly title: string;
  /** The verifier's own message. */
  readonly message: string;
  /** What is wrong, in one line. */
  readonly summary: string;
  /** Why, in one sentence. */
  readonly reason: string;
  /** The refused instruction. */
  readonly pc: number;
  /** The same disassembled: `r1 = *(u64 *)(r0 +0)`. */
  readonly instruction: string;
  readonly at?: Place | undefined;
  /** The C function it is in. */
  readonly function?: string | undefined;
  /** Variable or expression at fault. */
  readonly variable?: string | undefined;
  /** What the verifier knows of it. */
  readonly known: readonly Known[];
  /** Oldest first. */
  readonly path: readonly Step[];
  readonly suggestion?: string | undefined;
  /** The suggestion as edits of the source, where it can be applied as it is: see `applyPatch`. */
  readonly patch?: Patch | undefined;
}

/** Headings, by category. */
export const CATEGORY_TITLES: Readonly<Record<Category, string>> = {
  structure: 'control flow',
  uninitialised: 'uninitialised data',
  null: 'null pointer',
  bounds: 'memory bounds',
  alignment: 'alignment',
  type: 'type mismatch',
  helper: 'helper not allowed',
  context: 'context access',
  reference: 'resource not given back',
  return: 'return value',
  leak: 'kernel address leak',
  limit: 'too complex',
  hook: 'refused by a hook',
  unsupported: 'not supported here',
};

/** The first rule whose pattern fits is the one: null pointers come before the general rule of bad pointers. */
const RULES = [
  ...NULL_RULES,
  ...STACK_RULES,
  ...PACKET_RULES,
  ...BOUNDS_RULES,
  ...ACCESS_RULES,
  ...CALL_RULES,
  ...CONTROL_RULES,
];

/** Explain a refusal. `category` is the verifier's own, for messages that no rule knows. */
export function explain(evidence: Evidence, category: Category = 'structure'): Explanation {
  const c = new Case(evidence);
  for (const rule of RULES) {
    const m = rule.pattern.exec(evidence.message);
    if (m) return finish(c, rule.say(m, c), rule.category);
  }
  return finish(c, { summary: evidence.message, reason: evidence.message, known: [], branches: 'all' }, category);
}

function finish(c: Case, said: Said, category: Category): Explanation {
  const pc = said.pc ?? c.pc;
  const marks = new Map([...marksOf(c, said.origin, said.originText), ...(said.marks ?? [])]);
  const first = marks.size > 0 ? Math.min(...marks.keys()) : 0;
  const branches = said.branches ?? 'since';
  const path = stepsOf(c, {
    marks,
    branchesFrom: branches === 'none' ? Number.POSITIVE_INFINITY : branches === 'all' ? 0 : first,
  });
  const kind = said.category ?? category;
  const at = said.spot ? placeOfSpot(said.spot) : placeAt(c, pc);
  const fn = c.function?.name ?? functionAt(c.prog, pc);
  return {
    category: kind,
    title: CATEGORY_TITLES[kind],
    message: c.evidence.message,
    summary: said.summary,
    reason: said.reason,
    pc: c.pc,
    instruction: c.instructionText(c.pc),
    ...(at && { at }),
    ...(fn && { function: fn }),
    ...(said.variable === undefined ? {} : { variable: said.variable }),
    known: said.known,
    path,
    ...(said.mend && { suggestion: said.mend.text }),
    ...(said.mend?.patch && { patch: said.mend.patch }),
  };
}

function functionAt(prog: ProgSpec, pc: number): string | undefined {
  return prog.funcs.filter((f) => f.insn <= pc).at(-1)?.name;
}

function placeOfSpot({ file, offset }: Spot): Place {
  const { line, column } = file.position(offset);
  const text = file.lineText(line);
  const fn = file.complete ? file.functions().find((f) => f.start === offset) : undefined;
  const last = fn ? fn.body.start : file.statementEnd(offset) - 1;
  const end = file.complete ? file.position(last) : { line, column: column + 1 };
  return { file: file.name, line, column, endColumn: end.line === line ? end.column : text.length + 1, text };
}

/** The place with the whole expression: the access or the call, where they can be seen. */
function placeAt(c: Case, pc: number): Place | undefined {
  const place = placeOfLine(c.lineAt(pc));
  const at = c.placeOf(pc);
  if (!place || !at) return place;
  let range = pc === c.pc ? (c.isCall ? c.call?.range : c.access?.range) : undefined;
  if (!range) {
    const { inner } = at.file.statementAt(at.offset);
    if (at.file.complete && inner === at.offset)
      range = { start: inner, end: Math.max(inner + 1, at.file.statementEnd(inner) - 1) };
  }
  if (!range) return place;
  const from = at.file.position(range.start);
  const to = at.file.position(range.end);
  if (place.line === 0)
    return { ...place, column: from.column, endColumn: to.line === from.line ? to.column : undefined };
  if (from.line !== place.line) return place;
  return { ...place, column: from.column, endColumn: to.line === from.line ? to.column : place.text.length + 1 };
}

/** Of a very long path, its end. */
const MAX_PATH = 20_000;

export interface KernelLogOptions {
  readonly maps?: readonly MapSpec[];
  readonly objectBtf?: Btf | undefined;
  readonly source?: (file: string) => string | undefined;
  /** Release of the kernel that printed the log. */
  readonly kernel?: string;
}

/**
 * Explain the log that a real kernel printed (BPF_PROG_LOAD with log_level 1 or 2, any release since 4.14) for a program. Line info comes from the
 * spec; without any, the source lines in the log stand in. Undefined where the log holds no refusal.
 */
export function explainKernelLog(log: string, prog: ProgSpec, options: KernelLogOptions = {}): Explanation | undefined {
  const read = readKernelLog(log);
  if (!read) return undefined;
  const lines =
    prog.lines.length > 0
      ? prog.lines
      : [...read.lines]
          .sort(([a], [b]) => a - b)
          .map(([insn, l], i) => ({ insn, file: l.file ?? LOG_FILE, line: l.line ?? i + 1, column: 0, text: l.text }));
  const pc = read.path.at(-1) ?? 0;
  return explain({
    prog: { ...prog, lines, insns: prog.insns.length > 0 ? prog.insns : instructionsOfLog(log) },
    message: read.message,
    details: read.details,
    pc,
    path: read.path.length > 0 ? read.path.slice(-MAX_PATH) : [pc],
    registers: read.registers,
    ...options,
  });
}
