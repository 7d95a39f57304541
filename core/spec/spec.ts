/**
 * Specs: what compiling C, typing instructions or reading an ELF object gives. Inert data that anyone can print and
 * compare; only `backend.load(spec)` touches the world (cilium/ebpf's split).
 */
import type { Btf } from '../btf/btf.ts';
import type { CoreReloKind } from '../btf/ext.ts';
import type { InsnFacts } from './facts.ts';

export interface MapSpec {
  readonly name: string;
  readonly type: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  /** BTF ids in the object's own `btf`, 0 where unknown. */
  readonly keyType: number;
  readonly valueType: number;
  /** map_extra: hash functions of a bloom filter, start address of an arena. */
  readonly extra?: number;
  /** Map-in-map: the inner map's spec. */
  readonly inner?: MapSpec;
  /** Contents to store before programs load: .rodata and friends, prog arrays. */
  readonly initial?: readonly { readonly key: Uint8Array; readonly value: Uint8Array }[];
  /** Contents that name other objects: slots of a map of maps or of a prog array, by map or function name. */
  readonly slots?: readonly { readonly index: number; readonly map?: string; readonly prog?: string }[];
  /** Frozen after `initial` (.rodata). */
  readonly readOnly?: boolean;
  /** Path or name under which it is shared (BPF_TABLE_PINNED, BPF_TABLE_PUBLIC). */
  readonly pin?: string;
  /** C struct of what perf_submit / ringbuf_output sends, when the compiler saw it: a BTF id. */
  readonly eventType?: number;
}

/** A place in the instructions that names something to be resolved at load. `insn` counts 8-byte slots. */
export type ProgReloc =
  | { readonly kind: 'map'; readonly insn: number; readonly map: string }
  | { readonly kind: 'map_value'; readonly insn: number; readonly map: string; readonly offset: number }
  /** `weak`: 0 where the kernel does not have it, instead of an error. */
  | { readonly kind: 'kfunc' | 'ksym'; readonly insn: number; readonly name: string; readonly weak?: boolean };

/**
 * A CO-RE relocation of an ELF object, to be resolved against the kernel's BTF before loading (core/elf/core-relo.ts does). `typeId` is in the
 * object's BTF; `access` is the path ('0:1:2'); `kind` is enum bpf_core_relo_kind in lower case.
 */
export interface CoreReloc {
  readonly insn: number;
  readonly typeId: number;
  readonly access: string;
  readonly kind: CoreReloKind;
}

/** Source position of the instructions from `insn` on, up to the next row. `line` is 1-based. */
export interface LineInfo {
  readonly insn: number;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly text: string;
}

/** A function inside the program (BPF-to-BPF): the first one is the entry. `btfId` is a func id in the object's BTF, or 0. */
export interface FuncInfo {
  readonly insn: number;
  readonly name: string;
  readonly btfId: number;
}

export interface ProgSpec {
  /** Name of the C function. */
  readonly name: string;
  /** A name of core/progs, e.g. 'kprobe'. BCC decides by probe kind at load_func; the compiler leaves what the name prefix says. */
  readonly type: string;
  readonly attachType?: string;
  /** What the name or section says it attaches to, e.g. { kind: 'kprobe', target: 'tcp_v4_connect' }. */
  readonly attach?: ProbeName;
  /** ELF section name. */
  readonly section: string;
  readonly insns: Uint8Array;
  readonly relocs: readonly ProgReloc[];
  /** CO-RE relocations not yet resolved; absent in what skep compiles for one kernel. */
  readonly coreRelos?: readonly CoreReloc[];
  readonly funcs: readonly FuncInfo[];
  readonly lines: readonly LineInfo[];
  readonly license: string;
  /** What the verifier proved, by slot; filled by verify(). */
  readonly facts?: ProgFacts;
}

/** What a program asks to be attached to, before any backend looked. */
export interface ProbeName {
  /** A probe kind of core/bcc/probes: 'kprobe', 'kretprobe', 'tracepoint', 'raw_tracepoint', 'kfunc', ... */
  readonly kind: string;
  readonly target: string;
}

/** Facts the verifier proved and the engines may use to drop checks. */
export interface ProgFacts {
  /** The whole program was verified: memory accesses need no checks. */
  readonly verified: boolean;
  /** Largest stack depth of any call chain, bytes. */
  readonly stackDepth: number;
  /**
   * Slots of loads through BTF-typed kernel pointers (the kernel's PROBE_MEM: tp_btf, fentry, kptr dereference): where the
   * address is not mapped such a load gives 0 instead of a fault. Ascending.
   */
  readonly probeLoads?: readonly number[];
  /**
   * No run executes more instructions than this. Absent: not known. An engine whose fuel cannot run out by it need not count: the fuel that
   * an instruction takes is at most the program's length in slots.
   */
  readonly insnBound?: number;
  /**
   * Slots of 4-byte loads of the context's packet pointers (data, data_end, data_meta of struct xdp_md and __sk_buff). A pointer has 8 bytes: whoever
   * runs the program moves such a load to where the whole pointer is, as the kernel's convert_ctx_access does.
   */
  readonly packetLoads?: ReadonlyMap<number, 'packet' | 'packet_end' | 'packet_meta'>;
  /** Slots that no path reaches, ascending. What they hold was never looked at: an engine may not know it (`withoutDead`). Absent: there are none. */
  readonly dead?: readonly number[];
  /**
   * Facts about single instructions, by slot of the program as it was verified. Whoever moves instructions drops them (`optimise` does); what is changed in
   * place keeps them (`withoutDead`, `packetLoads`). Made when first asked for. Absent: nothing is known, and engines do as for any program.
   */
  readonly insns?: InsnFacts;
}

/** A local variable or parameter of the source, for explanations: where it lives is known by line info only. */
export interface ObjectSpec {
  readonly maps: readonly MapSpec[];
  readonly progs: readonly ProgSpec[];
  /** Types of maps, functions and events (the program's own BTF). */
  readonly btf: Btf | undefined;
  readonly license: string;
  /** The C texts it was compiled from, by file name, where they are at hand: explanations read them. */
  readonly sources?: Readonly<Record<string, string>>;
}
