/**
 * `utils`, the second argument of bcc-lua's scripts: utils.USDT (probes of programs), utils.posix (clock, sleep, CPUs), utils.argparse.
 */

import { getPossibleCpus } from '../../core/bcc/script-aids.ts';
import { currentSession, sleep } from '../../core/bcc/session.ts';
import { USDT } from '../../core/bcc/usdt/usdt.ts';
import { namedArguments, pushValue, toValue } from './convert.ts';
import { type LuaFunction, type LuaState, lua, luaError, toLua } from './fengari.ts';
import { ARGPARSE } from './modules.ts';
import { pushObject, self, setFunctions } from './objects.ts';
import { pushOwn } from './stdlib.ts';

/** Pushes the table. */
export function pushUtils(L: LuaState): void {
  lua.lua_createtable(L, 0, 3);
  lua.lua_createtable(L, 0, 2);
  setFunctions(L, { new: newUsdt });
  lua.lua_setfield(L, -2, toLua('USDT'));
  lua.lua_createtable(L, 0, 4);
  setFunctions(L, POSIX);
  lua.lua_setfield(L, -2, toLua('posix'));
  pushOwn(L, ARGPARSE, '=argparse');
  lua.lua_call(L, 0, 1);
  lua.lua_setfield(L, -2, toLua('argparse'));
}

/** USDT:new{pid=...} or USDT:new{path=...}. */
function newUsdt(L: LuaState): number {
  pushObject(L, new USDT(namedArguments(L, 'USDT:new', ['pid', 'path'], 2)), USDT_METHODS);
  return 1;
}

const USDT_METHODS: Record<string, LuaFunction> = {
  enable_probe(L) {
    const given = namedArguments(L, 'enable_probe', ['probe', 'fn_name'], 2);
    self<USDT>(L, 'enable_probe').enableProbe(given);
    return 0;
  },
  get_text(L) {
    pushValue(L, self<USDT>(L, 'get_text').getText());
    return 1;
  },
  get_probe_arg_ctype(L) {
    const { probe, index } = namedArguments(L, 'get_probe_arg_ctype', ['probe', 'index'], 2);
    pushValue(L, self<USDT>(L, 'get_probe_arg_ctype').getProbeArgCtype(String(probe), Number(index)));
    return 1;
  },
  enumerate_probes(L) {
    const probes = self<USDT>(L, 'enumerate_probes').enumerateProbes();
    pushValue(
      L,
      probes.map((p) => ({
        provider: p.provider,
        name: p.name,
        bin_path: p.binPath,
        num_locations: p.numLocations,
        num_arguments: p.numArguments,
      })),
    );
    return 1;
  },
};

const POSIX: Record<string, LuaFunction> = {
  time_ns(L) {
    const { nowMs } = currentSession().backend();
    pushValue(L, BigInt(Math.round((nowMs?.call(currentSession().backend()) ?? Date.now()) * 1e3)) * 1000n);
    return 1;
  },
  sleep(L) {
    const seconds = toValue(L, 1);
    if (typeof seconds !== 'number') luaError(L, 'sleep: a number of seconds is needed');
    sleep((seconds as number) * 1000);
    return 0;
  },
  cpu_count(L) {
    pushValue(L, getPossibleCpus().length);
    return 1;
  },
};
