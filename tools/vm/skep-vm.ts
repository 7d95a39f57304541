/**
 * The door for harnesses: `skep-vm`, a plugin of public conformance runners (github.com/Alan-Jowett/bpf_conformance) and a server of the batch
 * protocol. One thread, no worker. Exit status: 0, 1 when a program or its memory is refused or faults, 2 for a wrong command line.
 */
import { readSync } from 'node:fs';
import type { Engine } from '../../core/vm/engine.ts';
import { writeAll } from '../cli/output.ts';
import { parseArguments, USAGE } from './arguments.ts';
import { loadEngine } from './engines.ts';

void main().then((code) => {
  process.exitCode = code;
});

async function main(): Promise<number> {
  const command = parseArguments(process.argv.slice(2));
  if (typeof command === 'string') {
    writeAll(2, `skep-vm: ${command}\n${USAGE.split('\n\n')[0]}\n`);
    return 2;
  }
  if (command.kind === 'help') {
    writeAll(1, USAGE);
    return 0;
  }
  let engine: Engine;
  try {
    engine = loadEngine(command.engine);
  } catch (error) {
    writeAll(2, `skep-vm: ${(error as Error).message}\n`);
    return 2;
  }
  const { answerLine, runHex } = await import('../../core/vm/harness.ts');
  if (command.kind === 'batch') {
    for (const lines of lineBlocks()) {
      // Blank lines are no requests.
      const answers = lines.filter((line) => line.trim() !== '').map((line) => `${answerLine(engine, line)}\n`);
      if (answers.length > 0) writeAll(1, answers.join(''));
    }
    return 0;
  }
  try {
    const program = [...lineBlocks()].flat().join('\n');
    writeAll(1, `${runHex(engine, program, command.memory)}\n`);
    return 0;
  } catch (error) {
    writeAll(2, `skep-vm: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

/** Standard input as the complete lines of each read, the last one without its newline if it has none: a peer may wait for our answer. */
function* lineBlocks(): Generator<string[]> {
  const nap = new Int32Array(new SharedArrayBuffer(4));
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(1 << 16);
  // Parts of an unfinished line, joined once: a request may be megabytes long.
  let parts: string[] = [];
  for (;;) {
    let count: number;
    try {
      count = readSync(0, buffer);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EOF') count = 0;
      else if (code === 'EAGAIN') {
        // Somebody else's non-blocking terminal or pipe.
        Atomics.wait(nap, 0, 0, 2);
        continue;
      } else throw error;
    }
    if (count === 0) break;
    const text = decoder.decode(buffer.subarray(0, count), { stream: true });
    const end = text.lastIndexOf('\n');
    if (end < 0) {
      parts.push(text);
      continue;
    }
    parts.push(text.slice(0, end));
    yield parts.join('').split('\n');
    parts = [text.slice(end + 1)];
  }
  const rest = parts.join('') + decoder.decode();
  if (rest !== '') yield [rest];
}
