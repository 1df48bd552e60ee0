import { defineConfig } from 'vitest/config';
import { EXCLUDED, IN_CORE } from './e2e/core.ts';

// The quick suite needs Node and git alone; test:e2e, and test:e2e:all, ask for the real servers.
const e2e = process.env.PERCH_E2E !== undefined;
const core = process.env.PERCH_E2E === 'core';

// They need npm's registry, which the network of the end-to-end suite does not reach.
const PACKAGE = ['newcomer', 'node-versions', 'processes/readme'].map(
  (it) => `test/e2e/${it}.test.ts`,
);
const ofPackage = process.env.PERCH_E2E === 'package';

export default defineConfig({
  test: {
    // Much of the time is spent in git and other processes: every core has a worker.
    maxWorkers: '100%',
    // Renders and readings make much that is soon forgotten: with room for it, a seventh of the time is saved.
    execArgv: ['--max-semi-space-size=32'],
    // Stacks of servers want the machine, and the addresses of pods, for themselves.
    fileParallelism: !e2e,
    root: new URL('..', import.meta.url).pathname,
    // Modules are loaded once for each worker: a sixth of the time.
    isolate: e2e,
    globalSetup: [
      ...(e2e ? [] : ['test/memory.ts']),
      'test/bundle.ts',
      ...(core ? ['test/e2e/core.ts'] : []),
    ],
    setupFiles: ['test/setup.ts'],
    include: ofPackage ? PACKAGE : e2e ? ['test/e2e/**/*.test.ts'] : ['test/**/*.test.ts'],
    exclude: ofPackage ? [] : e2e ? [...PACKAGE, ...(core ? EXCLUDED : [])] : ['test/e2e/**'],
    ...(core ? { testNamePattern: IN_CORE } : {}),
    testTimeout: e2e ? 120_000 : 30_000,
    hookTimeout: e2e ? 120_000 : 30_000,
  },
});
