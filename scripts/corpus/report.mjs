/** The corpus report: totals, what fails grouped by cause, and the table of docs/parity.md. */

import { clangTotals } from './clang.mjs';
import { sharedReason } from './reasons.mjs';

const START = '<!-- corpus: begin (npm run corpus writes this) -->';
const END = '<!-- corpus: end -->';

/** A message without what differs from program to program: names, numbers, registers. */
export function causeOf(message) {
  return message
    .replace(/'[^']*'/g, "'...'")
    .replace(/"[^"]*"/g, '"..."')
    .replace(/\b(0x[0-9a-f]+|\d+)\b/g, 'N')
    .replace(/\bR\d+\b/g, 'RN')
    .replace(/\s+/g, ' ')
    .trim();
}

/** [cause, items], the largest first. */
export function groupByCause(items) {
  const groups = new Map();
  for (const item of items) {
    const cause = item.reason ?? causeOf(item.why);
    groups.set(cause, [...(groups.get(cause) ?? []), item]);
  }
  return [...groups].sort((a, b) => b[1].length - a[1].length || (a[0] < b[0] ? -1 : 1));
}

/** Every failure of a stage, as { why, where, at, reason }: `reason` is there when the kernel shares it. */
export function failures(results, stage) {
  return results.flatMap((result) =>
    failuresOf([result], stage).map((item) => ({ ...item, reason: sharedReason(item.why, result.facts) })),
  );
}

function failuresOf(results, stage) {
  const found = [];
  for (const { text, verdict, kernel } of results) {
    if (stage === 'compile') {
      const first = verdict.errors[0];
      if (!verdict.compiled)
        found.push({
          why: first?.message ?? 'no object and no error',
          where: `${text.command} [${kernel}]`,
          at: lineOf(first),
        });
      continue;
    }
    for (const prog of verdict.progs) {
      const answer = prog[stage];
      if (answer.verdict !== 'refused') continue;
      found.push({
        why: answer.why,
        where: `${text.command}: ${prog.name} (${prog.type}) [${kernel}]`,
        at: answer.line ?? (answer.pc === undefined ? '' : `pc ${answer.pc}`),
        log: answer.log,
      });
    }
  }
  return found;
}

function lineOf(diagnostic) {
  const span = diagnostic?.span;
  if (!span) return '';
  const text = span.file.text;
  const line = text.slice(0, span.start).split('\n').length;
  return `${line}: ${(text.split('\n')[line - 1] ?? '').trim().slice(0, 140)}`;
}

/** Text for reading: groups with up to `most` examples each. */
export function renderGroups(title, items, most = 6) {
  const lines = [`## ${title}: ${items.length}`, ''];
  for (const [cause, group] of groupByCause(items)) {
    lines.push(`### ${group.length} x ${cause}${group[0].reason ? ' (the kernel shares it)' : ''}`, '');
    for (const item of group.slice(0, most)) {
      lines.push(`- ${item.where}: ${item.why.slice(0, 300)}${item.at ? ` -- ${item.at}` : ''}`);
      if (item.log && group.indexOf(item) === 0)
        lines.push('', '```', ...item.log.trimEnd().split('\n').slice(-16), '```', '');
    }
    if (group.length > most) lines.push(`- ... and ${group.length - most} more`);
    lines.push('');
  }
  return lines.join('\n');
}

const count = (list, test) => list.reduce((n, item) => n + (test(item) ? 1 : 0), 0);

/** Numbers of one kernel's results. */
export function totals(results) {
  const progs = results.flatMap((r) => r.verdict.progs);
  const asked = progs.filter((p) => ['accepted', 'refused'].includes(p.kernel.verdict));
  return {
    texts: results.length,
    compiled: count(results, (r) => r.verdict.compiled),
    programs: progs.length,
    asked: asked.length,
    notPermitted: count(progs, (p) => p.kernel.verdict === 'not permitted'),
    kernel: count(asked, (p) => p.kernel.verdict === 'accepted'),
    ours: count(progs, (p) => p.ours.verdict === 'accepted'),
    agree: count(asked, (p) => p.kernel.verdict === p.ours.verdict),
    processedKernel: asked.reduce((n, p) => n + (p.kernel.processed ?? 0), 0),
    insns: progs.reduce((n, p) => n + p.insns, 0),
    ms: results.map((r) => r.verdict.ms).sort((a, b) => a - b)[results.length >> 1] ?? 0,
  };
}

