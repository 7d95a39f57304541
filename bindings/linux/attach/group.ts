/**
 * One program at many places by links that each hold many (kprobe_multi, uprobe_multi). The kernel takes all places of such a link or none, so what is refused is
 * halved until the places that cannot be are known; and a link cannot let go of one place, so it is made anew for those that stay.
 */
import { ERRNO } from '../../../core/base/errno.ts';
import { sys } from '../bpf.ts';

/** Makes a link for some of the places, by their numbers; a descriptor or -errno. */
export type OpenLink = (places: readonly number[]) => number;

/** Errors that halving does not mend. */
const FOR_ALL: ReadonlySet<number> = new Set([
  -ERRNO.EPERM,
  -ERRNO.EACCES,
  -ERRNO.EOPNOTSUPP,
  -ERRNO.ESRCH,
  -ERRNO.ENOMEM,
  -ERRNO.EMFILE,
]);

export class LinkGroup {
  readonly #open: OpenLink;
  #places: Set<number>;
  #fd: number;

  constructor(open: OpenLink, places: readonly number[], fd: number) {
    this.#open = open;
    this.#places = new Set(places);
    this.#fd = fd;
  }

  get places(): readonly number[] {
    return [...this.#places];
  }

  /**
   * Lets go of places; the others are not watched while their link is made anew. Those that are gone already are passed over. Answers 0 or the -errno of
   * making it, after which nothing is attached.
   */
  detach(places: Iterable<number>): number {
    const before = this.#places.size;
    for (const place of places) this.#places.delete(place);
    if (this.#places.size === before) return 0;
    if (this.#fd >= 0) sys().close(this.#fd);
    this.#fd = -1;
    if (this.#places.size === 0) return 0;
    this.#fd = this.#open(this.places);
    return Math.min(this.#fd, 0);
  }
}

export interface Grouped {
  readonly groups: readonly LinkGroup[];
  /** Places that no link took: number and -errno. */
  readonly refused: ReadonlyMap<number, number>;
}

/** Links for `count` places, as few as go. */
export function linkMany(count: number, open: OpenLink): Grouped {
  const groups: LinkGroup[] = [];
  const refused = new Map<number, number>();
  const attempt = (places: readonly number[]): void => {
    const fd = open(places);
    if (fd >= 0) groups.push(new LinkGroup(open, places, fd));
    else if (places.length === 1 || FOR_ALL.has(fd)) for (const place of places) refused.set(place, fd);
    else {
      const middle = places.length >> 1;
      attempt(places.slice(0, middle));
      attempt(places.slice(middle));
    }
  };
  if (count > 0) attempt(Array.from({ length: count }, (_, i) => i));
  return { groups, refused };
}
