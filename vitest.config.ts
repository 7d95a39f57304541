import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

/**
 * Whole matrices (every engine, version and operator, long random runs): .ci/run sets SKEP_SLOW=1 and runs them all; `npm test` leaves them out, so
 * that it ends within two minutes. The same rooms have quick tests of their own.
 */
const SLOW = [
  'test/cc/against-gcc.test.ts',
  'test/cc/random-c.test.ts',
  'test/codegen/differential.test.ts',
  'test/fuzz/fuzz.test.ts',
  'test/live/bad-input.test.ts',
  'test/live/command.test.ts',
  'test/maps/kernel.test.ts',
  'test/vm/deleted-operator.test.ts',
];

export default defineConfig({
  plugins: [
    {
      // The tools import their C and Lua as text, as the bundler gives it to them.
      name: 'text',
      enforce: 'pre',
      load(id) {
        if (/\.(c|lua)$/.test(id)) return `export default ${JSON.stringify(readFileSync(id, 'utf8'))};`;
        return undefined;
      },
    },
  ],
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['**/node_modules/**', ...(process.env['SKEP_SLOW'] ? [] : SLOW)],
    globalSetup: ['test/project/build.setup.ts'],
    // One process a file: memories of 4 GiB of address space each must not pile up.
    pool: 'forks',
    // All cores: much of the time goes by in commands that the tests start.
    maxWorkers: '100%',
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
