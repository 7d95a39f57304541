/** Tools in Lua print what the TypeScript ones print, to the character. */
import { describe, expect, it } from 'vitest';
import { RECORDING, root, skep } from './skep.ts';

describe('tools in two languages', () => {
  it.each([
    ['opensnoop', [], ['--workload', 'shell']],
    ['opensnoop', ['-x'], ['--workload', 'shell']],
    ['biolatency', [], ['--workload', 'disks']],
    ['tcpv4connect', [], ['--replay', RECORDING]],
    ['hello', [], ['--workload', 'hello']],
  ] as const)('%s %o', (name, args, source) => {
    const lua = skep(['run', ...source, `${root}/tools/${name}/${name}.lua`, ...args]);
    const typescript = skep([name, ...args, ...source]);
    expect(lua.stderr).toBe('');
    expect(lua.stdout.split('\n').length).toBeGreaterThan(3);
    expect(lua.stdout).toBe(typescript.stdout);
    expect(lua.status).toBe(0);
  });
});
