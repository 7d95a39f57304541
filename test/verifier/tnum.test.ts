import { describe, expect, it } from 'vitest';
import { next, type Pair, type Tnum } from '../../core/verifier/tnum.ts';
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
});
