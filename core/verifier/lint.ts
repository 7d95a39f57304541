/**
 * Lint rules: what a site wants of its programs beyond safety, as hooks of the verifier. One rule is shipped as an example; a rule of your own is a
 * function that gives `Hooks`, and `verify(input, { ...options, ...rule })` applies it. See docs/verifier-hooks.md.
 */

import { BpfError } from '../base/errors.ts';
import { helperById, helperByName } from '../helpers/index.ts';
import type { Hooks } from './hooks.ts';

/**
 * No helper outside this list (names, with or without `bpf_`, or ids). Refused is a call that some path reaches, at the call; what is never
 * reached is no call. Throws BpfError EINVAL for a name that is no helper.
 */
export function onlyHelpers(allowed: Iterable<string | number>): Hooks {
  const ids = new Set<number>();
  for (const name of allowed) {
    const id = typeof name === 'number' ? name : helperByName(name)?.id;
    if (id === undefined) throw new BpfError('EINVAL', `there is no helper '${name}'`);
    ids.add(id);
  }
  return {
    onInsn: ({ helper }) =>
      helper === undefined || ids.has(helper)
        ? undefined
        : `helper bpf_${helperById(helper)?.name ?? '?'}#${helper} is not on the list of allowed helpers`,
  };
}
