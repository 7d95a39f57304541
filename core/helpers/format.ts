/**
 * The format language of bpf_trace_printk, bpf_trace_vprintk, bpf_snprintf and bpf_seq_printf: what bpf_bprintf_prepare
 * (kernel/bpf/helpers.c) lets through, printed as bstr_printf (lib/vsprintf.c) prints it.
 *
 * %[flags][width] and one of  d i u x X  with none, l or ll;  c;  s (ks: kernel, us: user memory); p (hashed), pK, px
 * (raw), ps, pS, pB (symbols), pI4, pi4, pI6, pi6 (addresses in memory). No precision, no *, no other letters: -EINVAL.
 * Strings and numbers together fill at most 512 bytes: -ENOSPC for numbers, strings are cut.
 */
import type { LinearMemory } from '../base/memory.ts';
import { EINVAL, ENOSPC } from '../maps/errno.ts';
import type { HelperEnv } from './helper.ts';
import { digits, type Field, ipv4Text, ipv6Text, numberText, textField } from './number-text.ts';

/** Bytes that all arguments together may take (MAX_BPRINTF_BIN_ARGS). */
const ARGUMENT_BYTES = 512;

/** Scratch for strings and addresses, one a memory. */
const scratches = new WeakMap<LinearMemory, number>();

function scratchOf(memory: LinearMemory): number {
  let at = scratches.get(memory);
  if (at === undefined) {
    at = memory.alloc(ARGUMENT_BYTES);
    scratches.set(memory, at);
  }
  return at;
}

function isSpace(c: number): boolean {
  return c === 32 || (c >= 9 && c <= 13);
}

function isPunctuation(c: number): boolean {
  return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126);
}

function isAlphanumeric(c: number): boolean {
  return (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122);
}

/** May a conversion end before this character? */
function ends(c: number): boolean {
  return c === 0 || isSpace(c) || isPunctuation(c);
}

/**
 * A pointer as %p shows it: 32 bits that do not tell where it points, the same for the same pointer. NULL and error
 * pointers are shown.
 */
function hashedPointer(lo: number, hi: number): [number, number] {
  if ((lo | hi) === 0 || (hi === -1 && lo >>> 0 >= 0xfffff001)) return [lo, hi];
  let h = Math.imul(lo ^ 0x5bd1e995, 0x9e3779b1) ^ hi;
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return [h ^ (h >>> 16), 0];
}

function pointerText(lo: number, hi: number, field: Field): string {
  const whole = field.width === -1 ? { ...field, width: 16, zero: true } : field;
  return numberText(lo, hi, { base: 16, signed: false, upper: false }, whole);
}

function symbolText(env: HelperEnv, letter: string, lo: number, hi: number): string {
  // %pB is for return addresses: it looks up the instruction before, and tells the offset of the address itself.
  const back = letter === 'B' ? 1 : 0;
  const found = env.ksymbol?.((lo - back) | 0, back === 1 && lo === 0 ? hi - 1 : hi);
  if (!found) return `0x${digits(lo, hi, 16)}`;
  const module = found.module === '' ? '' : ` [${found.module}]`;
  if (letter === 's') return found.name + module;
  return `${found.name}+0x${(found.offset + back).toString(16)}/0x${found.size.toString(16)}${module}`;
}

export interface Formatted {
  /** Below 0: errno, and nothing is printed. Otherwise the length of the whole text, without a NUL. */
  readonly length: number;
  /** The text as Latin-1 characters, one a byte. */
  readonly text: string;
}

/**
 * Format the NUL-terminated text at `at` (searched for within `size` bytes) with `count` 64-bit arguments:
 * `argument(i)` gives halves.
 */
