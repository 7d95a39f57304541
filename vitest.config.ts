import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

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
    globalSetup: ['test/project/build.setup.ts'],
    // One process a file: memories of 4 GiB of address space each must not pile up.
    pool: 'forks',
    // All cores: much of the time goes by in commands that the tests start.
    maxWorkers: '100%',
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
