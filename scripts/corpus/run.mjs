/**
 * The corpus: every BCC tool and example of Debian's packages through the compiler, the running kernel's verifier and ours.
 *
 *   npm run corpus [-- --only NAME,... --kernel 6.1 --failures FILE --dump FOLDER --no-parity --no-clang]
 *
 * Downloads into a folder below the system's temporary one (or CORPUS_CACHE). Writes the corpus section of docs/parity.md unless only a part was
 * asked for; `--failures` writes every failure, by cause; `--dump` keeps the captured texts, also as one JSON a kernel.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { inflateRawSync } from 'node:zlib';
import { build } from 'esbuild';
import { clangMissing, clangTotals, compareWithClang } from './clang.mjs';
import { Judge } from './judge.mjs';
import { bccPackages, kernels, questionTable, scriptsOf } from './packages.mjs';
import { compareOracle, distinctTexts, recordScripts } from './record.mjs';
import { failures, putSection, renderGroups, renderParity, totals } from './report.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The TypeScript sources as one module. It lies in build/, where the addon is looked for from. */
async function importSources() {
  const out = join(ROOT, 'build', `corpus-${process.pid}.mjs`);
  const files = [
    'core/btf/read',
    'core/btf/tracepoint',
    'core/cc/index',
    'core/elf/object',
    'core/elf/read',
    'core/ir/text',
    'core/maps/index',
    'core/progs/index',
    'core/progs/attach-types',
    'core/verifier/index',
  ];
  const contents = [
    ...files.map((f) => `export * from './${f}.ts';`),
    "export { bpf, bpfOrThrow, bpfUnavailable, progLoad, sys, updateElem } from './bindings/linux/bpf.ts';",
  ].join('\n');
  await build({
    stdin: { contents, resolveDir: ROOT },
    bundle: true,
    format: 'esm',
    platform: 'node',
    outfile: out,
    logLevel: 'error',
    loader: { '.c': 'text', '.lua': 'text' },
  });
  try {
    return await import(pathToFileURL(out).href);
  } finally {
    rmSync(out);
  }
}

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    kernel: { type: 'string' },
    failures: { type: 'string' },
    dump: { type: 'string' },
    'no-parity': { type: 'boolean', default: false },
    'no-clang': { type: 'boolean', default: false },
  },
});

const cache = process.env.CORPUS_CACHE ?? join(tmpdir(), `skep-corpus-${process.getuid?.() ?? 0}`);
mkdirSync(cache, { recursive: true });
const core = await importSources();
const packages = bccPackages(cache);
const wanted = options.only?.split(',');
const scripts = scriptsOf(packages).filter((s) => !wanted || wanted.includes(s.name));
const data = (name) => inflateRawSync(readFileSync(join(ROOT, 'data', name)));
const tracepoints = core.readTracepoints(data('tracepoints-6.1.json.deflate').toString('utf8'));

const byKernel = new Map();
const silent = [];
let runCount = 0;
/** Script to its row beside clang's, for the running kernel. */
let clang;
let oracle = { equal: 0, different: [] };
for (const kernel of kernels(cache, ROOT, core)) {
  if (options.kernel && kernel.name !== options.kernel) continue;
  const judge = new Judge(core, kernel, tracepoints);
  const table = questionTable(judge.btf, tracepoints);
  const facts = { btf: judge.btf, fields: table.fields, tracepoints: table.tracepoints };
  const runs = recordScripts(scripts, table, { cache, python: packages.python });
  runCount += runs.length;
  oracle = compareOracle(runs);
  for (const run of runs) {
    if (run.oracle || run.texts.length > 0) continue;
    const last = (text) => text.trim().split('\n').pop();
    const command = [run.script.name, ...run.args, ...(run.old ? ['(old kernel)'] : [])].join(' ');
    silent.push(`- ${command} [${kernel.name}]: ${last(run.how)}; ${last(run.printed)}`);
  }
  const results = [];
  for (const text of distinctTexts(runs)) {
    results.push({ text, kernel: kernel.name, facts, verdict: judge.judge(text) });
    if (options.dump) {
      mkdirSync(options.dump, { recursive: true });
      const name = text.command.replace(/[^\w.-]+/g, '_').slice(0, 80);
      writeFileSync(join(options.dump, `${kernel.name}-${name}-${text.index}.c`), text.prefix + text.text);
    }
  }
  if (options.dump)
    writeFileSync(
      join(options.dump, `${kernel.name}.json`),
      JSON.stringify(
        results.map(({ text: { command, prefix, text, cflags, loads }, verdict: { compiled } }) => ({
          ...{ command, prefix, text, cflags, loads, compiled },
        })),
      ),
    );
  byKernel.set(kernel.name, results);
  if (kernel.live && !options['no-clang'] && clangMissing() === undefined) clang = compareWithClang(judge, results);
  const t = totals(results);
  console.log(
    `${kernel.name}: ${runs.length} runs, ${t.texts} texts, ${t.compiled} compiled; ${t.programs} programs, kernel accepts ${t.kernel} of ${t.asked}, ` +
      `ours accepts ${t.ours}, verdicts equal ${t.agree} of ${t.asked}; ${t.insns} instructions, median ${t.ms.toFixed(1)} ms a text`,
  );
}
console.log(`--ebpf prints the captured text: ${oracle.equal} tools, not: ${oracle.different.join(', ') || 'none'}`);

if (clang) {
  const { insns, processed } = clangTotals(clang);
  const worst = (t) => t.worst.map((w) => `${w.name.replace(/^\w+:/, '')} ${w.ratio.toFixed(2)}`).join(', ');
  console.log(
    `instructions against clang: geometric mean ${insns.mean.toFixed(3)} of ${insns.count} scripts; most: ${worst(insns)}`,
  );
  console.log(
    `verifier's instructions against clang's: ${processed.mean.toFixed(3)} of ${processed.count}; most: ${worst(processed)}`,
  );
  if (wanted || options.failures) for (const [name, r] of clang) console.log(`  ${name} ${JSON.stringify(r)}`);
}

if (options.failures) {
  const all = [...byKernel.values()].flat();
  const sections = [
    renderGroups('do not compile', failures(all, 'compile')),
    renderGroups('refused by the kernel', failures(all, 'kernel')),
    renderGroups('refused by our verifier', failures(all, 'ours')),
    `## runs without a text: ${silent.length}\n\n${silent.join('\n')}\n`,
  ];
  writeFileSync(options.failures, `# Corpus failures\n\n${sections.join('\n')}`);
}
if (!options['no-parity'] && !wanted && !options.kernel) {
  const page = join(ROOT, 'docs/parity.md');
  const before = existsSync(page) ? readFileSync(page, 'utf8') : '# Parity with BCC\n';
  writeFileSync(
    page,
    putSection(before, renderParity({ version: packages.version, oracle, runs: runCount, byKernel, clang })),
  );
}
