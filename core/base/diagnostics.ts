/**
 * Diagnostics: what the compiler and the verifier say about a program's source, with spans and carets.
 *
 * A `Span` is a half-open range of UTF-16 offsets into one `SourceFile`. Rendering follows clang's shape, which every
 * editor already parses: `file:line:col: error: text`, the source line, a caret line, then notes.
 */

/** One text that positions refer to. `lineStarts` is computed on first use. */
export class SourceFile {
  readonly name: string;
  readonly text: string;
  #lineStarts: number[] | undefined;
  /** What `#line` said, in order of lines: from this line on, the line `as` of a file `name`. */
  #presumed: { readonly from: number; readonly as: number; readonly name: string }[] | undefined;
  constructor(name: string, text: string) {
    this.name = name;
    this.text = text;
  }

  /** 1-based line and column (in UTF-16 units) of an offset. */
  position(offset: number): { line: number; column: number } {
    const starts = this.lineStarts();
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const mid = (low + high + 1) >> 1;
      if (starts[mid]! <= offset) low = mid;
      else high = mid - 1;
    }
    return { line: low + 1, column: offset - starts[low]! + 1 };
  }

  /** `#line` (C11 6.10.4) on a 1-based line: the next one is to be called line `as`, of `name` where one is given. */
  presume(line: number, as: number, name?: string): void {
    this.#presumed ??= [];
    const before = this.#presumed[this.#presumed.length - 1]?.name ?? this.name;
    this.#presumed.push({ from: line + 1, as, name: name ?? before });
  }

  /** The file and the line that a 1-based line is said to be. */
  presumed(line: number): { readonly name: string; readonly line: number } {
    const rows = this.#presumed ?? [];
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (rows[mid]!.from <= line) low = mid + 1;
      else high = mid;
    }
    const row = rows[low - 1];
    return row ? { name: row.name, line: row.as + line - row.from } : { name: this.name, line };
  }

  /** Text of a 1-based line, without its end. */
  lineText(line: number): string {
    const starts = this.lineStarts();
    const from = starts[line - 1];
    if (from === undefined) return '';
    const to = starts[line] ?? this.text.length + 1;
    return this.text.slice(from, to - 1).replace(/\r$/, '');
  }

  get lineCount(): number {
    return this.lineStarts().length;
  }

  lineStarts(): readonly number[] {
    if (!this.#lineStarts) {
      const starts = [0];
      for (let i = this.text.indexOf('\n'); i >= 0; i = this.text.indexOf('\n', i + 1)) starts.push(i + 1);
      this.#lineStarts = starts;
    }
    return this.#lineStarts;
  }
}

export interface Span {
  readonly file: SourceFile;
  readonly start: number;
  readonly end: number;
}

export type Severity = 'error' | 'warning' | 'note';

/** Replace `span` by `text` to mend what the diagnostic complains about. An empty span inserts. */
export interface FixIt {
  readonly span: Span;
  readonly text: string;
}

export interface Diagnostic {
  readonly severity: Severity;
  readonly message: string;
  readonly span?: Span | undefined;
  /** Other places that matter, underlined with `~` when on the same line. */
  readonly ranges?: readonly Span[];
  /** "declared here", macro backtraces, and the like. */
  readonly notes?: readonly Diagnostic[];
  readonly fixits?: readonly FixIt[];
  /** Foresees what a verifier will say: where the verifier is asked, its own words are better. */
  readonly foresees?: boolean;
}

export interface RenderOptions {
  /** ANSI colours; for terminals only. */
  readonly color?: boolean;
}

const ESC = '\x1b[';
const COLORS: Record<Severity, string> = { error: '1;31', warning: '1;35', note: '1;36' };

/** Render as clang would, one block per diagnostic, ending without a newline. */
export function renderDiagnostics(diagnostics: readonly Diagnostic[], options: RenderOptions = {}): string {
  return diagnostics.map((d) => renderOne(d, options)).join('\n');
}

function renderOne(d: Diagnostic, options: RenderOptions): string {
  const paint = (code: string, text: string) => (options.color ? `${ESC}${code}m${text}${ESC}0m` : text);
  const label = paint(COLORS[d.severity], `${d.severity}:`);
  const lines: string[] = [];
  if (d.span) {
    const { line, column } = d.span.file.position(d.span.start);
    const said = d.span.file.presumed(line);
    lines.push(`${paint('1', `${said.name}:${said.line}:${column}:`)} ${label} ${paint('1', d.message)}`);
    const source = d.span.file.lineText(line);
    if (source.trim() !== '' || source.length > 0) {
      lines.push(expandTabs(source));
      lines.push(paint('1;32', caretLine(d, source, line, column)));
      for (const fix of d.fixits ?? []) {
        const at = fix.span.file.position(fix.span.start);
        if (fix.span.file === d.span.file && at.line === line && !fix.text.includes('\n')) {
          lines.push(paint('32', ' '.repeat(visualColumn(source, at.column - 1)) + fix.text));
        }
      }
    }
  } else {
    lines.push(`${label} ${paint('1', d.message)}`);
  }
  for (const note of d.notes ?? []) lines.push(renderOne(note, options));
  return lines.join('\n');
}

function caretLine(d: Diagnostic, source: string, line: number, column: number): string {
  const width = visualColumn(source, source.length) + 1;
  const marks = new Array<string>(width).fill(' ');
  const underline = (span: Span) => {
    const from = span.file.position(span.start);
    if (span.file !== d.span!.file || from.line !== line) return;
    const last = Math.min(span.end - span.start + from.column - 1, source.length);
    for (let c = visualColumn(source, from.column - 1); c < visualColumn(source, last); c++) marks[c] = '~';
  };
  for (const range of d.ranges ?? []) underline(range);
  underline(d.span!);
  marks[visualColumn(source, column - 1)] = '^';
  return marks.join('').replace(/ +$/, '');
}

const TAB = 8;

function expandTabs(text: string): string {
  let out = '';
  for (const ch of text) out += ch === '\t' ? ' '.repeat(TAB - (out.length % TAB)) : ch;
  return out;
}

function visualColumn(source: string, index: number): number {
  return expandTabs(source.slice(0, index)).length + Math.max(0, index - source.length);
}
