/** Where the package's own files lie: the nearest folder above this module with skep's package.json (from TS sources, dist/, or installed). */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

let found: string | undefined;

export function packageRoot(): string {
  if (found) return found;
  for (let at = dirname(fileURLToPath(import.meta.url)); ; at = dirname(at)) {
    const manifest = join(at, 'package.json');
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).name === 'skep') {
      found = at;
      return at;
    }
    if (dirname(at) === at) throw new Error('skep: the package root with package.json was not found');
  }
}
