/** What an unverified program may touch: grants by the thousand cost each alike, and give no more than they say. */
import { describe, expect, it } from 'vitest';
import { KERNEL_HI } from '../../core/base/memory.ts';
import { AccessMap } from '../../core/vm/access.ts';
import { VmMemory } from '../../core/vm/memory.ts';

const memory = new VmMemory({ maximumBytes: 8 << 20 });
const area = memory.alloc(1 << 20);

describe('an access map', () => {
  const may = (access: AccessMap, at: number, size: number, write = true) => access.allows(at, KERNEL_HI, size, write);

  it('allows what was granted, wherever in a long list, and nothing beside it', () => {
    const access = new AccessMap(memory, true, [{ offset: area, size: 8, writable: false }]);
    const at = (i: number) => area + 64 + ((i * 7919) % 4096) * 32;
    for (let i = 0; i < 4096; i++) access.grant(at(i), 24);
    for (let i = 0; i < 4096; i += 13) {
      expect([i, may(access, at(i), 8), may(access, at(i) + 16, 8)]).toEqual([i, true, true]);
      expect([i, may(access, at(i) + 17, 8), may(access, at(i) - 1, 1)]).toEqual([i, false, false]);
    }
    expect([may(access, area, 8, false), may(access, area, 8), may(access, area + 8, 1)]).toEqual([true, false, false]);
  });

  it('a grant may grow, and overlap another', () => {
    const access = new AccessMap(memory, true, []);
    access.grant(area, 64);
    access.grant(area + 16, 8);
    access.grant(area, 16);
    expect([may(access, area + 24, 8), may(access, area + 56, 8), may(access, area + 57, 8)]).toEqual([
      true,
      true,
      false,
    ]);
    access.grant(area + 16, 128);
    expect(may(access, area + 136, 8)).toBe(true);
    expect(access.allows(area, 0, 8, false)).toBe(false);
  });
});
