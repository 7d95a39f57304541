/**
 * Doors for harnesses: run one program on some bytes (what public conformance runners ask of a plugin), and the batch
 * protocol, one JSON object a line. Pure functions over an engine; the `skep-vm` command is a shell around them.
 *
 * Programs are not verified: they run checked, on a memory that holds nothing but their own ctx, stack and maps.
 *
 * A request: {"code": hex, "mem": hex, "maps": [{"type", "key_size", "value_size", "max_entries", "flags"?, "init"?}]}; `init` is a list
 * of [key hex, value hex], `type` a name or a number of enum bpf_map_type. In the code, `ld_imm64` with src 1 is the map of index imm, with src 2 the address of that map's
 * value 0 plus the next imm. The answer: {"r0": "0x...", "mem": hex, "maps": [[[key hex, value hex], ...], ...]}, keys sorted as
 * bytes, or {"error": text}.
 */
import { compareBytes, fromHex, toHex, u64 } from '../base/bytes.ts';
import { BpfError, Fault } from '../base/errors.ts';
import { KERNEL_HI } from '../base/memory.ts';
import { helperById } from '../helpers/index.ts';
import { checkBytes } from '../isa/check.ts';
import { INSN_SIZE } from '../isa/insn.ts';
import { OP_LD_IMM64, PSEUDO } from '../isa/ops.ts';
import { createMap, mapTypeById } from '../maps/index.ts';
import { HEADER } from '../maps/layout.ts';
import type { BpfMap, MapAttrs } from '../maps/map.ts';
import type { ProgFacts } from '../spec/spec.ts';
import { bareHost } from './bare.ts';
import type { Engine, MemoryRegion, RunOptions } from './engine.ts';
import { VmMemory } from './memory.ts';

export interface HarnessMap {
  readonly type: string;
  readonly key_size: number;
  readonly value_size: number;
  readonly max_entries: number;
  readonly flags?: number;
  readonly init?: readonly (readonly [string, string])[];
}

export interface HarnessRequest {
  readonly code: Uint8Array;
  readonly mem?: Uint8Array;
  readonly maps?: readonly HarnessMap[];
  /** See RunOptions. */
  readonly fuel?: number;
  /** What the verifier proved of `code`: it then runs as verified programs do. Absent: every access is checked. */
  readonly facts?: ProgFacts;
  /** Asked once all is set up: what is called before each instruction (RunOptions.onStep), if anything. */
  readonly observe?: (world: HarnessWorld) => RunOptions['onStep'];
}

/** What a run is made in. */
export interface HarnessWorld {
  readonly memory: VmMemory;
  /** Offset of `mem`, 0 without. */
  readonly ctx: number;
  readonly maps: readonly BpfMap[];
}

export interface HarnessResult {
  readonly r0: bigint;
  /** The ctx bytes after the run. */
  readonly mem: Uint8Array;
  /** Entries of each map, sorted by key. */
  readonly maps: readonly (readonly (readonly [Uint8Array, Uint8Array])[])[];
}

/** One memory serves all requests: what a request takes it gives back. */
let shared: VmMemory | undefined;

/**
 * Run a program once: r1 is the address of `mem` (0 when it is empty or absent), r2 its length. Throws Fault, or BpfError
 * for maps that are refused.
 */
export function runOnce(engine: Engine, request: HarnessRequest): HarnessResult {
  const memory = (shared ??= new VmMemory());
  const mem = request.mem ?? new Uint8Array(0);
  const maps: BpfMap[] = [];
  const ctx = mem.length === 0 ? 0 : memory.alloc(mem.length, 64);
  try {
    for (const [i, map] of (request.maps ?? []).entries()) maps.push(makeMap(map, i, memory));
    const regions: MemoryRegion[] = [];
    if (ctx !== 0) {
      memory.u8.set(mem, ctx);
      regions.push({ offset: ctx, size: mem.length, writable: true });
    }
    const insns = resolve(request.code, maps, memory, regions);
    const host = bareHost({ memory, helper: helperById, maps, regions });
    host.env.ctx = ctx;
    const onStep = request.observe?.({ memory, ctx, maps });
    const options = { ...(request.fuel !== undefined && { fuel: request.fuel }), ...(onStep && { onStep }) };
    const exe = engine.prepare({ name: 'program', insns, funcs: [], lines: [], facts: request.facts }, host, options);
    exe.run(ctx, mem.length);
    return {
      r0: u64(exe.r0Lo, exe.r0Hi),
      mem: memory.u8.slice(ctx, ctx + mem.length),
      maps: maps.map(entries),
    };
  } finally {
    for (const map of maps) map.close();
    if (ctx !== 0) memory.free(ctx, mem.length);
  }
}

/** The one-program door: program and memory as hex, r0 as `0x...`. Throws with a message fit for stderr. */
export function runHex(engine: Engine, program: string, memory = ''): string {
  const request = { code: hex('the program', program), mem: hex('the memory', memory) };
  return `0x${runOnce(engine, request).r0.toString(16)}`;
}

/** The batch door: one line in, one line out (without newlines). Never throws for what a request contains. */
export function answerLine(engine: Engine, line: string): string {
  try {
    const result = runOnce(engine, parseRequest(line));
    return JSON.stringify({
      r0: `0x${result.r0.toString(16)}`,
      mem: toHex(result.mem),
      maps: result.maps.map((list) => list.map(([key, value]) => [toHex(key), toHex(value)])),
    });
  } catch (error) {
    return JSON.stringify({ error: error instanceof Error ? error.message : String(error) });
  }
}

