/** One file of plain JavaScript for a guest that has no bundler. */
import { build } from 'esbuild';

export async function bundle(source: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [source],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.17',
    external: ['esbuild', 'fengari', 'luaparse', 'node:*'],
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    loader: { '.c': 'text', '.lua': 'text' },
    logLevel: 'error',
  });
}
