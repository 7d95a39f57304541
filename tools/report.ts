/**
 * A tool's table, declared once: header, lines and JSON derive from the same columns, as BCC prints them (printf widths, one header line) or
 * one JSON object a line whose fields are named as the columns.
 */
import { type Cell, sprintf } from '../core/bcc/script-aids.ts';

export interface Column<Row> {
  /** The header's text and the JSON field. */
  readonly name: string;
  /** printf form of a cell, with what separates it from the next: '%-6d ', '%-12.12s '. */
  readonly cell: string;
  /** printf form of the header where it is not the cell's with the name as text. */
  readonly header?: string;
  value(row: Row): Cell;
  /** What JSON gets where it is not the value. */
  json?(row: Row): unknown;
  /** Where it is given, the column is shown only if it is true. */
  readonly when?: boolean | undefined;
}

/** Where lines go. */
export interface ReportOutput {
  readonly json: boolean;
  print(line: string): void;
}

export class Report<Row> {
  readonly #columns: readonly Column<Row>[];
  readonly #output: ReportOutput;

  constructor(output: ReportOutput, columns: readonly Column<Row>[]) {
    this.#output = output;
    this.#columns = columns.filter((column) => !('when' in column) || column.when === true);
  }

  header(): void {
    if (this.#output.json) return;
    this.#output.print(this.#columns.map((c) => sprintf(c.header ?? headerOf(c.cell), c.name)).join(''));
  }

  row(row: Row): void {
    if (this.#output.json) {
      const fields = this.#columns.map((c) => [c.name, plain(c.json ? c.json(row) : c.value(row))]);
      this.#output.print(JSON.stringify(Object.fromEntries(fields)));
    } else this.#output.print(this.#columns.map((c) => sprintf(c.cell, c.value(row))).join(''));
  }
}

/** '%-12.12s ' -> '%-12s ', '%08o ' -> '%8s '. */
function headerOf(cell: string): string {
  return cell.replace(/%([-+ #0]*)(\d*)(?:\.\d+)?[A-Za-z]/, (_, flags: string, width: string) => {
    return `%${flags.includes('-') ? '-' : ''}${width}s`;
  });
}

/** Numbers that JSON readers can hold exactly; larger ones as text. */
export function plain(value: unknown): unknown {
  if (typeof value !== 'bigint') return value;
  return value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER ? Number(value) : String(value);
}
