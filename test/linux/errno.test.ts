import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { ERRNO, errnoName } from '../../core/base/errno.ts';

describe('errno names', () => {
  it('are unique, and found from either sign', () => {
    expect(new Set(Object.values(ERRNO)).size).toBe(Object.values(ERRNO).length);
    expect([errnoName(2), errnoName(-2), errnoName(-524), errnoName(-9999)]).toEqual([
      'ENOENT',
      'ENOENT',
      'ENOTSUPP',
      'errno 9999',
    ]);
  });

  it.runIf(process.platform === 'linux')("agree with this machine's", () => {
    const ours: Record<string, number> = ERRNO;
    for (const [name, number] of Object.entries(constants.errno)) if (name in ours) expect(ours[name]).toBe(number);
  });
});
