/**
 * bcc.exec: a command that waits until the tool has attached. `runCmd` starts it held back, `cmdReady` lets it go, `cmdExited` tells whether it has
 * ended. (Under `skep run ... -- COMMAND` the command is held back and let go by itself.)
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { BpfError } from '../../core/index.ts';

/** The shell waits for a line on descriptor 3, then becomes the command: the pid stays. */
const HOLD = 'read -r _ <&3; exec 3<&-; exec "$@"';

let command: { readonly child: ChildProcess; readonly gate: Writable; readonly name: string } | undefined;

/** Start a command held back; its pid. Throws BpfError when it cannot be started, or one waits already. */
export function runCmd(args: readonly string[]): number {
  if (command) throw new BpfError('EBUSY', `runCmd: '${command.name}' was started already`);
  if (args.length === 0) throw new BpfError('EINVAL', 'runCmd: a command is needed');
  const child = spawn('/bin/sh', ['-c', HOLD, 'sh', ...args], { stdio: ['inherit', 'inherit', 'inherit', 'pipe'] });
  if (child.pid === undefined) throw new BpfError('ENOENT', 'runCmd: /bin/sh cannot be started');
  command = { child, gate: child.stdio[3] as Writable, name: args.join(' ') };
  return child.pid;
}

/** Let it go. */
export function cmdReady(): void {
  if (!command) throw new BpfError('EINVAL', 'cmdReady: no command was started');
  command.gate.end('\n');
}

/** Has it ended? Asks the system, so that a loop of blocking calls finds out too. */
export function cmdExited(): boolean {
  if (!command) return false;
  if (command.child.exitCode !== null || command.child.signalCode !== null) return true;
  try {
    // The state follows the name, which stands in brackets and may hold any character.
    const stat = readFileSync(`/proc/${command.child.pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
  } catch {
    return true;
  }
}
