/** `skep features`: what works on this machine, and why the rest does not. Each answer is asked for, not guessed. */
import { arch, platform } from 'node:os';
import type { Command } from 'commander';
import { addonProblem } from '../../../bindings/addon/index.ts';
import { bpfUnavailable } from '../../../bindings/linux/bpf.ts';
import { traceUnavailable } from '../../../bindings/trace/index.ts';
import { HOST_ENGINES } from '../../vm/engines.ts';
import { print } from '../output.ts';
import { version } from '../version.ts';
import { kernelTypes, runningRelease } from './kernel-types.ts';

interface Feature {
  /** Of the live kernel: 'rights', 'kernel', 'program type', 'map type', 'attach'. */
  readonly group?: string;
  readonly name: string;
  readonly available: boolean;
  /** What it is, or why it is not available. */
  readonly detail: string;
}

export function define(command: Command): void {
  command.option('-j, --json', 'one JSON object').action(async (options: { readonly json?: boolean }) => {
    const kernel = runningRelease();
    const about = {
      skep: version(),
      node: process.version,
      platform: platform(),
      arch: arch(),
      ...(kernel && { kernel }),
    };
    const features = await findFeatures();
    if (options.json) {
      print(JSON.stringify({ ...about, features }));
      return;
    }
    print(
      `skep ${about.skep}, Node ${about.node}, ${about.platform} ${about.arch}${kernel ? `, Linux ${kernel}` : ''}`,
    );
    const width = Math.max(...features.map((f) => f.name.length));
    let last: string | undefined;
    for (const { group, name, available, detail } of features) {
      if (group !== last) print(`\n${HEADINGS[group!] ?? group}`);
      last = group;
      print(`${name.padEnd(width)}  ${available ? 'yes' : 'no '}${detail === '' ? '' : `  ${detail}`}`.trimEnd());
    }
  });
}

const HEADINGS: Readonly<Record<string, string>> = {
  rights: 'Rights of this process',
  kernel: 'The running kernel',
  'program type': 'Program types that it loads',
  'map type': 'Map types that it makes',
  attach: 'What programs can be attached to',
};

/** `problem` as the modules below tell it: undefined means that it works. What the missing addon takes away says so; its row says why. */
function feature(name: string, problem: string | undefined, detail = ''): Feature {
  const addon = addonProblem();
  const reason = addon !== undefined && problem?.includes(addon) ? 'needs the native addon' : problem;
  return { name, available: problem === undefined, detail: reason ?? detail };
}

async function findFeatures(): Promise<Feature[]> {
  const features: Feature[] = [];
  for (const engine of HOST_ENGINES) features.push(feature(`engine ${engine.name}`, engine.unavailable()));
  const { btf, from } = kernelTypes({});
  features.push(
    { name: 'native addon', available: addonProblem() === undefined, detail: addonProblem() ?? '' },
    feature('tracing a command', traceUnavailable(), 'without privileges, by ptrace'),
    feature('bpf(2)', bpfUnavailable(), 'maps can be made'),
    { name: 'kernel types (BTF)', available: true, detail: `${btf.typeCount} types, from ${from}` },
  );
  if (platform() === 'linux' && addonProblem() === undefined) {
    const { liveFeatures } = await import('../../../bindings/linux/features.ts');
    features.push(...liveFeatures());
  }
  return features;
}
