/**
 * The oldest way to write BPF, in its five steps: type an array of instructions (core/isa/builders.ts), create maps, load with a program type,
 * attach, gather the results. What bpf(2) and samples/bpf ask of a C program, over whatever backend the session has.
 *
 * The array names maps by number, as `BPF_LD_MAP_FD(reg, map_fd)` does in C. Loading turns these numbers into names first, so that what
 * reaches a backend is the same inert spec that the compiler gives: it can be printed, compared, and loaded elsewhere.
 */
import type { Backend, Link, MapHandle, ProgHandle } from '../backend/backend.ts';
import { BpfError, nearestNames } from '../base/errors.ts';
import { encode, type Insn } from '../isa/insn.ts';
import { OP_LD_IMM64, PSEUDO } from '../isa/ops.ts';
import { MAP_TYPES, mapTypeById, mapTypeByName } from '../maps/index.ts';
import { nearestProgTypes, progTypeById, progTypeByName } from '../progs/index.ts';
import type { MapSpec, ObjectSpec, ProgReloc, ProgSpec } from '../spec/spec.ts';
import { type Named, named } from './options.ts';
import { PROBE_KINDS, type ProbeKind, probeKind } from './probes/index.ts';
import { currentSession, Interrupted, sleep } from './session.ts';
import { Table } from './table.ts';

export interface RawMapOptions {
  /** BPF_MAP_TYPE_* number, or its name in lower case. */
  type?: number | string;
  keySize?: number;
  valueSize?: number;
  maxEntries?: number;
  /** BPF_F_*. */
  flags?: number;
  name?: string;
}

const MAP_OPTIONS = ['type', 'keySize', 'valueSize', 'maxEntries', 'flags', 'name'] as const;

export interface RawProgramOptions {
  /** BPF_PROG_TYPE_* number (BPF.KPROBE, ...), or its name in lower case. */
  progType?: number | string;
  insns?: readonly Insn[];
  /** 'GPL' when absent. */
  license?: string;
  name?: string;
}

const PROGRAM_OPTIONS = ['progType', 'insns', 'license', 'name'] as const;

/** Map names by the numbers that instructions use. */
export type MapNames = ReadonlyMap<number, string>;

/**
 * An array of instructions as an inert spec: numbers in `ld_imm64 map_fd` and `map_value` become relocations by name. Throws BpfError
 * EBADF for a number that is no map.
 */
export function arrayToSpec(
  insns: readonly Insn[],
  options: { readonly name: string; readonly type: string; readonly license: string },
  maps: MapNames,
): ProgSpec {
  const relocs: ProgReloc[] = [];
  let slot = 0;
  const plain = insns.map((insn) => {
    const at = slot;
    slot += insn.opcode === OP_LD_IMM64 ? 2 : 1;
    if (insn.opcode !== OP_LD_IMM64 || (insn.src !== PSEUDO.map_fd && insn.src !== PSEUDO.map_value)) return insn;
    const map = maps.get(insn.imm);
    if (map === undefined) {
      const have = [...maps].map(([fd, name]) => `${fd} (${name})`).join(', ');
      const says = have ? `there is: ${have}` : 'no map was created';
      throw new BpfError('EBADF', `program ${options.name}, pc ${at}: ${insn.imm} is the number of no map; ${says}`);
    }
    if (insn.src === PSEUDO.map_fd) relocs.push({ kind: 'map', insn: at, map });
    else relocs.push({ kind: 'map_value', insn: at, map, offset: insn.immHi ?? 0 });
    return { ...insn, imm: 0, immHi: 0 };
  });
  return {
    ...options,
    section: options.type,
    insns: encode(plain),
    relocs,
    funcs: [{ insn: 0, name: options.name, btfId: 0 }],
    lines: [],
  };
}

/** A map made by hand. Keys and leaves of 1, 2, 4 and 8 bytes are unsigned numbers (bigint for 8), others bytes. */
export class RawMap extends Table {
  /** What `BPF_LD_MAP_FD` takes. */
  readonly fd: number;

  constructor(map: MapHandle, fd: number) {
    super(map, EMPTY);
    this.fd = fd;
  }
}

/** A loaded array. */
export class RawProgram {
  readonly spec: ProgSpec;
  readonly handle: ProgHandle;
  readonly #attach: (kind: string, target: string, options: Readonly<Record<string, unknown>>) => Link;

  constructor(handle: ProgHandle, attach: (kind: string, target: string, options: object) => Link) {
    this.spec = handle.spec;
    this.handle = handle;
    this.#attach = attach;
  }

  /** The verifier's log. */
  get log(): string {
    return this.handle.log;
  }

  /**
   * Attach to a target: ('kprobe', 'tcp_v4_connect'), ('uprobe', '/bin/bash:readline'), ('tracepoint', 'sched:sched_switch'),
   * ('raw_tracepoint', 'sys_enter'), ('socket', 'lo'), ... `options` are the backend's for the kind, as `pid` for one process
   * (core/backend/backend.ts). Closing the link detaches.
   */
  attach(kind: ProbeKind | (string & {}), target: string, options: Readonly<Record<string, unknown>> = {}): Link {
    return this.#attach(kind, target, options);
  }
}

