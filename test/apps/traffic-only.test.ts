import { expect, test } from 'vitest';
import { trafficOnlyApp } from '../../apps/traffic-only.ts';
import { Testing } from '../../lib/index.ts';
import { listAt } from '../../lib/manifest/json.ts';
import { objectIn } from '../lib/sample.ts';
import { tableOf } from './table.ts';

const rendered = await Testing.render(trafficOnlyApp(Testing.apps()));

test('the plan', () => {
  expect(tableOf(rendered)).toEqual([
    '01-canary-up | 100 / 0 | HTTPRoute shop | – | live',
    '02-weight-10 | 90 / 10 | HTTPRoute shop | 2 min | live; 2 passing points of success-rate, latency-p99',
    '03-weight-50 | 50 / 50 | HTTPRoute shop | 2 min | live; 2 passing points of success-rate, latency-p99',
    '04-weight-100 | 0 / 100 | HTTPRoute shop | – | live; guarded by success-rate, latency-p99',
  ]);
});

test('in the end all requests go to the Service that was the candidate', () => {
  const route = objectIn(rendered, '05-complete', 'httproute-shop.yaml');
  const [rule] = listAt(route, 'spec', 'rules');
  expect(listAt(rule, 'backendRefs').map((it) => [it.name, it.weight])).toEqual([
    ['shop-blue', 0],
    ['shop-green', 100],
  ]);
  expect(Object.keys(rendered.plan.files)).toEqual(['httproute-shop.yaml']);
});

test('a version of its Service is a candidate of its own', async () => {
  const other = await Testing.render(trafficOnlyApp(Testing.apps(), { version: '3' }));
  expect(other.plan.candidate).not.toBe(rendered.plan.candidate);
  expect({ ...other.plan, candidate: '' }).toEqual({ ...rendered.plan, candidate: '' });
});
