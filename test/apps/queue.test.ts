import { expect, test } from 'vitest';
import { queueApp } from '../../apps/queue.ts';
import { Testing } from '../../lib/index.ts';
import { listAt, objectAt } from '../../lib/manifest/json.ts';
import { objectIn } from '../lib/sample.ts';
import { tableOf } from './table.ts';

const rendered = await Testing.render(
  queueApp(Testing.apps(), { image: 'stefanprodan/podinfo:3.1.1' }),
);

test('the plan', () => {
  expect(tableOf(rendered)).toEqual([
    '01-canary-up | 100 / 0 | ConfigMap podinfo-config-1c8e27f8, Deployment podinfo-canary, DestinationRule podinfo-canary and 6 more | – | live; canary and primary ready',
    '02-weight-20 | 80 / 20 | VirtualService podinfo | 2 min | live; canary and primary ready; 2 passing points of success-rate',
    '03-weight-50 | 50 / 50 | VirtualService podinfo | 2 min | live; canary and primary ready; 2 passing points of success-rate',
    '04-promote | 50 / 50 | Deployment podinfo-primary, ScaledObject podinfo-primary, VirtualService podinfo | – | live; primary and canary ready; guarded by success-rate',
    '05-weight-0 | 100 / 0 | VirtualService podinfo | – | live; primary ready',
  ]);
  expect(rendered.plan.workloads).toMatchObject({
    primary: { minReplicas: 2 },
    canary: { minReplicas: 1 },
  });
});

test('each track is scaled by its own requests, and both by the queue', () => {
  const spec = (step: string, track: string) =>
    objectAt(objectIn(rendered, step, `scaledobject-podinfo-${track}.yaml`), 'spec');
  const [canary, primary] = [spec('01-canary-up', 'canary'), spec('04-promote', 'primary')];
  expect([canary.minReplicaCount, canary.maxReplicaCount]).toEqual([1, 3]);
  expect([primary.minReplicaCount, primary.maxReplicaCount]).toEqual([2, 10]);
  const [own, shared] = listAt(canary, 'triggers');
  expect(objectAt(own, 'metadata').query).toContain('destination_workload="podinfo-canary"');
  expect(shared).toEqual(listAt(primary, 'triggers')[1]);
});
