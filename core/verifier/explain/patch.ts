/** Suggestions that can be applied: edits of the source text, each saying what it expects to find there. */
import { BpfError } from '../../base/errors.ts';

/** Replace `remove` at the 1-based place by `insert`. Lines may be spanned by either. */
export interface Edit {
  readonly line: number;
  readonly column: number;
  readonly remove: string;
  readonly insert: string;
}

export interface Patch {
  readonly file: string;
  /** From the top of the file to its end, not overlapping. */
  readonly edits: readonly Edit[];
}

/** The text with the edits made. Throws BpfError EINVAL where the text is not the one the patch was made for. */
export function applyPatch(text: string, patch: Patch): string {
  const starts = [0];
  for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) starts.push(i + 1);
  let out = '';
  let done = 0;
  for (const e of patch.edits) {
    const at = (starts[e.line - 1] ?? Number.NaN) + e.column - 1;
    if (!(at >= done) || !text.startsWith(e.remove, at)) {
      throw new BpfError('EINVAL', `${patch.file}:${e.line}:${e.column}: the patch does not fit this text`);
    }
    out += text.slice(done, at) + e.insert;
    done = at + e.remove.length;
  }
  return out + text.slice(done);
}
