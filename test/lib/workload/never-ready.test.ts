import { expect, test } from 'vitest';
import { deployment, hpa, mistakesOf, type SampleObject, sample, workload } from '../sample.ts';

const keda = (replicas: string): SampleObject => ({
  apiVersion: 'keda.sh/v1alpha1',
  kind: 'ScaledObject',
  metadata: {
    name: 'shop',
    annotations: { 'autoscaling.keda.sh/paused-replicas': replicas },
  },
  spec: {
    scaleTargetRef: { name: 'shop' },
    minReplicaCount: 1,
    maxReplicaCount: 5,
    triggers: [{ type: 'cpu', metricType: 'Utilization', metadata: { value: '60' } }],
  },
});

const none = deployment({}, { spec: { replicas: 0 } });

test.each<[string, readonly SampleObject[], RegExp]>([
  ['no replicas', [none], /replicas is 0: no version would ever get ready.*run 1 or more/],
  [
    'a paused Deployment',
    [deployment({}, { spec: { replicas: 2, paused: true } })],
    /the workload is paused.*`suspend: true` holds the release/,
  ],
  [
    'an autoscaler that is paused at none',
    [deployment(), keda('0')],
    /its autoscaler is paused at no pods/,
  ],
])('a release that can never get ready is refused: %s', async (_, objects, expected) => {
  expect(await mistakesOf(sample({ workload: workload(...objects) }))).toEqual([
    expect.stringMatching(expected),
  ]);
});

test.each<[string, readonly SampleObject[]]>([
  ['an autoscaler rules', [none, hpa()]],
  ['the autoscaler is paused at some', [deployment(), keda('3')]],
])('one that gets its pods from elsewhere is not: %s', async (_, objects) => {
  expect(await mistakesOf(sample({ workload: workload(...objects) }))).toEqual([]);
});
