/**
 * Names as their languages write them: C++ by the demangler of the C++ library (Itanium ABI, https://itanium-cxx-abi.github.io/cxx-abi/abi.html#mangling),
 * Rust's older scheme by the same and its own escapes (rustc's "legacy" mangling), its newer one by core/elf/rust-names.ts. What is none of these
 * stays as it is.
 */
import { rustName } from '../../../core/elf/rust-names.ts';
import { addon } from '../../addon/index.ts';

/** Rust's escapes of characters that symbols cannot hold. */
const RUST_ESCAPES: Readonly<Record<string, string>> = {
  SP: '@',
  BP: '*',
  RF: '&',
  LT: '<',
  GT: '>',
  LP: '(',
  RP: ')',
  C: ',',
};
/** The last part of a legacy Rust name: a hash. */
const RUST_HASH = /::h[0-9a-f]{16}$/;

const known = new Map<string, string>();

export function demangle(name: string): string {
  if (name.startsWith('_R') || name.startsWith('__R')) return rustName(name) ?? name;
  if (!name.startsWith('_Z') && !name.startsWith('__Z')) return name;
  let text = known.get(name);
  if (text === undefined) {
    text = addon()?.sys?.demangle(name.startsWith('__Z') ? name.slice(1) : name) ?? name;
    if (RUST_HASH.test(text)) text = rust(text.replace(RUST_HASH, ''));
    known.set(name, text);
  }
  return text;
}

function rust(text: string): string {
  return text
    .replace(/(^|::)_\$/g, '$1$$')
    .replace(/\$(u[0-9a-f]{2,6}|[A-Z]{1,2})\$/g, (whole, code: string) =>
      code.startsWith('u') ? String.fromCodePoint(Number.parseInt(code.slice(1), 16)) : (RUST_ESCAPES[code] ?? whole),
    )
    .replaceAll('..', '::');
}