export function format(
  env: HelperEnv,
  at: number,
  size: number,
  count: number,
  argument: (index: number) => readonly [number, number],
): Formatted {
  const fail = (errno: number): Formatted => ({ length: errno, text: '' });
  const { memory } = env;
  const end = memory.u8.subarray(at, Math.min(at + size, memory.u8.length)).indexOf(0);
  if (end < 0) return fail(EINVAL);
  const fmt = new Uint8Array(end + 3);
  fmt.set(memory.u8.subarray(at, at + end));
  const scratch = scratchOf(memory);
  let text = '';
  let used = 0;
  let next = 0;
  /** Room for a number of `bytes`, 4-byte aligned. */
  const take = (bytes: number): boolean => {
    used = (used + 3) & ~3;
    if (ARGUMENT_BYTES - used < bytes) return false;
    used += bytes;
    return true;
  };
  for (let i = 0; i < end; i++) {
    const c = fmt[i]!;
    if (c < 128 && (c < 32 || c === 127) && !isSpace(c)) return fail(EINVAL);
    if (c !== 37) {
      text += String.fromCharCode(c);
      continue;
    }
    if (fmt[i + 1] === 37) {
      text += '%';
      i++;
      continue;
    }
    if (next >= count) return fail(EINVAL);
    i++;
    const flags = { left: false, plus: false, space: false, zero: false };
    for (; ; i++) {
      if (fmt[i] === 48) flags.zero = true;
      else if (fmt[i] === 43) flags.plus = true;
      else if (fmt[i] === 45) flags.left = true;
      else if (fmt[i] === 32) flags.space = true;
      else break;
    }
    let width = -1;
    if (fmt[i]! >= 49 && fmt[i]! <= 57) {
      width = 0;
      while (fmt[i]! >= 48 && fmt[i]! <= 57) width = Math.min(width * 10 + fmt[i++]! - 48, 0xffff);
    }
    const field: Field = { ...flags, width };
    const [lo, hi] = argument(next);
    const letter = String.fromCharCode(fmt[i]!);
    if (letter === 'p') {
      const kind = String.fromCharCode(fmt[i + 1]!);
      if (ends(fmt[i + 1]!)) {
        if (!take(8)) return fail(ENOSPC);
        text += pointerText(...hashedPointer(lo, hi), field);
      } else if ((kind === 'k' || kind === 'u') && fmt[i + 2] === 115) {
        i += 2;
        if (!ends(fmt[i + 1]!)) return fail(EINVAL);
        const string = readText(env, kind === 'k' ? 'kernel' : 'user', lo, hi, scratch, ARGUMENT_BYTES - used);
        if (string === undefined) return fail(ENOSPC);
        used += string.length + 1;
        text += string;
      } else if (kind === 'x' || kind === 'K') {
        i++;
        if (!take(8)) return fail(ENOSPC);
        text += kind === 'x' ? pointerText(lo, hi, field) : pointerText(...hashedPointer(lo, hi), field);
      } else if (kind === 's' || kind === 'S' || kind === 'B') {
        i++;
        const symbol = symbolText(env, kind, lo, hi);
        if (kind === 'B') used += symbol.length + 1;
        else if (!take(8)) return fail(ENOSPC);
        text += kind === 'B' ? symbol : textField(symbol, field);
      } else if ((kind === 'i' || kind === 'I') && (fmt[i + 2] === 52 || fmt[i + 2] === 54)) {
        i += 2;
        const bytes = fmt[i] === 52 ? 4 : 16;
        if (ARGUMENT_BYTES - used < bytes) return fail(ENOSPC);
        if (env.read('kernel', lo, hi, bytes, scratch) < 0) memory.u8.fill(0, scratch, scratch + bytes);
        const address = Uint8Array.from(memory.u8.subarray(scratch, scratch + bytes));
        const shown = bytes === 4 ? ipv4Text(address, kind === 'i') : ipv6Text(address, kind === 'i');
        used += shown.length + 1;
        text += shown;
      } else {
        return fail(EINVAL);
      }
      // vsnprintf takes letters and digits after %p for part of it, and drops them.
      while (isAlphanumeric(fmt[i + 1]!)) i++;
    } else if (letter === 's') {
      if (!ends(fmt[i + 1]!)) return fail(EINVAL);
      const string = readText(env, 'any', lo, hi, scratch, ARGUMENT_BYTES - used);
      if (string === undefined) return fail(ENOSPC);
      used += string.length + 1;
      text += textField(string, field);
    } else if (letter === 'c') {
      if (used >= ARGUMENT_BYTES) return fail(ENOSPC);
      used++;
      text += textField(String.fromCharCode(lo & 255), field);
    } else {
      let long = 0;
      while (long < 2 && fmt[i] === 108) {
        long++;
        i++;
      }
      const conversion = String.fromCharCode(fmt[i]!);
      if (!'iduxX'.includes(conversion) || fmt[i] === 0) return fail(EINVAL);
      if (!take(long === 0 ? 4 : 8)) return fail(ENOSPC);
      const signed = conversion === 'i' || conversion === 'd';
      const high = long > 0 ? hi : signed ? lo >> 31 : 0;
      const base = conversion === 'x' || conversion === 'X' ? 16 : 10;
      text += numberText(lo, high, { base, signed, upper: conversion === 'X' }, field);
    }
    next++;
  }
  return { length: text.length, text };
}

/** A string of at most `room` bytes with its NUL, '' when it cannot be read, undefined when there is no room at all. */
function readText(
  env: HelperEnv,
  space: 'kernel' | 'user' | 'any',
  lo: number,
  hi: number,
  scratch: number,
  room: number,
): string | undefined {
  if (room <= 0) return undefined;
  const length = env.readString(space, lo, hi, room, scratch);
  if (length <= 0) return '';
  let text = '';
  const { u8 } = env.memory;
  for (let k = 0; k < Math.min(length, room) - 1 && u8[scratch + k] !== 0; k++) {
    text += String.fromCharCode(u8[scratch + k]!);
  }
  return text;
}
