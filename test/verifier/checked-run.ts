/**
 * Programs the verifier accepted, run with every access checked, on random input: none may fault. Only types whose context is plain memory or a packet's, and no
 * kernel functions, since the bare host has none.
 */
import { toHex } from '../../core/base/bytes.ts';
import { Fault, Unsupported } from '../../core/base/errors.ts';
import { KERNEL_HI } from '../../core/base/memory.ts';
import { movePacketLoads, POINTER_AT } from '../../core/model/link.ts';
import { contextSize, type PacketKind } from '../../core/model/packet-buffer.ts';
import { progTypeByName } from '../../core/progs/index.ts';
import type { ProgFacts } from '../../core/spec/spec.ts';
import { withoutDead } from '../../core/verifier/index.ts';
import { type HarnessRequest, type HarnessResult, type HarnessWorld, runOnce } from '../../core/vm/harness.ts';
import { interp } from '../../core/vm/interp.ts';
import { STACK_AREA } from '../../core/vm/layout.ts';
import { stackAreas } from '../../core/vm/stack.ts';
import { ENGINES } from '../vm/engines.ts';
import { factChecker, WrongFact } from './fact-check.ts';
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
/** Types whose context leads to a packet, by the context. */
const PACKET_CONTEXT: Readonly<Record<string, PacketKind>> = {
  xdp: 'xdp',
  sched_cls: 'skb',
  sched_act: 'skb',
  cgroup_skb: 'skb',
};
const PACKET_BYTES = 64;
/** Bytes of the packet's pointers behind a context. */
const POINTERS = 8 * Object.keys(POINTER_AT).length;
const FUEL = 200_000;

/**
 * Helpers that hand out memory which checked runs do not know of (ring buffer records, elements given to callbacks), or take what only verified
 * programs may pass (dynptrs, locks, timers), or look at an argument that the verifier lets be anything, set or not (get_branch_snapshot's flags).
 */
const UNCHECKED = new Set([93, 94, 131, 164, 169, 170, 171, 172, 176, 197, 198, 199, 200, 201, 202, 203]);

function callsUnchecked(insns: Uint8Array): boolean {
  const view = new DataView(insns.buffer, insns.byteOffset, insns.byteLength);
  for (let at = 0; at < insns.length; at += insns[at] === 0x18 ? 16 : 8) {
    if (insns[at] !== 0x85) continue;
    const kind = insns[at + 1]! >> 4;
    if (kind === 2 || (kind === 0 && UNCHECKED.has(view.getInt32(at + 4, true)))) return true;
  }
  return false;
}

/** What an engine does otherwise as a verified program, with the facts about single instructions or without; undefined: nothing. */
function difference(
  request: HarnessRequest,
  facts: ProgFacts,
  want: HarnessResult,
  start: (world: HarnessWorld) => void,
  text: (result: HarnessResult) => string,
): string | undefined {
  const { insns: _, ...less } = facts;
  const observe = (world: HarnessWorld): undefined => {
    clearStack(world);
    start(world);
  };
  const wanted = text(want);
  for (const engine of ENGINES) {
    for (const known of [facts, less]) {
      const got = text(runOnce(engine, { ...request, facts: known, observe }));
      // What lies where is not the same in two runs.
      if (got === wanted || (ADDRESS.test(got) && ADDRESS.test(wanted))) continue;
      return `${engine.name}, ${known === facts ? 'with facts' : 'without facts'}: ${got} instead of ${wanted}`;
    }
  }
  return undefined;
}

/** A kernel address: as a number, or as bytes. */
const ADDRESS = /0xffff888|8088ffff/;

/** `pointers`: where the memory holds the addresses of a packet, or -1. */
function asText({ r0, mem, maps }: HarnessResult, pointers: number): string {
  if (pointers >= 0) mem.fill(0, pointers, pointers + POINTERS);
  const lines = maps.map((list) => list.map(([key, value]) => `${toHex(key)}=${toHex(value)}`).join());
  return `r0=0x${r0.toString(16)} mem=${toHex(mem)} maps=${lines.join(';')}`;
}

/** Checked runs begin with an empty stack, verified ones with what the last one left, which a program may read. */
function clearStack({ memory }: HarnessWorld): void {
  const areas = stackAreas(memory);
  const bases = [areas.enter(), areas.enter()];
  for (const base of bases) {
    memory.u8.fill(0, base, base + STACK_AREA);
    areas.leave();
  }
}

/** The packet lies behind its pointers, and those behind the context, at byte `at`. */
function pointAtPacket({ memory, ctx }: HarnessWorld, at: number): void {
  const packet = ctx + at + POINTERS;
  for (const [pointer, address] of [
    [POINTER_AT.packet, packet],
    [POINTER_AT.packet_end, packet + PACKET_BYTES],
    [POINTER_AT.packet_meta, packet],
  ] as const) {
    memory.view.setUint32(ctx + at + pointer, address, true);
    memory.view.setInt32(ctx + at + pointer + 4, KERNEL_HI, true);
  }
}

/** 'ran', 'skipped' (nothing can be said), why it faulted, or which fact did not hold for an instruction that ran. `facts`: what the verifier proved; what it found dead does not run, as in Linux. */
export function runChecked(
  s: Sample,
  facts: ProgFacts,
  random: Random,
): 'ran' | 'skipped' | { readonly fault: string } | { readonly wrongFact: string } {
  // A copy, since loads of packet pointers are moved in it.
  const code = withoutDead(s.insns, facts).slice();
  const packets = PACKET_CONTEXT[s.type];
  if ((!PLAIN_CONTEXT.has(s.type) && !packets) || callsUnchecked(code)) return 'skipped';
  // Maps of maps need inner ones, and an arena memory of its own.
  if (s.maps.some((m) => m.type.endsWith('_of_maps') || m.type === 'arena')) return 'skipped';
  const layout = progTypeByName(s.type)!.ctx;
  const size = packets ? contextSize(packets) : layout.kind === 'args' ? layout.count * 8 : layout.size;
  if (packets) movePacketLoads(code, facts, size);
  const total = packets ? size + POINTERS + PACKET_BYTES : Math.max(8, size);
  const start = (world: HarnessWorld): void => {
    if (packets) pointAtPacket(world, size);
  };
  const text = (result: HarnessResult): string => asText(result, packets ? size : -1);
  const maps = s.maps.map((m) => ({
    type: m.type,
    key_size: m.keySize,
    value_size: m.valueSize,
    max_entries: m.maxEntries,
    flags: m.flags,
  }));
  for (let run = 0; run < 3; run++) {
    const mem = Uint8Array.from({ length: total }, () => random.below(run === 0 ? 3 : 256));
    try {
      const request = { code, mem, maps, fuel: FUEL };
      const want = runOnce(interp, {
        ...request,
        observe: (world) => {
          start(world);
          return factChecker(code, facts.insns!, world);
        },
      });
      const differs = difference(request, facts, want, start, text);
      if (differs !== undefined) return { wrongFact: differs };
    } catch (error) {
      if (error instanceof WrongFact) return { wrongFact: error.message };
      if (error instanceof Unsupported) return 'skipped';
      if (!(error instanceof Fault)) return { fault: `${error}` };
      // Not a matter of safety: long loops, what engines refuse before the first step even in dead code, and what a bare host has not.
      if (
        /fuel|need a packet|reserved field|frame pointer|not available|no helper|unsupported|not supported|only verified programs/i.test(
          error.reason,
        )
      )
        return 'skipped';
      return { fault: `${error.pc}: ${error.reason}` };
    }
  }
  return 'ran';
}
