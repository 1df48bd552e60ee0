import { expect, test } from 'vitest';
import { daemonApp } from '../../apps/daemon.ts';
import { Testing } from '../../lib/index.ts';
import { objectAt } from '../../lib/manifest/json.ts';
import { objectIn } from '../lib/sample.ts';
import { tableOf } from './table.ts';

const rendered = await Testing.render(daemonApp(Testing.apps(), { image: 'nginx:1.29.3' }));

test('the plan', () => {
  expect(tableOf(rendered)).toEqual([
    '01-canary-up | 100 / 0 | DaemonSet cache-canary, DestinationRule cache-canary, DestinationRule cache-primary and 4 more | – | live; canary and primary ready',
    '02-weight-10 | 90 / 10 | VirtualService cache | 2 min | live; canary and primary ready; 2 passing points of success-rate',
    '03-weight-50 | 50 / 50 | VirtualService cache | 2 min | live; canary and primary ready; 2 passing points of success-rate',
    '04-promote | 50 / 50 | DaemonSet cache-primary, VirtualService cache | – | live; primary and canary ready; guarded by success-rate',
    '05-weight-0 | 100 / 0 | VirtualService cache | – | live; primary ready',
  ]);
});

test('at rest the canary is gone, as a DaemonSet cannot stand without pods', () => {
  for (const step of ['00-init', '06-complete']) {
    const { files } = rendered.plan.steps.find((it) => it.name === step) ?? { files: [] };
    expect(files.filter((it) => it.startsWith('daemonset'))).toEqual([
      'daemonset-cache-primary.yaml',
    ]);
  }
  const canary = objectIn(rendered, '01-canary-up', 'daemonset-cache-canary.yaml');
  expect(objectAt(canary, 'spec').selector).toEqual({
    matchLabels: { 'perch/release': 'cache', 'perch/track': 'canary' },
  });
});
