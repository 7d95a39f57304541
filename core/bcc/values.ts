/**
 * Codecs: the plain JavaScript form of keys, leaves and events, by their BTF types (core/btf/value.ts). Where the compiler could name no type,
 * a value of 1, 2, 4 or 8 bytes is an unsigned number and anything else bytes.
 */
import { BpfError } from '../base/errors.ts';
import type { Btf } from '../btf/btf.ts';
import { encoder } from '../btf/encode.ts';
import { lazyDecoder } from '../btf/lazy.ts';
import { type BtfValue, type Decoder, decoder } from '../btf/value.ts';
import { functionCompiler } from './session.ts';

export interface Codec {
  readonly size: number;
  /** The C type, where the compiler could name one. */
  readonly type?: { readonly btf: Btf; readonly id: number };
  decode(bytes: Uint8Array, at?: number): BtfValue;
  /** The same for structs, each field decoded when it is looked at (core/btf/lazy.ts). Throws BpfError for other types. */
  view?(bytes: Uint8Array, at?: number): BtfValue;
  /** Throws BpfError that names the field for a value of the wrong kind or out of range. */
  encode(value: unknown): Uint8Array;
}

/** The codec of a type. `what` names the value in messages. */
export function codecOf(btf: Btf | undefined, typeId: number, size: number, what: string): Codec {
  if (!btf || typeId === 0) return plainCodec(size, what);
  const compile = functionCompiler();
  const decode = decoder(btf, typeId, compile ? { compile } : {});
  const encode = encoder(btf, typeId);
  let lazy: Decoder | undefined;
  return {
    size,
    type: { btf, id: typeId },
    decode,
    view(bytes, at) {
      lazy ??= lazyDecoder(btf, typeId, compile ? { compile } : {});
      return lazy(bytes, at);
    },
    encode(value) {
      // Bytes of the right size are always taken: they are what lookup of another table may have given.
      if (value instanceof Uint8Array && value.length === size) return value;
      try {
        return encode(value);
      } catch (error) {
        if (error instanceof BpfError) throw new BpfError('BAD_VALUE', `${what}: ${error.message}`, { cause: error });
        throw error;
      }
    },
  };
}

function plainCodec(size: number, what: string): Codec {
  const numeric = size === 1 || size === 2 || size === 4 || size === 8;
  return {
    size,
    decode(bytes, at = 0) {
      if (!numeric) return bytes.slice(at, at + size);
      let value = 0n;
      for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[at + i]!);
      return size === 8 ? value : Number(value);
    },
    encode(value) {
      if (value instanceof Uint8Array && value.length === size) return value;
      if (
        !numeric ||
        (typeof value !== 'number' && typeof value !== 'bigint') ||
        (typeof value === 'number' && !Number.isInteger(value))
      ) {
        throw new BpfError('BAD_VALUE', `${what}: ${size} bytes are needed${numeric ? ' (or an integer)' : ''}`);
      }
      const bits = BigInt(size * 8);
      const number = BigInt(value);
      if (number >= 1n << bits || number < -(1n << (bits - 1n)))
        throw new BpfError('BAD_VALUE', `${what}: ${value} does not fit into ${size} bytes`);
      return Uint8Array.from({ length: size }, (_, i) => Number((number >> BigInt(8 * i)) & 0xffn));
    },
  };
}
