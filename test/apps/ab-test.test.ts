import { expect, test } from 'vitest';
import { abTestApp } from '../../apps/ab-test.ts';
import { Testing } from '../../lib/index.ts';
import { type JsonObject, listAt, objectAt } from '../../lib/manifest/json.ts';
import { objectIn } from '../lib/sample.ts';
import { tableOf } from './table.ts';

const rendered = await Testing.render(
  abTestApp(Testing.apps(), { image: 'stefanprodan/podinfo:3.1.1' }),
);

test('the plan', () => {
  expect(tableOf(rendered)).toEqual([
    '01-canary-up | 100 / 0 | ConfigMap podinfo-config-1c8e27f8, Deployment podinfo-canary, DestinationRule podinfo-canary and 6 more | – | live; canary and primary ready',
    '02-ab-test | 100 / 0; and requests with header x-insider: true, or cookie group ~ beta-[0-9]+ | VirtualService podinfo | 5 min | live; canary and primary ready; 10 passing points of success-rate',
    '03-promote | 100 / 0; and requests with header x-insider: true, or cookie group ~ beta-[0-9]+ | Deployment podinfo-primary, HorizontalPodAutoscaler podinfo-primary, VirtualService podinfo | – | live; primary and canary ready; guarded by success-rate',
    '04-remove-route | 100 / 0 | VirtualService podinfo | – | live; primary ready',
  ]);
});

test('who matches goes to the canary, the rest to the primary', () => {
  const { spec } = objectIn(rendered, '02-ab-test', 'virtualservice-podinfo.yaml');
  const [matched, rest] = listAt({ spec }, 'spec', 'http');
  expect(matched?.match).toEqual([
    { headers: { 'x-insider': { exact: 'true' } } },
    { headers: { cookie: { regex: expect.stringContaining('beta-[0-9]+') } } },
  ]);
  expect(hosts(matched)).toEqual(['podinfo-canary']);
  expect(hosts(rest)).toEqual(['podinfo-primary', 'podinfo-canary']);
  const gone = objectIn(rendered, '04-remove-route', 'virtualservice-podinfo.yaml');
  expect(listAt(gone, 'spec', 'http').map(hosts)).toEqual([['podinfo-primary', 'podinfo-canary']]);
});

function hosts(rule: JsonObject = {}): unknown[] {
  return listAt(rule, 'route').map((it) => objectAt(it, 'destination').host);
}
