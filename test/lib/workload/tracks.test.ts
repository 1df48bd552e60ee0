import { describe, expect, test } from 'vitest';
import type { ReleaseProps, Rendered } from '../../../lib/index.ts';
import { type Json, objectAt } from '../../../lib/manifest/json.ts';
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

async function made(
  objects: readonly SampleObject[],
  props: Partial<ReleaseProps> = {},
): Promise<Rendered> {
  return render(sample({ workload: workload(...objects), ...props }));
}

async function podSpec(track: 'primary' | 'canary', spec: object): Promise<Json | undefined> {
  const rendered = await made([deployment(spec)]);
  const step = track === 'canary' ? '01-canary-up' : '04-promote';
  return objectAt(objectIn(rendered, step, `deployment-shop-${track}.yaml`), 'spec', 'template')
    .spec;
}

const BUDGET: SampleObject = {
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name: 'budget' },
  spec: { minAvailable: 1, selector: { matchLabels: { app: 'shop', tier: 'web' } } },
};

describe('the Deployment of a track', () => {
  test('has one selector label; the other pod labels stay', async () => {
    const rendered = await made([deployment()]);
    for (const [step, track] of [
      ['01-canary-up', 'canary'],
      ['04-promote', 'primary'],
    ] as const) {
      const object = objectIn(rendered, step, `deployment-shop-${track}.yaml`);
      expect(object.metadata.name).toBe(`shop-${track}`);
      expect(objectAt(object, 'spec').selector).toEqual({ matchLabels: { app: `shop-${track}` } });
      expect(objectAt(object, 'spec', 'template', 'metadata').labels).toEqual({
        app: `shop-${track}`,
        tier: 'web',
      });
    }
    expect(rendered.plan.shape.selectors).toEqual({
      primary: { app: 'shop-primary' },
      canary: { app: 'shop-canary' },
    });
  });

  test.each([
    [{ name: 'shop', 'app.kubernetes.io/name': 'shop' }, undefined, 'name'],
    [{ 'app.kubernetes.io/name': 'shop' }, undefined, 'app.kubernetes.io/name'],
    [{ component: 'shop' }, undefined, 'app'],
    [{ app: 'shop', component: 'x' }, 'component', 'component'],
  ])('selector label of %j with %j is %s', async (labels, selectorLabel, expected) => {
    const object = deployment(
      {},
      { spec: { selector: { matchLabels: labels } }, template: { labels } },
    );
    const spec = objectAt(JSON.parse(JSON.stringify(object)), 'spec', 'template');
    const whole = deployment(
      {},
      { spec: { selector: { matchLabels: labels }, template: { ...spec, metadata: { labels } } } },
    );
    const { plan } = await made([whole], selectorLabel === undefined ? {} : { selectorLabel });
    expect(plan.shape.selectors.canary).toEqual({ [expected]: 'shop-canary' });
  });

  test('is named after the release, whatever the Deployment’s own name is', async () => {
    const objects = [
      deployment({}, { metadata: { name: 'backend' } }),
      hpa({ scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'backend' } }),
    ];
    const rendered = await made(objects, { name: 'store' });
    expect(rendered.plan).toMatchObject({
      release: 'shop',
      name: 'store',
      shape: { workload: 'store-primary', apex: 'store' },
    });
    const scaler = objectIn(rendered, '01-canary-up', 'horizontalpodautoscaler-shop-canary.yaml');
    expect(objectAt(scaler, 'spec').scaleTargetRef).toMatchObject({ name: 'store-canary' });
    expect(rendered.plan.shape.selectors.canary).toEqual({ app: 'store-canary' });
  });

  test('without an HPA replicas are as given, 1 where they are not, 0 at rest', async () => {
    for (const [spec, expected] of [
      [{}, 1],
      [{ replicas: 3 }, 3],
    ] as const) {
      const rendered = await made([deployment({}, { spec })]);
      const replicas = (step: string, track: string) =>
        objectAt(objectIn(rendered, step, `deployment-shop-${track}.yaml`), 'spec').replicas;
      expect([replicas('01-canary-up', 'canary'), replicas('04-promote', 'primary')]).toEqual([
        expected,
        expected,
      ]);
      expect([replicas('06-complete', 'canary'), replicas('06-complete', 'primary')]).toEqual([
        0,
        expected,
      ]);
      expect([replicas('00-init', 'canary'), replicas('00-init', 'primary')]).toEqual([
        0,
        expected,
      ]);
    }
  });

  test('with an HPA running tracks have no replicas; the canary at rest has 0 and no HPA', async () => {
    const rendered = await made([deployment({}, { spec: { replicas: 3 } }), hpa(), BUDGET]);
    const spec = (step: string, track: string) =>
      objectAt(objectIn(rendered, step, `deployment-shop-${track}.yaml`), 'spec');
    expect(spec('01-canary-up', 'canary')).not.toHaveProperty('replicas');
    expect(spec('04-promote', 'primary')).not.toHaveProperty('replicas');
    expect(spec('06-complete', 'primary')).not.toHaveProperty('replicas');
    expect(spec('06-complete', 'canary').replicas).toBe(0);
    const complete = rendered.plan.steps.at(-1)?.files ?? [];
    expect(complete).toContain('horizontalpodautoscaler-shop-primary.yaml');
    expect(complete.filter((it) => /^(horizontal|poddis).*-canary/.test(it))).toEqual([]);
    expect(rendered.plan.workloads.canary).toEqual({
      file: 'deployment-shop-canary.yaml',
      minReplicas: 2,
    });
    expect(rendered.plan.shape.autoscaled).toBe(true);
  });
});

