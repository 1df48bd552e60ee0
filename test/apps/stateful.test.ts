import { expect, test } from 'vitest';
import { statefulApp } from '../../apps/stateful.ts';
import { Testing } from '../../lib/index.ts';
import { objectAt } from '../../lib/manifest/json.ts';
import { objectIn } from '../lib/sample.ts';
import { tableOf } from './table.ts';

const rendered = await Testing.render(
  statefulApp(Testing.apps(), { image: 'stefanprodan/podinfo:3.1.1' }),
);

test('the plan', () => {
  expect(tableOf(rendered)).toEqual([
    '01-update-25 | 100 / 0 | Service store-pods, Service store-primary, Service store, StatefulSet store-primary | 2 min | live; primary ready; 2 passing points of errors',
    '02-update-50 | 100 / 0 | Service store, StatefulSet store-primary | 2 min | live; primary ready; 2 passing points of errors',
    '03-update-100 | 100 / 0 | Service store, StatefulSet store-primary | – | live; primary ready; guarded by errors',
  ]);
});

test('one pod gets the candidate, then two, then all', () => {
  const partitions = rendered.plan.steps.map(({ name }) => {
    const set = objectIn(rendered, name, 'statefulset-store-primary.yaml');
    return objectAt(set, 'spec', 'updateStrategy', 'rollingUpdate').partition;
  });
  expect(partitions).toEqual([0, 3, 2, 0, 0]);
});

test('its volumes are those of the one set, and its pods are found by name', () => {
  const { spec } = objectIn(rendered, '00-init', 'statefulset-store-primary.yaml');
  expect(spec).toMatchObject({
    serviceName: 'store-pods',
    podManagementPolicy: 'Parallel',
    volumeClaimTemplates: [{ metadata: { name: 'data' } }],
  });
  expect(objectIn(rendered, '00-init', 'service-store-pods.yaml').spec).toMatchObject({
    clusterIP: 'None',
    selector: { app: 'store' },
  });
});
