/**
 * Which file a command names: the search of execvp(3), done before anything is started, so that a command that does not exist is one
 * clear error and nothing is half done. https://man7.org/linux/man-pages/man3/exec.3.html
 */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { SysError } from '../../core/base/errors.ts';

/** What execvp searches when PATH is not set (the C library's _PATH_DEFPATH-like default). */
const DEFAULT_PATH = '/bin:/usr/bin';

/**
 * The file to execute for `name`, which may be relative to `cwd`. Throws SysError with ENOENT, EACCES or ENOTDIR.
 */
export function resolveCommand(name: string, env: Readonly<Record<string, string | undefined>>, cwd: string): string {
  const doing = `starting the command '${name}'`;
  if (name === '') throw new SysError('execve', 'ENOENT', doing, { hint: 'the name is empty' });
  if (name.includes('/')) {
    const errno = executableProblem(isAbsolute(name) ? name : join(cwd, name));
    if (errno) throw new SysError('execve', errno, doing, { hint: hintFor(errno, name) });
    return name;
  }
  let refused: string | undefined;
  for (const directory of (env['PATH'] ?? DEFAULT_PATH).split(':')) {
    const file = directory === '' ? `./${name}` : `${directory}/${name}`;
    const errno = executableProblem(isAbsolute(file) ? file : join(cwd, file));
    if (!errno) return file;
    // As the shells do: a file that may not be executed is remembered, and the search goes on; a folder that we may not search is passed over.
    if (errno === 'EACCES' && existsSync(isAbsolute(file) ? file : join(cwd, file))) refused ??= file;
  }
  if (refused) throw new SysError('execve', 'EACCES', doing, { hint: hintFor('EACCES', refused) });
  throw new SysError('execve', 'ENOENT', doing, { hint: 'command not found in PATH' });
}

function hintFor(errno: string, file: string): string {
  if (errno === 'EACCES') return `${file} is not an executable file`;
  return `${file} does not exist`;
}

/** Undefined when the file can be executed, else an errno name. */
function executableProblem(file: string): string | undefined {
  try {
    if (!statSync(file).isFile()) return 'EACCES';
    accessSync(file, constants.X_OK);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'ENOENT';
  }
}
