/** A row of THE PROBE-KIND TABLE. */
import type { Backend } from '../../backend/backend.ts';

export interface ProbeKindRow {
  /** The name that backends know (Probe.kind). */
  readonly kind: string;
  /** Program type it is loaded as (a name of core/progs). */
  readonly progType: string;
  /** Attach type, for kinds that need one at load. */
  readonly attachType?: string;
  /** Functions of this kind found in the C text (by prefix or section) are attached by `new BPF()` itself. */
  readonly auto: boolean;
  /** Probes of this kind count towards BCC's limit of open probes. */
  readonly counted?: boolean;
  /** What a target of this kind is called in messages. */
  readonly noun: string;
  /** The target as this kernel spells it (sys_clone -> __x64_sys_clone). */
  normalise?(target: string, backend: Backend): string;
  /** Targets there are, for regular expressions and nearest names. */
  candidates?(backend: Backend): Iterable<string>;
}
