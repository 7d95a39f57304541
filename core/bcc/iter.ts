/** What an iterator program writes (BPF_ITER; kernel/bpf/bpf_iter.c), as it is read. */
import type { Link } from '../backend/backend.ts';
import { utf8Decode } from '../base/bytes.ts';
import { Unsupported } from '../base/errors.ts';

/** One run over the kernel's objects. Reading moves it on; at the end it is closed. Parts come as the kernel gives them: whole objects' output. */
export class IterOutput implements Iterable<Uint8Array> {
  readonly #link: Link;
  readonly #closed: (link: Link) => void;
  #open = true;

  constructor(link: Link, closed: (link: Link) => void) {
    this.#link = link;
    this.#closed = closed;
  }

  /** The next part, or undefined at the end. Throws SysError as read(2) of the iterator's descriptor fails. */
  read(): Uint8Array | undefined {
    if (!this.#open) return undefined;
    if (!this.#link.read) throw new Unsupported(`reading from a ${this.#link.probe.kind}`);
    const part = this.#link.read();
    if (part === undefined) this.close();
    return part;
  }

  *[Symbol.iterator](): Iterator<Uint8Array> {
    for (let part = this.read(); part; part = this.read()) yield part;
  }

  /** All that is left, as text. */
  text(): string {
    const decoded = [...this].map((part) => utf8Decode(part));
    return decoded.join('');
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#link.close();
    this.#closed(this.#link);
  }
}
