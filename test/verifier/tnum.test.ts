import { describe, expect, it } from 'vitest';
import { mul, next, type Pair, type Tnum } from '../../core/verifier/tnum.ts';
import { Random } from './mutate.ts';

const MASK = 0xffffffffffffffffn;
const halves = (n: bigint): [number, number] => [Number(BigInt.asIntN(32, n)), Number(BigInt.asIntN(32, n >> 32n))];

/** All numbers that have these known bits, in order. */
function members(value: bigint, mask: bigint): bigint[] {
  const all = [value];
  for (let sub = mask; sub !== 0n; sub = (sub - 1n) & mask) all.push(value | sub);
  return all.sort((a, b) => (a < b ? -1 : 1));
}

describe('numbers with known bits', () => {
  it('the next one above a number is the next of all listed', () => {
    const random = new Random(20);
    for (let round = 0; round < 3000; round++) {
      let mask = 0n;
      for (let i = 1 + random.below(5); i > 0; i--)
        mask |= 1n << BigInt([random.below(64), 63, 32, 31, 0][random.below(5)]!);
      const some = (): bigint => (BigInt(random.below(0x10000)) << BigInt(random.below(49))) ^ BigInt(random.below(64));
      const value = some() & ~mask & MASK;
      const all = members(value, mask);
      // Beside a member, or anywhere.
      const z = (random.below(2) === 0 ? all[random.below(all.length)]! + BigInt(random.below(3) - 1) : some()) & MASK;
      const [vLo, vHi] = halves(value);
      const [mLo, mHi] = halves(mask);
      const t: Tnum = { vLo, vHi, mLo, mHi };
      const found: Pair = { lo: 0, hi: 0 };
      next(found, t, ...halves(z));
      const expected = z < value ? value : (all.find((n) => n > z) ?? all.at(-1)!);
      expect([found.lo, found.hi], `(${value}; ${mask}) above ${z}`).toEqual(halves(expected));
    }
  });

  it('multiply as Linux multiplies them', () => {
    type Wide = readonly [value: bigint, mask: bigint];
    const add = ([av, am]: Wide, [bv, bm]: Wide): Wide => {
      const sv = (av + bv) & MASK;
      const mu = ((((am + bm + sv) & MASK) ^ sv) | am | bm) & MASK;
      return [sv & ~mu, mu];
    };
    const union = ([av, am]: Wide, [bv, bm]: Wide): Wide => {
      const mu = (av ^ bv) | am | bm;
      return [av & bv & ~mu, mu];
    };
    // kernel/bpf/tnum.c: tnum_mul
    const slow = ([av, am]: Wide, b: Wide): Wide => {
      let product: Wide = [0n, 0n];
      for (let i = 0n; i < 64n; i++) {
        const partial: Wide = [(b[0] << i) & MASK, (b[1] << i) & MASK];
        if ((av >> i) & 1n) product = add(product, partial);
        else if ((am >> i) & 1n) product = union(product, add(product, partial));
      }
      return product;
    };
    const random = new Random(21);
    const some = (): bigint => {
      const n = (BigInt(random.below(0x40000000)) << 34n) ^ BigInt(random.below(0x40000000));
      return (random.below(3) === 0 ? n : n >> BigInt(random.below(64))) & MASK;
    };
    for (let round = 0; round < 2000; round++) {
      const operand = (): Wide => {
        const mask = random.below(4) === 0 ? 0n : random.below(6) === 0 ? MASK : some();
        return [some() & ~mask, mask];
      };
      const [a, b] = [operand(), operand()];
      const tnum = ([value, mask]: Wide): Tnum => {
        const [vLo, vHi] = halves(value);
        const [mLo, mHi] = halves(mask);
        return { vLo, vHi, mLo, mHi };
      };
      const out = tnum([0n, 0n]);
      mul(out, tnum(a), tnum(b));
      expect(out, `${a} * ${b}`).toEqual(tnum(slow(a, b)));
    }
  });
});
