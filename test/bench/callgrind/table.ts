/** The table of `npm run bench:callgrind`. */

/** The goal is for these two. */
const GOALS: Readonly<Record<string, number>> = { memory: 9, sieve: 9 };

export function hostInstructionTable(rows: readonly { readonly name: string; readonly perInsn: number }[]): string {
  const lines = rows.map(({ name, perInsn }) => {
    const goal = GOALS[name];
    const met = goal === undefined ? ['', ''] : [`<= ${goal}`, perInsn <= goal ? 'yes' : 'no'];
    return `| ${name} | ${perInsn.toFixed(2)} | ${met.join(' | ')} |`;
  });
  return ['| program | host instructions an instruction | goal | met |', '|---|---|---|---|', ...lines].join('\n');
}
