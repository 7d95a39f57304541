/**
 * docs/api.md: every public name of the object model with one line and BCC's name, from core/bcc/surface.ts (the list of names) and the docstrings of the
 * methods.
 *
 *   npm run api              write it
 *   npm run api -- --check   fail when it says something else
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
const PAGE = join(ROOT, 'docs/api.md');

/** Rows of the list, read from its text: owner, BCC's name, arguments. */
function surface() {
  const text = readFileSync(join(ROOT, 'core/bcc/surface.ts'), 'utf8');
  const row = /owner: '(\w+)',\s*name: '(\w+)',\s*kind: '(\w+)',\s*args: \[([^\]]*)\]/g;
  return [...text.matchAll(row)].map(([, owner, name, kind, args]) => ({
    owner,
    name,
    kind,
    args: args
      .split(',')
      .map((a) => a.trim().replaceAll("'", ''))
      .filter(Boolean),
  }));
}

const camelCase = (name) => name.replace(/(?<=[a-z0-9A-Z])_+([a-zA-Z0-9])/g, (_, letter) => letter.toUpperCase());

/** First sentence of each method's docstring, by name; the files nearest to the public classes first. */
function docstrings() {
  const out = new Map();
  const folder = join(ROOT, 'core/bcc');
  const first = ['bpf.ts', 'attaching.ts', 'kernel-queries.ts', 'table.ts'];
  const files = [...first, ...readdirSync(folder).filter((f) => f.endsWith('.ts') && !first.includes(f))];
  for (const file of files) {
    const text = readFileSync(join(folder, file), 'utf8');
    for (const [, doc, name] of text.matchAll(
      /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*(?:static |readonly |\*|get |async )*(\w+)(?:<[^(]*>)?\(/g,
    )) {
      const sentence = /^(.*?[.?])(?:\s|$)/s.exec(doc.replace(/\s*\n\s*\*\s?/g, ' ').trim())?.[1] ?? '';
      if (sentence && !out.has(name)) out.set(name, sentence.replace(/:$/, '.'));
    }
  }
  return out;
}

const docs = docstrings();
const escaped = (text) => text.replaceAll('|', '\\|').replaceAll('<', '\\<');
const lines = [
  '# The object model',
  '',
  'Every public name, printed by `npm run api` from `core/bcc/surface.ts` and the docstrings. TypeScript writes them in camelCase and takes options as',
  "objects (BCC's argument names, in either spelling); Lua uses BCC's names letter for letter. What each does is BCC's reference guide's affair;",
  '`docs/parity.md` says what works where.',
];
const titles = { BPF: '`new BPF({ text })`', Table: '`b.getTable(name)`', Pipe: 'the trace pipe' };
const rows = surface();
for (const owner of [...new Set(rows.map((r) => r.owner))]) {
  lines.push('', `## ${titles[owner]}`, '', '| TypeScript | BCC and Lua | |', '|---|---|---|');
  for (const row of rows.filter((r) => r.owner === owner)) {
    const mark = row.kind === 'static' ? ' (also on the class)' : '';
    const about = docs.get(camelCase(row.name)) ?? '';
    lines.push(`| \`${camelCase(row.name)}\` | \`${row.name}(${row.args.join(', ')})\`${mark} | ${escaped(about)} |`);
  }
}
const text = `${lines.join('\n')}\n`;
if (process.argv.includes('--check')) {
  if (readFileSync(PAGE, 'utf8') !== text) {
    console.error('docs/api.md does not say what the code does: run `npm run api` and commit it');
    process.exit(1);
  }
} else writeFileSync(PAGE, text);
