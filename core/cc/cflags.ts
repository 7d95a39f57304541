/** Compiler flags as BCC's `cflags=[...]` and clang take them: -D, -U, -I, -include; -W and -O and friends are accepted and mean nothing. */
import type { Report } from './report.ts';

export interface Flags {
  /** Preprocessor lines that stand before the program. */
  readonly prelude: string;
  /** -I folders, in order. */
  readonly includes: readonly string[];
}

export function readFlags(cflags: readonly string[], report: Report): Flags {
  const lines: string[] = [];
  const includes: string[] = [];
  for (let i = 0; i < cflags.length; i++) {
    const flag = cflags[i]!;
    // Both `-Dx` and `-D x`.
    const value = (name: string): string | undefined =>
      flag === name ? cflags[++i] : flag.startsWith(name) ? flag.slice(name.length) : undefined;
    if (flag.startsWith('-D')) {
      const text = value('-D') ?? '';
      const at = text.indexOf('=');
      const name = at < 0 ? text : text.slice(0, at);
      // BCC refuses the licence here: it must stand in the text.
      if (name === 'BPF_LICENSE')
        report.error(undefined, 'BPF_LICENSE cannot be given by a compiler flag: define it in the program');
      else lines.push(`#define ${name} ${at < 0 ? '1' : text.slice(at + 1)}`);
    } else if (flag.startsWith('-U')) lines.push(`#undef ${value('-U') ?? ''}`);
    else if (flag === '-include') lines.push(`#include "${cflags[++i] ?? ''}"`);
    else if (flag.startsWith('-I')) includes.push(value('-I') ?? '.');
    else if (flag === '-isystem' || flag === '-iquote') includes.push(cflags[++i] ?? '.');
    else if (!/^-(?:[WOgfmx]|std=|nostd|v$|w$|pipe|emit|target|isysroot|c$)/.test(flag))
      report.warning(undefined, `unknown compiler flag '${flag}' is ignored`);
  }
  return { prelude: lines.length ? `${lines.join('\n')}\n` : '', includes };
}
