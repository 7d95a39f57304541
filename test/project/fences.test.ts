import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { breaches, FLOORS, type Source } from './fences.ts';

const root = join(import.meta.dirname, '../..');

function sources(): Source[] {
  const out: Source[] = [];
  for (const top of ['core', 'bindings', 'frontends', 'tools']) {
    for (const entry of readdirSync(join(root, top), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !/\.(ts|mts|js|mjs)$/.test(entry.name)) continue;
      const path = join(entry.parentPath, entry.name);
      out.push({ path: path.slice(root.length + 1), text: readFileSync(path, 'utf8') });
    }
  }
  return out;
}

describe('the fences', () => {
  it('hold in the tree', () => {
    const all = sources();
    expect(all.length).toBeGreaterThan(20);
    expect(breaches(all)).toEqual([]);
  });

  it.each([
    ["import { x } from '../backend/backend.ts';", 'imports upwards, core/backend/backend.ts'],
    ["export * from '../vm/engine.ts';", 'imports upwards, core/vm/engine.ts'],
    ["const m = await import('../vm/engine.ts');", 'imports upwards, core/vm/engine.ts'],
    ["import 'node:fs';", "imports the package 'node:fs'"],
    ["import type { X } from 'fengari';", "imports the package 'fengari'"],
    ['/// <reference types="node" />', '/// <reference reopens Node or the DOM'],
    ["import {\n  a,\n  b,\n} from '../../bindings/addon/index.ts';", 'imports upwards, bindings/addon/index.ts'],
  ])('refuse %j planted in core/isa', (line, says) => {
    expect(breaches([{ path: 'core/isa/planted.ts', text: `${line}\n` }])).toEqual([`core/isa/planted.ts: ${says}`]);
  });

  it('refuse a neighbour, a stranger, and a folder without a floor', () => {
    expect(breaches([{ path: 'core/cc/planted.ts', text: "import '../vm/engine.ts';\n" }])).toEqual([
      'core/cc/planted.ts: imports its neighbour core/vm/engine.ts',
    ]);
    expect(breaches([{ path: 'core/odd/planted.ts', text: '' }])).toEqual([
      'core/odd/planted.ts: stands on no floor of docs/architecture.md',
    ]);
    expect(breaches([{ path: 'tools/x/planted.ts', text: "import '../../test/project/fences.ts';\n" }])).toEqual([
      'tools/x/planted.ts: imports test/project/fences.ts, which stands on no floor',
    ]);
  });

  it('are the ones that docs/architecture.md shows', () => {
    const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
    const block = /```\n( 1 core\/base[\s\S]*?)```/.exec(page)![1]!;
    for (const room of FLOORS.flat()) expect(block).toContain(room);
  });
});
