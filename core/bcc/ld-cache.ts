/**
 * The dynamic linker's cache, /etc/ld.so.cache: which file a library's name leads to (glibc, elf/cache.c and sysdeps/generic/dl-cache.h). Only
 * the new format, which glibc has written alone since 2.32 and appended to the old one before.
 */

export interface LdCacheEntry {
  /** libc.so.6 */
  readonly name: string;
  readonly path: string;
}

const NEW_MAGIC = 'glibc-ld.so.cache1.1';
const HEADER = 48;
const ENTRY = 24;
/** Low byte: ELF for libc6; second byte: x86-64. */
const FLAG_LIBC6_X86_64 = 0x0303;

/** Libraries of x86-64, in the cache's order; nothing for bytes that are no cache. */
export function parseLdCache(bytes: Uint8Array): LdCacheEntry[] {
  const start = find(bytes, NEW_MAGIC);
  if (start < 0 || start + HEADER > bytes.length) return [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint32(start + 20, true);
  const out: LdCacheEntry[] = [];
  for (let i = 0, at = start + HEADER; i < count && at + ENTRY <= bytes.length; i++, at += ENTRY) {
    if (view.getInt32(at, true) !== FLAG_LIBC6_X86_64) continue;
    out.push({
      name: textAt(bytes, start + view.getUint32(at + 4, true)),
      path: textAt(bytes, start + view.getUint32(at + 8, true)),
    });
  }
  return out;
}

function find(bytes: Uint8Array, text: string): number {
  outer: for (let at = 0; at + text.length <= bytes.length; at += 4) {
    for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) continue outer;
    return at;
  }
  return -1;
}

function textAt(bytes: Uint8Array, at: number): string {
  let text = '';
  for (let i = at; i < bytes.length && bytes[i] !== 0; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}
