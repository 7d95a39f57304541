/** Bytes: little-endian access, hex, C strings, alignment. Everything in BPF memory is little-endian (x86-64 model). */

export function toHex(bytes: Uint8Array): string {
  let out = '';
  for (const b of bytes) out += (b < 16 ? '0' : '') + b.toString(16);
  return out;
}

/** Bytes of a hex string; white space is ignored. Throws RangeError on an odd length or a non-hex character. */
export function fromHex(text: string): Uint8Array {
  const digits = text.replace(/\s+/g, '');
  if (digits.length % 2 !== 0) throw new RangeError(`hex text has an odd number of digits (${digits.length})`);
  const bad = /[^0-9a-fA-F]/.exec(digits);
  if (bad) throw new RangeError(`hex text has '${bad[0]}' at digit ${bad.index}`);
  const out = new Uint8Array(digits.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(digits.slice(i * 2, i * 2 + 2), 16);
  return out;
}

export function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}

export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Byte-wise order, shorter first on a common prefix: the order of memcmp. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}

/** Unsigned 64-bit value of two 32-bit halves (API edges only: BigInt is too slow for hot paths). */
export function u64(lo: number, hi: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

export function lo32(value: bigint): number {
  return Number(BigInt.asIntN(32, value));
}

export function hi32(value: bigint): number {
  return Number(BigInt.asIntN(32, value >> 32n));
}

/** The bytes up to the first NUL (or all), as Latin-1 so that every byte survives. */
export function cString(bytes: Uint8Array, start = 0, end = bytes.length): string {
  let out = '';
  for (let i = start; i < end && bytes[i] !== 0; i++) out += String.fromCharCode(bytes[i]!);
  return out;
}

/** UTF-8 encoding without the DOM's or Node's encoder, so that `core` runs anywhere. Lone surrogates become U+FFFD. */
export function utf8Encode(text: string): Uint8Array {
  const out: number[] = [];
  for (const ch of text) {
    let c = ch.codePointAt(0)!;
    if (c >= 0xd800 && c <= 0xdfff) c = 0xfffd;
    if (c < 0x80) out.push(c);
    else if (c < 0x800) out.push(0xc0 | (c >> 6), 0x80 | (c & 63));
    else if (c < 0x10000) out.push(0xe0 | (c >> 12), 0x80 | ((c >> 6) & 63), 0x80 | (c & 63));
    else out.push(0xf0 | (c >> 18), 0x80 | ((c >> 12) & 63), 0x80 | ((c >> 6) & 63), 0x80 | (c & 63));
  }
  return Uint8Array.from(out);
}

const ASCII_RUN = 4096;

/** UTF-8 decoding; malformed sequences become U+FFFD, one per bad byte (Python's `errors='replace'`, nearly). */
export function utf8Decode(bytes: Uint8Array): string {
  let out = '';
  let i = 0;
  while (i < bytes.length) {
    const b = bytes[i]!;
    const need = b < 0x80 ? 0 : b >= 0xc2 && b < 0xe0 ? 1 : b >= 0xe0 && b < 0xf0 ? 2 : b >= 0xf0 && b < 0xf5 ? 3 : -1;
    if (need === 0) {
      let end = i + 1;
      while (end < bytes.length && end - i < ASCII_RUN && bytes[end]! < 0x80) end++;
      // Text appended one character at a time takes tens of bytes for each: a log may have a hundred million.
      out += String.fromCharCode(...bytes.subarray(i, end));
      i = end;
      continue;
    }
    let c = need < 0 ? 0 : b & (0x3f >> need);
    let ok = need > 0 && i + need < bytes.length;
    for (let k = 1; ok && k <= need; k++) {
      const t = bytes[i + k]!;
      if ((t & 0xc0) !== 0x80) ok = false;
      c = (c << 6) | (t & 63);
    }
    if (
      ok &&
      ((need === 2 && (c < 0x800 || (c >= 0xd800 && c <= 0xdfff))) || (need === 3 && (c < 0x10000 || c > 0x10ffff)))
    )
      ok = false;
    if (ok) {
      out += String.fromCodePoint(c);
      i += need + 1;
    } else {
      out += '\ufffd';
      i++;
    }
  }
  return out;
}
