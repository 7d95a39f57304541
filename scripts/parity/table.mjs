/** The parity table: features, the tests that show them, and the reasons why some cannot be had. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const BEGIN = '<!-- features: begin (npm run parity writes this) -->';
export const END = '<!-- features: end -->';
const HERE = dirname(fileURLToPath(import.meta.url));
const LIVE = /^test\/(live|guest|vm-boot)\//;

function tsv(name) {
  return readFileSync(join(HERE, name), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split('\t'));
}

/** Features in the order of the list: id, area, what it is. */
export function features() {
  return tsv('features.tsv')
    .filter(([id]) => id !== 'id')
    .map(([id, area, what]) => ({ id, area, what }));
}

/** Reasons by id: what cannot be had on the model, on the live kernel, or on both. */
export function reasons() {
  return tsv('cannot.tsv').map(([id, where, why]) => ({ id, where, why }));
}

/** Ids in a test's name. */
export function tagsOf(name) {
  return [...name.matchAll(/\[((?:[CPLBXEV]\.[\w.*:]+[ ,]*)+)\]/g)].flatMap(([, ids]) => ids.trim().split(/[ ,]+/));
}

const TAG = /\[[CPLBXEV]\.\w/;

/** What a test file says, and what it runs of the files beside it if it is about the real kernel. */
function textsOf(root, path) {
  const text = readFileSync(path, 'utf8');
  if (!LIVE.test(relative(root, path))) return [text];
  const beside = [...text.matchAll(/'(\.{1,2}\/[\w./-]+\.ts)'/g)].map(([, name]) => join(dirname(path), name));
  return [text, ...beside.filter((file) => existsSync(file)).map((file) => readFileSync(file, 'utf8'))];
}

/** Is there a test of this feature in a file, whether it was run or not? */
function carries(root, file, id) {
  const path = join(root, file);
  return existsSync(path) && textsOf(root, path).some((text) => tagsOf(text).includes(id));
}

/** Test files that carry tags; those about the real kernel also when they run what a file beside them carries. */
export function taggedFiles(root) {
  const out = [];
  const tagged = (path) => textsOf(root, path).some((text) => TAG.test(text));
  const walk = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (entry.name.endsWith('.test.ts') && tagged(path)) out.push(path);
    }
  };
  walk(join(root, 'test'));
  return out.sort();
}

/** What the page says of each feature on the real kernel, for machines that skip those tests. */
export function readTable(page) {
  const out = new Map();
  for (const line of page.slice(page.indexOf(BEGIN), page.indexOf(END)).split('\n')) {
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    const id = /^`(.+)`$/.exec(cells[1] ?? '')?.[1];
    if (id !== undefined) out.set(id, { model: cells[3], live: cells[4] });
  }
  return out;
}

/** From a vitest JSON report to one row a feature. */
export function statusOf(report, root, before) {
  const list = features();
  const known = new Set(list.map((f) => f.id));
  const shown = { model: new Map(), live: new Map() };
  const unknown = new Set();
  for (const suite of report.testResults) {
    const file = relative(root, suite.name);
    const where = LIVE.test(file) ? 'live' : 'model';
    for (const { fullName, status } of suite.assertionResults) {
      for (const id of tagsOf(fullName)) {
        if (!known.has(id)) unknown.add(id);
        const tests = shown[where].get(id) ?? { files: new Set(), passed: new Set(), failed: false };
        tests.files.add(file);
        if (status === 'passed') tests.passed.add(file);
        else if (status === 'failed') tests.failed = true;
        shown[where].set(id, tests);
      }
    }
  }
  const why = new Map(reasons().map((r) => [`${r.id} ${r.where}`, r.why]));
  for (const { id } of reasons()) if (!known.has(id)) unknown.add(id);
  const works = (file) => `works ([test](../${file}))`;
  const cell = (id, where) => {
    const tests = shown[where].get(id);
    // Which rights this machine has, or which tests were asked for, must not change the page: the live test that it names need not run, but be there.
    const named = where === 'live' && /^works .*\((?:\.\.\/)?(.*?)\)\)$/.exec(before.get(id)?.live ?? '')?.[1];
    if (named && !tests?.failed && (tests?.files.has(named) || carries(root, named, id))) return works(named);
    if (tests && !tests.failed && tests.passed.size > 0) return works([...tests.passed].sort()[0]);
    const reason = why.get(`${id} ${where}`) ?? why.get(`${id} both`);
    if (reason !== undefined && !tests?.passed.size) return `cannot: ${reason}`;
    return 'not yet';
  };
  const rows = list.map((f) => ({ ...f, model: cell(f.id, 'model'), live: cell(f.id, 'live') }));
  const differences = rows
    .filter((r) => before.has(r.id) && (before.get(r.id).model !== r.model || before.get(r.id).live !== r.live))
    .map(
      (r) =>
        `${r.id}: the page says "${before.get(r.id).model}" / "${before.get(r.id).live}", the tests "${r.model}" / "${r.live}"`,
    );
  return { rows, unknown: [...unknown], differences, summary: counts(rows) };
}

const KINDS = ['works', 'not yet', 'cannot'];

function count(rows, where) {
  return KINDS.map((kind) => rows.filter((r) => r[where].startsWith(kind)).length);
}

function counts(rows) {
  const [works, notYet, cannot] = count(rows, 'model');
  return `${rows.length} features: on the model ${works} work, ${notYet} not yet, ${cannot} cannot; live ${count(rows, 'live')[0]} work`;
}

const escaped = (text) => text.replaceAll('|', '\\|').replaceAll('<', '\\<');

export function table({ rows }) {
  const areas = [...new Set(rows.map((r) => r.area))];
  const out = [
    `${counts(rows)}.`,
    '',
    '| area | features | model: works | not yet | cannot | live: works | not yet | cannot |',
    '|---|---|---|---|---|---|---|---|',
  ];
  for (const area of areas) {
    const mine = rows.filter((r) => r.area === area);
    out.push(`| ${area} | ${mine.length} | ${count(mine, 'model').join(' | ')} | ${count(mine, 'live').join(' | ')} |`);
  }
  for (const area of areas) {
    out.push(
      '',
      `### ${area}`,
      '',
      '| feature | what it is | on the model | on the real kernel |',
      '|---|---|---|---|',
    );
    for (const r of rows.filter((x) => x.area === area))
      out.push(`| \`${r.id}\` | ${escaped(r.what)} | ${escaped(r.model)} | ${escaped(r.live)} |`);
  }
  return `${out.join('\n')}\n`;
}
