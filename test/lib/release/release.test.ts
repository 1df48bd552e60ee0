import { expect, test } from 'vitest';
import { mistakeText } from '../../../lib/mistake.ts';
import { sample } from '../sample.ts';

test('a name of its own leaves the id to the folder', () => {
  const release = sample({ name: 'store' }, 'shop-staging');
  expect([release.id, release.path]).toEqual(['shop-staging', 'shop-staging']);
  expect(release.names).toEqual({
    apex: 'store',
    primary: 'store-primary',
    canary: 'store-canary',
    baseline: 'store-baseline',
    namespace: 'prod',
    workloads: { primary: 'store-primary', canary: 'store-canary', baseline: 'store-baseline' },
  });
});

test('what is wrong is known before the workload is made, and nothing is thrown', () => {
  let called = false;
  const workload = () => {
    called = true;
  };
  const release = sample({ workload, namespace: 'A', service: { port: 99_999 } }, '');
  expect(release.mistakes.map(mistakeText)).toEqual([
    expect.stringContaining('id must be a DNS label, got ""'),
    expect.stringContaining('namespace must be a DNS label, got "A"'),
  ]);
  expect(called).toBe(false);
});
