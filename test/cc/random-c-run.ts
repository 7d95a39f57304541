/** Runs random programs through GCC and through this compiler on the engines, and says where they differ. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ObjectSpec, ProgFacts } from '../../core/spec/spec.ts';
import { verify } from '../../core/verifier/index.ts';
import type { Engine } from '../../core/vm/engine.ts';
import { harness, INPUTS, randomProgram } from './random-c.ts';
import { compileOk, prepareObject } from './run-c.ts';

const CPUS = ['v3', 'v4', 'v2', 'v1'] as const;

export interface Wrong {
  readonly seed: number;
  readonly message: string;
}

function memoryHash(mem: Uint8Array): bigint {
  let h = 0n;
  for (const b of mem) h = BigInt.asUintN(64, h * 131n + BigInt(b));
  return h;
}

/** What GCC's programs print for these seeds, a line per program and input. Throws with GCC's words when it refuses a program. */
function gccLines(seeds: readonly number[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'random-c-'));
  try {
    writeFileSync(join(folder, 'a.c'), harness(seeds.map((seed, i) => randomProgram(seed, String(i)))));
    const built = spawnSync('gcc', ['-w', '-O0', '-fwrapv', '-o', join(folder, 'a'), join(folder, 'a.c')], {
      encoding: 'utf8',
    });
    if (built.status !== 0) throw new Error(`gcc refuses a program of seeds ${seeds[0]} and on:\n${built.stderr}`);
    return spawnSync(join(folder, 'a'), { encoding: 'utf8' }).stdout.trim().split('\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What the verifier knows of the program, taken for one whose context is plain memory; undefined where that does not hold, or nothing can be proved. */
export function factsOf(object: ObjectSpec): ProgFacts | undefined {
  const prog = object.progs.find((p) => p.name === 'entry_')!;
  const input = { prog: { ...prog, type: 'syscall' }, maps: object.maps, objectBtf: object.btf };
  const { ok, facts } = verify(input, { sleepable: true });
  return ok ? facts : undefined;
}

export function compareWithGcc(seeds: readonly number[], engines: readonly Engine[]): Wrong[] {
  const lines = gccLines(seeds);
  const wrong: Wrong[] = [];
  seeds.forEach((seed, i) => {
    const cpu = CPUS[seed % CPUS.length]!;
    try {
      const object = compileOk(randomProgram(seed, ''), { cpu });
      const facts = factsOf(object);
      for (const engine of engines) {
        for (const known of facts ? [undefined, facts] : [undefined]) {
          // One program keeps its globals from input to input, here as there.
          const { run } = prepareObject(object, 'entry_', engine, known);
          const how = `seed ${seed} ${cpu} ${engine.name}${known ? ' with facts' : ''}`;
          INPUTS.forEach((input, k) => {
            const mem = input.slice();
            const got = `${run(mem)} ${memoryHash(mem)}`;
            const want = lines[i * INPUTS.length + k];
            if (got !== want) wrong.push({ seed, message: `${how} input ${k}: ${got}, gcc says ${want}` });
          });
        }
      }
    } catch (e) {
      wrong.push({ seed, message: `seed ${seed} ${cpu}: ${(e as Error).message.split('\n')[0]}` });
    }
  });
  return wrong;
}
