/**
 * The verifier against the running kernel, over generated and mutated programs: verdict agreement, false accepts, false
 * rejects, equal last lines. Disagreements are shrunk and printed as cases for data/.
 *
 *   npm run fuzz:verifier -- --count 100000 --seed 1 [--shrink 10]
 */
import { readFileSync } from 'node:fs';
import type { Btf } from '../../core/btf/btf.ts';
import { readBtf } from '../../core/btf/read.ts';
import { disassemble } from '../../core/isa/disasm.ts';
import type { MapSpec } from '../../core/spec/spec.ts';
import { lastLine, verify } from '../../core/verifier/index.ts';
import { allCases, makeProg } from './cases.ts';
import { runChecked } from './checked-run.ts';
import { generate } from './generate.ts';
import { kfuncIds } from './generate-calls.ts';
import { askKernel, whyNoOracle } from './kernel-oracle.ts';
import { mutate, Random } from './mutate.ts';

export interface Sample {
  readonly type: string;
  readonly attach: string | undefined;
  readonly license: string;
  readonly maps: readonly MapSpec[];
  readonly insns: Uint8Array;
}

export interface Tally {
  total: number;
  /** Both accept. */
  accepted: number;
  /** Both refuse. */
  refused: number;
  falseAccepts: number;
  falseRejects: number;
  /** Both refuse with the same last line (or the kernel's log was not asked for). */
  sameLine: number;
  /** The kernel could not be asked (a map it does not make, a permission it does not give). */
  skipped: number;
  /** Accepted programs run with checks on random input, and those of them that faulted. */
  ran: number;
  faulted: number;
  insns: number;
  verifierMs: number;
}

/** The attach type a program type needs to load. */
const ATTACH: Record<string, string> = {
  cgroup_skb: 'cgroup_inet_ingress',
  cgroup_sock: 'cgroup_inet_sock_create',
  sock_ops: 'cgroup_sock_ops',
  sk_msg: 'sk_msg_verdict',
  flow_dissector: 'flow_dissector',
  cgroup_device: 'cgroup_device',
};

let types: Btf | undefined | null = null;

/** Types of the running kernel, where it has them. */
function kernelBtf(): Btf | undefined {
  if (types === null) {
    try {
      types = readBtf(readFileSync('/sys/kernel/btf/vmlinux'));
    } catch {
      types = undefined;
    }
  }
  return types;
}

function ours(s: Sample, kernel: Btf | null = kernelBtf() ?? null) {
  const prog = makeProg({ name: 'fuzz', target: undefined, ...s });
  return verify({ prog, maps: s.maps, kernelBtf: kernel ?? undefined }, { cpus: 2 });
}

function sample(random: Random, seeds: readonly Sample[]): Sample {
  if (seeds.length > 0 && random.below(3) === 0) {
    const seed = random.pick(seeds);
    return {
      ...seed,
      insns: mutate(
        seed.insns,
        random,
        seeds.map((s) => s.insns),
      ),
    };
  }
  const g = generate(random, kfuncIds(kernelBtf()));
  const insns = random.below(2) ? g.insns : mutate(g.insns, random, [g.insns]);
  return { type: g.type, attach: ATTACH[g.type], license: 'GPL', maps: g.maps, insns };
}

