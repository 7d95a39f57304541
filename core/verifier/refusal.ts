/** How the walk says no: one exception that carries what the last log line says, caught in index.ts and nowhere else. */

/** What kind of mistake a refusal is about: the heading of an explanation. */
export type Category =
  /** Not a program: opcodes, reserved fields, jumps, unreachable code. */
  | 'structure'
  /** Something read before it was written. */
  | 'uninitialised'
  /** A pointer that may be null was used. */
  | 'null'
  /** Outside the memory a pointer may reach. */
  | 'bounds'
  | 'alignment'
  /** The wrong kind of value: a number where a pointer is needed, arithmetic that a pointer does not allow. */
  | 'type'
  /** A helper or kernel function that may not be called here, or not so. */
  | 'helper'
  /** A field of the context that may not be touched so. */
  | 'context'
  /** A reference or a lock that is not given back. */
  | 'reference'
  /** What the program returns. */
  | 'return'
  /** An address that would become visible to an unprivileged user. */
  | 'leak'
  /** Too much: instructions, stack, calls, an endless loop. */
  | 'limit'
  /** A hook said no. */
  | 'hook'
  /** Something Linux has and this verifier does not. */
  | 'unsupported';

export class Refusal extends Error {
  readonly category: Category;
  /** Lines the kernel's log has behind the message. */
  readonly after: readonly string[];
  constructor(category: Category, message: string, after: readonly string[] = []) {
    super(message);
    this.category = category;
    this.after = after;
  }
}
