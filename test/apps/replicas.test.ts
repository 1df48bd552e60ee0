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
    '01-canary-up | 100 / 0 | ConfigMap podinfo-config-1c8e27f8, Deployment podinfo-canary, Service podinfo-canary and 2 more | – | live; primary ready',
    '02-weight-20 | 80 / 20 | Deployment podinfo-canary | 2 min | live; canary and primary ready; 2 passing points of success-rate',
    '03-weight-50 | 50 / 50 | Deployment podinfo-canary | 5 min | live; canary and primary ready; 5 passing points of success-rate',
    '04-promote | 50 / 50 | Deployment podinfo-canary, Deployment podinfo-primary | – | live; primary and canary ready; guarded by success-rate',
    '05-weight-0 | 100 / 0 | Deployment podinfo-canary | – | live; primary ready',
  ]);
});

test('one Service over both tracks', () => {
  const service = objectIn(rendered, '01-canary-up', 'service-podinfo.yaml');
  expect(objectAt(service, 'spec').selector).toEqual({ 'perch/release': 'podinfo' });
  const pods = (step: string) =>
    objectAt(objectIn(rendered, step, 'deployment-podinfo-canary.yaml'), 'spec').replicas;
  expect(['02-weight-20', '03-weight-50', '05-weight-0'].map(pods)).toEqual([1, 4, 0]);
});
