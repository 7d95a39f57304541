/** Programs whose locals do not fit the stack get a scratch map, with a note that says so. */

import { moveToScratch } from '../ir/passes/scratch.ts';
import { PERCPU_MAX } from '../maps/flags.ts';
import type { Context } from './context.ts';
import { UINT, ULLONG } from './ctype.ts';
import type { MapDecl } from './flavour/map-decl.ts';
import type { LoweredUnit } from './lower/unit.ts';

/** Entries of a scratch map that is keyed by task. */
const TASKS = 1024;

/** Program types whose runs another run on the same CPU may interrupt. */
function preemptible(type: string, section: string): boolean {
  return type.startsWith('raw_tracepoint') || type === 'tracing' || type === 'lsm' || /\.s(?:\/|$)/.test(section);
}

/** `large`: programs and the bytes of their frames. */
export function relieveStacks(cx: Context, lowered: LoweredUnit, large: ReadonlyMap<string, number>): void {
  for (const { fn, kind } of lowered.programs) {
    const frame = large.get(fn.name);
    const ir = lowered.module.functions.find((f) => f.name === fn.name && f.entry);
    if (frame === undefined || !ir) continue;
    const byTask = preemptible(kind.type, kind.section);
    const name = `.scratch.${fn.name}`;
    const scratch = moveToScratch(ir, frame, name, byTask ? `.zeros.${fn.name}` : undefined);
    if (!scratch) continue;
    const map = (m: Pick<MapDecl, 'name' | 'type' | 'key' | 'keySize' | 'maxEntries' | 'flags'>): void => {
      cx.maps.push({ ...m, value: undefined, valueSize: scratch.size, at: fn.at, macro: 'the compiler', used: true });
    };
    if (scratch.zeros === undefined && scratch.size > PERCPU_MAX) {
      cx.report.error(
        fn.at,
        `the locals of '${fn.name}' take ${frame} bytes: a BPF stack has 512, and a map's value for each CPU, where they would go, ${PERCPU_MAX}`,
      );
      continue;
    }
    if (scratch.zeros !== undefined) {
      map({ name, type: 'lru_hash', key: ULLONG, keySize: 8, maxEntries: TASKS, flags: 0 });
      map({ name: scratch.zeros, type: 'array', key: UINT, keySize: 4, maxEntries: 1, flags: 0 });
    } else map({ name, type: 'percpu_array', key: UINT, keySize: 4, maxEntries: 1, flags: 0 });
    const what = scratch.moved.map((m) => `${m.name ? `'${m.name}'` : 'a temporary'} (${m.size} bytes)`).join(', ');
    cx.report.note(
      fn.at,
      `the locals of '${fn.name}' take ${frame} bytes, more than a BPF stack has (512): ${what} ${scratch.moved.length === 1 ? 'lives' : 'live'} in a map, ${byTask ? 'one value per task' : 'one value per CPU'}`,
    );
  }
}
