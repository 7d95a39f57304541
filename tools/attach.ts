/**
 * Ways to attach: the same facts can often be had from a tracepoint or from a function, and kernels differ in what they have (functions are
 * renamed and inlined, some are built without kprobes). A tool lists its ways, best first; the first that this kernel takes is used.
 */
import { BpfError } from '../core/base/errors.ts';
import type { BPF } from '../core/bcc/bpf.ts';

export interface Attachment {
  readonly kind: 'kprobe' | 'kretprobe' | 'tracepoint' | 'raw_tracepoint';
  readonly target: string;
  /** Function of the program. */
  readonly fn: string;
}

/**
 * Attaches the first of the ways that goes; answers its place in the list, and tells with `warn` where it is not the best one. Throws the reason of
 * the first when none does.
 */
export function attachFirst(
  b: BPF,
  ways: readonly (readonly Attachment[])[],
  warn: (line: string) => void = () => {},
): number {
  const refused: unknown[] = [];
  for (const [i, way] of ways.entries()) {
    const done: Attachment[] = [];
    try {
      for (const attachment of way) {
        attach(b, attachment);
        done.push(attachment);
      }
      if (i > 0) warn(`attached to ${said(way)}; ${said(ways[0]!)} cannot be had here`);
      return i;
    } catch (error) {
      if (!(error instanceof BpfError)) throw error;
      for (const attachment of done) detach(b, attachment);
      refused.push(error);
    }
  }
  throw refused[0] ?? new BpfError('EINVAL', 'there is no way to attach');
}

/** `raw_tracepoint sched_wakeup, sched_switch`: the places of a way, each once. */
function said(way: readonly Attachment[]): string {
  const kinds = new Map<string, Set<string>>();
  for (const { kind, target } of way) {
    const targets = kinds.get(kind) ?? new Set();
    kinds.set(kind, targets.add(target));
  }
  return [...kinds].map(([kind, targets]) => `${kind} ${[...targets].join(', ')}`).join(' and ');
}

function attach(b: BPF, { kind, target, fn: fnName }: Attachment): void {
  if (kind === 'kprobe') b.attachKprobe({ event: target, fnName });
  else if (kind === 'kretprobe') b.attachKretprobe({ event: target, fnName });
  else if (kind === 'tracepoint') b.attachTracepoint({ tp: target, fnName });
  else b.attachRawTracepoint({ tp: target, fnName });
}

function detach(b: BPF, { kind, target, fn: fnName }: Attachment): void {
  if (kind === 'kprobe') b.detachKprobe({ event: target, fnName });
  else if (kind === 'kretprobe') b.detachKretprobe({ event: target, fnName });
  else if (kind === 'tracepoint') b.detachTracepoint({ tp: target, fnName });
  else b.detachRawTracepoint({ tp: target, fnName });
}
