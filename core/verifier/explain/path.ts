/** The causal path: of all that ran before the refusal, the assignments and branches that matter to it, in the words of the source. */
import type { LineInfo } from '../../spec/spec.ts';
import { type Case, LOG_FILE } from './case.ts';
import type { Origin } from './flow.ts';
import type { Place, Step } from './index.ts';
import type { SourceText } from './source.ts';

const MAX_STEPS = 12;

export interface Wanted {
  /** What each instruction did that deserves a line: by place on the path. */
  readonly marks: ReadonlyMap<number, string>;
  /** Branches from this place of the path on. */
  readonly branchesFrom: number;
}

export function placeOfLine(line: LineInfo | undefined): Place | undefined {
  if (!line || line.line === 0) return undefined;
  if (line.file === LOG_FILE) return { file: '', line: 0, column: 1, text: line.text };
  return { file: line.file, line: line.line, column: line.column, text: line.text };
}

/** The condition of a branch and what it was on this path: `!val` is false. */
function branchText(c: Case, k: number): { text: string; key: string } | undefined {
  const { path } = c.flow;
  const pc = path[k]!;
  const at = c.placeOf(pc);
  const line = c.lineAt(pc);
  if (!at || !line) return { text: path[k + 1] !== pc + 1 ? 'jumps' : 'does not jump', key: `${pc}` };
  const condition = at.file.conditionAt(at.offset);
  if (!condition) return undefined;
  // What runs next says which way it went: the first instruction from elsewhere.
  for (let n = k + 1; n < path.length; n++) {
    const next = c.placeOf(path[n]!);
    if (!next || next.file !== at.file) continue;
    const inside =
      (next.offset >= condition.whenTrue.start && next.offset < condition.whenTrue.end) ||
      isJoined(at.file, condition.whenTrue.start, condition.header.start, next.offset);
    const inHeader = next.offset >= condition.header.start && next.offset < condition.header.end;
    if (inHeader && n + 1 < path.length) continue;
    if (inHeader) return undefined;
    const loop = condition.kind !== 'if';
    const verdict = inside ? (loop ? 'holds: another round' : 'is true') : loop ? 'no longer holds' : 'is false';
    return { text: `\`${condition.text}\` ${verdict}`, key: `${condition.header.start} ${inside}` };
  }
  return undefined;
}

/** The branch's `return` was joined with an equal one elsewhere, and what runs next is that one. */
function isJoined(file: SourceText, body: number, header: number, next: number): boolean {
  const first = file.firstInside(body);
  // clang joins all returns at the closing brace.
  if (file.code[next] === '}') {
    return (
      /^return\b/.test(file.statementText(first)) &&
      !/^(?:return\b|\})/.test(file.statementText(file.nextStatement(header)))
    );
  }
  const ran = file.statementAt(next).inner;
  const text = file.statementText(first);
  return /^(?:return|goto)\b/.test(text) && file.statementText(ran) === text && ran !== file.nextStatement(header);
}

function isConditional(opcode: number): boolean {
  const cls = opcode & 7;
  const op = opcode & 0xf0;
  return (cls === 5 || cls === 6) && op !== 0 && op !== 0x80 && op !== 0x90 && op !== 0xe0;
}

export function stepsOf(c: Case, wanted: Wanted): Step[] {
  const { path } = c.flow;
  const { opcode } = c.flow.code;
  const steps: { step: Step; key: string; times: number }[] = [];
  const add = (k: number, text: string, key: string) => {
    const pc = path[k]!;
    const same = steps.findIndex((s) => s.key === key);
    let times = 1;
    if (same >= 0) {
      times += steps[same]!.times;
      steps.splice(same, 1);
    }
    const place = placeOfLine(c.lineAt(pc));
    steps.push({ step: { pc, ...(place && { place }), instruction: c.instructionText(pc), text }, key, times });
  };
  let lastBranch = '';
  for (let k = 0; k + 1 < path.length; k++) {
    const mark = wanted.marks.get(k);
    if (mark !== undefined) {
      add(k, mark, `${mark} ${c.lineOf(path[k]!) ?? path[k]}`);
      lastBranch = '';
    } else if (k >= wanted.branchesFrom && isConditional(opcode[path[k]!]!)) {
      const branch = branchText(c, k);
      // `a || b` is several jumps and one condition.
      if (!branch || branch.key === lastBranch) continue;
      lastBranch = branch.key;
      add(k, branch.text, branch.key);
    }
  }
  return steps
    .slice(-MAX_STEPS)
    .map(({ step, times }) => (times > 1 ? { ...step, text: `${step.text} (${times} times)` } : step));
}

/** Lines for where a value comes from: each assignment it went through. */
export function marksOf(c: Case, of: Origin | undefined, last = ''): Map<number, string> {
  const marks = new Map<number, string>();
  const slice = c.flow.slice(of);
  const seen = new Set<number>();
  for (const o of slice) {
    if (o.kind === 'const' || o.kind === 'stack' || o.kind === 'map' || o.kind === 'param') continue;
    const line = c.lineAt(o.pc)?.line;
    // One line of the source is one step; what happens on the refused line is said already.
    if (line === undefined || seen.has(line) || line === c.line?.line) continue;
    seen.add(line);
    const name = c.nameOf(o);
    const what = o === of && last !== '' ? last : name ? `\`${name}\` gets its value` : 'the value comes from here';
    marks.set(o.step, what);
  }
  return marks;
}
