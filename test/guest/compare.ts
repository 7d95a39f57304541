/**
 * `npm run vm:compare [-- OPTIONS]`: the shipped tools on a 6.1 kernel with kprobes, beside BCC 0.26's own and bpftrace, in the same boots. It takes
 * many minutes under TCG (BCC compiles its C there), so it is no part of the tests. What is compared is in comparisons.ts.
 *
 *   --rows, --costs     only the rows for one workload, or only start to first line and peak memory; else both
 *   --only NAME,...     only these tools
 *   --rounds N          how often the costs' programs take turns after the cold one, each in its own boot (2)
 *   --instructions      costs in instructions of the guest instead of seconds: the same on a busy machine, without what translating them costs
 *   --write             keep the tables in docs/benchmarks.md
 *   --log FILE          all that the tools printed, as JSON
 *
 * Needs root (chroot of debootstrap), debootstrap and what test/guest/machine.ts names.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { withSection } from '../bench/sections.ts';
import { bccRoot } from './bcc-root.ts';
import { COMPARISONS, COSTS, type Comparison, type Cost, type Facts } from './comparisons.ts';
import { boot, GUEST_CACHE, type GuestResult, guestProblem, type Image, makeImage } from './machine.ts';

interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  /** Seconds until it was attached. */
  readonly attached?: number;
  readonly status: unknown;
}

interface Answer {
  readonly facts: Facts;
  readonly bcc?: Ran;
  readonly skep: Ran;
}

type MakeImage = (files: Record<string, string>) => Image;

async function compareRows(image: MakeImage, chosen: readonly Comparison[], log?: string): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'skep-compare-'));
  const plan = join(folder, 'plan.json');
  writeFileSync(plan, JSON.stringify(chosen));
  const made = image({ [plan]: '/plan.json', [join(process.cwd(), 'test/guest/drive.mjs')]: '/drive.mjs' });
  try {
    const ran = await boot(made, 'node /drive.mjs', { memory: 2048, timeoutMs: 3_600_000 });
    const written = ran.file('compare.json') ?? '{}';
    if (log !== undefined) writeFileSync(log, written);
    const answers = JSON.parse(written) as Record<string, Answer>;
    const table = ['| tool | equal to | rows |', '|---|---|---|'];
    for (const comparison of chosen) table.push(judge(comparison, answers[comparison.name], ran.stderr));
    return table;
  } finally {
    made.remove();
    rmSync(folder, { recursive: true });
  }
}

/** A line of the table; what differs is told on standard error, and makes the exit status 1. */
function judge({ name, rows, bccCannot }: Comparison, answer: Answer | undefined, stderr: string): string {
  const failed = (verdict: string, told: string): string => {
    process.exitCode = 1;
    process.stderr.write(`--- ${name}: ${verdict}\n${told}\n`);
    return `| ${name} | | ${verdict} |`;
  };
  if (!answer) return failed('NOT RUN', stderr.trim().split('\n').slice(-5).join('\n'));
  const theirs = bccCannot ? bccCannot.expected(answer.facts) : rows(answer.bcc!.stdout, answer.facts);
  const ours = rows(answer.skep.stdout, answer.facts);
  if (ours.length === 0 || theirs.join('\n') !== ours.join('\n'))
    return failed(
      'DIFFERENT',
      `wanted: ${theirs.join('\n        ')}\n${answer.bcc?.stderr.slice(-600) ?? ''}\nskep: ${ours.join('\n      ')}\n${answer.skep.stderr.slice(-1500)}`,
    );
  const what = ours.map((row) => `\`${row}\``).join('<br>');
  return `| ${name} | ${bccCannot ? `what is known otherwise (BCC 0.26: ${bccCannot.why})` : "BCC's"} | ${what} |`;
}

/** What test/guest/meter.c prints. */
interface Metered {
  readonly first: number | null;
  readonly rss: number;
}

async function compareCosts(
  image: MakeImage,
  chosen: readonly Cost[],
  { rounds, instructions }: { readonly rounds: number; readonly instructions: boolean },
): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'skep-compare-'));
  const meter = join(folder, 'meter');
  const built = spawnSync('cc', ['-O1', '-static', '-o', meter, join(process.cwd(), 'test/guest/meter.c')], {
    encoding: 'utf8',
  });
  if (built.status !== 0) throw new Error(`cc meter.c: ${built.stderr}`);
  const made = image({ [meter]: '/usr/local/bin/meter' });
  try {
    const answer = (ran: GuestResult, { tool, by }: Cost, name: string): Metered => {
      const one = JSON.parse(ran.file(`m${name}`) || '{"first":null,"rss":0}') as Metered;
      if (one.first === null)
        process.stderr.write(
          `--- ${tool} by ${by}, ${name}: ${ran.file(`m${name}`)}\n${ran.file(`e${name}`)?.slice(-1500)}\n`,
        );
      return one;
    };
    const metered: Metered[][] = chosen.map(() => []);
    const options = { memory: 2048, timeoutMs: 7_200_000, countInstructions: instructions };
    // Cold is the first thing that a machine does, each in a boot of its own. (Dropping the page cache of a running guest measures qemu: it throws away what
    // it has translated page by page, when the disk writes into the pages that the code had been in. The clock of instructions jumps while the guest waits for its disk.)
    if (!instructions)
      for (const [i, cost] of chosen.entries()) {
        const ran = await boot(made, `${cost.command} >/out/mcold 2>/out/ecold`, options);
        metered[i]!.push(answer(ran, cost, 'cold'));
      }
    // Then they take turns; the first turn fills the page cache.
    const turn = (r: number) =>
      chosen.map(({ command }, i) => `${command} >/out/m${r}.${i} 2>/out/e${r}.${i}`).join('\n');
    const parts = chosen.flatMap(({ by, command }, i) =>
      by === 'skep' ? [`SKEP_TIMINGS=1 ${command} >/dev/null 2>/out/t${i}`] : [],
    );
    const turns = Array.from({ length: rounds + 1 }, (_, r) => r);
    const ran = await boot(made, [...turns.map(turn), ...parts].join('\n'), options);
    for (const r of turns.slice(1))
      for (const [i, cost] of chosen.entries()) metered[i]!.push(answer(ran, cost, `${r}.${i}`));
    return costTable(chosen, metered, (i) => ran.file(`t${i}`), instructions);
  } finally {
    made.remove();
    rmSync(folder, { recursive: true });
  }
}

