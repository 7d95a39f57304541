/** C programs that check themselves: `entry` returns the line of the first check that fails, or 0. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { prepareC } from './run-c.ts';

const folder = new URL('./programs/', import.meta.url);

describe('self-checking C', () => {
  for (const name of readdirSync(folder).sort()) {
    if (!name.endsWith('.c')) continue;
    for (const cpu of ['v1', 'v2', 'v3', 'v4'] as const) {
      if (name.includes('-v3') && cpu < 'v3') continue;
      it(`${name} -mcpu=${cpu}`, () => {
        const line = prepareC(readFileSync(new URL(name, folder), 'utf8'), { cpu }).run(new Uint8Array(64));
        expect(Number(line), `${name}:${line} failed`).toBe(0);
      });
    }
  }
});
