/** Results as a table, an SVG and the page docs/benchmarks.md. */
import type { EventCallbacks } from './callbacks.ts';
import type { ColdMs } from './cold.ts';
import type { FactGain } from './facts.ts';
import type { VerifierSpeed } from './verifier.ts';

export interface Results {
  readonly date: string;
  readonly machine: string;
  /** Load of the machine before the run, per CPU: above 0.3 the absolute times mean little. */
  readonly load: number;
  /** ns an instruction: column (engine, kernel, gcc, peer) -> program -> ns. */
  readonly nsPerInsn: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** ns a packet of the parser. */
  readonly parser: Readonly<Record<string, { readonly single?: number; readonly batched?: number }>>;
  readonly firstResultMs: Readonly<Record<string, { readonly cold100: ColdMs; readonly warm4096: number }>>;
  readonly events: {
    readonly compiled: number;
    readonly closures: number;
    readonly lazy: number;
    readonly ctypes: number | undefined;
  };
  readonly callbacks: EventCallbacks;
  readonly verifier: VerifierSpeed;
  /** What the verifier's facts are worth to the JIT, by program. */
  readonly facts: Readonly<Record<string, FactGain>>;
}

const short = (n: number | undefined): string =>
  n === undefined ? '-' : n >= 100 ? n.toFixed(0) : n >= 10 ? n.toFixed(1) : n >= 1 ? n.toFixed(2) : n.toFixed(3);
const mpps = (ns: number | undefined): string => (ns === undefined ? '-' : short(1000 / ns));

