/** Running a user's script: TypeScript and JavaScript as modules of this worker, Lua through the Lua frontend. */
import { readFileSync } from 'node:fs';
import { register } from 'node:module';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../../bindings/node/package-root.ts';
import { BpfError } from '../../core/base/errors.ts';
import { takeOverOutput, writeAll } from './output.ts';
import { atItsPlace } from './script-error.ts';
import { transformed } from './transform.ts';

/** What a script's runner may ask of the command. */
export interface ScriptHost {
  /** Ctrl-C came, or --duration is up. */
  interrupted(): boolean;
}

/** What to do with an error that came when nobody waited for the script: from a timer, or a promise that was forgotten. */
type Failed = (error: unknown) => never;

type Runner = (file: string, args: readonly string[], host: ScriptHost) => Promise<void>;

/** import() as launch.ts hands it to the bundle, which has none of its own there. */
declare const __import: ((url: string) => Promise<unknown>) | undefined;

/** File ending -> how such a script is run. */
const RUNNERS: Record<string, Runner> = {
  '.ts': runModule,
  '.mts': runModule,
  '.js': runModule,
  '.mjs': runModule,
  '.lua': runLua,
};

export async function runScript(
  file: string,
  args: readonly string[],
  host: ScriptHost,
  failed: Failed,
): Promise<void> {
  const runner = RUNNERS[extname(file)];
  if (!runner)
    throw new BpfError('EINVAL', `cannot run '${file}': a script ends in ${Object.keys(RUNNERS).join(', ')}`);
  try {
    readFileSync(file);
  } catch (error) {
    throw new BpfError('ENOENT', `script '${file}' cannot be read: ${(error as NodeJS.ErrnoException).code}`, {
      cause: error,
    });
  }
  takeOverOutput();
  process.setSourceMapsEnabled(true);
  // Deep enough for the script's own frame under those of the object model and a backend.
  Error.stackTraceLimit = 50;
  process.on('uncaughtException', (error) => failed(atItsPlace(error)));
  try {
    await runner(file, args, host);
  } catch (error) {
    throw atItsPlace(error);
  }
}

async function runModule(file: string, args: readonly string[]): Promise<void> {
  const path = resolve(file);
  // `import 'skep'` means this very package, also from a folder that does not have it; `.ts` is transformed on the way.
  const dist = pathToFileURL(`${packageRoot()}/dist/`);
  const data = { skep: new URL('index.js', dist).href, 'skep/core': new URL('core.node.js', dist).href };
  register(new URL('loader.js', dist), { data });
  process.argv = [process.argv[0]!, path, ...args];
  const url = pathToFileURL(path).href;
  try {
    await (typeof __import === 'undefined' ? import(url) : __import(url));
  } catch (error) {
    // Node keeps the place of what does not parse to itself.
    if (error instanceof SyntaxError && extname(path).endsWith('js')) await transformed(path);
    throw error;
  }
}

async function runLua(file: string, args: readonly string[], host: ScriptHost): Promise<void> {
  const { runLuaScript } = await import('../../frontends/lua/index.ts');
  runLuaScript({
    name: file,
    text: readFileSync(file, 'utf8'),
    args,
    output: { write: writeAll },
    interrupted: () => host.interrupted(),
  });
}
