import { expect, test } from 'vitest';
import { replicasApp } from '../../apps/replicas.ts';
import { Testing } from '../../lib/index.ts';
import { objectAt } from '../../lib/manifest/json.ts';
import { objectIn } from '../lib/sample.ts';
import { tableOf } from './table.ts';

const rendered = await Testing.render(
  replicasApp(Testing.apps(), { image: 'stefanprodan/podinfo:3.1.1' }),
);

test('the plan', () => {
  expect(tableOf(rendered)).toEqual([
    '01-canary-up | 100 / 0 (0 of 4 pods) | ConfigMap podinfo-config-1c8e27f8, Deployment podinfo-canary, Service podinfo-canary and 2 more | – | live; primary ready',
    '02-weight-20 | 80 / 20 (1 of 5 pods) | Deployment podinfo-canary | 2 min | live; canary and primary ready; 2 passing points of success-rate',
    '03-primary-3 | 75 / 25 (1 of 4 pods) | Deployment podinfo-canary, Deployment podinfo-primary with 3 pods | – | live; canary and primary ready; guarded by success-rate',
    '04-canary-2 | 60 / 40 (2 of 5 pods) | Deployment podinfo-canary | – | live; canary and primary ready; guarded by success-rate',
    '05-weight-50 | 50 / 50 (2 of 4 pods) | Deployment podinfo-canary, Deployment podinfo-primary with 2 pods | 5 min | live; canary and primary ready; 5 passing points of success-rate',
    '06-promote | 50 / 50 (2 of 4 pods) | Deployment podinfo-canary, Deployment podinfo-primary | – | live; primary and canary ready; guarded by success-rate',
    '07-primary-3 | 60 / 40 (2 of 5 pods) | Deployment podinfo-canary, Deployment podinfo-primary | – | live; canary and primary ready',
    '08-canary-1 | 75 / 25 (1 of 4 pods) | Deployment podinfo-canary | – | live; canary and primary ready',
    '09-primary-4 | 80 / 20 (1 of 5 pods) | Deployment podinfo-canary, Deployment podinfo-primary | – | live; canary and primary ready',
    '10-weight-0 | 100 / 0 (0 of 4 pods) | Deployment podinfo-canary | – | live; primary ready',
  ]);
});

test('one Service over both tracks', () => {
  const service = objectIn(rendered, '01-canary-up', 'service-podinfo.yaml');
  expect(objectAt(service, 'spec').selector).toEqual({ 'perch/release': 'podinfo' });
  const pods = (step: string) =>
    objectAt(objectIn(rendered, step, 'deployment-podinfo-canary.yaml'), 'spec').replicas;
  expect(['02-weight-20', '05-weight-50', '10-weight-0'].map(pods)).toEqual([1, 2, 0]);
});
