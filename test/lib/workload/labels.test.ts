import { describe, expect, test } from 'vitest';
import { canary, kubernetes, type ReleaseProps, type Rendered } from '../../../lib/index.ts';
import { listAt, objectAt } from '../../../lib/manifest/json.ts';
import { hasAll, selects } from '../../../lib/manifest/selector.ts';
import { render } from '../../../lib/render/render.ts';
import {
  deployment,
  mistakesOf,
  objectIn,
  type SampleObject,
  sample,
  workload,
} from '../sample.ts';

const STEP = '01-canary-up';

function made(objects: readonly SampleObject[], props: Partial<ReleaseProps> = {}) {
  return render(sample({ workload: workload(deployment(), ...objects), ...props }));
}

/** Labels of the pods of both tracks, as the canary and the primary run. */
function podsOf(rendered: Rendered) {
  return (['canary', 'primary'] as const).map((track) => {
    const step = track === 'canary' ? STEP : '04-promote';
    const object = objectIn(rendered, step, `deployment-shop-${track}.yaml`);
    return objectAt(object, 'spec', 'template', 'metadata').labels as Readonly<
      Record<string, string>
    >;
  });
}

function object(apiVersion: string, kind: string, spec: object, more: object = {}): SampleObject {
  return { apiVersion, kind, metadata: { name: 'own', ...more }, spec };
}

const byApp = { matchExpressions: [{ key: 'app', operator: 'In', values: ['shop'] }] };
const policy = (podSelector: object, annotations: object = {}) =>
  object(
    'networking.k8s.io/v1',
    'NetworkPolicy',
    {
      podSelector,
      policyTypes: ['Ingress'],
      ingress: [
        {
          from: [
            { podSelector: { matchLabels: { app: 'gateway' } } },
            {
              podSelector: {
                matchExpressions: [{ key: 'app', operator: 'In', values: ['shop', 'cart'] }],
              },
            },
          ],
        },
      ],
    },
    { annotations },
  );

