/** A loaded function: what load_func returns. */
import type { ProgHandle } from '../backend/backend.ts';
import { Unsupported } from '../base/errors.ts';

export class Func {
  readonly name: string;
  readonly handle: ProgHandle;

  constructor(name: string, handle: ProgHandle) {
    this.name = name;
    this.handle = handle;
  }

  /** The program's descriptor: what prog arrays hold. Throws Unsupported on a backend that numbers nothing. */
  get fd(): number {
    const { fd } = this.handle;
    if (fd === undefined) throw new Unsupported(`the number of function '${this.name}'`);
    return fd;
  }
}
