import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { readBtf } from '../../core/btf/read.ts';
import { askKernel, type Question, whyNoOracle } from './kernel-oracle.ts';
import { kernelTypes } from './kernel-types.ts';
import { isSaid, ownTypes, programOf, typedCases, verdict, verifyTyped } from './typed-cases.ts';

const VMLINUX = '/sys/kernel/btf/vmlinux';
const cases = typedCases();

describe('cases with types', () => {
  const kernel = kernelTypes();
  it.each(cases.map((c) => [`${c.file}: ${c.name}`, c] as const))('%s', (_, c) => {
    const q = programOf(c, kernel);
    expect(q, 'a function that kernel-types.ts has not').toBeDefined();
    const result = verifyTyped(c, q!, kernel);
    const said = verdict(result);
    expect(isSaid(c, said) ? c.says : said).toBe(c.says);
    if (c.reason !== undefined) expect(result.log.split('\n')).toContain(c.reason);
  });
});

const why = existsSync(VMLINUX) ? whyNoOracle() : `no ${VMLINUX}`;

// The same, of the running kernel and with its own types.
describe.skipIf(why !== undefined)(`cases with types, the running kernel${why ? `: ${why}` : ''}`, () => {
  it('gives the same verdicts and last lines, and so do we by its types', async () => {
    const kernel = readBtf(readFileSync(VMLINUX));
    const folder = mkdtempSync(`${tmpdir()}/skep-typed-`);
    try {
      const btfFile = `${folder}/types.btf`;
      writeFileSync(btfFile, ownTypes().btf.bytes);
      const asked = cases.flatMap((c) => {
        const q = c.unasked === undefined ? programOf(c, kernel) : undefined;
        return q ? [{ c, q: q.funcs ? ({ ...q, btfFile } as Question) : q }] : [];
      });
      const answers = await askKernel(asked.map(({ q }) => q));
      const wrong = asked.flatMap(({ c, q }, i) => {
        const a = answers[i];
        const said = !a ? 'nothing' : a.ok ? 'ok' : a.last;
        const ours = verdict(verifyTyped(c, q, kernel));
        return isSaid(c, said) && isSaid(c, ours)
          ? []
          : [`${c.file}: ${c.name}: says '${c.says}', kernel '${said}' (${a?.errno}), we '${ours}'`];
      });
      expect(wrong).toEqual([]);
      expect(asked.length).toBeGreaterThan(50);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
