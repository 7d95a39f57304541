/**
 * What ends a user's script, said as everything else is: one line, with the place in the user's own files (V8's stack,
 * https://v8.dev/docs/stack-trace-api; lines of TypeScript as Node finds them by source maps).
 */
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../../bindings/node/package-root.ts';
import { BpfError } from '../../core/base/errors.ts';
import { Interrupted } from '../../core/bcc/session.ts';

interface Place {
  readonly file: string;
  readonly line: number;
}

/**
 * The error with its place in front, as a BpfError that has the original as its cause. Left alone: what is no error, what has a file and line of its own
 * (a compile error), and what happened in no file of the user's.
 */
export function atItsPlace(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof Interrupted) return error;
  if (error instanceof BpfError) {
    const place = error.code === 'COMPILE' ? undefined : placeInScript(error);
    if (place) error.message = `${shown(place)}: ${error.message}`;
    return error;
  }
  const place = placeOfSyntaxError(error) ?? placeInScript(error);
  const { code } = error as NodeJS.ErrnoException;
  // Modules that are not there are named by Node, which was in no file of the user's when it looked.
  if (!place && !(error instanceof SyntaxError) && !code?.startsWith('ERR_')) return error;
  const named = error.name === 'Error' || (error instanceof SyntaxError && !place) ? '' : `${error.name}: `;
  const said = `${named}${error.message}`;
  return new BpfError('SCRIPT', place ? `${shown(place)}: ${said}` : said, { cause: error });
}

/** `file:line`, the file as somebody here would name it. */
function shown({ file, line }: Place): string {
  const near = relative(process.cwd(), file);
  return `${near.startsWith('..') ? file : near}:${line}`;
}

/** The innermost frame that is neither Node's nor ours. */
function placeInScript(error: Error): Place | undefined {
  const ours = `${packageRoot()}/`;
  for (const [, where, line] of (error.stack ?? '').matchAll(
    /^ {4}at (?:async )?(?:.* \()?((?:file:\/\/)?\/[^():]+):(\d+):\d+\)?$/gm,
  )) {
    const file = where!.startsWith('file:') ? fileURLToPath(where!) : where!;
    if (!file.startsWith(`${ours}dist/`) && !file.includes('/node_modules/')) return { file, line: Number(line) };
  }
  return undefined;
}

/** What does not parse, or names what a module does not export: V8 puts the place in front of the stack, as a line of its own. */
function placeOfSyntaxError(error: Error): Place | undefined {
  const [, where, line] = /^((?:file:\/\/)?\/[^():]+):(\d+)\n/.exec(error.stack ?? '') ?? [];
  if (where === undefined) return undefined;
  const file = where.startsWith('file:') ? fileURLToPath(where) : where;
  return { file, line: Number(line) };
}