describe('labels stay the author’s', () => {
  test('app and version, by which Kiali tells applications and their workloads, are on both tracks', async () => {
    const labels = { app: 'shop', version: 'v1' };
    const rendered = await render(
      sample({
        workload: workload(
          deployment(
            {},
            {
              template: { labels },
              spec: {
                selector: { matchLabels: { app: 'shop' } },
                template: {
                  metadata: { labels },
                  spec: objectAt(JSON.parse(JSON.stringify(deployment())), 'spec', 'template').spec,
                },
              },
            },
          ),
        ),
      }),
    );
    for (const it of podsOf(rendered)) expect(it).toMatchObject(labels);
    const services = ['primary', 'canary'].map((it) =>
      objectIn(rendered, STEP, `service-shop-${it}.yaml`),
    );
    // Kiali finds an application's Services by the app that they select.
    expect(services.map((it) => objectAt(it, 'spec', 'selector').app)).toEqual(['shop', 'shop']);
  });

  test.each([
    ['by labels', { matchLabels: { app: 'shop' } }],
    ['by an expression', byApp],
  ])('a NetworkPolicy %s means both tracks', async (_, selector) => {
    const rendered = await made([policy(selector)]);
    const found = objectIn(rendered, STEP, 'networkpolicy-own.yaml');
    expect(objectAt(found, 'spec').podSelector).toEqual(selector);
    for (const it of podsOf(rendered)) expect(selects(selector, it)).toBe(true);
  });

  test('one that spares the workload still spares both tracks', async () => {
    const others = { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['shop'] }] };
    for (const selectorLabel of [undefined, 'app']) {
      const rendered = await made(
        [policy(others)],
        selectorLabel === undefined ? {} : { selectorLabel },
      );
      const found = objectAt(objectIn(rendered, STEP, 'networkpolicy-own.yaml'), 'spec');
      for (const it of podsOf(rendered))
        expect(selects(objectAt(found, 'podSelector'), it)).toBe(false);
    }
  });

  test('with Flagger’s labels, policies and PodMonitors by expression or label find both tracks', async () => {
    for (const selector of [{ matchLabels: { app: 'shop' } }, byApp]) {
      const monitor = object('monitoring.coreos.com/v1', 'PodMonitor', {
        selector,
        podMetricsEndpoints: [{ port: 'http' }],
      });
      const rendered = await made([policy(selector), monitor], { selectorLabel: 'app' });
      const inPolicy = objectAt(objectIn(rendered, STEP, 'networkpolicy-own.yaml'), 'spec');
      const inMonitor = objectAt(objectIn(rendered, STEP, 'podmonitor-own.yaml'), 'spec');
      const peer = listAt(listAt(inPolicy, 'ingress')[0], 'from')[1];
      for (const pod of podsOf(rendered)) {
        expect(selects(objectAt(inPolicy, 'podSelector'), pod)).toBe(true);
        expect(selects(objectAt(peer, 'podSelector'), pod)).toBe(true);
        expect(selects(objectAt(inMonitor, 'selector'), pod)).toBe(true);
      }
    }
  });

  test('a ServiceMonitor by app finds the Service of each track, and so each pod once', async () => {
    const selector = { matchLabels: { app: 'shop' } };
    const monitor = object('monitoring.coreos.com/v1', 'ServiceMonitor', {
      selector,
      endpoints: [{ port: 'http' }],
    });
    const rendered = await made([monitor]);
    const found = [...rendered.files.keys()]
      .filter((it) => it.startsWith(`steps/${STEP}/service-`))
      .map((it) => objectIn(rendered, STEP, it.split('/').at(-1) ?? ''))
      .filter((it) => selects(selector, it.metadata.labels ?? {}));
    expect(found.map((it) => it.metadata.name)).toEqual(['shop-canary', 'shop-primary']);
    const pods = podsOf(rendered);
    for (const it of found) {
      const own = objectAt(it, 'spec', 'selector') as Readonly<Record<string, string>>;
      expect(pods.filter((pod) => hasAll(pod, own))).toHaveLength(1);
    }
    expect(rendered.warnings.filter((it) => /selects no/.test(it.problem))).toEqual([]);
  });
});

describe('perch/tracks says which pods an object means', () => {
  const service = (value: string) =>
    object(
      'v1',
      'Service',
      { selector: { app: 'shop' }, ports: [{ port: 9797 }] },
      { annotations: { 'perch/tracks': value } },
    );
  const selectorOf = async (it: SampleObject, props: Partial<ReleaseProps> = {}) =>
    objectAt(objectIn(await made([it], props), STEP, 'service-own.yaml'), 'spec').selector;

  test('a Service of both tracks, or of one', async () => {
    expect(await selectorOf(service('both'))).toEqual({ app: 'shop' });
    expect(await selectorOf(service('canary'))).toEqual({ app: 'shop', 'perch/track': 'canary' });
    expect(await selectorOf(service('primary'), { selectorLabel: 'app' })).toEqual({
      app: 'shop-primary',
    });
    // A selector that does not name the application finds both tracks as well.
    const byTier = {
      ...service('primary'),
      spec: { selector: { tier: 'web' }, ports: [{ port: 9797 }] },
    };
    expect(await selectorOf(byTier)).toEqual({ tier: 'web', 'perch/track': 'primary' });
    expect(await selectorOf(byTier, { selectorLabel: 'app' })).toEqual({
      tier: 'web',
      app: 'shop-primary',
    });
  });

  test('a policy and a monitor of one', async () => {
    const rendered = await made([
      policy(byApp, { 'perch/tracks': 'primary' }),
      object(
        'monitoring.coreos.com/v1',
        'ServiceMonitor',
        { selector: { matchLabels: { app: 'shop' } }, endpoints: [{ port: 'http' }] },
        { annotations: { 'perch/tracks': 'canary' } },
      ),
    ]);
    expect(
      objectAt(objectIn(rendered, STEP, 'networkpolicy-own.yaml'), 'spec').podSelector,
    ).toEqual({ ...byApp, matchLabels: { app: 'shop', 'perch/track': 'primary' } });
    expect(
      objectAt(objectIn(rendered, STEP, 'servicemonitor-own.yaml'), 'spec', 'selector').matchLabels,
    ).toEqual({ app: 'shop', 'perch/track': 'canary' });
  });

  test.each([
    [
      'nonsense',
      service('blue'),
      {},
      /perch\/tracks of Service own is not a track.*primary, canary or both/,
    ],
    ['both with Flagger’s labels', service('both'), { selectorLabel: 'app' }, /cannot be both/],
    [
      'on what selects no pods',
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'own', annotations: { 'perch/tracks': 'both' } },
        data: { a: 'b' },
      },
      {},
      /perch\/tracks of ConfigMap own has no effect: it selects no pods/,
    ],
    [
      'on what is written for each track',
      {
        apiVersion: 'policy/v1',
        kind: 'PodDisruptionBudget',
        metadata: { name: 'own', annotations: { 'perch/tracks': 'both' } },
        spec: { maxUnavailable: 1, selector: { matchLabels: { app: 'shop' } } },
      },
      {},
      /perch\/tracks of PodDisruptionBudget own has no effect: it is written for each track/,
    ],
  ])('%s is a mistake', async (_, it, props, expected) => {
    const release = sample({ workload: workload(deployment(), it), ...props });
    expect((await mistakesOf(release)).join('\n')).toMatch(expected);
  });
});

