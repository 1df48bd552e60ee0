import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canary, kubernetes, partitions, recreate, steps } from '../../../lib/index.ts';
import { objectAt } from '../../../lib/manifest/json.ts';
import { render } from '../../../lib/render/render.ts';
import { partitionOf } from '../../../lib/workload/workload-kinds.ts';
import {
  deployment,
  hpa,
  mistakesOf,
  objectIn,
  type SampleObject,
  sample,
  workload,
} from '../sample.ts';

function daemonSet(podSpec: object = {}, spec: object = {}): SampleObject {
  return { ...deployment(podSpec, { spec }), kind: 'DaemonSet' };
}

function statefulSet(spec: object = {}): SampleObject {
  const given = { replicas: 4, serviceName: 'shop', podManagementPolicy: 'Parallel', ...spec };
  return { ...deployment({}, { spec: given }), kind: 'StatefulSet' };
}

const ONE_TRACK = {
  traffic: kubernetes(),
  strategy: partitions({ percents: [25, 50] }),
  analysis: {},
};

const CONTAINER = { name: 'main', image: 'shop:1' };

describe('the partition of a StatefulSet', () => {
  test.each([
    [4, 25, 3],
    [4, 50, 2],
    [4, 100, 0],
    [3, 25, 2],
    [10, 1, 9],
    [1, 1, 0],
    [4, 0, 4],
    [0, 50, 0],
  ])('of %i pods, %i %% updated: %i are kept', (replicas, percent, kept) =>
    expect(partitionOf(replicas, percent)).toBe(kept),
  );

  test('never updates fewer pods for a higher percent, and always one', () => {
    const percent = fc.integer({ min: 1, max: 100 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), percent, percent, (replicas, a, b) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        expect(partitionOf(replicas, high)).toBeLessThanOrEqual(partitionOf(replicas, low));
        expect(partitionOf(replicas, low)).toBeLessThan(replicas);
        expect(partitionOf(replicas, 100)).toBe(0);
      }),
    );
  });
});

describe('a DaemonSet', () => {
  test('is two DaemonSets in a rollout, and one at rest', async () => {
    const rendered = await render(sample({ workload: workload(daemonSet()) }));
    const names = (step: number) =>
      (rendered.plan.steps[step]?.files ?? []).filter((it) => it.startsWith('daemonset'));
    expect(rendered.plan.steps.map((_, index) => names(index))).toEqual([
      ['daemonset-shop-primary.yaml'],
      ['daemonset-shop-canary.yaml'],
      [],
      [],
      ['daemonset-shop-primary.yaml'],
      [],
      ['daemonset-shop-primary.yaml'],
    ]);
    const object = objectIn(rendered, '01-canary-up', 'daemonset-shop-canary.yaml');
    expect(objectAt(object, 'spec')).toMatchObject({
      selector: { matchLabels: { app: 'shop', 'perch/track': 'canary' } },
    });
    expect(objectAt(object, 'spec')).not.toHaveProperty('replicas');
    expect(rendered.plan.shape.kind).toBe('DaemonSet');
  });

  test.each<[string, Parameters<typeof sample>[0], string]>([
    [
      'a port of the node',
      {
        workload: workload(
          daemonSet({
            containers: [{ ...CONTAINER, ports: [{ containerPort: 80, hostPort: 80 }] }],
          }),
        ),
      },
      'a container of DaemonSet shop has a hostPort, got 80; leave it out: both tracks run on every node',
    ],
    [
      'the network of the node',
      { workload: workload(daemonSet({ hostNetwork: true })) },
      'DaemonSet shop has hostNetwork, got true; leave it out',
    ],
    [
      'an update that waits for a person',
      { workload: workload(daemonSet({}, { updateStrategy: { type: 'OnDelete' } })) },
      'spec.updateStrategy of DaemonSet shop waits for somebody to delete pods, got "OnDelete"; use RollingUpdate',
    ],
    [
      'an autoscaler',
      {
        workload: workload(
          daemonSet(),
          hpa({ scaleTargetRef: { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'shop' } }),
        ),
      },
      'a DaemonSet has no autoscaler in a release, got "shop"; leave it out: there is one pod on each node',
    ],
    [
      'a scale of its own',
      { workload: workload(daemonSet()), tracks: { canary: { replicas: 2 } } },
      'tracks.canary.replicas has no effect, got 2; leave it out: there is one pod on each node',
    ],
    [
      'a step that scales',
      {
        workload: workload(daemonSet()),
        strategy: steps([{ setCanaryScale: { replicas: 1 } }, { setWeight: 10 }]),
      },
      'scales the canary, and nodes decide how many pods a DaemonSet has',
    ],
    [
      'a strategy for Deployments',
      { workload: workload(daemonSet()), ...ONE_TRACK, strategy: recreate() },
      'strategy recreate says how a Deployment is updated, and this is a DaemonSet',
    ],
  ])('is refused with %s', async (_, props, expected) => {
    expect(await mistakesOf(sample(props))).toContainEqual(expect.stringContaining(expected));
  });
});

