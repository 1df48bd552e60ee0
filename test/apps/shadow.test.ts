import { expect, test } from 'vitest';
import { shadowApp } from '../../apps/shadow.ts';
import { Testing } from '../../lib/index.ts';
import { listAt } from '../../lib/manifest/json.ts';
import { objectIn } from '../lib/sample.ts';
import { tableOf } from './table.ts';

const rendered = await Testing.render(
  shadowApp(Testing.apps(), { image: 'stefanprodan/podinfo:3.1.1' }),
);

test('the plan', () => {
  expect(tableOf(rendered)).toEqual([
    '01-canary-up | 100 / 0 | ConfigMap podinfo-config-1c8e27f8, Deployment podinfo-canary, DestinationRule podinfo-canary and 6 more | – | live; canary and primary ready',
    '02-shadow | 100 / 0; and copies of 10 % of the requests | VirtualService podinfo | 10 min | live; canary and primary ready; 10 passing points of success-rate, latency-p99',
    '03-promote | 100 / 0; and copies of 10 % of the requests | Deployment podinfo-primary, HorizontalPodAutoscaler podinfo-primary, VirtualService podinfo | – | live; primary and canary ready; guarded by success-rate, latency-p99',
    '04-remove-mirror | 100 / 0 | VirtualService podinfo | – | live; primary ready',
  ]);
});

test('answers come from the primary, copies go to the canary', () => {
  const route = objectIn(rendered, '02-shadow', 'virtualservice-podinfo.yaml');
  expect(listAt(route, 'spec', 'http')).toMatchObject([
    {
      mirror: { host: 'podinfo-canary' },
      mirrorPercentage: { value: 10 },
      route: [{ weight: 100 }, { weight: 0 }],
    },
  ]);
});
