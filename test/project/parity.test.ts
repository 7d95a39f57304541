/** docs/parity.md and the tests that it is made from: tags are features, every feature has a row, reasons are of features. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { features, readTable, reasons, statusOf, table, taggedFiles, tagsOf } from '../../scripts/parity/table.mjs';

const ROOT = join(import.meta.dirname, '../..');
const ids = new Set(features().map((f) => f.id));

describe('docs/api.md', () => {
  it('is what the list of names and the docstrings print', () => {
    execFileSync(process.execPath, [join(ROOT, 'scripts/parity/api.mjs'), '--check']);
    expect(readFileSync(join(ROOT, 'docs/api.md'), 'utf8')).toContain('| `attachKprobe` | `attach_kprobe(');
  });
});

describe('the parity table', () => {
  it('has tags that are features', () => {
    const files = taggedFiles(ROOT).filter((file) => !file.endsWith('parity.test.ts'));
    expect(files.length).toBeGreaterThan(5);
    for (const file of files)
      expect(
        tagsOf(readFileSync(file, 'utf8')).filter((id) => !ids.has(id)),
        file,
      ).toEqual([]);
  });

  it('has a row for each feature, and gives no reason for what is none', () => {
    const page = readTable(readFileSync(join(ROOT, 'docs/parity.md'), 'utf8'));
    expect([...page.keys()].sort()).toEqual([...ids].sort());
    for (const { id, where, why } of reasons()) {
      expect(ids.has(id), id).toBe(true);
      expect(['model', 'live', 'both']).toContain(where);
      expect(why.length, id).toBeGreaterThan(20);
    }
  });

  it('is made of what tests show: passed, failed, skipped, impossible', () => {
    const [works, fails, live] = ['P.map.sum', 'P.map.max', 'P.map.items'];
    const suite = (name: string, tests: readonly (readonly [string, string])[]) => ({
      name: join(ROOT, name),
      assertionResults: tests.map(([fullName, status]) => ({ fullName, status })),
    });
    const report = {
      testResults: [
        suite('test/a.test.ts', [
          [`x [${works} ${fails}]`, 'passed'],
          [`y [${fails}]`, 'failed'],
          ['z [P.no.such]', 'passed'],
        ]),
        suite('test/live/b.test.ts', [
          [`x [${works}]`, 'passed'],
          [`y [${live}]`, 'skipped'],
        ]),
      ],
    };
    const named = 'P.map.keys';
    report.testResults.push(
      suite('test/guest/c.test.ts', [[`k [${named}]`, 'skipped']]),
      suite('test/live/d.test.ts', [[`k [${named}]`, 'passed']]),
    );
    const unasked = 'E.mem';
    const gone = 'P.map.values';
    const guest = 'works ([test](../test/guest/c.test.ts))';
    const before = new Map([
      [named, { model: 'not yet', live: guest }],
      [gone, { model: 'not yet', live: guest }],
      [unasked, { model: 'not yet', live: 'works ([test](../test/live/bad-input.test.ts))' }],
      [live, { model: 'not yet', live: 'works ([test](../test/live/b.test.ts))' }],
    ]);
    const status = statusOf(report, ROOT, before);
    const row = (id: string) => status.rows.find((r) => r.id === id);
    expect(row(works!)).toMatchObject({
      model: 'works ([test](../test/a.test.ts))',
      live: 'works ([test](../test/live/b.test.ts))',
    });
    expect(row(fails!)).toMatchObject({ model: 'not yet', live: 'not yet' });
    expect(row(live!)).toMatchObject({ model: 'not yet', live: 'works ([test](../test/live/b.test.ts))' });
    // The test that the page names stays named, whichever of them this machine can run; a test that is gone shows nothing.
    expect(row(named)?.live).toBe(guest);
    expect(row(gone)?.live).toBe('not yet');
    // A file that was left out of the run still has its test.
    expect(row(unasked)?.live).toBe('works ([test](../test/live/bad-input.test.ts))');
    expect(row('V.LIBBCC_SO_PATH')?.model).toMatch(/^cannot: there is no libbcc/);
    expect(status.unknown).toEqual(['P.no.such']);
    expect(status.differences).toHaveLength(1);
    expect(table(status)).toContain(`${ids.size} features: on the model 1 work`);
  });
});