describe('a StatefulSet', () => {
  test('is updated in its place, its pods from the highest ordinal down', async () => {
    const release = sample({ workload: workload(statefulSet()), ...ONE_TRACK });
    const rendered = await render(release);
    const updates = rendered.plan.steps.map(({ name, phase, ready, weights }) => {
      const spec = objectAt(objectIn(rendered, name, 'statefulset-shop-primary.yaml'), 'spec');
      return [name, phase, ready.join(), weights.canary, spec.updateStrategy, spec.replicas];
    });
    const to = (partition: number) => ({ type: 'RollingUpdate', rollingUpdate: { partition } });
    expect(updates).toEqual([
      ['00-init', 'Initializing', 'primary', 0, to(0), 4],
      ['01-update-25', 'Promoting', 'primary', 0, to(3), 4],
      ['02-update-50', 'Promoting', 'primary', 0, to(2), 4],
      ['03-update-100', 'Promoting', 'primary', 0, to(0), 4],
      ['04-complete', 'Succeeded', 'primary', 0, to(0), 4],
    ]);
    expect(rendered.plan.workloads).toEqual({ primary: { file: 'statefulset-shop-primary.yaml' } });
  });

  test('tells the analyzer what a cluster never changes', async () => {
    const fixed = async (spec: object) =>
      (await render(sample({ workload: workload(statefulSet(spec)), ...ONE_TRACK }))).plan.shape
        .fixed;
    const claim = (storage: string) => ({
      volumeClaimTemplates: [
        {
          metadata: { name: 'data' },
          spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
        },
      ],
    });
    const [none, small, large] = [
      await fixed({}),
      await fixed(claim('1Gi')),
      await fixed(claim('2Gi')),
    ];
    const claims = [none, small, large].map((it) => it?.['spec.volumeClaimTemplates']);
    expect(new Set(claims).size).toBe(3);
    expect(none?.['spec.serviceName']).toBe('shop');
  });

  test.each<[string, Parameters<typeof sample>[0], string]>([
    [
      'two tracks',
      { workload: workload(statefulSet()), strategy: canary({ stepWeight: 50 }) },
      'a StatefulSet has no tracks: a second one would have volumes and names of its own, got "canary"; ' +
        'use a strategy that changes the one that is there: partitions({ percents: […] })',
    ],
    [
      'pods in order: a broken one blocks its own rollback',
      { workload: workload(statefulSet({ podManagementPolicy: 'OrderedReady' })), ...ONE_TRACK },
      'until somebody deletes it by hand (Kubernetes documents this as a forced rollback), got "OrderedReady"; ' +
        'set spec.podManagementPolicy: Parallel',
    ],
    [
      'pods in order, which is the default',
      { workload: workload(statefulSet({ podManagementPolicy: null })), ...ONE_TRACK },
      'got "OrderedReady (the default)"',
    ],
    [
      'a partition of the author’s',
      {
        workload: workload(statefulSet({ updateStrategy: { rollingUpdate: { partition: 2 } } })),
        ...ONE_TRACK,
      },
      'partition of StatefulSet shop is written by the strategy, got 2; leave it out',
    ],
    [
      'an autoscaler',
      {
        workload: workload(
          statefulSet(),
          hpa({ scaleTargetRef: { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'shop' } }),
        ),
        ...ONE_TRACK,
      },
      'leave it out: which pods are updated is counted from a number that Git knows',
    ],
    [
      'two steps that update as many pods',
      { workload: workload(statefulSet({ replicas: 2 })), ...ONE_TRACK },
      '25 % and 50 % are both 1 of 2 pods, got [25,50]; leave one of the steps out, or run more replicas',
    ],
    [
      'props of a canary',
      { workload: workload(statefulSet()), ...ONE_TRACK, tracks: { canary: { replicas: 1 } } },
      'tracks.canary has no effect: the strategy has one track',
    ],
  ])('is refused with %s', async (_, props, expected) => {
    expect(await mistakesOf(sample(props))).toContainEqual(expect.stringContaining(expected));
  });

  test('may have a headless Service beside it that selects its pods', async () => {
    const headless = (selector: object) => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'shop-pods' },
      spec: { clusterIP: 'None', selector, ports: [{ port: 80 }] },
    });
    const of = (selector: object) =>
      mistakesOf(sample({ workload: workload(statefulSet(), headless(selector)), ...ONE_TRACK }));
    expect(await of({ app: 'shop', 'perch/track': 'primary' })).toEqual([]);
    expect(await of({ tier: 'web' })).toEqual([]);
    expect(await of({ app: 'shop' })).toEqual([]);
  });
});

test('a Deployment updates all of its pods or none', async () => {
  const release = sample({ workload: workload(deployment()), ...ONE_TRACK });
  expect(await mistakesOf(release)).toContainEqual(
    'shop: step update-25 updates a part of the pods, and a Deployment updates all or none, got 25; ' +
      'use a StatefulSet, or a strategy that shifts traffic',
  );
});

test('a VerticalPodAutoscaler that names a track is written as it is', async () => {
  const vpa = (name: string) => ({
    apiVersion: 'autoscaling.k8s.io/v1',
    kind: 'VerticalPodAutoscaler',
    metadata: { name: 'shop' },
    spec: { targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name } },
  });
  const rendered = await render(sample({ workload: workload(deployment(), vpa('shop-primary')) }));
  expect(rendered.plan.files['verticalpodautoscaler-shop.yaml']?.role).toBe('configuration');
});
