/**
 * BTF in memory: what the kernel says of its types (Documentation/bpf/btf.rst; include/uapi/linux/btf.h).
 *
 * A `Btf` answers by id and by name and decodes a type only when asked, since vmlinux has 100,000 of them. Ids are those
 * of the file; id 0 is void. `core/btf/read.ts` makes one from bytes, `core/btf/write.ts` builds one.
 */

export type BtfKind =
  | 'void'
  | 'int'
  | 'ptr'
  | 'array'
  | 'struct'
  | 'union'
  | 'enum'
  | 'enum64'
  | 'fwd'
  | 'typedef'
  | 'volatile'
  | 'const'
  | 'restrict'
  | 'func'
  | 'func_proto'
  | 'var'
  | 'datasec'
  | 'float'
  | 'decl_tag'
  | 'type_tag';

export interface BtfMember {
  readonly name: string;
  readonly type: number;
  /** Offset from the start of the struct, in bits. */
  readonly bitOffset: number;
  /** Width in bits of a bitfield, 0 for a plain member. */
  readonly bitSize: number;
}

export interface BtfEnumerator {
  readonly name: string;
  /** Signed or unsigned as the enum says; 64-bit for enum64. */
  readonly value: bigint;
}

export interface BtfParam {
  readonly name: string;
  readonly type: number;
}

export type BtfType =
  | { readonly kind: 'void'; readonly id: number; readonly name: '' }
  | {
      readonly kind: 'int';
      readonly id: number;
      readonly name: string;
      readonly size: number;
      readonly signed: boolean;
      readonly char: boolean;
      readonly bool: boolean;
      readonly bits: number;
      readonly offset: number;
    }
  | {
      readonly kind: 'ptr' | 'volatile' | 'const' | 'restrict';
      readonly id: number;
      readonly name: '';
      readonly type: number;
    }
  | { readonly kind: 'typedef' | 'type_tag'; readonly id: number; readonly name: string; readonly type: number }
  | {
      readonly kind: 'array';
      readonly id: number;
      readonly name: '';
      readonly type: number;
      readonly indexType: number;
      readonly count: number;
    }
  | {
      readonly kind: 'struct' | 'union';
      readonly id: number;
      readonly name: string;
      readonly size: number;
      readonly members: readonly BtfMember[];
    }
  | {
      readonly kind: 'enum' | 'enum64';
      readonly id: number;
      readonly name: string;
      readonly size: number;
      readonly signed: boolean;
      readonly values: readonly BtfEnumerator[];
    }
  | { readonly kind: 'fwd'; readonly id: number; readonly name: string; readonly union: boolean }
  | {
      readonly kind: 'func';
      readonly id: number;
      readonly name: string;
      readonly type: number;
      readonly linkage: 'static' | 'global' | 'extern';
    }
  | {
      readonly kind: 'func_proto';
      readonly id: number;
      readonly name: '';
      readonly ret: number;
      readonly params: readonly BtfParam[];
    }
  | {
      readonly kind: 'var';
      readonly id: number;
      readonly name: string;
      readonly type: number;
      readonly linkage: 'static' | 'global' | 'extern';
    }
  | {
      readonly kind: 'datasec';
      readonly id: number;
      readonly name: string;
      readonly size: number;
      readonly vars: readonly { readonly type: number; readonly offset: number; readonly size: number }[];
    }
  | { readonly kind: 'float'; readonly id: number; readonly name: string; readonly size: number }
  | {
      readonly kind: 'decl_tag';
      readonly id: number;
      readonly name: string;
      readonly type: number;
      readonly component: number;
    };

export type BtfOf<K extends BtfKind> = Extract<BtfType, { kind: K }>;

export interface Btf {
  /** One more than the highest id. */
  readonly typeCount: number;
  /** The type of an id; throws RangeError for an id that does not exist. Cached: the same object every time. */
  type(id: number): BtfType;
  /** Id of the first type of this name and kind (a full definition wins over `fwd`), or undefined. Names index themselves on first use. */
  find(name: string, kind: BtfKind): number | undefined;
  /** All names of a kind, for nearest-name messages. */
  names(kind: BtfKind): Iterable<string>;
  /** An enumerator by name, over all enums: its value and its enum's id. */
  findEnumerator(name: string): { value: bigint; enumId: number } | undefined;
  /** The bytes of the file, as read or written. */
  readonly bytes: Uint8Array;
}
