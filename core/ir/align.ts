/** What is known of a pointer: its alignment, and what memory it points into. */
import { type Inst, isLeaf } from './ir.ts';

/** Largest power of two (at most 8) that surely divides the address. */
export function knownAlign(ptr: Inst): number {
  switch (ptr.op) {
    case 'alloca':
      return Math.min(ptr.align, 8);
    case 'globalref':
      return lowestBit(ptr.off);
    case 'ptradd':
      return Math.min(knownAlign(ptr.args[0]!), multipleOf(ptr.args[1]!));
    case 'callhelper':
      // Map values and ring buffer records lie on 8-byte boundaries.
      return ptr.type === 'ptr' && ALIGNED_RESULTS.has(ptr.name) ? 8 : 1;
    default:
      return 1;
  }
}

const ALIGNED_RESULTS = new Set([
  'map_lookup_elem',
  'ringbuf_reserve',
  'map_lookup_percpu_elem',
  'sk_storage_get',
  'task_storage_get',
  'get_local_storage',
]);

function lowestBit(n: number): number {
  return n === 0 ? 8 : Math.min(8, n & -n);
}

/** Largest power of two (at most 8) that surely divides the number. */
function multipleOf(v: Inst, depth = 0): number {
  if (depth > 6) return 1;
  switch (v.op) {
    case 'const':
      return lowestBit(Number(BigInt.asUintN(8, v.value)));
    case 'shl':
      return v.args[1]!.op === 'const' && v.args[1]!.value < 4n
        ? Math.min(8, multipleOf(v.args[0]!, depth + 1) << Number(v.args[1]!.value))
        : v.args[1]!.op === 'const'
          ? 8
          : 1;
    case 'mul':
      return Math.min(8, multipleOf(v.args[0]!, depth + 1) * multipleOf(v.args[1]!, depth + 1));
    case 'and':
      return Math.max(multipleOf(v.args[0]!, depth + 1), multipleOf(v.args[1]!, depth + 1));
    case 'add':
    case 'sub':
      return Math.min(multipleOf(v.args[0]!, depth + 1), multipleOf(v.args[1]!, depth + 1));
    case 'zext':
    case 'sext':
      return multipleOf(v.args[0]!, depth + 1);
    default:
      return 1;
  }
}

/** The object a pointer is derived from by constant and variable additions: an alloca, a leaf, a call, a load, a phi... */
export function baseOf(ptr: Inst): Inst {
  while (ptr.op === 'ptradd') ptr = ptr.args[0]!;
  return ptr;
}

/**
 * An address taken apart: `base` is the object at the root, `anchor` the last pointer that something variable was added to (the base
 * itself when nothing was: `exact`), `off` the constant distance from the anchor.
 */
export function splitAddress(ptr: Inst, off = 0): { base: Inst; anchor: Inst; off: number; exact: boolean } {
  while (ptr.op === 'ptradd' && ptr.args[1]!.op === 'const') {
    off += Number(ptr.args[1]!.value);
    ptr = ptr.args[0]!;
  }
  const base = baseOf(ptr);
  return { base, anchor: ptr, off: ptr.op === 'globalref' ? off + ptr.off : off, exact: base === ptr };
}

/** Surely not the stack: leaves other than the stack's own, and what lookups give. */
export function isForeign(base: Inst): boolean {
  return (
    (isLeaf(base) && base.op !== 'param' && base.op !== 'const' && base.op !== 'undef') ||
    base.space === 'ctx' ||
    (base.op === 'callhelper' && ALIGNED_RESULTS.has(base.name))
  );
}
