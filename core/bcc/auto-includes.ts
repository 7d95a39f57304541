/** Headers by the kernel types that a program's words name: what BCC's trace and argdist put before an expression of the user. */

const HEADERS = [
  ['linux/time.h', ['time']],
  ['linux/fs.h', ['fs', 'file']],
  ['linux/blkdev.h', ['bio', 'request']],
  ['linux/slab.h', ['alloc']],
  ['linux/netdevice.h', ['sk_buff', 'net_device']],
] as const;

/** #include lines, each header once; a word counts when it holds the name anywhere. */
export function autoIncludes(words: Iterable<string>): string {
  const all = [...words];
  return HEADERS.filter(([, names]) => names.some((name) => all.some((word) => word.includes(name))))
    .map(([header]) => `#include <${header}>\n`)
    .join('');
}
