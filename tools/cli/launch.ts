/**
 * How an installed skep starts: a bundle of all its entry points is one script, which V8 takes together with the bytecode that it made of it at
 * build time (vm.Script's cachedData, nodejs.org/api/vm.html). Without that, half of a short command's time went into parsing what it was
 * about to run. V8 refuses bytecode of another version, or made under other flags, by itself; then, and where there is none, the bundle is an
 * ordinary module, and Node 22.8 and later keep a compile cache of their own for it (nodejs.org/api/module.html).
 *
 * Built as CommonJS: the machinery of ES modules costs 5 ms in a process that needs no other.
 */
import { readFileSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { Script } from 'node:vm';

/** File of each bundle. The names carry a hash of the text: V8 compares no more than the length. */
declare const BUNDLES: Readonly<Record<string, string>>;

/** Entry point -> its module, evaluated when it is first asked for (scripts/build.mjs lists them). */
export type Entries = Readonly<Record<string, () => Record<string, unknown>>>;

const opened = new Map<string, Entries>();

/** An entry point of a bundle: the same objects however often and by whomever it is asked for. */
export function open(bundle: string, entry: string): Record<string, unknown> {
  let entries = opened.get(bundle);
  if (!entries) {
    entries = load(bundle);
    opened.set(bundle, entries);
  }
  return entries[entry]!();
}

/** Where the bytecode of a bundle for this V8 is, or would be. */
export function cacheFile(bundle: string): string {
  const { versions, arch } = process;
  return `${__dirname}/${BUNDLES[bundle]!.replace(/cjs$/, '')}v8-${versions.v8}-${arch}.bin`;
}

function load(bundle: string): Entries {
  let cache: Buffer | undefined;
  try {
    cache = readFileSync(cacheFile(bundle));
  } catch {
    // Another Node than the one that built this.
  }
  if (cache) {
    const script = scriptOf(bundle, cache);
    if (!script.cachedDataRejected) return run(bundle, script);
  }
  (nodeModule as { enableCompileCache?: () => unknown }).enableCompileCache?.();
  return require(`${__dirname}/${BUNDLES[bundle]}`) as Entries;
}

/** A bundle as a script that can tell its bytecode: for whoever makes the cache, without one. */
export function scriptOf(bundle: string, cachedData?: Buffer): Script {
  const filename = `${__dirname}/${BUNDLES[bundle]}`;
  // The bundle is ASCII: bytes are characters.
  const text = readFileSync(filename, 'latin1');
  return new Script(`(function (exports, require, module, __filename, __dirname, __import) {${text}\n})`, {
    filename,
    ...(cachedData && { cachedData }),
  });
}

export function run(bundle: string, script: Script): Entries {
  const module = { exports: {} };
  const filename = `${__dirname}/${BUNDLES[bundle]}`;
  // A script has no import() of its own; this module has.
  script.runInThisContext()(module.exports, require, module, filename, __dirname, (url: string) => import(url));
  return module.exports;
}
