/** What the tools' cells have beside numbers and names: times of day; and the -D flags of filters. */

/** The wall clock's HH:MM:SS. */
export function timeOfDay(now = new Date()): string {
  return [now.getHours(), now.getMinutes(), now.getSeconds()].map((n) => String(n).padStart(2, '0')).join(':');
}

/** `-D` flags for the filters that were given. */
export function defines(values: Readonly<Record<string, number | boolean | undefined>>): string[] {
  return Object.entries(values).flatMap(([name, value]) =>
    value === undefined || value === false ? [] : [`-D${name}=${value === true ? 1 : value}`],
  );
}
