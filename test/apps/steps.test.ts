import { expect, test } from 'vitest';
import { stepsApp } from '../../apps/steps.ts';
import { Testing } from '../../lib/index.ts';
import { listAt, objectAt } from '../../lib/manifest/json.ts';
import { objectIn } from '../lib/sample.ts';
import { tableOf } from './table.ts';

const rendered = await Testing.render(
  stepsApp(Testing.apps(), { image: 'stefanprodan/podinfo:3.1.1' }),
);

test('the plan', () => {
  expect(tableOf(rendered)).toEqual([
    '01-canary-up | 100 / 0 | ConfigMap podinfo-config-1c8e27f8, Deployment podinfo-canary, DestinationRule podinfo-canary and 6 more | – | live; canary and primary ready',
    '02-route-testers | 100 / 0; and requests with header x-tester: team-… | VirtualService podinfo | – | live; canary and primary ready; guarded by success-rate',
    '03-approve | 100 / 0; and requests with header x-tester: team-… | VirtualService podinfo | – | live; canary and primary ready; guarded by success-rate; approved by a person',
    '04-weight-10 | 90 / 10; and requests with header x-tester: team-… | VirtualService podinfo | 2 min | live; canary and primary ready; 2 passing points of success-rate',
    '05-baseline-up | 90 / 10 / 0; and requests with header x-tester: team-… | VirtualService podinfo | – | live; canary and primary and baseline ready; guarded by success-rate',
    '06-baseline | 80 / 10 / 10; and requests with header x-tester: team-… | VirtualService podinfo | – | live; canary and primary and baseline ready; guarded by success-rate',
    '07-analysis | 80 / 10 / 10; and requests with header x-tester: team-… | VirtualService podinfo | 5 min | live; canary and primary and baseline ready; 5 passing points of success-rate, latency-of-baseline',
    '08-baseline-weight-0 | 90 / 10 / 0; and requests with header x-tester: team-… | VirtualService podinfo | – | live; canary and primary ready; guarded by success-rate',
    '09-baseline-down | 90 / 10; and requests with header x-tester: team-… | VirtualService podinfo | – | live; canary and primary ready; guarded by success-rate',
    '10-scale-50-percent | 90 / 10; and requests with header x-tester: team-… | Deployment podinfo-canary, HorizontalPodAutoscaler podinfo-canary, VirtualService podinfo | – | live; canary and primary ready; guarded by success-rate',
    '11-weight-50 | 50 / 50; and requests with header x-tester: team-… | VirtualService podinfo | 2 min | live; canary and primary ready; 2 passing points of success-rate',
    '12-promote | 50 / 50; and requests with header x-tester: team-… | Deployment podinfo-primary, HorizontalPodAutoscaler podinfo-primary, VirtualService podinfo | – | live; primary and canary ready; guarded by success-rate',
    '13-weight-0 | 100 / 0 | VirtualService podinfo | – | live; primary ready',
  ]);
});

test('the canary has as many pods as its weight asks for, before it has the weight', () => {
  const size = (step: string) => {
    const hpa = objectIn(rendered, step, 'horizontalpodautoscaler-podinfo-canary.yaml');
    const { minReplicas, maxReplicas } = objectAt(hpa, 'spec');
    return [minReplicas, maxReplicas];
  };
  expect(size('01-canary-up')).toEqual([1, 1]);
  expect(size('10-scale-50-percent')).toEqual([1, 2]);
});

test('the next rollout finds its baseline in this plan', () => {
  expect(rendered.plan.baseline).toEqual(
    expect.arrayContaining(['deployment-podinfo-baseline.yaml', 'service-podinfo-baseline.yaml']),
  );
  const route = objectIn(rendered, '06-baseline', 'virtualservice-podinfo.yaml');
  const weighted = listAt(route, 'spec', 'http').at(-1) ?? {};
  expect(
    listAt(weighted, 'route').map((it) => [objectAt(it, 'destination').host, it.weight]),
  ).toEqual([
    ['podinfo-primary', 80],
    ['podinfo-canary', 10],
    ['podinfo-baseline', 10],
  ]);
});
