/**
 * `skep verify --batch`: one JSON object a line on standard input, one answer a line on standard output, at once.
 *
 *   {"id", "type", "attach"?, "code": hex, "maps": [{type, key_size, value_size, max_entries, flags?, inner?, name?, map_extra?}], "flags"?, "kfunc"?, "license"?}
 *   -> {"id", "ok", "err"}
 *
 * `type` and a map's `type` are the kernel's numbers or names. A map load (ld_imm64 with src 1 or 2) has the map's index in `maps` as its imm.
 * `attach` is an expected attach type (number or name) or, where the type is tied to a place of the kernel, a section name (`fentry/tcp_connect`).
 * `flags` are BPF_PROG_LOAD's. `kfunc` names the kernel functions that calls with src 2 mean: {"NAME": [slots]}, [{"name", "insn"}], or a list of names
 * that their imm indexes; without it their imm is a BTF id of the running kernel.
 * A line that is no such question is answered with ok false, and the next is read.
 */
import { readSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { StringDecoder } from 'node:string_decoder';
import { fromHex } from '../../../core/base/bytes.ts';
import { toInsns } from '../../../core/isa/insn.ts';
import { CALL, OP_CALL, OP_LD_IMM64 } from '../../../core/isa/ops.ts';
import { checkMap, mapTypeById, mapTypeByName } from '../../../core/maps/index.ts';
import { attachTypeById, attachTypeByName } from '../../../core/progs/attach-types.ts';
import { progTypeById, progTypeByName, progTypeOfSection } from '../../../core/progs/index.ts';
import type { ProgTypeRow } from '../../../core/progs/prog-type.ts';
import type { MapSpec, ProgReloc, ProgSpec } from '../../../core/spec/spec.ts';
import { lastLine, type VerifyOptions, verify } from '../../../core/verifier/index.ts';
import { print } from '../output.ts';
import { absentHere } from './kernel-absent.ts';
import type { KernelTypes } from './kernel-types.ts';

/** Flags of BPF_PROG_LOAD (include/uapi/linux/bpf.h) that change the verdict, and all that need nothing else. */
const STRICT_ALIGNMENT = 1;
const TEST_STATE_FREQ = 8;
const SLEEPABLE = 0x10;
const KNOWN_FLAGS = 0xff;

/** A question that cannot be asked; the message is the answer. */
class Malformed extends Error {}

/** Answer all of standard input, by the rules of a kernel series. */
export function answerAll(kernel: KernelTypes, rules: string): void {
  const options: VerifyOptions = {
    kernel: rules,
    level: 0,
    cpus: availableParallelism(),
    absent: absentHere(kernel, rules),
    arenasMapped: false,
  };
  for (const line of inputLines()) if (line.trim() !== '') print(JSON.stringify(answer(line, kernel, options)));
}

interface Answer {
  readonly id: unknown;
  readonly ok: boolean;
  readonly err: string;
}

function answer(line: string, kernel: KernelTypes, options: VerifyOptions): Answer {
  let id: unknown = null;
  try {
    const question = record(parse(line), 'the line');
    id = question.id ?? null;
    const maps = mapsOf(question.maps);
    const prog = progOf(question, kernel);
    const flags = number(question.flags ?? 0, 'flags');
    if ((flags & ~KNOWN_FLAGS) !== 0)
      throw new Malformed(`flags has unknown bits: 0x${((flags & ~KNOWN_FLAGS) >>> 0).toString(16)}`);
    const result = verify(
      { prog, maps, kernelBtf: kernel.btf },
      {
        ...options,
        sleepable: (flags & SLEEPABLE) !== 0,
        strictAlignment: (flags & STRICT_ALIGNMENT) !== 0,
        everyCheckpoint: (flags & TEST_STATE_FREQ) !== 0,
      },
    );
    return { id, ok: result.ok, err: lastLine(result) };
  } catch (error) {
    if (error instanceof Malformed) return { id, ok: false, err: error.message };
    // Ours, not the asker's; the others still want their answers.
    return { id, ok: false, err: `internal error: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new Malformed(`not JSON: ${(error as Error).message}`);
  }
}

function record(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Malformed(`${what} is not a JSON object`);
  return value as Record<string, unknown>;
}

function number(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 0xffffffff)
    throw new Malformed(`${what} is not an unsigned 32-bit number`);
  return value;
}

/** The row of a number or a name, whichever is given. */
function rowOf<T>(
  value: unknown,
  what: string,
  byId: (id: number) => T | undefined,
  byName: (name: string) => T | undefined,
): T {
  const row = typeof value === 'number' ? byId(value) : typeof value === 'string' ? byName(value) : undefined;
  if (row === undefined)
    throw new Malformed(value === undefined ? `${what} is missing` : `there is no ${what} ${JSON.stringify(value)}`);
  return row;
}

function mapsOf(value: unknown): MapSpec[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new Malformed('maps is not an array');
  return value.map((map: unknown, index) => {
    const spec = mapOf(map, `maps[${index}]`);
    const problem = checkMap(spec);
    if (problem !== undefined) throw new Malformed(`maps[${index}] cannot be made: ${problem}`);
    return spec;
  });
}

/** Maps may go without a name, as the kernel's may; its log then shows none. */
function mapOf(value: unknown, what: string): MapSpec {
  const map = record(value, what);
  const size = (key: string): number => number(map[key] ?? 0, `${what}.${key}`);
  return {
    name: typeof map.name === 'string' ? map.name : '',
    type: rowOf(map.type, 'map type', mapTypeById, mapTypeByName).name,
    keySize: size('key_size'),
    valueSize: size('value_size'),
    maxEntries: size('max_entries'),
    flags: size('flags'),
    keyType: 0,
    valueType: 0,
    ...(map.map_extra === undefined ? {} : { extra: Number(map.map_extra) }),
    ...(map.inner === undefined ? {} : { inner: mapOf(map.inner, `${what}.inner`) }),
  };
}

function progOf(question: Readonly<Record<string, unknown>>, kernel: KernelTypes): ProgSpec {
  const row: ProgTypeRow = rowOf(question.type, 'program type', progTypeById, progTypeByName);
  const insns = codeOf(question.code);
  return {
    name: 'prog',
    type: row.name,
    ...attachOf(question.attach, row),
    section: '',
    insns,
    relocs: kernelCalls(insns, question.kfunc, kernel),
    funcs: [],
    lines: [],
    license: typeof question.license === 'string' ? question.license : 'GPL',
  };
}

function codeOf(value: unknown): Uint8Array {
  if (typeof value !== 'string') throw new Malformed('code is not a hex string');
  let insns: Uint8Array;
  try {
    insns = fromHex(value);
  } catch (error) {
    throw new Malformed(`code: ${(error as Error).message}`);
  }
  if (insns.length % 8 !== 0) throw new Malformed(`code has ${insns.length} bytes: no whole number of instructions`);
  return insns;
}

function attachOf(value: unknown, row: ProgTypeRow): Pick<ProgSpec, 'attachType' | 'attach'> {
  // What the kernel gets of a loader that sets none.
  if (value === undefined || value === null) return row.attachTypes ? { attachType: attachTypeById(0)!.name } : {};
  if (typeof value === 'string' && value.includes('/')) {
    const match = progTypeOfSection(value);
    if (!match) throw new Malformed(`there is no section ${JSON.stringify(value)}`);
    const { attachType, prefix } = match.section;
    return {
      ...(attachType && { attachType }),
      ...(match.target && { attach: { kind: prefix, target: match.target } }),
    };
  }
  return { attachType: rowOf(value, 'attach type', attachTypeById, attachTypeByName).name };
}

/** Calls of kernel functions, by name: raw code has numbers only. */
function kernelCalls(insns: Uint8Array, names: unknown, { btf }: KernelTypes): ProgReloc[] {
  const relocs: ProgReloc[] = [];
  let pc = 0;
  for (const { opcode, src, off, imm } of toInsns(insns)) {
    if (opcode === OP_CALL && src === CALL.kfunc) {
      const listed: unknown = kfuncNamed(names, pc, imm);
      // Another offset means a module's types, which nobody has given.
      const known = off === 0 && imm > 0 && imm < btf.typeCount ? btf.type(imm) : undefined;
      const name = typeof listed === 'string' ? listed : known?.kind === 'func' ? known.name : undefined;
      if (name !== undefined) relocs.push({ kind: 'kfunc', insn: pc, name });
    }
    pc += opcode === OP_LD_IMM64 ? 2 : 1;
  }
  return relocs;
}

/**
 * The name that `kfunc` gives the call at `pc`: of an object of names with the slots that call each ({"bpf_f": [3, 9]}), of a list of
 * {"name", "insn"}, of a list of names that the calls' imm indexes, or one name for all.
 */
function kfuncNamed(names: unknown, pc: number, imm: number): unknown {
  if (Array.isArray(names)) {
    for (const entry of names as unknown[]) {
      if (typeof entry !== 'object' || entry === null) continue;
      const { name, kfunc, insn, insn_idx } = entry as Record<string, unknown>;
      if ((insn ?? insn_idx) === pc) return name ?? kfunc;
    }
    return names[imm];
  }
  if (typeof names !== 'object' || names === null) return names;
  for (const [name, slots] of Object.entries(names)) {
    if (Array.isArray(slots) ? slots.includes(pc) : slots === pc) return name;
  }
  return undefined;
}

/** Lines as they come: an asker may wait for each answer. */
function* inputLines(): Generator<string> {
  const chunk = new Uint8Array(1 << 16);
  const decoder = new StringDecoder('utf8');
  const nap = new Int32Array(new SharedArrayBuffer(4));
  let rest = '';
  for (;;) {
    let length: number;
    try {
      length = readSync(0, chunk);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') {
        // Somebody made the pipe non-blocking.
        Atomics.wait(nap, 0, 0, 1);
        continue;
      }
      if (code !== 'EOF') throw error;
      length = 0;
    }
    if (length === 0) break;
    const lines = (rest + decoder.write(Buffer.from(chunk.buffer, 0, length))).split('\n');
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== '') yield rest;
}
