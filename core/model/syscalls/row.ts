/**
 * What one system call is to the model: its row of the system call table, the buffers that its arguments point to, and (where the
 * model plays it) its behaviour.
 */
import type { SyscallRow as TableRow } from '../../progs/syscall-table.gen.ts';
import type { Call } from './call.ts';

/** How long a buffer is: a number, an argument's value times a factor, the return value, or the int an argument points to. */
export type Length =
  | { readonly kind: 'bytes'; readonly bytes: number }
  | { readonly kind: 'arg'; readonly arg: number; readonly times: number }
  | { readonly kind: 'ret' }
  | { readonly kind: 'deref'; readonly arg: number };

export type ArgMemory =
  | { readonly kind: 'string' | 'strings' | 'msghdr' }
  | { readonly kind: 'in' | 'out' | 'iov'; readonly length: Length };

export interface SyscallArg {
  readonly type: string;
  readonly name: string;
  readonly memory?: ArgMemory;
}

/**
 * What a call does in the model. `early` names the functions and tracepoints (`system:event`) that it passes when it is entered,
 * `late` those that it passes only once its result is known. Which calls a hook needs is derived from these lists, and `run` can
 * only pass what they name: its `call` is typed by them.
 */
export interface Behaviour {
  readonly early: readonly string[];
  readonly late: readonly string[];
  /** Every run wants this call (its exit too), whatever is hooked: it changes what the model knows of a task. */
  readonly always: boolean;
  /** The exit is wanted whenever the entry is. */
  readonly exit: boolean;
  /** Plays the call: up to its `yield` on entry, and from there with the return value when the call returns. */
  run(call: Call): Generator<undefined, void, number>;
}

/** A behaviour; `early` and `late` type what `run` may pass. */
export function behaviour<const P extends string>(b: {
  readonly early?: readonly P[];
  readonly late?: readonly P[];
  readonly always?: boolean;
  readonly exit?: boolean;
  run(call: Call<P>): Generator<undefined, void, number>;
}): Behaviour {
  return {
    early: b.early ?? [],
    late: b.late ?? [],
    always: b.always ?? false,
    exit: b.exit ?? false,
    run: b.run as Behaviour['run'],
  };
}

export interface SyscallRow {
  readonly nr: number;
  readonly name: string;
  /** Name of the kernel function without its prefix: `__x64_sys_<symbol>`, `sys_enter_<symbol>`. */
  readonly symbol: string;
  readonly args: readonly SyscallArg[];
  readonly behaviour: Behaviour | undefined;
}

export function makeRow(
  row: TableRow,
  notes: Readonly<Record<string, string>>,
  behaviour: Behaviour | undefined,
): SyscallRow {
  const names = row.args.map(([name]) => name);
  for (const name of Object.keys(notes))
    if (!names.includes(name)) throw new RangeError(`${row.name}: no argument ${name}`);
  const args = row.args.map(([name, type]): SyscallArg => {
    const note = notes[name];
    return note === undefined ? { type, name } : { type, name, memory: parseMemory(note, names, row.name) };
  });
  return { nr: row.nr, name: row.name, symbol: row.entry, args, behaviour };
}

function parseMemory(notes: string, names: readonly string[], call: string): ArgMemory {
  const [kind, length] = notes.split(' ');
  if (kind === 'string' || kind === 'strings' || kind === 'msghdr') return { kind };
  if ((kind !== 'in' && kind !== 'out' && kind !== 'iov') || length === undefined)
    throw new RangeError(`${call}: memory note {${notes}}`);
  return { kind, length: parseLength(length, names, call) };
}

function parseLength(text: string, names: readonly string[], call: string): Length {
  if (/^\d+$/.test(text)) return { kind: 'bytes', bytes: Number(text) };
  if (text === 'ret') return { kind: 'ret' };
  const [, star, factor, name] = /^(\*)?(?:(\d+)\*)?(\w+)$/.exec(text)!;
  const arg = names.indexOf(name!);
  if (arg < 0) throw new RangeError(`${call}: no argument ${name}`);
  return star ? { kind: 'deref', arg } : { kind: 'arg', arg, times: Number(factor ?? 1) };
}

/** Does this argument hold a file descriptor? By name: the kernel's own naming is regular here. */
export function isFd(arg: SyscallArg): boolean {
  return /^(fd|fildes|oldfd|newfd|dfd|olddfd|newdfd|fd_in|fd_out|out_fd|in_fd|epfd|dirfd|fdin|fdout)$/.test(arg.name);
}
