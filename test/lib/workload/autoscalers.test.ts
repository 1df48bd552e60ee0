import { describe, expect, test } from 'vitest';
import { type ReleaseProps, steps } from '../../../lib/index.ts';
import { listAt, objectAt } from '../../../lib/manifest/json.ts';
import { render } from '../../../lib/render/render.ts';
import {
  deployment,
  hpa,
  mistakesOf,
  objectIn,
  type SampleObject,
  sample,
  workload,
} from '../sample.ts';

function scaledObject(spec: object = {}, trigger: object = {}): SampleObject {
  return {
    apiVersion: 'keda.sh/v1alpha1',
    kind: 'ScaledObject',
    metadata: { name: 'shop' },
    spec: {
      scaleTargetRef: { name: 'shop' },
      minReplicaCount: 1,
      maxReplicaCount: 8,
      triggers: [
        {
          type: 'prometheus',
          metadata: {
            serverAddress: 'http://prometheus.monitoring:9090',
            query: 'sum(rate(jobs_total{workload="{{workload}}",track="{{ track }}"}[1m]))',
            threshold: '5',
          },
          ...trigger,
        },
      ],
      ...spec,
    },
  };
}

const SCALED: Partial<ReleaseProps> = {
  strategy: steps([
    { setCanaryScale: { replicas: 1 } },
    { setWeight: 10 },
    { setCanaryScale: { percent: 50 } },
    { setWeight: 50 },
  ]),
};

async function specs(objects: readonly SampleObject[], props: Partial<ReleaseProps>, file: string) {
  const rendered = await render(sample({ workload: workload(...objects), ...props }));
  return rendered.plan.steps
    .filter((it) => it.files.includes(file))
    .map((it) => objectAt(objectIn(rendered, it.name, file), 'spec'));
}

