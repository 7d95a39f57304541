/** IR positions (file, line, column) back to spans of the program's text. */
import type { SourceFile, Span } from '../base/diagnostics.ts';
import type { Loc } from '../ir/ir.ts';

/** The word at a line and column, when it is in the program's own file. */
export function spanOfLoc(file: SourceFile, loc: Loc): Span | undefined {
  if (loc.file !== file.name) return undefined;
  const start = (file.lineStarts()[loc.line - 1] ?? 0) + loc.column - 1;
  const word = /^\w+/.exec(file.text.slice(start, start + 64))?.[0].length ?? 1;
  return { file, start, end: start + word };
}
