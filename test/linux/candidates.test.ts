/** Which functions stand for one that a kernel does not have: the order, told by a table of kernels and what each of them permits. */
import { describe, expect, it } from 'vitest';
import { candidates, firstThatGoes, type KernelNames, RENAMES } from '../../bindings/linux/attach/candidates.ts';

/** A kernel with these functions. */
function kernel(functions: readonly string[]): KernelNames & { asked: () => number } {
  let asked = 0;
  return {
    ksymAddress: (name) => (functions.includes(name) ? 1n : undefined),
    *kernelFunctions() {
      asked++;
      yield* functions;
    },
    asked: () => asked,
  };
}

const ENOENT = -2;
const EPERM = -1;
const EINVAL = -22;

/** Functions of a kernel; what it says of those that are there (0: goes); what is asked for; what it becomes, and what was tried. */
const PERMITS: readonly {
  readonly name: string;
  readonly has: Readonly<Record<string, number>>;
  readonly wanted: string;
  readonly becomes: string | number;
  readonly tried: readonly string[];
}[] = [
  { name: 'there and traceable', has: { vfs_read: 0 }, wanted: 'vfs_read', becomes: 'vfs_read', tried: ['vfs_read'] },
  {
    name: 'a copy of the compiler in its place',
    has: { 'finish_task_switch.isra.0': 0, finish_task_switch_other: 0 },
    wanted: 'finish_task_switch',
    becomes: 'finish_task_switch.isra.0',
    tried: ['finish_task_switch', 'finish_task_switch.isra.0'],
  },
  {
    name: 'inlined, and a newer name outside of the inlined part (6.1)',
    has: { blk_account_io_done: EINVAL, __blk_account_io_done: 0 },
    wanted: 'blk_account_io_done',
    becomes: '__blk_account_io_done',
    tried: ['blk_account_io_done', '__blk_account_io_done'],
  },
  {
    name: 'renamed twice: the newest first',
    has: { __alloc_pages: 0, __alloc_pages_noprof: 0 },
    wanted: '__alloc_pages_nodemask',
    becomes: '__alloc_pages_noprof',
    tried: ['__alloc_pages_nodemask', '__alloc_pages_noprof'],
  },
  {
    name: 'a script of later days on an older kernel',
    has: { _do_fork: 0 },
    wanted: 'kernel_clone',
    becomes: '_do_fork',
    tried: ['kernel_clone', '_do_fork'],
  },
  {
    name: 'no rights: not tried under other names',
    has: { do_sys_open: EPERM, do_sys_openat2: 0 },
    wanted: 'do_sys_open',
    becomes: EPERM,
    tried: ['do_sys_open'],
  },
  {
    name: 'none goes: what was said of the one asked for',
    has: { kfree_skb: EINVAL, kfree_skb_reason: ENOENT },
    wanted: 'kfree_skb',
    becomes: EINVAL,
    tried: ['kfree_skb', 'kfree_skb_reason'],
  },
  { name: 'unknown everywhere', has: {}, wanted: 'no_such_function', becomes: ENOENT, tried: ['no_such_function'] },
];

describe('functions that stand for another', () => {
  it.each(PERMITS)('$name', ({ has, wanted, becomes, tried }) => {
    const asked: string[] = [];
    const found = firstThatGoes(candidates(wanted, kernel(Object.keys(has))), (name) => {
      asked.push(name);
      const says = has[name] ?? ENOENT;
      return says === 0 ? { name } : says;
    });
    expect(typeof found === 'number' ? found : found.candidate.name).toBe(becomes);
    expect(asked).toEqual(tried);
    // What was asked for needs no reason, anything else has one.
    if (typeof found !== 'number') expect(found.candidate.why === undefined).toBe(becomes === wanted);
  });

  it('says since when a name is another', () => {
    const [, other] = [...candidates('_do_fork', kernel(['kernel_clone']))];
    expect(other).toEqual({ name: 'kernel_clone', why: 'so called since Linux 5.10' });
  });

  it('does not read the list of functions for one that is there', () => {
    const there = kernel(['vfs_read']);
    expect([...candidates('vfs_read', there)]).toEqual([{ name: 'vfs_read' }]);
    expect(there.asked()).toBe(0);
  });

  it('no way at all ends it', () => {
    const NO_KPROBES = 1;
    const tried: string[] = [];
    const attempt = (name: string) => {
      tried.push(name);
      return NO_KPROBES;
    };
    expect(firstThatGoes(candidates('kfree_skb', kernel(['kfree_skb_reason'])), attempt, NO_KPROBES)).toBe(NO_KPROBES);
    expect(tried).toEqual(['kfree_skb']);
  });

  it('the table leads nowhere twice and in no circle', () => {
    expect(new Set(RENAMES.map(([was]) => was)).size).toBe(RENAMES.length);
    for (const [was, is, since] of RENAMES) {
      expect(is).not.toBe(was);
      expect(since).toMatch(/^\d\.\d+$/);
      const seen = new Set([was]);
      for (let at = RENAMES.find(([from]) => from === was); at; at = RENAMES.find(([from]) => from === at![1])) {
        expect(seen.has(at[1])).toBe(false);
        seen.add(at[1]);
      }
    }
  });
});