function parseRequest(line: string): HarnessRequest {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new BpfError('EINVAL', `the line is no JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new BpfError('EINVAL', 'the line is no JSON object');
  const request = value as Record<string, unknown>;
  if (typeof request['code'] !== 'string') throw new BpfError('EINVAL', '"code" must be a string of hex digits');
  const mem = request['mem'] ?? '';
  if (typeof mem !== 'string') throw new BpfError('EINVAL', '"mem" must be a string of hex digits');
  const maps = request['maps'] ?? [];
  if (!Array.isArray(maps)) throw new BpfError('EINVAL', '"maps" must be a list');
  const fuel = request['fuel'];
  if (fuel !== undefined && typeof fuel !== 'number') throw new BpfError('EINVAL', '"fuel" must be a number');
  return {
    code: hex('"code"', request['code']),
    mem: hex('"mem"', mem),
    maps: maps.map(parseMap),
    ...(fuel === undefined ? {} : { fuel }),
  };
}

function parseMap(value: unknown, index: number): HarnessMap {
  const where = `map ${index}`;
  if (typeof value !== 'object' || value === null) throw new BpfError('EINVAL', `${where} is no object`);
  const map = value as Record<string, unknown>;
  const number = (name: string, otherwise?: number): number => {
    const n = map[name] ?? otherwise;
    if (typeof n !== 'number' || !Number.isInteger(n) || n < 0)
      throw new BpfError('EINVAL', `${where}: "${name}" must be a whole number`);
    return n;
  };
  const type = typeof map['type'] === 'number' ? mapTypeById(map['type'])?.name : map['type'];
  if (typeof type !== 'string')
    throw new BpfError('EINVAL', `${where}: "type" must be a map type's name, or its number in uapi/linux/bpf.h`);
  const init = map['init'] ?? [];
  const pairs =
    Array.isArray(init) &&
    init.every((p) => Array.isArray(p) && p.length === 2 && p.every((t) => typeof t === 'string'));
  if (!pairs) throw new BpfError('EINVAL', `${where}: "init" must be a list of [key hex, value hex]`);
  return {
    type,
    key_size: number('key_size'),
    value_size: number('value_size'),
    max_entries: number('max_entries'),
    flags: number('flags', 0),
    init: init as [string, string][],
  };
}

function hex(what: string, text: string): Uint8Array {
  try {
    return fromHex(text);
  } catch (error) {
    throw new BpfError('EINVAL', `${what}: ${(error as Error).message}`, { cause: error });
  }
}

function makeMap(map: HarnessMap, index: number, memory: VmMemory): BpfMap {
  const attrs: MapAttrs = {
    name: `map${index}`,
    type: map.type.toLowerCase().replace(/^bpf_map_type_/, ''),
    keySize: map.key_size,
    valueSize: map.value_size,
    maxEntries: map.max_entries,
    flags: map.flags ?? 0,
  };
  const live = createMap(attrs, { memory, cpus: 1, currentCpu: () => 0, random: () => 0 });
  for (const [key, value] of map.init ?? []) {
    const result = live.update(hex(`map ${index}: a key`, key), hex(`map ${index}: a value`, value), 0);
    if (result < 0) {
      live.close();
      throw new BpfError('EINVAL', `map ${index}: initial entry ${key} is refused (errno ${-result})`);
    }
  }
  return live;
}

function entries(map: BpfMap): [Uint8Array, Uint8Array][] {
  const out: [Uint8Array, Uint8Array][] = [];
  for (let key = map.nextKey(undefined); key !== undefined; key = map.nextKey(key)) {
    const value = map.lookup(key);
    if (value) out.push([key, value]);
  }
  return out.sort(([a], [b]) => compareBytes(a, b));
}

/** Map indices in ld_imm64 become addresses; values of maps that the code names directly become regions. A copy. */
export function resolve(
  code: Uint8Array,
  maps: readonly BpfMap[],
  memory: VmMemory,
  regions: MemoryRegion[],
): Uint8Array {
  const issue = checkBytes(code);
  if (issue) throw new Fault(issue.reason, issue.pc);
  const out = code.slice();
  const view = new DataView(out.buffer);
  for (let at = 0; at < out.length; at += INSN_SIZE) {
    if (out[at] !== OP_LD_IMM64) continue;
    const [pc, kind, index, extra] = [
      at / INSN_SIZE,
      out[at + 1]! >> 4,
      view.getInt32(at + 4, true),
      view.getInt32(at + 12, true),
    ];
    at += INSN_SIZE;
    if (kind === PSEUDO.imm || kind === PSEUDO.func) continue;
    if (kind === PSEUDO.btf_id) throw new Fault('ld_imm64 of a BTF id needs a kernel: there is none here', pc);
    const map = maps[index];
    if (!map) throw new Fault(`map index ${index} does not exist: the request has ${maps.length} maps`, pc);
    let address = map.offset;
    if (kind === PSEUDO.map_value || kind === PSEUDO.map_idx_value) {
      const base = map.valueBase?.();
      if (base === undefined) throw new Fault(`values of a ${map.attrs.type} map have no direct address`, pc);
      const size = memory.view.getUint32(map.offset + HEADER.ELEM_SIZE, true) * map.attrs.maxEntries;
      if (!regions.some((r) => r.offset === base)) regions.push({ offset: base, size, writable: true });
      address = base + extra;
    }
    view.setInt32(at - INSN_SIZE + 4, address, true);
    view.setInt32(at + 4, KERNEL_HI, true);
    out[at - INSN_SIZE + 1]! &= 15;
  }
  return out;
}
