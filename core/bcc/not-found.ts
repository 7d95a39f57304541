/** "There is no such thing", with the nearest names, or with all of them. */
import { BpfError, nearestNames } from '../base/errors.ts';

/** More names than this help nobody. */
const LISTED = 30;

export function notFound(what: string, name: string, names: Iterable<string>, have: string): BpfError {
  const all = [...names];
  const near = nearestNames(name, all);
  const hint =
    near.length > 0
      ? `; did you mean ${near.map((n) => `'${n}'`).join(' or ')}?`
      : all.length > 0 && all.length <= LISTED
        ? `; ${have} ${all.map((n) => `'${n}'`).join(', ')}`
        : '';
  return new BpfError('ENOENT', `there is no ${what} '${name}'${hint}`);
}
