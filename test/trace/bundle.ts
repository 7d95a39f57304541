/**
 * A script that uses the sources as they are, for where vitest does not reach: a worker thread of its own, a process of its own, another
 * user. One CommonJS text, no file.
 */
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
/** What import.meta.url of the bundled modules says: the addon is looked for from there. */
const url = pathToFileURL(`${here}../../bindings/trace/index.ts`).href;

/** `script` may use what bindings/trace exports. */
export function bundle(script: string): string {
  const built = buildSync({
    stdin: {
      contents: `import { TraceSource, catchInterrupts, interrupt, traceUnavailable } from '../../bindings/trace/index.ts';\n${script}`,
      resolveDir: here,
      loader: 'ts',
    },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    define: { 'import.meta.url': JSON.stringify(url) },
    logLevel: 'error',
  });
  return built.outputFiles[0]!.text;
}
