/**
 * The command of a live run: started and held before its exec, so that everything is attached when it begins; followed by its pidfd
 * (pidfd_open(2), Linux 5.3). Only what happens in its tree of processes is of interest: filter.ts.
 */
import { writeSync } from 'node:fs';
import { ERRNO, errnoName } from '../../core/base/errno.ts';
import { SysError, Unsupported } from '../../core/base/errors.ts';
import { resolveCommand } from '../trace/command.ts';
import { sys } from './bpf.ts';

const WNOHANG = 1;
/** Stages of native/ptrace/record.h, as the child reports them. */
const STAGES = ['chdir', 'seccomp', 'execve'] as const;

export class LiveCommand {
  readonly pid: number;
  readonly pidfd: number;
  readonly #argv: readonly string[];
  readonly #go: number;
  readonly #errors: number;
  #started = false;
  #status: number | undefined;

  /** Forks. Throws SysError ENOENT or EACCES for what is no command. */
  constructor(argv: readonly string[]) {
    const door = sys();
    if (!door.spawnHeld)
      throw new Unsupported('starting a command', {
        backend: 'linux',
        hint: 'it is made for x86-64; start it yourself and use -p',
      });
    const path = resolveCommand(argv[0]!, process.env, process.cwd());
    const env = Object.entries(process.env).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}=${value}`],
    );
    const held = door.spawnHeld(path, argv, env, '');
    if (typeof held === 'number') throw new SysError('clone', errnoName(held), `starting the command '${argv[0]}'`);
    this.#argv = argv;
    [this.pid, this.#go, this.#errors] = held as unknown as [number, number, number];
    this.pidfd = door.syscall(door.calls.pidfd_open, this.pid, 0);
    if (this.pidfd < 0) {
      this.close();
      throw new SysError('pidfd_open', errnoName(this.pidfd), `starting the command '${argv[0]}'`, {
        hint: 'Linux 5.3 and later have it',
      });
    }
  }

  /** Lets it exec; throws SysError when that fails. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    writeSync(this.#go, '!');
    // The pipe ends at the exec: until then nothing of the command has happened.
    const message = new Int32Array(2);
    const door = sys();
    door.poll(Int32Array.of(this.#errors), -1, new Uint8Array(1));
    const got = door.syscall(door.calls.read, this.#errors, message, message.byteLength);
    door.close(this.#errors);
    door.close(this.#go);
    if (got === message.byteLength) {
      this.reap();
      throw new SysError(
        STAGES[message[0]! - 1] ?? 'execve',
        errnoName(-message[1]!),
        `starting the command '${this.#argv[0]}'`,
      );
    }
  }

  get started(): boolean {
    return this.#started;
  }

  /** wait(2) status once it ended. */
  get status(): number | undefined {
    return this.#status;
  }

  /** Takes its status if it ended; true when it has. */
  reap(block = false): boolean {
    if (this.#status !== undefined) return true;
    const status = new Int32Array(1);
    const door = sys();
    let got: number;
    do got = door.syscall(door.calls.wait4, this.pid, status, block ? 0 : WNOHANG, 0);
    while (got === -ERRNO.EINTR);
    if (got === this.pid) this.#status = status[0]!;
    else if (got === -ERRNO.ECHILD) this.#status = 0;
    return this.#status !== undefined;
  }

  /** Ends it: SIGTERM, and SIGKILL if that does not help within two seconds. */
  kill(): void {
    if (!this.#started) {
      this.close();
      return;
    }
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      if (this.reap()) return;
      try {
        process.kill(this.pid, signal);
      } catch {
        return;
      }
      sys().poll(Int32Array.of(this.pidfd), 2000, new Uint8Array(1));
    }
    this.reap(true);
  }

  /** A command that never began ends here; one that runs, runs on. */
  close(): void {
    const door = sys();
    if (!this.#started) {
      this.#started = true;
      // Without its byte the child ends by itself.
      door.close(this.#go);
      door.close(this.#errors);
      this.reap(true);
      this.#status = undefined;
    }
    if (this.pidfd >= 0) door.close(this.pidfd);
  }
}