function grid(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |`;
  const rule = `|${widths.map((w, i) => (i === 0 ? '-'.repeat(w + 2) : `${'-'.repeat(w + 1)}:`)).join('|')}|`;
  return [line(rows[0]!), rule, ...rows.slice(1).map(line)].join('\n');
}

/** The tables, in Markdown. */
export function tables(r: Results): string {
  const columns = Object.keys(r.nsPerInsn);
  const programs = [...new Set(columns.flatMap((c) => Object.keys(r.nsPerInsn[c]!)))];
  const ratio = (a: number | undefined, b: number | undefined) =>
    a !== undefined && b !== undefined ? `${short(a / b)}x` : '-';
  const insns = grid([
    ['ns an instruction', ...columns, 'jit : kernel', 'jit : native', 'jit : gcc'],
    ...programs.map((p) => {
      const at = (c: string) => r.nsPerInsn[c]?.[p];
      return [
        p,
        ...columns.map((c) => short(at(c))),
        ratio(at('jit'), at('kernel')),
        ratio(at('jit'), at('native')),
        ratio(at('jit'), at('gcc')),
      ];
    }),
  ]);
  const packets = grid([
    ['64-byte parser', 'ns, one call each', 'Mpps', 'ns, batches of 256', 'Mpps'],
    ...Object.entries(r.parser).map(([name, p]) => [
      name,
      short(p.single),
      mpps(p.single),
      short(p.batched),
      mpps(p.batched),
    ]),
  ]);
  const first = grid([
    ['bytes to first result, ms', '100 insns, cold', 'the same without bytecode', '4,096 insns, warm'],
    ...Object.entries(r.firstResultMs).map(([name, t]) => [
      name,
      short(t.cold100.installed),
      short(t.cold100.source),
      short(t.warm4096),
    ]),
  ]);
  const { compiled, closures, lazy, ctypes } = r.events;
  const events = grid([
    ['event of 56 bytes to an object', 'ns', 'Python ctypes : this'],
    ['decoder made from text', short(compiled), ratio(ctypes, compiled)],
    ['decoder of closures', short(closures), ratio(ctypes, closures)],
    ['two fields, read lazily', short(lazy), ratio(ctypes, lazy)],
    ['Python ctypes', short(ctypes), '1x'],
  ]);
  const { count, perf, ring, stream, lazy: views, ctypes: python } = r.callbacks;
  const delivered = grid([
    [`${count.toLocaleString('en')} events of the model kernel`, 'ns CPU time', 'M/s', 'Python ctypes : this'],
    ...(
      [
        ['perf buffer, callback, whole objects', perf],
        ['ring buffer, callback, whole objects', ring],
        ['events(), whole objects', stream],
        ['perf buffer, callback, two fields, lazily', views],
        ['Python ctypes callback, all fields', python],
      ] as const
    ).map(([name, ns]) => [name, short(ns), mpps(ns), ratio(python, ns)]),
  ]);
  const { mips, warm100 } = r.verifier;
  const verified = grid([
    ['verifier', 'M insns/s'],
    ...Object.entries(mips).map(([name, speed]) => [name, short(speed)]),
    ['100 insns, warm: ms, best and median', `${short(warm100.best)}, ${short(warm100.median)}`],
  ]);
  const known = grid([
    ['jit, verified programs: ns an instruction', 'with facts', 'without', 'faster'],
    ...Object.entries(r.facts).map(([name, gain]) => [
      name === 'parser' ? 'parser, batched: ns a packet' : name,
      short(gain.with),
      short(gain.without),
      ratio(gain.without, gain.with),
    ]),
  ]);
  return [insns, packets, known, first, events, delivered, verified].join('\n\n');
}

export interface Goal {
  readonly what: string;
  readonly goal: string;
  readonly measured: string;
  readonly met: boolean | undefined;
}

/** The goals, with what was measured. */
export function goals(r: Results): Goal[] {
  const at = (column: string, program: string) => r.nsPerInsn[column]?.[program];
  const out: Goal[] = [];
  const compare = (what: string, goal: string, value: number | undefined, met: (v: number) => boolean, unit: string) =>
    out.push({
      what,
      goal,
      measured: value === undefined ? 'not measured' : `${short(value)}${unit}`,
      met: value === undefined ? undefined : met(value),
    });
  const over = (a: number | undefined, b: number | undefined) =>
    a === undefined || b === undefined ? undefined : a / b;
  const least = (a: number | undefined, b: number | undefined) =>
    a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
  for (const p of ['alu64', 'alu32'])
    compare(`jit, ${p} : gcc -O2`, '<= 1.1x', over(at('jit', p), at('gcc', p)), (v) => v <= 1.1, 'x');
  for (const p of ['memory', 'sieve'])
    compare(`jit, ${p} : kernel`, '<= 1.2x', over(at('jit', p), at('kernel', p)), (v) => v <= 1.2, 'x');
  for (const p of ['map', 'calls'])
    compare(`jit, ${p} : kernel`, '< 1x', over(at('jit', p), at('kernel', p)), (v) => v < 1, 'x');
  const { jit, native, interp, kernel } = r.parser;
  compare('jit, parser, one call a packet', '>= 60 Mpps', over(1000, jit?.single), (v) => v >= 60, ' Mpps');
  compare('jit, parser, batched', '>= 300 Mpps', over(1000, jit?.batched), (v) => v >= 300, ' Mpps');
  compare('jit, parser : kernel, batched', '>= 7x', over(kernel?.single, jit?.batched), (v) => v >= 7, 'x');
  compare('jit, 100 insns, cold', '<= 3 ms', r.firstResultMs['jit']?.cold100.installed, (v) => v <= 3, ' ms');
  compare('auto, 100 insns, cold', '<= 3 ms', r.firstResultMs['auto']?.cold100.installed, (v) => v <= 3, ' ms');
  compare('jit, 4,096 insns, warm', '<= 5 ms', r.firstResultMs['jit']?.warm4096, (v) => v <= 5, ' ms');
  for (const p of Object.keys(r.nsPerInsn['interp'] ?? {}))
    compare(`native, ${p} : interp`, '>= 3x faster', over(at('interp', p), at('native', p)), (v) => v >= 3, 'x');
  compare(
    'native, parser, one call : interp',
    '>= 3x faster',
    over(interp?.single, native?.single),
    (v) => v >= 3,
    'x',
  );
  compare('native, parser, batched', '>= 25 Mpps', over(1000, native?.batched), (v) => v >= 25, ' Mpps');
  // Peers are columns beyond our own.
  const own = new Set(['jit', 'native', 'interp', 'kernel', 'gcc']);
  for (const peer of Object.keys(r.nsPerInsn).filter((name) => !own.has(name) && !/jit/i.test(name))) {
    for (const p of Object.keys(r.nsPerInsn[peer]!))
      compare(`interp, ${p} : ${peer}`, '<= 1.6x', over(at('interp', p), at(peer, p)), (v) => v <= 1.6, 'x');
  }
  compare('interp, parser', '>= 7 Mpps', over(1000, least(interp?.batched, interp?.single)), (v) => v >= 7, ' Mpps');
  compare('event to a full object', '<= 160 ns', r.events.compiled, (v) => v <= 160, ' ns');
  compare('two fields of an event', '<= 20 ns', r.events.lazy, (v) => v <= 20, ' ns');
  const { perf, ring, ctypes } = r.callbacks;
  compare('perf events, callback : Python ctypes', '>= 8x faster', over(ctypes, perf), (v) => v >= 8, 'x');
  compare('ring records, callback : Python ctypes', '>= 8x faster', over(ctypes, ring), (v) => v >= 8, 'x');
  // What two runs of the same bytes differ by is no loss.
  for (const [name, gain] of Object.entries(r.facts))
    compare(`jit, ${name}: facts on : off`, '>= 0.95x', gain.without / gain.with, (v) => v >= 0.95, 'x');
  for (const [name, speed] of Object.entries(r.verifier.mips))
    compare(`verifier, ${name}`, '>= 1 M insns/s', speed, (v) => v >= 1, ' M insns/s');
  compare('verifier, 100 insns, warm', '<= 2 ms', r.verifier.warm100.median, (v) => v <= 2, ' ms');
  return out;
}

export function goalTable(r: Results): string {
  return grid([
    ['goal', 'wanted', 'measured', 'met'],
    ...goals(r).map(({ what, goal, measured, met }) => [
      what,
      goal,
      measured,
      met === undefined ? '-' : met ? 'yes' : 'no',
    ]),
  ]);
}

const COLOURS = ['#2b6cb0', '#dd6b20', '#2f855a', '#718096', '#b83280', '#805ad5', '#d69e2e'];

/** Bars on a logarithmic scale: one group a program, one bar a column. */
export function svg(r: Results): string {
  const columns = Object.keys(r.nsPerInsn);
  const programs = [...new Set(columns.flatMap((c) => Object.keys(r.nsPerInsn[c]!)))];
  const values = columns.flatMap((c) => Object.values(r.nsPerInsn[c]!));
  const [low, high] = [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))];
  const [left, top, height, bar, gap] = [60, 50, 260, 16, 24];
  const group = columns.length * bar + gap;
  const width = left + programs.length * group + 20;
  const y = (v: number) => top + height * (1 - (Math.log10(v) - low) / (high - low));
  const parts: string[] = [];
  for (let e = low; e <= high; e++) {
    parts.push(`<line x1="${left}" x2="${width - 10}" y1="${y(10 ** e)}" y2="${y(10 ** e)}" stroke="#ddd"/>`);
    parts.push(
      `<text x="${left - 6}" y="${y(10 ** e) + 4}" text-anchor="end">${10 ** e >= 1 ? 10 ** e : (10 ** e).toFixed(-e)}</text>`,
    );
  }
  programs.forEach((program, i) => {
    columns.forEach((column, k) => {
      const value = r.nsPerInsn[column]![program];
      if (value === undefined) return;
      const x = left + i * group + k * bar + gap / 2;
      parts.push(
        `<rect x="${x}" y="${y(value).toFixed(1)}" width="${bar - 2}" height="${(top + height - y(value)).toFixed(1)}" fill="${COLOURS[k % COLOURS.length]}"><title>${program}, ${xmlText(column)}: ${short(value)} ns</title></rect>`,
      );
    });
    parts.push(
      `<text x="${left + i * group + group / 2}" y="${top + height + 18}" text-anchor="middle">${program}</text>`,
    );
  });
  columns.forEach((column, k) => {
    const x = left + k * 90;
    parts.push(
      `<rect x="${x}" y="22" width="10" height="10" fill="${COLOURS[k % COLOURS.length]}"/><text x="${x + 14}" y="31">${xmlText(column)}</text>`,
    );
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${top + height + 30}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>
<text x="${left}" y="14" font-weight="bold">ns an instruction (logarithmic)</text>
${parts.join('\n')}
</svg>
`;
}