/** The section of docs/parity.md: one row for each script, texts of all its option sets together. */
export function renderParity({ version, oracle, runs, byKernel, clang }) {
  const lines = [
    START,
    '',
    `Debian's bpfcc-tools ${version}: every Python tool and example, run with several option sets against a recording stand-in for the`,
    '`bcc` module; what they give to `BPF(...)` is compiled for each kernel, loaded into the running kernel where it is that one, and put',
    'before our verifier. A text counts once for a script, however many option sets make it.',
    '',
    `Runs of scripts: ${runs}. The hidden \`--ebpf\` flag prints the same text for ${oracle.equal} of ${oracle.equal + oracle.different.length} tools${oracle.different.length ? ` (not for ${oracle.different.join(', ')})` : ''}.`,
    '',
    '| kernel | texts | compiled | programs | accepted by the kernel | accepted by our verifier | verdicts equal | median compile, ms |',
    '|---|---|---|---|---|---|---|---|',
  ];
  for (const [kernel, results] of byKernel) {
    const t = totals(results);
    const asked =
      t.asked === 0
        ? 'not asked'
        : `${t.kernel} of ${t.asked}${t.notPermitted ? ` (${t.notPermitted} of a type it does not permit here)` : ''}`;
    lines.push(
      `| ${kernel} | ${t.texts} | ${t.compiled} | ${t.programs} | ${asked} | ${t.ours} | ${t.asked === 0 ? '' : `${t.agree} of ${t.asked}`} | ${t.ms.toFixed(1)} |`,
    );
  }
  if (clang) lines.push(...clangSummary(clang));
  lines.push('', '### What does not compile', '');
  for (const [kernel, results] of byKernel)
    lines.push(...failureTable(`Kernel ${kernel}`, failures(results, 'compile')));
  lines.push('### What the running kernel refuses', '');
  for (const [kernel, results] of byKernel)
    lines.push(...failureTable(`Kernel ${kernel}`, failures(results, 'kernel')));
  lines.push('### What our verifier refuses', '');
  for (const [kernel, results] of byKernel) lines.push(...failureTable(`Kernel ${kernel}`, failures(results, 'ours')));
  lines.push('### Each script', '');
  const kernels = [...byKernel.keys()];
  const beside = clang ? " clang's instructions | verifier went through | in clang's |" : '';
  lines.push(
    `| script | ${kernels.map((k) => `${k}: compiled | kernel | ours | instructions`).join(' | ')} |${beside}`,
  );
  lines.push(`|---|${kernels.map(() => '---|---|---|---|').join('')}${clang ? '---|---|---|' : ''}`);
  const names = [...new Set([...byKernel.values()].flat().map((r) => `${r.text.script.kind}:${r.text.script.name}`))];
  for (const name of names) {
    const cells = [...byKernel.values()].map((all) => {
      const mine = all.filter((r) => `${r.text.script.kind}:${r.text.script.name}` === name);
      const t = totals(mine);
      const first = mine[0]?.verdict.progs.reduce((n, p) => n + p.insns, 0) ?? 0;
      return `${t.compiled}/${t.texts} | ${t.asked ? `${t.kernel}/${t.asked}` : '-'} | ${t.ours}/${t.programs} | ${first || '-'}`;
    });
    const row = clang?.get(name);
    const theirs = clang
      ? ` ${row?.clang ?? '-'} | ${row?.clangProcessed ? `${row.oursProcessed} | ${row.clangProcessed}` : '- | -'} |`
      : '';
    lines.push(`| ${name.replace('tool:', '').replace('example:', 'example ')} | ${cells.join(' | ')} |${theirs}`);
  }
  lines.push('', 'Instructions are those of all programs of the first text.', '', END);
  return lines.join('\n');
}

/** What clang's figures are of, and the means. */
function clangSummary(clang) {
  const { insns, processed } = clangTotals(clang);
  const worst = (t) => t.worst.map((w) => `${w.name.replace(/^\w+:/, '')} ${w.ratio.toFixed(2)}`).join(', ');
  const missing = [...clang].filter(([, r]) => !r.clang).map(([name]) => name.replace(/^\w+:/, ''));
  return [
    '',
    '### Beside clang',
    '',
    `clang-19 -O2 -mcpu=v3 compiles the first text of each script from the module that our front end makes, before any pass of ours (explicit`,
    `kernel reads and map operations, in LLVM's language); both results are loaded into the running kernel with the same maps.`,
    '',
    '| ours by clang | scripts | geometric mean | goal | largest |',
    '|---|---|---|---|---|',
    `| instructions | ${insns.count} | ${insns.mean.toFixed(3)} | 1.25, then 1.10 | ${worst(insns)} |`,
    `| instructions that the kernel's verifier went through | ${processed.count} | ${processed.mean.toFixed(3)} | 1.25 | ${worst(processed)} |`,
    '',
    missing.length ? `clang does not take: ${missing.join(', ')}.` : 'clang takes all of them.',
  ];
}

function failureTable(title, items) {
  if (items.length === 0) return [`${title}: nothing.`, ''];
  const lines = [
    `${title}: ${items.length}.`,
    '',
    '| | reason that the kernel shares | first message | where |',
    '|---|---|---|---|',
  ];
  const cell = (text) => text.replace(/\|/g, '\\|').replace(/\s+/g, ' ').slice(0, 220);
  for (const [, group] of groupByCause(items)) {
    const where = [...new Set(group.map((i) => i.where.split(/[ :]/)[0]))];
    lines.push(
      `| ${group.length} | ${group[0].reason ?? '**none**'} | ${cell(group[0].why)} | ${where.slice(0, 8).join(', ')}${where.length > 8 ? ', ...' : ''} |`,
    );
  }
  return [...lines, ''];
}

/** `page` with its corpus section replaced, or added at the end. */
export function putSection(page, section) {
  const from = page.indexOf(START);
  const to = page.indexOf(END);
  if (from >= 0 && to > from) return page.slice(0, from) + section + page.slice(to + END.length);
  return `${page.trimEnd()}\n\n## BCC's own programs\n\n${section}\n`;
}
