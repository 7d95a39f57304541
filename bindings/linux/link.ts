/** What attaching to the running kernel gives: descriptors that end it when they are closed, and which of the kernel's ways it was. */
import type { Link, Probe } from '../../core/backend/backend.ts';
import { ERRNO, errnoName } from '../../core/base/errno.ts';
import { SysError, Unsupported } from '../../core/base/errors.ts';
import type { Attached } from './attach/attach-kind.ts';
import { sys } from './bpf.ts';
import { closeAll } from './perf-event.ts';

export class LiveLink implements Link {
  readonly probe: Probe;
  /** 'link', 'perf event', 'netlink', ... */
  readonly how: string;
  /** What it was attached to, where that is not what was asked for. */
  readonly instead: string | undefined;
  readonly #attached: Attached;
  readonly #closed: () => void;
  #open = true;

  constructor(probe: Probe, attached: Attached, closed: () => void) {
    this.probe = probe;
    this.how = attached.how;
    this.instead = attached.instead?.target;
    this.#attached = attached;
    this.#closed = closed;
  }

  /** Descriptor to read packets or an iterator's text from; undefined where there is nothing to read. */
  get fd(): number | undefined {
    return this.#open ? this.#attached.readFd : undefined;
  }

  /** The next packet that a socket filter kept, or part of an iterator's text; undefined when there is none now (or no more). */
  read(most = 65536): Uint8Array | undefined {
    const { fd } = this;
    if (fd === undefined) throw new Unsupported(`reading from a ${this.probe.kind}`, { backend: 'linux' });
    const into = new Uint8Array(most);
    const got = sys().syscall(sys().calls.read, fd, into, most);
    if (got > 0) return into.subarray(0, got);
    if (got === 0 || got === -ERRNO.EAGAIN) return undefined;
    throw new SysError('read', errnoName(got), `reading from ${this.probe.kind} '${this.probe.target}'`);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#attached.undo?.();
    closeAll(this.#attached.fds);
    this.#closed();
  }
}