describe('metadata of the pods of one track', () => {
  const metadata = { labels: { release: 'canary' }, annotations: { sampled: 'yes' } };

  test('is on that track alone, and makes another candidate', async () => {
    const [plain, rendered] = [
      await made([]),
      await made([], { tracks: { canary: { metadata } } }),
    ];
    const [canary, primary] = podsOf(rendered);
    expect(canary).toMatchObject(metadata.labels);
    expect(primary).not.toHaveProperty('release');
    const pods = objectAt(
      objectIn(rendered, STEP, 'deployment-shop-canary.yaml'),
      'spec',
      'template',
      'metadata',
    );
    expect(pods.annotations).toEqual(metadata.annotations);
    expect(rendered.plan.candidate).not.toBe(plain.plan.candidate);
  });

  test('cannot have a label by which the pods are selected', async () => {
    const labels = { app: 'other', 'perch/track': 'primary' };
    const release = sample({ tracks: { canary: { metadata: { labels } } } });
    expect((await mistakesOf(release)).map((it) => it.slice(0, 90))).toEqual([
      'shop: tracks.canary.metadata.labels has a label by which the pods are selected, got "app";',
      'shop: tracks.canary.metadata.labels has a label by which the pods are selected, got "perch',
    ]);
  });
});

test('a VerticalPodAutoscaler of the workload is one for each track', async () => {
  const rendered = await made([
    object('autoscaling.k8s.io/v1', 'VerticalPodAutoscaler', {
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' },
    }),
  ]);
  const found = objectIn(rendered, STEP, 'verticalpodautoscaler-own-canary.yaml');
  expect(objectAt(found, 'spec', 'targetRef').name).toBe('shop-canary');
  expect(rendered.plan.steps.at(-1)?.files).toContain('verticalpodautoscaler-own-primary.yaml');
});

test('with Flagger’s labels one Service of both tracks needs a label that they share', async () => {
  const rendered = await made([], {
    selectorLabel: 'app',
    traffic: kubernetes({ split: 'replicas' }),
    strategy: canary({ stepWeights: [50] }),
    analysis: {},
  });
  const apex = objectAt(objectIn(rendered, STEP, 'service-shop.yaml'), 'spec').selector;
  expect(apex).toEqual({ 'perch/release': 'shop' });
  const last = rendered.plan.steps.at(-1)?.name ?? '';
  for (const track of ['primary', 'canary']) {
    const object = objectIn(rendered, last, `deployment-shop-${track}.yaml`);
    const { labels } = objectAt(object, 'spec', 'template', 'metadata');
    expect(labels).toMatchObject({ app: `shop-${track}`, 'perch/release': 'shop' });
  }
});
