/**
 * How long a process that has done nothing yet takes from a program's bytes to its first result. An engine is cold once a process, so
 * children that do nothing else say it, and the best of them counts.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../bindings/node/package-root.ts';
import { toHex } from '../../core/base/bytes.ts';
import { loadEngine } from '../../tools/vm/engines.ts';
import { firstResultMs, longProgram } from './engines.ts';

const RUNS = 15;
const INSNS = 100;

/** As installed: the bundle of `skep-vm` with the bytecode that was made of it, and the linear memory still to be made. */
const INSTALLED = `const [launch, name, hex] = process.argv.slice(1);
const { open } = require(launch);
const engine = open('skep-vm', 'engines').loadEngine(name);
const { runOnce } = open('skep-vm', 'harness');
const code = new Uint8Array(Buffer.from(hex, 'hex'));
const start = performance.now();
runOnce(engine, { code });
const took = performance.now() - start;
process.stdout.write(String(took));`;

export interface ColdMs {
  /** As installed; undefined where dist/ is not built. */
  readonly installed: number | undefined;
  /** From a bundle that V8 has no bytecode of: every function is parsed and compiled when it is first called. */
  readonly source: number | undefined;
}

/** Milliseconds of an engine's first 100 instructions. `self`: the bundle of the benchmarks, which answers to `--cold=NAME`. */
export function coldMs(name: string, self: string): ColdMs {
  const launch = join(packageRoot(), 'dist/launch.cjs');
  return {
    installed: existsSync(launch) ? best(['-e', INSTALLED, launch, name, toHex(longProgram(INSNS))]) : undefined,
    source: best([self, `--cold=${name}`]),
  };
}

function best(args: readonly string[]): number | undefined {
  const runs = Array.from({ length: RUNS }, () =>
    Number(spawnSync(process.execPath, args, { encoding: 'utf8' }).stdout || Number.NaN),
  );
  const least = Math.min(...runs);
  return Number.isNaN(least) ? undefined : least;
}

/** Does these arguments' process do nothing but be cold? Then it has said how long it took. */
export function wasCold(argument: string | undefined): boolean {
  const name = /^--cold=(.*)$/.exec(argument ?? '')?.[1];
  if (name === undefined) return false;
  const engine = loadEngine(name);
  process.stdout.write(String(firstResultMs(engine, longProgram(INSNS))));
  return true;
}
