import { expect, test } from 'vitest';
import { workerApp } from '../../apps/worker.ts';
import { Testing } from '../../lib/index.ts';
import { tableOf } from './table.ts';

const rendered = await Testing.render(
  workerApp(Testing.apps(), { image: 'stefanprodan/podinfo:3.1.1' }),
);

test('the plan', () => {
  expect(tableOf(rendered)).toEqual([
    '01-canary-up | 100 / 0 (0 of 5 pods) | ConfigMap podinfo-config-1c8e27f8, Deployment podinfo-canary | – | live; primary ready',
    '02-canary-1 | 83.33 / 16.67 (1 of 6 pods) | Deployment podinfo-canary | – | live; canary and primary ready; guarded by failed-jobs',
    '03-weight-20 | 80 / 20 (1 of 5 pods) | Deployment podinfo-canary, Deployment podinfo-primary with 4 pods | 5 min | live; canary and primary ready; 5 passing points of failed-jobs',
    '04-canary-3 | 57.14 / 42.86 (3 of 7 pods) | Deployment podinfo-canary | – | live; canary and primary ready; guarded by failed-jobs',
    '05-weight-60 | 40 / 60 (3 of 5 pods) | Deployment podinfo-canary, Deployment podinfo-primary with 2 pods | 5 min | live; canary and primary ready; 5 passing points of failed-jobs',
    '06-promote | 40 / 60 (3 of 5 pods) | Deployment podinfo-canary, Deployment podinfo-primary | – | live; primary and canary ready; guarded by failed-jobs',
    '07-primary-4 | 57.14 / 42.86 (3 of 7 pods) | Deployment podinfo-canary, Deployment podinfo-primary | – | live; canary and primary ready',
    '08-canary-1 | 80 / 20 (1 of 5 pods) | Deployment podinfo-canary | – | live; canary and primary ready',
    '09-primary-5 | 83.33 / 16.67 (1 of 6 pods) | Deployment podinfo-canary, Deployment podinfo-primary | – | live; canary and primary ready',
    '10-weight-0 | 100 / 0 (0 of 5 pods) | Deployment podinfo-canary | – | live; primary ready',
  ]);
});

test('no Service and no route', () => {
  const kinds = new Set(Object.values(rendered.plan.files).map((it) => it.kind));
  expect([...kinds].sort()).toEqual(['ConfigMap', 'Deployment']);
});
