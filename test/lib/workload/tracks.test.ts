import { describe, expect, test } from 'vitest';
import type { ReleaseProps, Rendered } from '../../../lib/index.ts';
import { type JsonObject, listAt, objectAt } from '../../../lib/manifest/json.ts';
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

const BUDGET: SampleObject = {
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name: 'budget' },
  spec: { minAvailable: 1, selector: { matchLabels: { app: 'shop', tier: 'web' } } },
};

describe('the Deployment of a track', () => {
  test('keeps the author’s labels, and has one more that tells the tracks apart', async () => {
    const rendered = await made([deployment()]);
    for (const [step, track] of [
      ['01-canary-up', 'canary'],
      ['04-promote', 'primary'],
    ] as const) {
      const object = objectIn(rendered, step, `deployment-shop-${track}.yaml`);
      expect(object.metadata.name).toBe(`shop-${track}`);
      expect(objectAt(object, 'spec').selector).toEqual({
        matchLabels: { app: 'shop', 'perch/track': track },
      });
      expect(objectAt(object, 'spec', 'template', 'metadata').labels).toEqual({
        app: 'shop',
        'perch/track': track,
        tier: 'web',
      });
    }
    expect(rendered.plan.shape.selectors).toEqual({
      primary: { app: 'shop', 'perch/track': 'primary' },
      canary: { app: 'shop', 'perch/track': 'canary' },
    });
  });

  test.each([
    [
      { name: 'a', 'app.kubernetes.io/name': 'b' },
      undefined,
      { name: 'a', 'app.kubernetes.io/name': 'b', 'perch/track': 'canary' },
    ],
    [
      { component: 'shop', 'perch/track': 'primary' },
      undefined,
      { component: 'shop', 'perch/track': 'canary' },
    ],
    [{ app: 'shop', component: 'x' }, 'component', { component: 'shop-canary' }],
  ])('selector of %j with selectorLabel %j is %j', async (labels, selectorLabel, expected) => {
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
    expect(plan.shape.selectors.canary).toEqual(expected);
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
    expect(rendered.plan.shape.selectors.canary).toEqual({ app: 'shop', 'perch/track': 'canary' });
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
      app: 'shop',
      'perch/track': 'canary',
      tier: 'web',
    });
  });

  describe('affinity and topology spread', () => {
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
    const of = async (props: Partial<ReleaseProps>) => {
      const rendered = await made([deployment(spec)], props);
      const object = objectIn(rendered, '01-canary-up', 'deployment-shop-canary.yaml');
      return objectAt(object, 'spec', 'template', 'spec');
    };
    const termsOf = (on: JsonObject) =>
      [
        'requiredDuringSchedulingIgnoredDuringExecution',
        'preferredDuringSchedulingIgnoredDuringExecution',
      ]
        .flatMap((key) => listAt(on, 'affinity', 'podAntiAffinity', key))
        .map((it) => objectAt(it.podAffinityTerm ?? it).labelSelector);

    test('mean the pods of both tracks, as in a rolling update', async () => {
      const on = await of({});
      expect(on.affinity).toEqual(spec.affinity);
      expect(on.topologySpreadConstraints).toEqual(spec.topologySpreadConstraints);
    });

    test('mean their own track where podTerms says so', async () => {
      const on = await of({ tracks: { podTerms: 'own' } });
      expect(objectAt(on, 'affinity', 'podAffinity')).toEqual(spec.affinity.podAffinity);
      expect(termsOf(on)).toEqual([
        { matchLabels: { app: 'shop', 'perch/track': 'canary', tier: 'web' } },
        {
          matchExpressions: [{ key: 'app', operator: 'In', values: ['shop', 'x'] }],
          matchLabels: { 'perch/track': 'canary' },
        },
      ]);
      expect(listAt(on, 'topologySpreadConstraints').map((it) => it.labelSelector)).toEqual([
        { matchLabels: { app: 'shop', 'perch/track': 'canary' } },
      ]);
    });

    test('mean their own track where a label has another value on each', async () => {
      const on = await of({ selectorLabel: 'app' });
      expect(objectAt(on, 'affinity', 'podAffinity')).toEqual(spec.affinity.podAffinity);
      expect(termsOf(on)).toEqual([
        { matchLabels: { app: 'shop-canary', tier: 'web' } },
        { matchExpressions: [{ key: 'app', operator: 'In', values: ['shop-canary', 'x'] }] },
      ]);
    });
  });
});

describe('the candidate', () => {
  // Recorded before pods had the label perch/track: an upgrade starts no rollout where the author keeps the old way.
  test('with selectorLabel is what it was before the author’s labels were kept', async () => {
    const affinity = {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { topologyKey: 'zone', labelSelector: { matchLabels: { app: 'shop' } } },
        ],
      },
    };
    const { plan } = await made([deployment({ affinity })], { selectorLabel: 'app' });
    expect(plan.candidate).toBe('d5cb961995');
    expect(plan.shape.selectors.primary).toEqual({ app: 'shop-primary' });
  });

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
