/**
 * clang -O2 -mcpu=v3 over the same programs: each text's module as our front end made it goes to clang in LLVM's language (llvm.mjs). What
 * comes back is counted, and loaded with the same maps, so that instructions and the verifier's work can be compared.
 */
import { spawnSync } from 'node:child_process';
import { toLlvm } from './llvm.mjs';

const CLANG = 'clang-19';

export function clangMissing() {
  return spawnSync(CLANG, ['--version']).status === 0 ? undefined : `${CLANG} is not installed`;
}

/** @returns {{ object: object } | { why: string }} */
export function compileWithClang(core, irText) {
  let text;
  try {
    text = toLlvm(core.parseModule(irText));
  } catch (error) {
    return { why: error.message };
  }
  const run = spawnSync(
    CLANG,
    ['-x', 'ir', '-O2', '-target', 'bpf', '-mcpu=v3', '-Wno-override-module', '-c', '-o', '-', '-'],
    { input: text, maxBuffer: 1 << 26 },
  );
  if (run.status !== 0) return { why: String(run.stderr).trim().split('\n').slice(0, 2).join(' ') };
  try {
    return { object: core.readObject(run.stdout) };
  } catch (error) {
    return { why: error.message };
  }
}

/** One row for each script: the first text of it that both compilers take. `results`: those of the running kernel. */
export function compareWithClang(judge, results) {
  const rows = new Map();
  for (const { text, verdict } of results) {
    const name = `${text.script.kind}:${text.script.name}`;
    if (!verdict.compiled || rows.get(name)?.clang || verdict.progs.length === 0) continue;
    rows.set(name, judge.besideClang(text, verdict));
  }
  return rows;
}

/** Geometric means over the rows that have both, and the largest ratio. */
export function clangTotals(rows) {
  const of = (numerator, denominator) => {
    const ratios = [...rows]
      .map(([name, r]) => ({ name, ratio: r[numerator] / r[denominator] }))
      .filter((r) => Number.isFinite(r.ratio) && r.ratio > 0);
    const mean = Math.exp(ratios.reduce((n, r) => n + Math.log(r.ratio), 0) / Math.max(ratios.length, 1));
    ratios.sort((a, b) => b.ratio - a.ratio);
    return { count: ratios.length, mean, worst: ratios.slice(0, 5) };
  };
  return { insns: of('ours', 'clang'), processed: of('oursProcessed', 'clangProcessed') };
}
