/** TypeScript to JavaScript by esbuild, for the module hooks of `skep run`. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { TransformFailure } from 'esbuild';

/** A script's text as JavaScript of this Node, its lines in a source map. Throws SyntaxError, whose stack begins with the place as V8's own do: `FILE:LINE`. */
export async function transformed(file: string): Promise<string> {
  // Also from the bundle, which has no import() of its own.
  const { transform } = createRequire(import.meta.url)('esbuild') as typeof import('esbuild');
  try {
    const { code } = await transform(await readFile(file, 'utf8'), {
      loader: /\.m?ts$/.test(file) ? 'ts' : 'js',
      format: 'esm',
      target: 'node20',
      sourcefile: file,
      sourcemap: 'inline',
      logLevel: 'silent',
    });
    return code;
  } catch (error) {
    const [first] = (error as Partial<TransformFailure>).errors ?? [];
    if (!first) throw error;
    const failure = new SyntaxError(first.text);
    failure.stack = `${file}:${first.location?.line ?? 1}\n${failure.name}: ${first.text}`;
    throw failure;
  }
}
