/** Places that a program is to be attached to, with what is passed on for each of them. */
import type { Backend, Link, Probe, ProgHandle } from '../backend/backend.ts';
import { BpfError } from '../base/errors.ts';

/** What an attach method may pass on beside its target. */
export type ProbeOptions = Readonly<Record<string, unknown>>;

/** A target as it was asked for, what is passed on with it, and what tells it from others where that is not the target. */
export interface WantedPlace {
  readonly wanted: string;
  readonly options: ProbeOptions;
  readonly key?: string | undefined;
}

/** Targets with their cookies. Throws BpfError EINVAL where these are not as many. */
export function places(
  targets: readonly string[],
  cookies: readonly (number | bigint)[] | undefined,
  options: ProbeOptions = {},
): WantedPlace[] {
  if (cookies && cookies.length !== targets.length)
    throw new BpfError('EINVAL', `${cookies.length} cookies for ${targets.length} places`);
  return targets.map((wanted, i) => ({ wanted, options: cookies ? { ...options, cookie: cookies[i]! } : options }));
}

/** The cookie of a single place. */
export function first(cookies: readonly (number | bigint)[] | undefined): ProbeOptions {
  return cookies?.[0] === undefined ? {} : { cookie: cookies[0] };
}

/** Links in the order of the probes, or why there is none. */
export function attachEach(backend: Backend, prog: ProgHandle, probes: readonly Probe[]): readonly (Link | Error)[] {
  if (probes.length > 1 && backend.attachMany) return backend.attachMany(prog, probes);
  return probes.map((probe) => {
    try {
      return backend.attach(prog, probe);
    } catch (error) {
      if (!(error instanceof BpfError)) throw error;
      return error;
    }
  });
}

/** Different processes' probes on one function are different probes. */
export function withPid(target: string, pid: number): string {
  return pid === -1 ? target : `${target} of process ${pid}`;
}

/** Without what BCC writes as -1 or 0 for "nothing asked". */
export function positive(options: Readonly<Record<string, number | undefined>>): ProbeOptions {
  const zeroes = ['cpu', 'groupFd', 'pid'];
  return Object.fromEntries(
    Object.entries(options).filter(
      ([name, value]) => value !== undefined && (zeroes.includes(name) ? value >= 0 : value > 0),
    ),
  );
}
