import { expect, test } from 'vitest';
import { fractionsApp } from '../../apps/fractions.ts';
import { Testing } from '../../lib/index.ts';
import { listAt } from '../../lib/manifest/json.ts';
import { objectIn } from '../lib/sample.ts';
import { tableOf } from './table.ts';

const rendered = await Testing.render(
  fractionsApp(Testing.apps(), { image: 'stefanprodan/podinfo:3.1.1' }),
);

test('the plan', () => {
  expect(tableOf(rendered)).toEqual([
    '01-canary-up | 100 / 0 | ConfigMap podinfo-config-1c8e27f8, Deployment podinfo-canary, DestinationRule podinfo-canary and 6 more | – | live; canary and primary ready',
    '02-mirror | 100 / 0; and copies of 1 % of the requests | VirtualService podinfo | 5 min | live; canary and primary ready; 5 passing points of success-rate',
    '03-weight-0-5 | 99.5 / 0.5; and users with its cookie podinfo-canary | VirtualService podinfo | 5 min | live; canary and primary ready; 5 passing points of success-rate',
    '04-weight-2 | 98 / 2; and users with its cookie podinfo-canary | VirtualService podinfo | 5 min | live; canary and primary ready; 5 passing points of success-rate',
    '05-weight-8 | 92 / 8; and users with its cookie podinfo-canary | VirtualService podinfo | 5 min | live; canary and primary ready; 5 passing points of success-rate',
    '06-weight-32 | 68 / 32; and users with its cookie podinfo-canary | VirtualService podinfo | 5 min | live; canary and primary ready; 5 passing points of success-rate',
    '07-weight-50 | 50 / 50; and users with its cookie podinfo-canary | VirtualService podinfo | 5 min | live; canary and primary ready; 5 passing points of success-rate',
    '08-promote | 50 / 50; and users with its cookie podinfo-canary | Deployment podinfo-primary, HorizontalPodAutoscaler podinfo-primary, VirtualService podinfo | – | live; primary and canary ready; guarded by success-rate',
    '09-weight-0 | 100 / 0 | VirtualService podinfo | – | live; primary ready',
  ]);
});

test('five of a thousand', () => {
  const route = objectIn(rendered, '03-weight-0-5', 'virtualservice-podinfo.yaml');
  const weighted = listAt(route, 'spec', 'http').at(-1) ?? {};
  expect(listAt(weighted, 'route').map((it) => it.weight)).toEqual([995, 5]);
});