/** Compare `count` programs; calls `differs` for each disagreement. */
export async function fuzz(
  count: number,
  seed: number,
  differs: (s: Sample, kernel: string, us: string) => Promise<void> | void,
): Promise<Tally> {
  const random = new Random(seed);
  const seeds = allCases()
    .filter((c) => c.oracle && c.target === undefined)
    .map(({ type, attach, license, maps, insns }) => ({ type, attach, license, maps, insns }));
  const t: Tally = {
    total: 0,
    accepted: 0,
    refused: 0,
    falseAccepts: 0,
    falseRejects: 0,
    sameLine: 0,
    skipped: 0,
    ran: 0,
    faulted: 0,
    insns: 0,
    verifierMs: 0,
  };
  for (let done = 0; done < count; done += 1000) {
    if (done > 0 && done % 10_000 === 0) process.stderr.write(`${done} ${JSON.stringify(t)}\n`);
    const batch = Array.from({ length: Math.min(1000, count - done) }, () => sample(random, seeds));
    const answers = await askKernel(batch);
    for (let i = 0; i < batch.length; i++) {
      const a = answers[i];
      t.total++;
      if (!a || a.errno === 'MAP' || a.errno === 'EPERM') {
        t.skipped++;
        continue;
      }
      const start = performance.now();
      const r = ours(batch[i]!);
      t.verifierMs += performance.now() - start;
      t.insns += r.insnsProcessed;
      const line = lastLine(r);
      if (r.ok) {
        const run = runChecked(batch[i]!, r.facts, random);
        if (run !== 'skipped') t.ran++;
        // A load through a kernel pointer faults to zero in the kernel; here there is no kernel behind it.
        if (typeof run === 'object' && ours(batch[i]!, null).ok) {
          t.faulted++;
          process.stdout.write(`FAULT ${run.fault}\n${asCase(batch[i]!, 'ok', 'faulted')}\n`);
        }
      }
      if (r.ok && a.ok) t.accepted++;
      else if (!r.ok && !a.ok) {
        t.refused++;
        if (a.last === '' || a.last === line) t.sameLine++;
      } else {
        if (r.ok) t.falseAccepts++;
        else t.falseRejects++;
        await differs(batch[i]!, a.ok ? 'ok' : a.last, r.ok ? 'ok' : line);
      }
    }
  }
  return t;
}

/** Instructions turned into nothing (a jump to the next one) as long as kernel and we still disagree. */
export async function shrink(s: Sample): Promise<Sample> {
  const nop = [0x05, 0, 0, 0, 0, 0, 0, 0];
  let best = s;
  for (;;) {
    const candidates: Sample[] = [];
    for (let at = 0; at < best.insns.length; at += 8) {
      if (best.insns[at] === 0x95 || best.insns[at] === 0) continue;
      if (best.insns[at] === 0x05 && best.insns[at + 2] === 0 && best.insns[at + 3] === 0) continue;
      const insns = best.insns.slice();
      insns.set(nop, at);
      if (best.insns[at] === 0x18) insns.set(nop, at + 8);
      candidates.push({ ...best, insns });
    }
    const answers = await askKernel(candidates);
    const next = candidates.find((c, i) => answers[i] && answers[i]!.ok !== ours(c).ok);
    if (!next) return best;
    best = next;
  }
}

/** A disagreement as a case for data/: code as hex, since the text form has no absolute jumps. */
export function asCase(s: Sample, kernel: string, name: string): string {
  const maps = s.maps.map((m) => `map: ${m.type} ${m.keySize} ${m.valueSize} ${m.maxEntries} ${m.flags}`);
  const text = disassemble(s.insns)
    .trimEnd()
    .split('\n')
    .map((l) => `  ${l}`)
    .join('\n');
  const attach = s.attach === undefined ? [] : [`attach: ${s.attach}`];
  return [`== ${name}`, `type: ${s.type}`, ...attach, ...maps, 'code:', text, `says: ${kernel}`, ''].join('\n');
}

function option(name: string, fallback: number): number {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
}

export async function main(): Promise<number> {
  const why = whyNoOracle();
  if (why !== undefined) {
    process.stdout.write(`fuzz:verifier needs the kernel: ${why}\n`);
    return 1;
  }
  const count = option('count', 10_000);
  const seed = option('seed', 1);
  let left = option('shrink', 5);
  const t = await fuzz(count, seed, async (s, kernel, us) => {
    if (left-- <= 0) return;
    const small = await shrink(s);
    process.stdout.write(
      `${us === 'ok' ? 'FALSE ACCEPT' : `false reject: ${us}`}\n${asCase(small, kernel, 'shrunken')}\n`,
    );
  });
  const compared = t.total - t.skipped;
  const same = t.accepted + t.refused;
  process.stdout.write(
    `${JSON.stringify(t)}\nseed ${seed}: same verdict ${same}/${compared} (${((100 * same) / compared).toFixed(3)}%), ` +
      `${t.falseAccepts} false accepts, ${t.falseRejects} false rejects, ` +
      `same last line ${t.sameLine}/${t.refused}, ${t.ran} run with checks (${t.faulted} faulted), ${Math.round((1000 * t.insns) / t.verifierMs)} insns/s\n`,
  );
  return t.falseAccepts === 0 ? 0 : 1;
}
