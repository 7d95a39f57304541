/**
 * Arguments as BCC names them. Methods take one object; its keys are BCC's argument names in camelCase (`fnName`), and the
 * snake_case spelling (`fn_name`) is taken as well, so that a line ported from Python or Lua keeps its words.
 */

type SnakeCase<S extends string> = S extends `${infer Head}${infer Tail}`
  ? Head extends Uppercase<Head>
    ? Head extends Lowercase<Head>
      ? `${Head}${SnakeCase<Tail>}`
      : `_${Lowercase<Head>}${SnakeCase<Tail>}`
    : `${Head}${SnakeCase<Tail>}`
  : S;

/** The same options under both spellings. */
export type Named<T> = T & { readonly [K in keyof T as K extends string ? SnakeCase<K> : K]?: T[K] };

/** snake_case to camelCase: the one mechanical rule by which TypeScript's names come from BCC's. */
export function camelCase(name: string): string {
  return name.replace(/(?<=[a-z0-9A-Z])_+([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** Options with every key in camelCase. Throws TypeError for a key that the method does not take, naming those it does. */
export function named<T extends object>(method: string, options: Named<T>, known: readonly (keyof T & string)[]): T {
  const out: Record<string, unknown> = {};
  // Python's positions: nothing of them may get lost in silence.
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new TypeError(
      `${method}: takes an object of options (${known.join(', ')}), not ${JSON.stringify(options) ?? typeof options}`,
    );
  for (const [key, value] of Object.entries(options)) {
    const camel = camelCase(key);
    if (!(known as readonly string[]).includes(camel)) {
      throw new TypeError(`${method}: unknown option '${key}'; it takes ${known.join(', ')}`);
    }
    if (value !== undefined) out[camel] = value;
  }
  return out as T;
}
