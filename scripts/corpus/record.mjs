/** Runs the scripts against the stand-in, and gathers what they gave to BPF(...). */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commandLines } from './option-sets.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));

/**
 * @typedef {{ text: string, prefix: string, cflags: string[], loads: { function: string, type: string | number, target?: string }[] }} Text
 * @typedef {{ script: { kind: string, name: string, path: string }, args: string[], old: boolean, texts: Text[], how: string, printed: string }} Run
 */

/**
 * Every script with every option set, also as on a kernel without kfunc, and once more with the hidden --ebpf flag.
 * @returns {Run[]}
 */
export function recordScripts(scripts, table, { cache, python }) {
  const folder = join(cache, 'records');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const jobs = [];
  for (const script of scripts) {
    const source = readFileSync(script.path, 'utf8');
    const sets = commandLines(script.name);
    const variants = sets.map((args) => ({ args, old: false }));
    if (/support_kfunc|support_raw_tracepoint|get_kprobe_functions/.test(source))
      variants.push({ args: sets[0], old: true });
    if (source.includes('--ebpf')) variants.push({ args: [...sets[0], '--ebpf'], old: false, oracle: true });
    for (const variant of variants)
      jobs.push({ script: script.path, of: script, ...variant, out: join(folder, `${jobs.length}.jsonl`) });
  }
  const tableFile = join(folder, 'kernel.json');
  writeFileSync(tableFile, JSON.stringify(table));
  const child = spawnSync('python3', [join(HERE, 'record.py'), tableFile], {
    input: JSON.stringify(jobs),
    env: { ...process.env, CORPUS_PACKAGE: python, PYTHONDONTWRITEBYTECODE: '1', PYTHONWARNINGS: 'ignore' },
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (child.status !== 0) throw new Error(`record.py: ${child.stderr || child.error}`);
  return jobs.map((job) => readRun(job));
}

function readRun(job) {
  const run = {
    script: job.of,
    args: job.args,
    old: job.old,
    oracle: job.oracle ?? false,
    texts: [],
    how: 'killed',
    printed: '',
  };
  const lines = existsSync(job.out) ? readFileSync(job.out, 'utf8').split('\n') : [];
  for (const line of lines.filter((l) => l !== '')) {
    const record = JSON.parse(line);
    if (record.event === 'program') run.texts.push({ ...record, loads: [] });
    else if (record.event === 'load') run.texts[record.program].loads.push(record);
    else Object.assign(run, { how: record.how, printed: record.printed });
  }
  return run;
}

/** Texts without repetition, each with all the loads that any run asked of it. */
export function distinctTexts(runs) {
  const byText = new Map();
  for (const run of runs) {
    if (run.oracle) continue;
    run.texts.forEach((text, index) => {
      const key = JSON.stringify([run.script.path, text.prefix, text.text, text.cflags]);
      const command = [run.script.name, ...run.args, ...(run.old ? ['(old kernel)'] : [])].join(' ');
      const known = byText.get(key);
      if (known) known.loads.push(...text.loads);
      else byText.set(key, { ...text, loads: [...text.loads], script: run.script, command, index });
    });
  }
  return [...byText.values()];
}

/** Does what --ebpf prints hold the text that BPF(...) got without the flag? */
export function compareOracle(runs) {
  const squeeze = (text) => text.replace(/\s+/g, ' ').trim();
  let equal = 0;
  const different = [];
  for (const run of runs.filter((r) => r.oracle)) {
    const plain = runs.find((r) => r.script === run.script && !r.oracle && !r.old);
    const text = plain?.texts[0]?.text;
    if (text !== undefined && squeeze(run.printed).includes(squeeze(text))) equal++;
    else different.push(run.script.name);
  }
  return { equal, different };
}
