import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // One process a file: memories of 4 GiB of address space each must not pile up.
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
