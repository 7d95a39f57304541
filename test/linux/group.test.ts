/** Links of many places: told by a kernel that takes all places or none. */
import { describe, expect, it } from 'vitest';
import { linkMany } from '../../bindings/linux/attach/group.ts';

const EINVAL = -22;
const EOPNOTSUPP = -95;

/** A kernel that refuses these places. Descriptors are high ones that nobody has open. */
function kernel(refuses: readonly number[], errno = EINVAL) {
  const asked: number[][] = [];
  let fd = 1 << 20;
  const open = (places: readonly number[]) => {
    asked.push([...places]);
    return places.some((place) => refuses.includes(place)) ? errno : fd++;
  };
  return { asked, open };
}

describe('one link for many places', () => {
  it('one where the kernel takes all', () => {
    const { asked, open } = kernel([]);
    const { groups, refused } = linkMany(100, open);
    expect(groups).toHaveLength(1);
    expect(groups[0]!.places).toHaveLength(100);
    expect([...refused]).toEqual([]);
    expect(asked).toHaveLength(1);
  });

  it('what is refused is found by halves, the rest is attached', () => {
    const { asked, open } = kernel([3, 60]);
    const { groups, refused } = linkMany(64, open);
    expect([...refused]).toEqual([
      [3, EINVAL],
      [60, EINVAL],
    ]);
    const attached = groups.flatMap((group) => group.places).sort((a, b) => a - b);
    expect(attached).toEqual(Array.from({ length: 64 }, (_, i) => i).filter((i) => i !== 3 && i !== 60));
    expect(asked.length).toBeLessThan(30);
  });

  it('a kernel without such links is asked once', () => {
    const { asked, open } = kernel([0], EOPNOTSUPP);
    const { groups, refused } = linkMany(50, open);
    expect(groups).toEqual([]);
    expect(refused.size).toBe(50);
    expect(asked).toHaveLength(1);
    expect(linkMany(0, open).refused.size).toBe(0);
    expect(asked).toHaveLength(1);
  });

  it('letting go of a place makes the link anew for those that stay; of all, no more', () => {
    const { asked, open } = kernel([]);
    const [group] = linkMany(4, open).groups;
    expect(group!.detach([1])).toBe(0);
    expect(asked.at(-1)).toEqual([0, 2, 3]);
    expect(group!.detach([1])).toBe(0);
    expect(asked).toHaveLength(2);
    expect(group!.detach([0, 2, 3])).toBe(0);
    expect(asked).toHaveLength(2);
    expect(group!.places).toEqual([]);
  });

  it('tells when the rest cannot be attached anew', () => {
    let times = 0;
    const [group] = linkMany(3, () => (times++ === 0 ? 1 << 20 : EINVAL)).groups;
    expect(group!.detach([0])).toBe(EINVAL);
    expect(group!.detach([1, 2])).toBe(0);
  });
});