function costTable(
  chosen: readonly Cost[],
  metered: readonly (readonly Metered[])[],
  timings: (i: number) => string | undefined,
  instructions: boolean,
): string[] {
  const unit = instructions ? ' G' : ' s';
  const show = (first: number) => (Number.isFinite(first) ? `${first.toFixed(2)}${unit}` : 'none');
  const costs = metered.map((all) => ({
    cold: instructions ? undefined : (all[0]!.first ?? Number.POSITIVE_INFINITY),
    warm: Math.min(...all.slice(instructions ? 0 : 1).map(({ first }) => first ?? Number.POSITIVE_INFINITY)),
    rss: Math.max(...all.map(({ rss }) => rss)) / 1024,
  }));
  const table = ['| tool | by | cold | warm | peak RSS | warm : skep | RSS : skep |', '|---|---|---|---|---|---|---|'];
  chosen.forEach(({ tool, by }, i) => {
    const { cold, warm, rss } = costs[i]!;
    const ours = costs[chosen.findIndex((other) => other.tool === tool && other.by === 'skep')];
    const ratio = (theirs: number, own: number | undefined) =>
      by === 'skep' || own === undefined ? '' : `${(theirs / own).toFixed(1)}x`;
    table.push(
      `| ${tool} | ${by} | ${cold === undefined ? '' : show(cold)} | ${show(warm)} | ${rss.toFixed(0)} MB | ${ratio(warm, ours?.warm)} | ${ratio(rss, ours?.rss)} |`,
    );
  });
  table.push(
    '',
    `Where it goes (one warm run each, ${instructions ? 'millions of instructions' : 'milliseconds'}):`,
    '',
  );
  chosen.forEach(({ tool, by }, i) => {
    const told = /^skep: (\d+) ms to the first wait: (.*)$/m.exec(timings(i) ?? '');
    if (by === 'skep' && told) table.push(`- ${tool} ${told[1]}: ${told[2]}`);
  });
  return table;
}

const problem = guestProblem();
if (problem) {
  process.stderr.write(`vm:compare: ${problem}\n`);
  process.exit(1);
}
const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    write: { type: 'boolean' },
    costs: { type: 'boolean' },
    rows: { type: 'boolean' },
    rounds: { type: 'string', default: '2' },
    instructions: { type: 'boolean', default: false },
    log: { type: 'string' },
  },
});
const only = values.only?.split(',');
const wanted = (name: string) => !only || only.includes(name) || only.includes(name.split(' ')[0]!);
const base = bccRoot(GUEST_CACHE);
const image: MakeImage = (files) => makeImage({ base, files });
const page = join(process.cwd(), 'docs/benchmarks.md');

/** The table on standard output, and in the page where --write says so. */
async function part(section: string, heading: string, about: string, make: () => Promise<string[]>): Promise<void> {
  const begun = performance.now();
  const busy = loadavg()[0]!;
  const table = (await make()).join('\n').trim();
  const minutes = ((performance.now() - begun) / 60_000).toFixed(1);
  const load = `Load of the machine before the run ${busy.toFixed(1)}, ${minutes} minutes.`;
  process.stdout.write(`${table}\n\n${load}\n`);
  if (values.write)
    writeFileSync(page, withSection(readFileSync(page, 'utf8'), section, [heading, about, table, load].join('\n\n')));
}

if (!values.costs)
  await part(
    'guestRows',
    '## In the guest: the same rows',
    `The shipped tools and BCC 0.26's own on Debian's 6.1 under qemu, attached at the same time and fed by one workload (\`npm run vm:compare -- --rows --write\`). Equal is what does
not depend on time: whole rows with their header, or sums of what was counted.`,
    () =>
      compareRows(
        image,
        COMPARISONS.filter(({ name }) => wanted(name)),
        values.log,
      ),
  );
if (!values.rows)
  await part(
    values.instructions ? 'guestInstructions' : 'guest',
    values.instructions ? '## In the guest: instructions of a start' : '## In the guest, beside BCC and bpftrace',
    values.instructions
      ? `As above, but the guest's clock counts instructions (\`npm run vm:compare -- --costs --instructions --write\`; G: 10^9): the same on a busy machine. What qemu pays to translate
code that runs once is not in it.`
      : `Start to first line, and peak memory, on Debian's 6.1 under qemu without KVM (\`npm run vm:compare -- --costs --write\`). Cold: the first thing that a machine
does after its boot, one boot a program. Warm: in one boot, in turns, the best of them.`,
    () =>
      compareCosts(
        image,
        COSTS.filter(({ tool }) => wanted(tool)),
        { rounds: Number(values.rounds), instructions: values.instructions },
      ),
  );
