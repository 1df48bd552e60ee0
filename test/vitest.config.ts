import { defineConfig } from 'vitest/config';

// The quick suite needs Node and git alone; test:e2e asks for the real servers.
export default defineConfig({
  test: {
    // Much of the time is spent in git and other processes: every core has a worker.
    maxWorkers: '100%',
    root: new URL('..', import.meta.url).pathname,
    include: process.env['PERCH_E2E'] ? ['test/e2e/**/*.test.ts'] : ['test/**/*.test.ts'],
    exclude: process.env['PERCH_E2E'] ? [] : ['test/e2e/**'],
    testTimeout: process.env['PERCH_E2E'] ? 120_000 : 30_000,
    hookTimeout: process.env['PERCH_E2E'] ? 120_000 : 30_000,
  },
});
