/** The cases of suite.ts, each a test: one boot of a 6.1 kernel under qemu runs them all. Half a minute to a minute, so only where SKEP_SLOW=1 asks. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addonProblem } from '../../bindings/addon/index.ts';
import { bundle } from './bundle.ts';
import { boot, type GuestResult, guestProblem, type Image, makeImage } from './machine.ts';
import { MODULES } from './module-cases.ts';
import { chosen } from './suite.ts';

const missing = process.env['SKEP_SLOW'] ? (guestProblem() ?? addonProblem()) : 'SKEP_SLOW is not set';

describe.skipIf(missing !== undefined)(`a 6.1 kernel with kprobes${missing ? ` (skipped: ${missing})` : ''}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'skep-suite-'));
  let image: Image;
  let ran: GuestResult;
  let results: Map<string, { seconds: number; error?: string }>;

  beforeAll(async () => {
    const suite = join(folder, 'suite.mjs');
    await bundle(join(import.meta.dirname, 'suite.ts'), suite);
    image = makeImage({ files: { [suite]: '/skep/suite.mjs' }, modules: MODULES });
    ran = await boot(
      image,
      `SKEP_IN_GUEST=1 SKEP_GUEST_ONLY='${process.env['SKEP_GUEST_ONLY'] ?? ''}' node /skep/suite.mjs`,
      { timeoutMs: 580_000 },
    );
    if (process.env['SKEP_GUEST_LOG']) writeFileSync(process.env['SKEP_GUEST_LOG'], `${ran.stdout}${ran.stderr}`);
    results = new Map(
      ran.stdout
        .split('\n')
        .filter((line) => line.startsWith('{"name"'))
        .map((line) => JSON.parse(line))
        .map((result) => [result.name, result]),
    );
  }, 600_000);

  afterAll(() => {
    image?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(chosen().map(({ name }) => name))('%s', (name) => {
    const result = results.get(name);
    expect(result, `the suite ended before it: ${ran.stderr.slice(-2000)}`).toBeDefined();
    expect(result!.error).toBeUndefined();
  });
});
