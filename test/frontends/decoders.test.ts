/**
 * Who imports skep in Node gets decoders made of code; where code may not be made from text (a content security policy, or Node's flag that does
 * what one does), and in `core`, which never tries, closures give the same values.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { root } from '../tools/skep.ts';

/** Counts the functions with parameters that are made from text. */
const script = (library: string): string => `
import { readFileSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';
let made = 0;
globalThis.Function = new Proxy(Function, {
  construct: (target, args) => ((made += args.length > 1 ? 1 : 0), Reflect.construct(target, args)),
});
const { BPF, createModel } = await import(${JSON.stringify(pathToFileURL(join(root, library)).href)});
const btf = inflateRawSync(readFileSync(${JSON.stringify(join(root, 'data/btf-6.1-x86_64.btf.deflate'))}));
const b = new BPF({
  backend: createModel({ btf, release: '6.1.0' }),
  text: 'struct leaf { u64 a; u32 pid; char comm[16]; }; BPF_HASH(seen, u32, struct leaf); int f(void *ctx) { return 0; }',
});
const seen = b.getTable('seen');
seen.set(7, { a: 1n << 60n, pid: 42, comm: 'sleep' });
const { a, pid, comm } = seen.get(7);
b.close();
console.log(a === 1n << 60n, pid, comm, made > 0 ? 'code' : 'closures');
`;

describe('decoders of who imports', () => {
  it.each([
    ['dist/index.js', [], 'code'],
    ['dist/index.js', ['--disallow-code-generation-from-strings'], 'closures'],
    ['dist/core.js', [], 'closures'],
    ['dist/core.js', ['--disallow-code-generation-from-strings'], 'closures'],
  ])('%s with %j: %s', (library, flags, how) => {
    const run = spawnSync(process.execPath, [...flags, '--input-type=module', '--eval', script(library)], {
      encoding: 'utf8',
    });
    expect(`${run.stdout}${run.stderr}`).toBe(`true 42 sleep ${how}\n`);
  });
});
