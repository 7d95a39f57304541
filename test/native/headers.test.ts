/** The headers that C++ shares the tables by are what the tables print now. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { printLayout } from '../../bindings/engine/layout-header.ts';
import { printOpcodes, printOpcodesLinux } from '../../bindings/engine/opcodes-header.ts';
import { FORMS } from '../../core/isa/forms.ts';

it.each([
  { file: 'opcodes.gen.h', print: printOpcodes },
  { file: 'opcodes_linux.gen.h', print: printOpcodesLinux },
  { file: 'layout.gen.h', print: printLayout },
])('native/gen/$file is up to date', ({ file, print }) => {
  const path = new URL(`../../native/gen/${file}`, import.meta.url);
  if (process.env['SKEP_WRITE_GEN']) writeFileSync(path, print());
  expect(readFileSync(path, 'utf8')).toBe(print());
});

it('every form is in one family, or handled by name', () => {
  const text = printOpcodes();
  const byName = /^(ja|gotol|may_goto|exit|call_helper|call_local|call_kfunc)$/;
  for (const form of FORMS) {
    const id = form.name.replaceAll('.', '_');
    const count = text.match(new RegExp(`X\\(${id}[,)]`, 'g'))!.length;
    expect([id, count]).toEqual([id, byName.test(id) ? 1 : 2]);
  }
});
