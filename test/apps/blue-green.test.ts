import { expect, test } from 'vitest';
import { blueGreenApp } from '../../apps/blue-green.ts';
import { Testing } from '../../lib/index.ts';
import { objectAt } from '../../lib/manifest/json.ts';
import { objectIn } from '../lib/sample.ts';
import { tableOf } from './table.ts';

const rendered = await Testing.render(
  blueGreenApp(Testing.apps(), { image: 'stefanprodan/podinfo:3.1.1' }),
);

test('the plan', () => {
  expect(tableOf(rendered)).toEqual([
    '01-canary-up | 100 / 0 | ConfigMap podinfo-config-1c8e27f8, Deployment podinfo-canary, HorizontalPodAutoscaler podinfo-canary and 3 more | – | live; canary and primary ready; approved by a person',
    '02-full-size | 100 / 0 | Deployment podinfo-canary, HorizontalPodAutoscaler podinfo-canary, Service podinfo | – | live; canary and primary ready',
    '03-switch | 0 / 100 | Service podinfo | 2 min | live; canary and primary ready; 2 passing points of success-rate',
    '04-promote | 0 / 100 | Deployment podinfo-primary, HorizontalPodAutoscaler podinfo-primary, Service podinfo | – | live; primary and canary ready; guarded by success-rate',
    '05-switch-back | 100 / 0 | Service podinfo | 30 s | live; primary ready; 30 s old',
  ]);
});

test('the preview is small until somebody said yes', () => {
  const size = (step: string) => {
    const hpa = objectIn(rendered, step, 'horizontalpodautoscaler-podinfo-canary.yaml');
    const { minReplicas, maxReplicas } = objectAt(hpa, 'spec');
    return [minReplicas, maxReplicas];
  };
  expect(size('01-canary-up')).toEqual([1, 1]);
  expect(size('02-full-size')).toEqual([2, 4]);
});
