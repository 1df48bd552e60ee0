import { expect, test } from 'vitest';
import { rampedApp } from '../../apps/ramped.ts';
import { Testing } from '../../lib/index.ts';
import { objectIn } from '../lib/sample.ts';
import { tableOf } from './table.ts';

const rendered = await Testing.render(
  rampedApp(Testing.apps(), { image: 'stefanprodan/podinfo:3.1.1' }),
);

test('the plan', () => {
  expect(tableOf(rendered)).toEqual([
    '01-ramped | 100 / 0 | ConfigMap podinfo-config-1c8e27f8, Deployment podinfo-primary, Service podinfo-primary, Service podinfo | 2 min | live; primary ready; 2 passing points of success-rate',
  ]);
});

test('the primary is replaced pod by pod', () => {
  const { spec } = objectIn(rendered, '01-ramped', 'deployment-podinfo-primary.yaml');
  expect(spec).toMatchObject({
    replicas: 4,
    minReadySeconds: 10,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
  });
});
