/** The benchmarks themselves: the programs compute what they say on every engine, peers are measured, and the report says what was not. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buildSync } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { jit } from '../../core/vm/jit/jit.ts';
import { availableEngines } from '../../tools/vm/engines.ts';
import { root } from '../tools/skep.ts';
import { measureCallbacks } from './callbacks.ts';
import { coldMs } from './cold.ts';
import { BUFFER, engineCode, instructions, longProgram, memory, prepare } from './engines.ts';
import { measureFacts } from './facts.ts';
import { measurePeer } from './others.ts';
import { code, PARSER, PROGRAMS, packet, START } from './programs.ts';
import { goals, page, type Results, svg, tables } from './report.ts';
import { measureVerifier } from './verifier.ts';

const engines = availableEngines();

describe.each(engines)('$name', (engine) => {
  const r0 = (bytes: Uint8Array, size: number): bigint => {
    const exe = prepare(engine, bytes);
    exe.run(size > 0 ? BUFFER : 0, size);
    return (BigInt(exe.r0Hi >>> 0) << 32n) | BigInt(exe.r0Lo >>> 0);
  };

  it('computes', () => {
    const of = (name: string) => PROGRAMS.find((p) => p.name === name)!;
    let x = 0n;
    for (let i = 100n; i !== 0n; i--) {
      x = BigInt.asUintN(64, x * 1103515245n + 12345n);
      x ^= x >> 13n;
      x = BigInt.asUintN(64, (x ^ (x << 7n)) + i);
    }
    expect(r0(engineCode(of('alu64'), 100), 0)).toBe(x);
    // The primes below 8,192.
    expect(r0(engineCode(of('sieve')), 65536)).toBe(1028n);
    expect(r0(engineCode(of('map'), 2000), 0)).toBe(0n);
    let y = 0n;
    for (let i = 50n; i !== 0n; i--) y = ((i * 3n) ^ y) + 7n;
    expect(r0(engineCode(of('calls'), 50), 0)).toBe(BigInt.asUintN(64, y));
    expect(r0(longProgram(4096), 0)).toBeGreaterThan(0n);
    memory.u8.set(packet(1), BUFFER);
    // Port 1, TCP, and the lowest bit of the two addresses.
    expect(r0(code(START.engine(0), PARSER), 64)).toBe((1n << 8n) + 6n + 0n);
    expect(r0(code(START.engine(0), PARSER), 53)).toBe(0n);
  });
});

it('instructions are counted as they run', () => {
  // Four of the start and a move, eleven a round, the exit.
  expect(instructions(engineCode(PROGRAMS[0]!, 10), 0)).toBe(5 + 1 + 110 + 1);
});

it('a peer is measured by the batch protocol', async () => {
  const said: string[] = [];
  const command = `${process.execPath} ${join(root, 'dist/bin/skep-vm.js')} --batch --engine jit`;
  const result = await measurePeer(command, (text) => said.push(text));
  expect(said).toEqual([]);
  expect([...result.keys()]).toEqual(PROGRAMS.map((p) => p.name));
  expect(result.get('alu64')).toBeGreaterThan(0);
});

it('a peer that ends is said', async () => {
  const said: string[] = [];
  expect((await measurePeer('exit 3', (text) => said.push(text))).size).toBe(0);
  expect(said[0]).toMatch(/^peer, alu64: the peer ended/);
}, 20_000);

it('the report has every number, and names what is missing', () => {
  const r: Results = {
    date: '2030-01-01',
    machine: 'm',
    load: 0.9,
    nsPerInsn: { jit: { alu64: 0.2, map: 1 }, 'a<b': { alu64: 4 } },
    parser: { jit: { single: 10, batched: 2 } },
    firstResultMs: { jit: { cold100: { installed: 2, source: 4 }, warm4096: 3 } },
    events: { compiled: 100, closures: 300, lazy: 12, ctypes: undefined },
    callbacks: { count: 1000, perf: 200, ring: 250, stream: 180, lazy: 90, ctypes: 1800 },
    verifier: { mips: { generated: 1.5, big: 0.8 }, warm100: { best: 0.05, median: 0.1 } },
    facts: { map: { with: 2, without: 3 }, calls: { with: 1, without: 0.9 } },
  };
  expect(tables(r)).toContain('| alu64             | 0.200 | 4.00 |');
  expect(svg(r)).toContain('a&#60;b');
  expect(svg(r).match(/<title>/g)).toHaveLength(3);
  expect(page(r)).toContain('The machine was busy');
  const byName = new Map(goals(r).map((g) => [g.what, g]));
  expect(byName.get('jit, 100 insns, cold')).toMatchObject({ measured: '2.00 ms', met: true });
  expect(byName.get('jit, parser, batched')).toMatchObject({ measured: '500 Mpps', met: true });
  expect(tables(r)).toMatch(/perf buffer, callback, whole objects\s+\|\s+200 \| +5\.00 \|\s+9\.00x/);
  expect(byName.get('perf events, callback : Python ctypes')).toMatchObject({ measured: '9.00x', met: true });
  expect(byName.get('ring records, callback : Python ctypes')).toMatchObject({ measured: '7.20x', met: false });
  expect(byName.get('verifier, generated')).toMatchObject({ measured: '1.50 M insns/s', met: true });
  expect(byName.get('verifier, big')).toMatchObject({ measured: '0.800 M insns/s', met: false });
  expect(tables(r)).toMatch(/map +\| +2\.00 \| +3\.00 \| +1\.50x/);
  expect(byName.get('jit, calls: facts on : off')).toMatchObject({ measured: '0.900x', met: false });
  expect(byName.get('jit, alu64 : gcc -O2')).toMatchObject({ measured: 'not measured', met: undefined });
});

it('a cold engine is timed as it is installed, and without bytecode', () => {
  const bundle = buildSync({
    entryPoints: [join(root, 'test/bench/cold.ts')],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    footer: { js: 'wasCold(process.argv[2]);' },
  });
  const self = join(mkdtempSync(join(tmpdir(), 'skep-cold-')), 'cold.mjs');
  writeFileSync(self, bundle.outputFiles[0]!.contents);
  try {
    const { installed, source } = coldMs('jit', self);
    expect(installed).toBeGreaterThan(0);
    expect(source).toBeGreaterThan(0);
  } finally {
    rmSync(dirname(self), { recursive: true });
  }
}, 60_000);

it('events come through callbacks, all of them and right', () => {
  const { count, perf, ring, stream, lazy } = measureCallbacks(20_000);
  expect(count).toBe(20_000);
  for (const ns of [perf, ring, stream, lazy]) expect(ns).toBeGreaterThan(0);
}, 60_000);

it('the verifier walks what it should, and is timed', () => {
  const { mips, warm100 } = measureVerifier(20, 1, 2);
  expect(Object.keys(mips)).toHaveLength(3);
  for (const speed of Object.values(mips)) expect(speed).toBeGreaterThan(0);
  expect(warm100.median).toBeGreaterThan(0);
}, 60_000);

it('every program is measured with facts and without', () => {
  const gains = measureFacts(1, 1, 300);
  expect(Object.keys(gains)).toEqual([...PROGRAMS.map((p) => p.name), 'spills', 'counter', 'divide', 'parser']);
  for (const gain of Object.values(gains)) expect(Math.min(gain.with, gain.without)).toBeGreaterThan(0);
}, 60_000);

it('the jit is among the engines', () => {
  expect(engines).toContain(jit);
});
