import { expect, test } from 'vitest';
import { recreateApp } from '../../apps/recreate.ts';
import { Testing } from '../../lib/index.ts';
import { objectAt } from '../../lib/manifest/json.ts';
import { objectIn } from '../lib/sample.ts';
import { tableOf } from './table.ts';

const rendered = await Testing.render(
  recreateApp(Testing.apps(), { image: 'stefanprodan/podinfo:3.1.1' }),
);

test('the plan', () => {
  expect(tableOf(rendered)).toEqual([
    '01-recreate | 100 / 0 | ConfigMap podinfo-config-1c8e27f8, Deployment podinfo-primary, Service podinfo-primary, Service podinfo | 2 min | live; primary ready; 2 passing points of success-rate',
  ]);
});

test('one track: the primary is stopped before it is started again', () => {
  expect(Object.keys(rendered.plan.workloads)).toEqual(['primary']);
  expect(Object.values(rendered.plan.files).map((it) => it.name)).not.toContain('podinfo-canary');
  for (const step of ['00-init', '01-recreate', '02-complete'])
    expect(
      objectAt(objectIn(rendered, step, 'deployment-podinfo-primary.yaml'), 'spec').strategy,
    ).toEqual({
      type: 'Recreate',
    });
});
