/**
 * What the compiler says, compared whole: diagnostics/NAME.c gives diagnostics/NAME.txt. SKEP_UPDATE=1 writes the expectations anew; read the
 * difference before keeping it.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { renderDiagnostics } from '../../core/base/diagnostics.ts';
import { compile } from '../../core/cc/index.ts';
import { KERNEL } from './kernel.ts';

const folder = new URL('./diagnostics/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, folder), 'utf8');

describe('diagnostics', () => {
  for (const file of readdirSync(folder).filter((f) => f.endsWith('.c'))) {
    it(file, () => {
      const { diagnostics } = compile({ name: file, text: read(file) }, KERNEL);
      const got = `${renderDiagnostics(diagnostics)}\n`;
      const expected = file.replace(/\.c$/, '.txt');
      if (process.env['SKEP_UPDATE'] || !existsSync(new URL(expected, folder)))
        writeFileSync(new URL(expected, folder), got);
      expect(got).toBe(read(expected));
    });
  }
});