const xmlText = (text: string): string => text.replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`);

/** docs/benchmarks.md. */
export function page(r: Results): string {
  const busy =
    r.load > 0.3
      ? `\n**The machine was busy** (load ${short(r.load)} a CPU before the run): trust ratios, not times.\n`
      : '';
  return `# Benchmarks

\`npm run bench\` runs a fixed set of programs on every engine, in the kernel (\`PROG_TEST_RUN\`, as root), as C by \`gcc -O2\` where the loop has a C
form, and on any peer named by \`--peer NAME='COMMAND'\` that speaks the batch protocol of \`skep-vm --batch\`. Every repetition is a program of its own bytes, so that
nothing compiled is met twice. Times are the best of several spells. \`--write\` renews this page, [its data](bench/results.json) and the picture.

${r.date}, ${r.machine}.
${busy}
![ns an instruction](bench/benchmarks.svg)

${tables(r)}

What the programs do: \`alu64\`, \`alu32\` arithmetic in which each step waits for the one before; \`memory\` a sum over 64 KiB; \`map\` a lookup in a hash map and an
increment of the value; \`sieve\` primes in byte-wide memory; \`calls\` a BPF-to-BPF call an iteration; the parser reads Ethernet, IPv4 and ports of a 64-byte packet.

With facts and without: the same programs with their memory in a map, as the kernel's column has them, verified and run by the JIT with what the verifier knows of single instructions
(\`ProgFacts.insns\`) and without; that they are verified and how long they run is known both times. \`spills\` keeps its variables on the stack,
\`counter\` looks a constant key of an array up, \`divide\` divides by what is not 0.

From bytes to the first result: decoding, checking, compiling, one run, in a process that has done none of it before (cold) or often (warm). Cold is
the bundle as it is installed, with V8's bytecode of it (scripts/build.mjs), and the linear memory is made in that time too; without bytecode V8
parses and compiles some eighty of our functions on the way. \`jit\` compiles when a program is prepared. \`auto\` is tiered: programs without loops, local and tail calls of up to 16,384 slots have their first run in the interpreter, and are compiled before their second.

## Goals

${goalTable(r)}

Host instructions for a BPF instruction of the native engine are counted by \`npm run bench:callgrind\`.
`;
}
