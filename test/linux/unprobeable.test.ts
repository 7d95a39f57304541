import { expect, it } from 'vitest';
import { isMisread } from '../../bindings/linux/attach/unprobeable.ts';

// As an assembler writes them; which of them go wrong was measured on Linux 6.18 (what the program computed, with a probe and without).
it.each([
  ['vpor %xmm1,%xmm1,%xmm0', 'c5f1ebc1', true],
  ['vpshufd $16,%xmm1,%xmm0', 'c5f970c110', true],
  ['vmovdqa %xmm1,%xmm0 (a store)', 'c5f97fc8', true],
  ['vpsubsb %xmm2,%xmm1,%xmm0', 'c5f1e8c2', true],
  ['vpsrlw $0,%xmm1,%xmm0', 'c5f971d100', true],
  ['vpbroadcastb %esi,%ymm17', '62e27d287ace', true],
  ['vpaddd %xmm2,%xmm1,%xmm0', 'c5f1fec2', false],
  ['vpaddusb %xmm2,%xmm1,%xmm0', 'c5f1dcc2', false],
  ['push %rbp', '55', false],
  ['a jump', 'eb10', false],
  ['a conditional jump', '7410', false],
  ['endbr64', 'f30f1efa', false],
  ['the end of the file', 'c5', false],
])('%s', (_text, hex, misread) => {
  expect(isMisread(Buffer.from(hex, 'hex'), 'x64')).toBe(misread);
  expect(isMisread(Buffer.from(hex, 'hex'), 'arm64')).toBe(false);
});
