/**
 * Programs the verifier accepted, run with every access checked, on random input: none may fault. Only types whose context is plain memory, and no
 * kernel functions, since the bare host has none.
 */
import { Fault, Unsupported } from '../../core/base/errors.ts';
import { progTypeByName } from '../../core/progs/index.ts';
import type { ProgFacts } from '../../core/spec/spec.ts';
import { withoutDead } from '../../core/verifier/index.ts';
import { runOnce } from '../../core/vm/harness.ts';
import { interp } from '../../core/vm/interp.ts';
import type { Sample } from './fuzz.ts';
import type { Random } from './mutate.ts';

const PLAIN_CONTEXT = new Set([
  'socket_filter',
  'kprobe',
  'tracepoint',
  'raw_tracepoint',
  'perf_event',
  'cgroup_device',
]);
const FUEL = 200_000;

/**
 * Helpers that hand out memory which checked runs do not know of (ring buffer records, elements given to callbacks), or take what only verified
 * programs may pass (dynptrs, locks, timers).
 */
const UNCHECKED = new Set([93, 94, 131, 164, 169, 170, 171, 172, 197, 198, 199, 200, 201, 202, 203]);

function callsUnchecked(insns: Uint8Array): boolean {
  const view = new DataView(insns.buffer, insns.byteOffset, insns.byteLength);
  for (let at = 0; at < insns.length; at += insns[at] === 0x18 ? 16 : 8) {
    if (insns[at] !== 0x85) continue;
    const kind = insns[at + 1]! >> 4;
    if (kind === 2 || (kind === 0 && UNCHECKED.has(view.getInt32(at + 4, true)))) return true;
  }
  return false;
}

/** 'ran', 'skipped' (nothing can be said), or why it faulted. `facts`: what the verifier proved; what it found dead does not run, as in Linux. */
export function runChecked(
  s: Sample,
  facts: ProgFacts,
  random: Random,
): 'ran' | 'skipped' | { readonly fault: string } {
  const code = withoutDead(s.insns, facts);
  if (!PLAIN_CONTEXT.has(s.type) || callsUnchecked(code)) return 'skipped';
  // Maps of maps need inner ones, and an arena memory of its own.
  if (s.maps.some((m) => m.type.endsWith('_of_maps') || m.type === 'arena')) return 'skipped';
  const layout = progTypeByName(s.type)!.ctx;
  const size = layout.kind === 'args' ? layout.count * 8 : layout.size;
  const maps = s.maps.map((m) => ({
    type: m.type,
    key_size: m.keySize,
    value_size: m.valueSize,
    max_entries: m.maxEntries,
    flags: m.flags,
  }));
  for (let run = 0; run < 3; run++) {
    const mem = Uint8Array.from({ length: Math.max(8, size) }, () => random.below(run === 0 ? 3 : 256));
    try {
      runOnce(interp, { code, mem, maps, fuel: FUEL });
    } catch (error) {
      if (error instanceof Unsupported) return 'skipped';
      if (!(error instanceof Fault)) return { fault: `${error}` };
      // Not a matter of safety: long loops, what engines refuse before the first step even in dead code, and what a bare host has not.
      if (
        /fuel|need a packet|reserved field|frame pointer|not available|no helper|unsupported|not supported/i.test(
          error.reason,
        )
      )
        return 'skipped';
      return { fault: `${error.pc}: ${error.reason}` };
    }
  }
  return 'ran';
}
