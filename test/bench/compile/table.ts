/** The report of `npm run bench:compile`. */

export interface Row {
  readonly name: string;
  /** Each run, milliseconds. */
  readonly ms: number[];
  /** Peak memory, megabytes; undefined where it is no process of its own. */
  mb: number | undefined;
}

const short = (x: number): string => (x < 10 ? x.toFixed(1) : x.toFixed(0));

/** Best and median of each row, and its best as a multiple of another row's best. */
export function table(rows: readonly Row[], unit: Row): string {
  const lines = rows.map(({ name, ms, mb }) => {
    const sorted = [...ms].sort((a, b) => a - b);
    const [best, median] = [sorted[0]!, sorted[sorted.length >> 1]!];
    const times = best / Math.min(...unit.ms);
    return `| ${name} | ${short(best)} | ${short(median)} | ${times.toFixed(2)} | ${mb === undefined ? '' : short(mb)} |`;
  });
  return ['| | best, ms | median, ms | times node | peak, MB |', '|---|---|---|---|---|', ...lines].join('\n');
}