describe('what names the workload, on the canary', () => {
  test('the HPA’s target', async () => {
    const rendered = await made([deployment(), hpa()]);
    const object = objectIn(rendered, '01-canary-up', 'horizontalpodautoscaler-shop-canary.yaml');
    expect(objectAt(object, 'spec').scaleTargetRef).toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      name: 'shop-canary',
    });
  });

  test('the budget’s selector', async () => {
    const rendered = await made([deployment(), BUDGET]);
    const object = objectIn(rendered, '01-canary-up', 'poddisruptionbudget-budget-canary.yaml');
    expect(objectAt(object, 'spec', 'selector').matchLabels).toEqual({
      app: 'shop-canary',
      tier: 'web',
    });
  });

  test('affinity, anti-affinity and topology spread that name the label', async () => {
    const term = (selector: object) => ({ topologyKey: 'zone', labelSelector: selector });
    const spec = {
      affinity: {
        podAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [term({ matchLabels: { app: 'cache' } })],
        },
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            term({ matchLabels: { app: 'shop', tier: 'web' } }),
          ],
          preferredDuringSchedulingIgnoredDuringExecution: [
            {
              weight: 1,
              podAffinityTerm: term({
                matchExpressions: [{ key: 'app', operator: 'In', values: ['shop', 'x'] }],
              }),
            },
          ],
        },
      },
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: 'zone',
          whenUnsatisfiable: 'DoNotSchedule',
          labelSelector: { matchLabels: { app: 'shop' } },
        },
      ],
    };
    const on = objectAt({ spec: await podSpec('canary', spec) }, 'spec');
    expect(objectAt(on, 'affinity', 'podAffinity')).toEqual(spec.affinity.podAffinity);
    expect(objectAt(on, 'affinity').podAntiAffinity).toEqual({
      requiredDuringSchedulingIgnoredDuringExecution: [
        term({ matchLabels: { app: 'shop-canary', tier: 'web' } }),
      ],
      preferredDuringSchedulingIgnoredDuringExecution: [
        {
          weight: 1,
          podAffinityTerm: term({
            matchExpressions: [{ key: 'app', operator: 'In', values: ['shop-canary', 'x'] }],
          }),
        },
      ],
    });
    expect(on.topologySpreadConstraints).toEqual([
      {
        ...spec.topologySpreadConstraints[0],
        labelSelector: { matchLabels: { app: 'shop-canary' } },
      },
    ]);
  });
});

describe('the candidate', () => {
  const of = async (objects: readonly SampleObject[], props: Partial<ReleaseProps> = {}) =>
    (await made(objects, props)).plan.candidate;

  test('is the same for what says the same', async () => {
    const base = await of([deployment()]);
    expect(await of([deployment({ volumes: [], nodeSelector: {}, initContainers: null })])).toBe(
      base,
    );
    expect(await of([deployment({}, { template: { annotations: {} } })])).toBe(base);
  });

  test('does not count what is configuration', async () => {
    const base = await of([deployment()]);
    expect(await of([deployment({}, { spec: { replicas: 7, minReadySeconds: 3 } })])).toBe(base);
    expect(await of([deployment(), hpa(), BUDGET])).toBe(base);
    expect(
      await of([deployment()], {
        service: { port: 81, targetPort: 8080, apex: { labels: { a: 'b' } } },
      }),
    ).toBe(base);
    expect(await of([deployment({}, { metadata: { labels: { a: 'b' } } })])).toBe(base);
  });

  test('tells new pods by image, environment, labels and what an empty object means', async () => {
    const all = await Promise.all(
      [
        {},
        {
          containers: [
            { name: 'main', image: 'shop:2', ports: [{ name: 'http', containerPort: 8080 }] },
          ],
        },
        { terminationGracePeriodSeconds: 5 },
        { volumes: [{ name: 'a', emptyDir: {} }] },
        { volumes: [{ name: 'b', emptyDir: {} }] },
      ].map((it) => of([deployment(it)])),
    );
    expect(new Set(all).size).toBe(all.length);
  });
});

test('matchExpressions in the selector are refused', async () => {
  const spec = { selector: { matchExpressions: [{ key: 'app', operator: 'Exists' }] } };
  expect(await mistakesOf(sample({ workload: workload(deployment({}, { spec })) }))).toEqual([
    expect.stringContaining('spec.selector.matchExpressions are not supported'),
  ]);
});
