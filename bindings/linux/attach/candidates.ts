/**
 * Which functions a probe on a kernel function can go to, best first: the one that was asked for; copies that the compiler made of it for some of its
 * callers (`.isra.0`, `.constprop.0`, `.part.0`); and what other releases call it. Nothing here touches the kernel: the caller tries.
 */
import { ERRNO } from '../../../core/base/errno.ts';

/**
 * THE TABLE OF RENAMES: functions that a later release calls otherwise, and since when, the arguments that programs look at being at the same
 * places. Where a name changed twice there are two rows, and each leads on. A release may have the older name still, inlined where it matters.
 * From the kernel's history (git log -S on the names).
 */
export const RENAMES: readonly (readonly [was: string, is: string, since: string])[] = [
  // block/blk-mq.c, block/blk-core.c
  ['blk_account_io_start', '__blk_account_io_start', '5.16'],
  ['blk_account_io_done', '__blk_account_io_done', '5.16'],
  ['blk_start_request', 'blk_mq_start_request', '5.0'],
  ['generic_make_request', 'submit_bio_noacct', '5.9'],
  // mm/filemap.c, mm/swap.c, mm/page-writeback.c, mm/readahead.c, mm/vmscan.c: pages became folios, whose first page is the page
  ['add_to_page_cache_lru', 'filemap_add_folio', '5.16'],
  ['mark_page_accessed', 'folio_mark_accessed', '5.16'],
  ['account_page_dirtied', 'folio_account_dirtied', '5.16'],
  ['__page_cache_alloc', 'filemap_alloc_folio', '5.16'],
  ['__do_page_cache_readahead', 'do_page_cache_ra', '5.10'],
  ['shrink_page_list', 'shrink_folio_list', '6.0'],
  // Allocation profiling made the old names macros.
  ['filemap_alloc_folio', 'filemap_alloc_folio_noprof', '6.10'],
  ['__alloc_pages_nodemask', '__alloc_pages', '5.13'],
  ['__alloc_pages', '__alloc_pages_noprof', '6.10'],
  ['kmem_cache_alloc', 'kmem_cache_alloc_noprof', '6.10'],
  ['kmem_cache_alloc_node', 'kmem_cache_alloc_node_noprof', '6.10'],
  ['__kmalloc', '__kmalloc_noprof', '6.10'],
  ['vmalloc', 'vmalloc_noprof', '6.10'],
  // fs/read_write.c
  ['__vfs_read', 'vfs_read', '5.8'],
  ['__vfs_write', 'vfs_write', '5.8'],
  // kernel/fork.c, kernel/sched/core.c, fs/open.c, net/core/skbuff.c
  ['_do_fork', 'kernel_clone', '5.10'],
  ['scheduler_tick', 'sched_tick', '6.10'],
  ['ttwu_do_wakeup', 'ttwu_do_activate', '6.3'],
  ['do_sys_open', 'do_sys_openat2', '5.6'],
  ['kfree_skb', 'kfree_skb_reason', '5.17'],
];

/** What compilers append to a name. */
const COPIES = /^\.(isra|constprop|part)\.\d+(\.|$)/;

/** What a kernel has. */
export interface KernelNames {
  ksymAddress(name: string): bigint | undefined;
  kernelFunctions(): Iterable<string>;
}

export interface Candidate {
  readonly name: string;
  /** Why it stands for what was asked, for people; absent for the function itself. */
  readonly why?: string;
}

/** The function, then what else this kernel has for it; the kernel's list of functions is only read when the first did not do. */
export function* candidates(name: string, kernel: KernelNames): Generator<Candidate> {
  yield { name };
  if (kernel.ksymAddress(name) === undefined)
    for (const symbol of kernel.kernelFunctions())
      if (symbol.startsWith(name) && COPIES.test(symbol.slice(name.length)))
        yield { name: symbol, why: 'a copy that the compiler made' };
  for (const candidate of otherNames(name)) if (kernel.ksymAddress(candidate.name) !== undefined) yield candidate;
}

/** Newer names, the newest first, then older ones: for scripts written for a later kernel. */
function otherNames(name: string): Candidate[] {
  const newer: Candidate[] = [];
  for (let at = RENAMES.find(([was]) => was === name); at; at = RENAMES.find(([was]) => was === at![1]))
    newer.unshift({ name: at[1], why: `so called since Linux ${at[2]}` });
  const older: Candidate[] = [];
  for (let at = RENAMES.find(([, is]) => is === name); at; at = RENAMES.find(([, is]) => is === at![0]))
    older.push({ name: at[0], why: `so called before Linux ${at[2]}` });
  return [...newer, ...older];
}

/**
 * Tries one after the other: the first that goes, or the errno of the first that did not. No rights are no better under another name: EPERM and
 * EACCES end it, and so does `end`.
 */
export function firstThatGoes<T extends object>(
  tries: Iterable<Candidate>,
  attempt: (name: string) => T | number,
  end?: number,
): { readonly candidate: Candidate; readonly done: T } | number {
  let refused: number | undefined;
  for (const candidate of tries) {
    const done = attempt(candidate.name);
    if (typeof done !== 'number') return { candidate, done };
    refused ??= done;
    if (done === end || done === -ERRNO.EPERM || done === -ERRNO.EACCES) return done === end ? done : refused;
  }
  return refused ?? -ERRNO.ENOENT;
}
