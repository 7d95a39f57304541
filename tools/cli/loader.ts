/** Module hooks of `skep run`: 'skep' and 'skep/core' resolve to this package, TypeScript is transformed by esbuild (which lowers `using`). */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { transformed } from './transform.ts';

interface ResolveContext {
  readonly parentURL?: string;
}
type NextResolve = (
  specifier: string,
  context: ResolveContext,
) => Promise<{ url: string; format?: string; shortCircuit?: boolean }>;
type NextLoad = (
  url: string,
  context: object,
) => Promise<{ format: string; source?: string | Uint8Array; shortCircuit?: boolean }>;

/** What scripts import -> URL of the file. */
let own: Readonly<Record<string, string>> = {};

export function initialize(data: Readonly<Record<string, string>>): void {
  own = data;
}

export async function resolve(
  specifier: string,
  context: ResolveContext,
  next: NextResolve,
): Promise<{ url: string; format?: string; shortCircuit?: boolean }> {
  const url = own[specifier];
  if (url !== undefined) return { url, format: 'module', shortCircuit: true };
  return next(specifier, context);
}

export async function load(
  url: string,
  context: object,
  next: NextLoad,
): Promise<{ format: string; source?: string | Uint8Array; shortCircuit?: boolean }> {
  if (!/\.m?ts$/.test(new URL(url).pathname)) {
    // A script without a package.json beside it is a module all the same.
    if (/\.js$/.test(url) && !url.includes('/node_modules/')) {
      const loaded = await next(url, context).catch(() => undefined);
      if (loaded && loaded.format !== 'commonjs') return loaded;
      const source = await readFile(fileURLToPath(url), 'utf8');
      return /^\s*(import|export)\b/m.test(source)
        ? { format: 'module', source, shortCircuit: true }
        : (loaded ?? next(url, context));
    }
    return next(url, context);
  }
  return { format: 'module', source: await transformed(fileURLToPath(url)), shortCircuit: true };
}
