import { describe, expect, test } from 'vitest';
import { Duration, ramped, recreate } from '../../../lib/index.ts';
import type { ReleaseProps } from '../../../lib/release/release-props.ts';
import { deployment, hpa, mistakesOf, type SampleObject, sample, workload } from '../sample.ts';

const keda = (
  replicas: string,
  annotation = 'autoscaling.keda.sh/paused-replicas',
): SampleObject => ({
  apiVersion: 'keda.sh/v1alpha1',
  kind: 'ScaledObject',
  metadata: {
    name: 'shop',
    annotations: { [annotation]: replicas },
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
  [
    'an autoscaler that is paused',
    [deployment(), keda('true', 'autoscaling.keda.sh/paused')],
    /its autoscaler is paused: a canary would stay without pods.*paused-replicas/,
  ],
  [
    'pods that are available too late',
    [deployment({}, { spec: { minReadySeconds: 600, progressDeadlineSeconds: 900 } })],
    /minReadySeconds is not under analysis.progressDeadline, which is 600 s.*lengthen analysis.progressDeadline/,
  ],
  [
    'a deadline that the cluster refuses',
    [deployment({}, { spec: { minReadySeconds: 90, progressDeadlineSeconds: 60 } })],
    /progressDeadlineSeconds of Deployment shop-primary must be more than minReadySeconds, got 60/,
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

describe('what only one pod can have', () => {
  const claim = (mode: string): SampleObject => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'shop-data' },
    spec: { accessModes: [mode], resources: { requests: { storage: '1Gi' } } },
  });
  const pods = {
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'shop-data' } }],
  };
  const ports = [{ name: 'http', containerPort: 8080, hostPort: 80 }];
  const onHost = { containers: [{ name: 'main', image: 'shop:1', ports }] };
  const told = (props: Partial<ReleaseProps>, ...objects: readonly SampleObject[]) =>
    mistakesOf(sample({ analysis: {}, ...props, workload: workload(...objects) }));

  test('a claim of one pod', async () => {
    const mine = claim('ReadWriteOncePod');
    const once = { strategy: recreate() };
    expect(await told({}, deployment(pods), mine)).toEqual([
      expect.stringMatching(
        /claim shop-data is for one pod alone.*both tracks want it.*recreate\(\)/,
      ),
    ]);
    expect(await told({ strategy: ramped() }, deployment(pods), mine)).toEqual([
      expect.stringContaining('the new pod would wait for the old one to end'),
    ]);
    const two = deployment(pods, { spec: { replicas: 2 } });
    expect(await told(once, two, mine)).toEqual([
      expect.stringContaining('several pods want it, and one alone would start'),
    ]);
    expect(await told(once, deployment(pods), mine)).toEqual([]);
    expect(await told({}, deployment(pods), claim('ReadWriteMany'))).toEqual([]);
    expect(await told({}, deployment(), mine)).toEqual([]);
  });

  test('a port of the node', async () => {
    expect(await told({}, deployment(onHost))).toEqual([
      expect.stringMatching(
        /a container of Deployment shop has a hostPort, got 80; .*recreate\(\)/,
      ),
    ]);
    expect(await told({}, deployment({ hostNetwork: true }))).toEqual([
      expect.stringContaining('Deployment shop has hostNetwork'),
    ]);
    expect(await told({ strategy: recreate() }, deployment(onHost))).toEqual([]);
  });
});

test('the deadline is the release’s own', async () => {
  const late = deployment({}, { spec: { minReadySeconds: 300 } });
  const within = (progressDeadline: Duration) =>
    mistakesOf(sample({ workload: workload(late), analysis: { progressDeadline } }));
  expect(await within(Duration.minutes(5))).toHaveLength(1);
  expect(await within(Duration.minutes(6))).toEqual([]);
});