describe('the metrics of an HPA', () => {
  const external = {
    type: 'External',
    external: {
      metric: { name: 'queue_depth', selector: { matchLabels: { queue: 'orders' } } },
      target: { type: 'Value', value: '30' },
    },
  };
  const of = (describedObject: object) => ({
    type: 'Object',
    object: { describedObject, metric: { name: 'busy' }, target: { type: 'Value', value: '10' } },
  });
  const metricsOf = async (metrics: readonly object[], props: Partial<ReleaseProps> = {}) => {
    const file = 'horizontalpodautoscaler-shop-canary.yaml';
    const [spec] = await specs([deployment(), hpa({ metrics })], props, file);
    return listAt(spec, 'metrics');
  };

  test('are filled with the track', async () => {
    const metric = {
      name: 'jobs',
      selector: { matchLabels: { w: '{{workload}}', t: '{{ track }}' } },
    };
    const [found] = await metricsOf([{ ...external, external: { ...external.external, metric } }]);
    expect(objectAt(found, 'external', 'metric', 'selector').matchLabels).toEqual({
      w: 'shop-canary',
      t: 'canary',
    });
  });

  test('of the workload, or of the Service by its name, are those of the track', async () => {
    const found = await metricsOf([
      of({ apiVersion: 'v1', kind: 'Service', name: 'shop' }),
      of({ apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' }),
    ]);
    expect(found.map((it) => objectAt(it, 'object', 'describedObject').name)).toEqual([
      'shop-canary',
      'shop-canary',
    ]);
  });

  test('that both tracks would share are refused, unless it is meant', async () => {
    const ingress = of({ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: 'public' });
    const release = (props: Partial<ReleaseProps>) =>
      sample({ workload: workload(deployment(), hpa({ metrics: [external, ingress] })), ...props });
    expect((await mistakesOf(release({}))).map((it) => it.slice(0, 80))).toEqual([
      'shop/object-1: metric queue_depth of HPA shop sees one number on both tracks, go',
      'shop/object-1: metric busy of HPA shop sees one number on both tracks, got {"des',
    ]);
    const shared = { tracks: { sharedTriggers: ['queue_depth', 'busy'] } };
    expect(await mistakesOf(release(shared))).toEqual([]);
  });
});

describe('an HPA of an older version is written as autoscaling/v2', () => {
  const target = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' };
  const written = async (apiVersion: string, spec: object) => {
    const own: SampleObject = {
      ...hpa(),
      apiVersion,
      spec: { scaleTargetRef: target, maxReplicas: 4, ...spec },
    };
    const rendered = await render(
      sample({ workload: workload(deployment(), own), tracks: { sharedTriggers: [] } }),
    );
    const file = 'horizontalpodautoscaler-shop-canary.yaml';
    const object = objectIn(rendered, '01-canary-up', file);
    expect(object.apiVersion).toBe('autoscaling/v2');
    const { metrics, ...rest } = objectAt(object, 'spec');
    expect(rest).toEqual({ scaleTargetRef: { ...target, name: 'shop-canary' }, maxReplicas: 4 });
    return metrics;
  };
  const cpu = (averageUtilization: number) => [
    {
      type: 'Resource',
      resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
    },
  ];

  test('v1, with its default', async () => {
    expect(await written('autoscaling/v1', { targetCPUUtilizationPercentage: 60 })).toEqual(
      cpu(60),
    );
    expect(await written('autoscaling/v1', {})).toEqual(cpu(80));
  });

  test('v2beta2', async () => {
    expect(await written('autoscaling/v2beta2', { metrics: cpu(70) })).toEqual(cpu(70));
  });

  test('v2beta1', async () => {
    const metrics = [
      { type: 'Resource', resource: { name: 'cpu', targetAverageUtilization: 50 } },
      { type: 'Pods', pods: { metricName: 'packets', targetAverageValue: '1k' } },
      {
        type: 'Object',
        object: { target, metricName: 'hits', targetValue: '2k' },
      },
      {
        type: 'ContainerResource',
        containerResource: { name: 'memory', container: 'main', targetAverageValue: '1Gi' },
      },
    ];
    expect(await written('autoscaling/v2beta1', { metrics })).toEqual([
      ...cpu(50),
      {
        type: 'Pods',
        pods: { metric: { name: 'packets' }, target: { type: 'AverageValue', averageValue: '1k' } },
      },
      {
        type: 'Object',
        object: {
          describedObject: { ...target, name: 'shop-canary' },
          metric: { name: 'hits' },
          target: { type: 'Value', value: '2k' },
        },
      },
      {
        type: 'ContainerResource',
        containerResource: {
          name: 'memory',
          container: 'main',
          target: { type: 'AverageValue', averageValue: '1Gi' },
        },
      },
    ]);
  });

  test('but not v1 with metrics in an annotation, which would be lost', async () => {
    const annotations = { 'autoscaling.alpha.kubernetes.io/metrics': '[]' };
    const own: SampleObject = {
      ...hpa(),
      apiVersion: 'autoscaling/v1',
      metadata: { name: 'shop', annotations },
    };
    expect(await mistakesOf(sample({ workload: workload(deployment(), own) }))).toContainEqual(
      'shop/object-1: the HPA is of another version, got "autoscaling/v1"; use autoscaling/v2',
    );
  });
});

describe('an HPA', () => {
  const tracks = {
    primary: { minReplicas: 4, maxReplicas: 20 },
    canary: { minReplicas: 1, maxReplicas: 3 },
  };

  test('has bounds of its own on each track, and those of the primary never change', async () => {
    const objects = [deployment(), hpa()];
    const file = (track: string) => `horizontalpodautoscaler-shop-${track}.yaml`;
    const primary = await specs(objects, { tracks }, file('primary'));
    expect(primary.length).toBe(3);
    for (const it of primary) expect(it).toMatchObject({ minReplicas: 4, maxReplicas: 20 });
    const [canary] = await specs(objects, { tracks }, file('canary'));
    expect(canary).toMatchObject({ minReplicas: 1, maxReplicas: 3 });
  });

  test('a step that scales says so in both bounds, and never beside `replicas`', async () => {
    const objects = [
      deployment({}, { spec: { replicas: 6 } }),
      hpa({ minReplicas: 4, maxReplicas: 9 }),
    ];
    const rendered = await render(sample({ workload: workload(...objects), ...SCALED }));
    const bounds = rendered.plan.steps.flatMap((it) => {
      if (!it.files.includes('horizontalpodautoscaler-shop-canary.yaml')) return [];
      const spec = (file: string) => objectAt(objectIn(rendered, it.name, file), 'spec');
      expect(spec('deployment-shop-canary.yaml')).not.toHaveProperty('replicas');
      const { minReplicas, maxReplicas } = spec('horizontalpodautoscaler-shop-canary.yaml');
      return [[minReplicas, maxReplicas, it.minReplicas?.canary]];
    });
    expect(bounds).toContainEqual([1, 1, 1]);
    expect(bounds).toContainEqual([2, 5, 2]);
    expect(rendered.plan.workloads).toMatchObject({
      primary: { minReplicas: 4 },
      canary: { minReplicas: 4 },
    });
  });

  test('a step in which the canary is as large as ever needs no number of its own', async () => {
    const rendered = await render(sample({ workload: workload(deployment(), hpa()) }));
    expect(rendered.plan.steps.map((it) => it.minReplicas)).toEqual(Array(7).fill(undefined));
  });

  test('wrong bounds of a track are told as those of its HPA', async () => {
    const release = sample({
      workload: workload(deployment(), hpa()),
      tracks: { canary: { minReplicas: 5 } },
    });
    expect(await mistakesOf(release)).toEqual([
      expect.stringContaining(
        '/spec/maxReplicas of HorizontalPodAutoscaler shop-canary must be at least minReplicas, got 4',
      ),
    ]);
  });
});

describe('without an autoscaler', () => {
  test('the canary has the replicas that the release or its step says', async () => {
    const objects = [deployment({}, { spec: { replicas: 6 } })];
    const file = 'deployment-shop-canary.yaml';
    const replicas = async (props: Partial<ReleaseProps>) =>
      (await specs(objects, props, file)).map((it) => it.replicas);
    expect(await replicas({ tracks: { canary: { replicas: 2 } } })).toEqual([0, 2, 0]);
    expect(await replicas(SCALED)).toEqual(expect.arrayContaining([0, 1, 3]));
  });

  test.each([
    [
      { canary: { minReplicas: 2 } },
      'tracks.canary.minReplicas has no effect, got 2; no autoscaler rules',
    ],
    [
      { primary: { maxReplicas: 2 } },
      'tracks.primary.maxReplicas has no effect, got 2; no autoscaler rules',
    ],
    [
      { canary: { replicas: 0 } },
      'tracks.canary.replicas must be a whole number, got 0; use 1 or more',
    ],
    [{ canary: { replicas: 1.5 } }, 'tracks.canary.replicas must be a whole number, got 1.5'],
  ])('%j is refused', async (tracks, expected) => {
    expect(await mistakesOf(sample({ tracks }))).toContainEqual(expect.stringContaining(expected));
  });

  test('and with one, replicas of the canary are', async () => {
    const release = sample({
      workload: workload(deployment(), hpa()),
      tracks: { canary: { replicas: 2 } },
    });
    expect(await mistakesOf(release)).toEqual([
      'shop: tracks.canary.replicas has no effect, got 2; an autoscaler rules: give minReplicas and maxReplicas',
    ]);
  });
});

describe('a ScaledObject of KEDA', () => {
  const objects = (spec?: object, trigger?: object) => [deployment(), scaledObject(spec, trigger)];

  test('scales each track by what its own pods do', async () => {
    const advanced = { horizontalPodAutoscalerConfig: { name: 'shop-hpa' } };
    const rendered = await render(
      sample({
        workload: workload(...objects({ advanced })),
        tracks: { canary: { minReplicas: 2, maxReplicas: 3 } },
      }),
    );
    const spec = (step: string, track: string) =>
      objectAt(objectIn(rendered, step, `scaledobject-shop-${track}.yaml`), 'spec');
    const canary = spec('01-canary-up', 'canary');
    expect(canary).toMatchObject({
      scaleTargetRef: { name: 'shop-canary' },
      minReplicaCount: 2,
      maxReplicaCount: 3,
      advanced: { horizontalPodAutoscalerConfig: { name: 'shop-hpa-canary' } },
    });
    expect(objectAt(listAt(canary, 'triggers')[0], 'metadata').query).toBe(
      'sum(rate(jobs_total{workload="shop-canary",track="canary"}[1m]))',
    );
    expect(objectAt(listAt(spec('04-promote', 'primary'), 'triggers')[0], 'metadata').query).toBe(
      'sum(rate(jobs_total{workload="shop-primary",track="primary"}[1m]))',
    );
    expect(rendered.plan.shape.autoscaled).toBe(true);
    expect(rendered.plan.workloads.canary).toEqual({
      file: 'deployment-shop-canary.yaml',
      minReplicas: 2,
    });
  });

  test('leaves a canary at rest alone: no object, no pods', async () => {
    const rendered = await render(sample({ workload: workload(...objects()) }));
    expect(rendered.plan.steps.at(-1)?.files).not.toContain('scaledobject-shop-canary.yaml');
    const rest = objectIn(rendered, '06-complete', 'deployment-shop-canary.yaml');
    expect(objectAt(rest, 'spec').replicas).toBe(0);
    const up = objectIn(rendered, '01-canary-up', 'deployment-shop-canary.yaml');
    expect(objectAt(up, 'spec')).not.toHaveProperty('replicas');
  });

  test('a step that scales pins both counts', async () => {
    const all = await specs(objects(), SCALED, 'scaledobject-shop-canary.yaml');
    expect(all[0]).toMatchObject({ minReplicaCount: 1, maxReplicaCount: 1 });
  });

  test('is configuration: no other candidate', async () => {
    const candidate = async (...all: readonly SampleObject[]) =>
      (await render(sample({ workload: workload(...all) }))).plan.candidate;
    expect(await candidate(...objects())).toBe(await candidate(deployment()));
  });

  const queue = {
    type: 'rabbitmq',
    metadata: { queueName: 'orders', mode: 'QueueLength', value: '20' },
  };

  test.each<[string, object, object, string]>([
    [
      'a trigger that sees one number on both tracks',
      {},
      queue,
      'trigger rabbitmq of ScaledObject shop sees one number on both tracks, got {"mode":"QueueLength",' +
        '"queueName":"orders","value":"20"}; let it name {{workload}} or {{track}}, or say that it is ' +
        "meant: tracks.sharedTriggers: ['rabbitmq']",
    ],
    [
      'an unknown placeholder',
      {},
      { metadata: { query: 'up{pod=~"{{target}}"} and {{track}}' } },
      'unknown placeholder in trigger prometheus of ScaledObject shop, got "{{target}}"; use {{workload}} or {{track}}',
    ],
    [
      'no pods by default: a track at 0 pods is never ready',
      { minReplicaCount: 0 },
      {},
      'minReplicaCount of ScaledObject shop-primary is below 1: a track at 0 pods is never ready, got 0; ' +
        'set spec.minReplicaCount: 1 or more',
    ],
    [
      'no pods when idle',
      { idleReplicaCount: 0 },
      {},
      'spec.idleReplicaCount of ScaledObject shop, got 0; leave it out',
    ],
    [
      'a count that KEDA brings back when it goes',
      { advanced: { restoreToOriginalReplicaCount: true } },
      {},
      'spec.advanced.restoreToOriginalReplicaCount of ScaledObject shop, got true; leave it out',
    ],
    [
      'bounds the wrong way round',
      { minReplicaCount: 9 },
      {},
      'ScaledObject shop-primary has minReplicaCount over maxReplicaCount, got "9 over 8"',
    ],
    [
      'another target',
      { scaleTargetRef: { name: 'other' } },
      {},
      'the ScaledObject is for something else than the Deployment, got {"name":"other"}; ' +
        'let spec.scaleTargetRef name Deployment shop',
    ],
    [
      'a field that KEDA does not know',
      { polling: 3 },
      {},
      '/spec/polling of ScaledObject shop-primary is a field that the API does not know',
    ],
  ])('is refused with %s', async (_, spec, trigger, expected) => {
    const found = await mistakesOf(sample({ workload: workload(...objects(spec, trigger)) }));
    expect(found).toContainEqual(expect.stringContaining(expected));
  });

  test.each([
    ['named as shared', queue, ['rabbitmq']],
    ['named as shared by its own name', { ...queue, name: 'orders' }, ['orders']],
    [
      'that looks at its own pods',
      { type: 'cpu', metricType: 'Utilization', metadata: { value: '80' } },
      [],
    ],
  ])('a trigger %s may name no track', async (_, trigger, sharedTriggers) => {
    const props = { workload: workload(...objects({}, trigger)), tracks: { sharedTriggers } };
    expect(await mistakesOf(sample(props))).toEqual([]);
  });

  test('a shared trigger that is none', async () => {
    const props = { workload: workload(...objects()), tracks: { sharedTriggers: ['orders'] } };
    expect(await mistakesOf(sample(props))).toEqual([
      'shop/object-1: tracks.sharedTriggers names no metric or trigger of ScaledObject shop, got "orders"; use one of prometheus',
    ]);
  });

  test('beside an HPA is one autoscaler too many', async () => {
    const found = await mistakesOf(sample({ workload: workload(...objects(), hpa()) }));
    expect(found).toEqual([
      'shop/object-1: ScaledObject shop is a second autoscaler for one Deployment; keep one, with all metrics in it',
    ]);
  });
});
