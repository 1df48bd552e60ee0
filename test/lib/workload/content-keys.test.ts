import { expect, test } from 'vitest';
import {
  configMap,
  deployment,
  mistakesOf,
  type SampleObject,
  sample,
  workload,
} from '../sample.ts';

const container = (more: object) => ({ name: 'main', image: 'shop:1', ...more });
const variable = (ref: object) =>
  container({ env: [{ name: 'LEVEL', valueFrom: { configMapKeyRef: ref } }] });
const volume = (source: object) => ({
  containers: [container({})],
  volumes: [{ name: 'settings', ...source }],
});

const told = (pods: object, ...more: readonly SampleObject[]) =>
  mistakesOf(
    sample({
      workload: workload(deployment(pods), configMap('settings', { level: 'info' }), ...more),
      service: { port: 80 },
    }),
  );

test.each<[string, object]>([
  ['a key that is there', { containers: [variable({ name: 'settings', key: 'level' })] }],
  [
    'an optional one',
    { containers: [variable({ name: 'settings', key: 'mode', optional: true })] },
  ],
  ['a ConfigMap of somebody else', { containers: [variable({ name: 'other', key: 'mode' })] }],
  ['a volume', volume({ configMap: { name: 'settings', items: [{ key: 'level', path: 'a' }] } })],
])('%s is right', async (_, pods) => {
  expect(await told(pods)).toEqual([]);
});

test.each<[string, object, string]>([
  ['a variable', { containers: [variable({ name: 'settings', key: 'mode' })] }, 'variable LEVEL'],
  [
    'an init container',
    {
      containers: [container({})],
      initContainers: [{ ...variable({ name: 'settings', key: 'mode' }), name: 'init' }],
    },
    'variable LEVEL',
  ],
  [
    'a volume',
    volume({ configMap: { name: 'settings', items: [{ key: 'mode', path: 'a' }] } }),
    'volume settings',
  ],
  [
    'a projected volume',
    volume({
      projected: {
        sources: [{ configMap: { name: 'settings', items: [{ key: 'mode', path: 'a' }] } }],
      },
    }),
    'volume settings',
  ],
])('a key that is not there keeps the pods from starting: %s', async (_, pods, where) => {
  expect(await told(pods)).toEqual([
    expect.stringContaining(
      `${where} of Deployment shop wants a key that ConfigMap settings does not have: the pods would never start, got "mode"; it has level`,
    ),
  ]);
});

test('a CronJob is looked at as well', async () => {
  const pods = {
    restartPolicy: 'Never',
    containers: [variable({ name: 'settings', key: 'mode' })],
  };
  const spec = { schedule: '0 3 * * *', jobTemplate: { spec: { template: { spec: pods } } } };
  const job: SampleObject = {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'cleanup' },
    spec,
  };
  expect(await told({ containers: [container({})] }, job)).toEqual([
    expect.stringContaining('variable LEVEL of CronJob cleanup wants a key'),
  ]);
});