const EMPTY: ObjectSpec = { maps: [], progs: [], btf: undefined, license: 'GPL' };

/** The raw API over one backend: makes maps, loads arrays, and frees both in close(). */
export class RawBpf {
  readonly backend: Backend;
  readonly #maps = new Map<string, MapHandle>();
  readonly #names = new Map<number, string>();
  readonly #progs: ProgHandle[] = [];
  readonly #links = new Set<Link>();
  #closed = false;

  /** On the session's backend unless told otherwise. */
  constructor(options: { readonly backend?: Backend } = {}) {
    this.backend = options.backend ?? currentSession().backend();
  }

  /** What was made so far, inert: maps, and programs with their relocations by map name. */
  get object(): ObjectSpec {
    const progs = this.#progs.map((p) => p.spec);
    return { ...EMPTY, maps: [...this.#maps.values()].map((m) => m.spec), progs };
  }

  /** BPF_MAP_CREATE. Throws BpfError (EINVAL, ENOENT for a type that is none), or what the backend says. */
  createMap(options: Named<RawMapOptions>): RawMap {
    this.#open();
    const given = named<RawMapOptions>('createMap', options, MAP_OPTIONS);
    const { type, keySize, valueSize, maxEntries, flags = 0, name = `map${this.#maps.size}` } = given;
    if (type === undefined) throw new TypeError("createMap: 'type' is needed");
    const row = typeof type === 'number' ? mapTypeById(type) : mapTypeByName(type);
    if (!row) {
      const near = nearestNames(
        String(type),
        MAP_TYPES.map((r) => r.name),
      );
      const hint = near.length > 0 ? `; nearest: ${near.join(', ')}` : '';
      throw new BpfError('ENOENT', `createMap: there is no map type ${JSON.stringify(type)}${hint}`);
    }
    if (this.#maps.has(name)) throw new BpfError('EEXIST', `createMap: there is a map '${name}' already`);
    const spec: MapSpec = {
      name,
      type: row.name,
      keySize: keySize ?? 0,
      valueSize: valueSize ?? 0,
      maxEntries: maxEntries ?? 0,
      flags,
      keyType: 0,
      valueType: 0,
    };
    const handle = this.backend.createMap(spec, EMPTY);
    // Backends that number nothing: any number does that no other map has.
    let fd = handle.fd ?? 3;
    while (this.#names.has(fd)) fd++;
    this.#maps.set(name, handle);
    this.#names.set(fd, name);
    return new RawMap(handle, fd);
  }

  /** BPF_PROG_LOAD. Throws VerifierError, BpfError for a type that is none or a map number that is none. */
  loadProgram(options: Named<RawProgramOptions>): RawProgram {
    this.#open();
    const given = named<RawProgramOptions>('loadProgram', options, PROGRAM_OPTIONS);
    const { progType, insns, license = 'GPL', name = `prog${this.#progs.length}` } = given;
    if (progType === undefined) throw new TypeError("loadProgram: 'progType' is needed");
    if (!Array.isArray(insns)) throw new TypeError("loadProgram: 'insns' must be an array of instructions");
    const type =
      typeof progType === 'number'
        ? progTypeById(progType)
        : progTypeByName(progType.toLowerCase().replace(/^bpf_prog_type_/, ''));
    if (!type) {
      const near = nearestProgTypes(String(progType));
      const hint = near.length > 0 ? `; nearest: ${near.join(', ')}` : '';
      throw new BpfError('ENOENT', `loadProgram: there is no program type ${JSON.stringify(progType)}${hint}`);
    }
    const spec = arrayToSpec(insns, { name, type: type.name, license }, this.#names);
    const handle = this.backend.load(spec, { ...this.object, license }, this.#maps);
    this.#progs.push(handle);
    return new RawProgram(handle, (kind, target, more) => this.#attach(handle, kind, target, more));
  }

  #attach(handle: ProgHandle, kind: string, target: string, options: object): Link {
    this.#open();
    const row = probeKind(kind);
    if (!row) {
      const kinds = PROBE_KINDS.map((r) => r.kind).join(', ');
      throw new BpfError('ENOENT', `attach: there is no probe kind '${kind}'; there is: ${kinds}`);
    }
    const wanted = row.normalise?.(target, this.backend) ?? target;
    const link = this.backend.attach(handle, { kind, target: wanted, options: { ...options } });
    this.#links.add(link);
    return link;
  }

  /** Let the world run until its source ends, Ctrl-C comes, or `timeoutMs` are over. Never throws for these; says which. */
  wait(timeoutMs?: number): 'ended' | 'interrupted' | 'timeout' {
    this.#open();
    try {
      sleep(timeoutMs ?? Number.POSITIVE_INFINITY, this.backend);
      return 'timeout';
    } catch (error) {
      if (error instanceof Interrupted) return error.why;
      throw error;
    }
  }

  /** Detach everything, unload, free the maps. Idempotent; the backend stays. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const link of this.#links) link.close();
    for (const prog of this.#progs) prog.close();
    for (const map of this.#maps.values()) map.close();
  }

  #open(): void {
    if (this.#closed) throw new BpfError('CLOSED', 'this RawBpf object is closed');
  }
}
