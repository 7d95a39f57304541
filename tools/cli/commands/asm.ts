/** `skep asm FILE`: the kernel's notation to machine code. `skep disasm` is the way back. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { toHex } from '../../../core/base/bytes.ts';
import { BpfError } from '../../../core/base/errors.ts';
import { helperByName } from '../../../core/helpers/index.ts';
import { assemble } from '../../../core/isa/asm.ts';
import { print, writeAll } from '../output.ts';

export function define(command: Command): void {
  command
    .argument('<file>', 'the text; - is standard input')
    .option('-o, --output <file>', 'write raw bytes to this file instead; - is standard output')
    .action((file: string, options: { readonly output?: string }) => {
      const text = new TextDecoder().decode(readInput(file));
      const bytes = assembleOrExplain(text, file === '-' ? '<stdin>' : file);
      if (options.output === undefined)
        for (let at = 0; at < bytes.length; at += 8) print(toHex(bytes.subarray(at, at + 8)));
      else if (options.output === '-') writeAll(1, bytes);
      else writeFileSync(options.output, bytes);
    });
}

function assembleOrExplain(text: string, file: string): Uint8Array {
  const bytes = assemble(text, { file, helper: (name) => helperByName(name)?.id });
  if (bytes.length === 0) throw new BpfError('EINVAL', `${file}: there is no instruction in it`);
  return bytes;
}

/** A file's bytes, or standard input's for '-'. */
export function readInput(file: string): Uint8Array {
  try {
    return readFileSync(file === '-' ? 0 : file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new BpfError(code ?? 'EIO', `'${file}' cannot be read (${code})`, { cause: error });
  }
}
