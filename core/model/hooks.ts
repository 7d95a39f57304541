/**
 * Named places where somebody may listen. The model kernel's subsystems pass through them and do not know that BPF exists:
 * they call `fire(name, build)`, and `build` (which makes the event's arguments, and with them the kernel objects that the
 * arguments point to) runs only when somebody is attached. With nobody there a hook costs one Map lookup.
 *
 * Names: `kprobe:FUNC` a function's entry, `kretprobe:FUNC` its return, `tracepoint:SYSTEM:EVENT`. The raw form of a tracepoint is
 * the same place seen with other arguments, so both listen under the one name. `uprobe:PATH:PLACE`, `uretprobe:PATH:PLACE` and
 * `perf_event:TYPE:CONFIG` are what sources tell of user code.
 */

/** A kernel value as a hook carries it: an int (sign-extended to 64 bits) or a 64-bit number such as an address. */
export type Arg = number | bigint;

/** A function is entered, or returns: `ret` is there only at the return. */
export interface FunctionEvent {
  readonly kind: 'function';
  readonly name: string;
  readonly args: readonly Arg[];
  readonly ret?: Arg;
  /** Address of the function. */
  readonly address: bigint;
  /** Address that it returns to. */
  readonly caller: bigint;
}

/** What a tracepoint carries: `fields` by name as its format lists them, `raw` the arguments of its TP_PROTO. */
export interface TracepointEvent {
  readonly kind: 'tracepoint';
  readonly name: string;
  readonly fields: Readonly<Record<string, FieldValue>>;
  readonly raw: readonly Arg[];
}

/** A tracepoint field: a number, a string (char arrays and __data_loc strings), bytes, or an array of numbers. */
export type FieldValue = Arg | string | Uint8Array | readonly Arg[];

/** A task passes a place in user code, or a perf event overflows: the user registers. */
export interface UserEvent {
  readonly kind: 'user';
  readonly name: string;
  readonly regs: Readonly<Record<string, bigint>>;
  readonly period: bigint;
  readonly address: bigint;
}

export type HookEvent = FunctionEvent | TracepointEvent | UserEvent;
export type HookListener = (event: HookEvent) => void;

export class Hooks {
  /** Changes whenever somebody comes or goes: for what is derived from who listens. */
  version = 0;
  #listeners = new Map<string, readonly HookListener[]>();
  /** Called before the listeners of a hook run: the clock's tick. */
  #before: () => void;

  constructor(before: () => void = () => {}) {
    this.#before = before;
  }

  /** Is anybody there? */
  attached(name: string): boolean {
    return this.#listeners.has(name);
  }

  /** Names that somebody listens to. */
  names(): Iterable<string> {
    return this.#listeners.keys();
  }

  /** Listen; the answer takes the listener away again (twice is harmless). Listeners run in the order in which they came. */
  attach(name: string, listener: HookListener): () => void {
    this.version++;
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener]);
    let attached = true;
    return () => {
      if (!attached) return;
      attached = false;
      this.version++;
      const list = this.#listeners.get(name) ?? [];
      const at = list.indexOf(listener);
      const rest = list.filter((_, i) => i !== at);
      if (rest.length > 0) this.#listeners.set(name, rest);
      else this.#listeners.delete(name);
    };
  }

  /** Pass through a hook. */
  fire(name: string, build: () => HookEvent): void {
    const list = this.#listeners.get(name);
    if (list === undefined) return;
    this.#before();
    const event = build();
    // `list` is replaced, never changed, by attach and detach: a listener may detach itself while it runs.
    for (const listener of list) listener(event);
  }
}
