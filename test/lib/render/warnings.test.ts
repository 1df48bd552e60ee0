import { describe, expect, test } from 'vitest';
import { Duration, render, successRate } from '../../../lib/index.ts';
import type { ReleaseProps } from '../../../lib/release/release-props.ts';
import { deployment, type SampleObject, sample, workload } from '../sample.ts';

const READY = { readinessProbe: { httpGet: { path: '/', port: 8080 } } };
const container = (image: string, more: object = READY) => ({ name: 'main', image, ...more });
const ready = deployment({ containers: [container('shop:1')] });

async function warned(objects: readonly SampleObject[], props: Partial<ReleaseProps> = {}) {
  const { warnings } = await render(
    sample({ workload: workload(...objects), ...props, service: { port: 80, ...props.service } }),
  );
  expect(warnings.every((it) => it.severity === 'warning' && it.id === 'shop')).toBe(true);
  return warnings.map((it) => it.problem);
}

test('what is meant is not warned of', async () => {
  expect(await warned([ready])).toEqual([]);
});

describe('an image without a version is warned of', () => {
  test.each([
    ['shop', 'an image of Deployment shop has no tag: a new version would start no rollout'],
    [
      'registry.example.com:5000/shop',
      'an image of Deployment shop has no tag: a new version would start no rollout',
    ],
    [
      'shop:latest',
      'an image of Deployment shop has the tag latest: a new version would start no rollout',
    ],
  ])('%s', async (image, problem) => {
    expect(await warned([deployment({ containers: [container(image)] })])).toEqual([problem]);
  });

  test.each(['registry.example.com:5000/shop:1', `shop@sha256:${'0'.repeat(64)}`])(
    'but not %s',
    async (image) => {
      expect(await warned([deployment({ containers: [container(image)] })])).toEqual([]);
    },
  );
});

test('pods without a readiness probe are warned of', async () => {
  const problem =
    'no container of Deployment shop has a readiness probe: pods count as ready as soon as they run';
  const bare = container('shop:1', {});
  expect(await warned([deployment({ containers: [bare] })])).toEqual([problem]);
  const sidecar = { ...container('proxy:1'), name: 'proxy' };
  const initContainers = [{ ...sidecar, restartPolicy: 'Always' }];
  expect(await warned([deployment({ containers: [bare], initContainers })])).toEqual([]);
});

test('a bake time under the check period is warned of where there are checks', async () => {
  const times = { bakeTime: Duration.seconds(20), checkPeriod: Duration.seconds(30) };
  const checks = [successRate({ min: 99 })];
  expect(await warned([ready], { analysis: { ...times, checks } })).toEqual([
    'the bake time is under the check period of 30 s',
  ]);
  expect(await warned([ready], { analysis: times })).toEqual([]);
});

describe('what selects nothing that is rendered is warned of', () => {
  const monitoring = (kind: string, spec: object): SampleObject => ({
    apiVersion: 'monitoring.coreos.com/v1',
    kind,
    metadata: { name: 'watch' },
    spec:
      kind === 'PodMonitor'
        ? { podMetricsEndpoints: [{ port: 'http' }], ...spec }
        : { endpoints: [{ port: 'http' }], ...spec },
  });
  const service = (selector: object): SampleObject => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'admin' },
    spec: { selector, ports: [{ port: 81 }] },
  });

  test('a Service', async () => {
    expect(await warned([ready, service({ app: 'other' })])).toEqual([
      'Service admin selects no pod of the release',
    ]);
    expect(await warned([ready, service({ app: 'shop', 'perch/track': 'primary' })])).toEqual([]);
  });

  test('a PodMonitor', async () => {
    const of = (selector: object) => warned([ready, monitoring('PodMonitor', { selector })]);
    expect(await of({ matchLabels: { tier: 'db' } })).toEqual([
      'PodMonitor watch selects no pod of the release',
    ]);
    expect(await of({ matchLabels: { tier: 'web' } })).toEqual([]);
    expect(
      await of({ matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['web'] }] }),
    ).toHaveLength(1);
  });

  test('a ServiceMonitor', async () => {
    const spec = { selector: { matchLabels: { team: 'shop' } } };
    const monitor = monitoring('ServiceMonitor', spec);
    expect(await warned([ready, monitor])).toEqual([
      'ServiceMonitor watch selects no Service of the release',
    ]);
    const labelled = { port: 80, apex: { labels: { team: 'shop' } } };
    expect(await warned([ready, monitor], { service: labelled })).toEqual([]);
    const elsewhere = { ...spec, namespaceSelector: { matchNames: ['other'] } };
    expect(await warned([ready, monitoring('ServiceMonitor', elsewhere)])).toEqual([]);
  });
});

describe('a monitor of a port that nothing has is warned of', () => {
  const monitor = (kind: string, list: string, port: string): SampleObject => ({
    apiVersion: 'monitoring.coreos.com/v1',
    kind,
    metadata: { name: 'shop' },
    spec: { selector: { matchLabels: { app: 'shop' } }, [list]: [{ port }] },
  });

  test.each([
    ['ServiceMonitor', 'endpoints', 'Service'],
    ['PodMonitor', 'podMetricsEndpoints', 'pod'],
  ])('%s', async (kind, list, what) => {
    const pod = deployment({
      containers: [{ ...container('shop:1'), ports: [{ name: 'http', containerPort: 80 }] }],
    });
    expect(await warned([pod, monitor(kind, list, 'http')])).toEqual([]);
    expect(await warned([pod, monitor(kind, list, 'metrics')])).toEqual([
      `${kind} shop scrapes a port that no ${what} has which it selects`,
    ]);
  });
});
