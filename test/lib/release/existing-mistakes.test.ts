import { describe, expect, test } from 'vitest';
import {
  Apps,
  abTest,
  blueGreen,
  canary,
  Duration,
  type ExistingServices,
  gatewayApi,
  istio,
  kubernetes,
  Release,
  type ReleaseProps,
  recreate,
  successRate,
} from '../../../lib/index.ts';
import { listAt, objectAt } from '../../../lib/manifest/json.ts';
import { render } from '../../../lib/render/render.ts';
import { deployment, mistakesOf, objectIn, workload } from '../sample.ts';

const EXISTING: ExistingServices = { stable: 'shop-blue', candidate: 'shop-green', version: '2' };

function release(props: Partial<ReleaseProps> = {}): Release {
  return new Release(new Apps(), 'shop', {
    namespace: 'prod',
    existing: EXISTING,
    service: { port: 80 },
    traffic: istio(),
    strategy: canary({ stepWeight: 50 }),
    analysis: { checks: [successRate({ min: 99 })], checkPeriod: Duration.seconds(30) },
    ...props,
  });
}

async function routes(props: Partial<ReleaseProps> = {}) {
  const rendered = await render(release(props));
  return rendered.plan.steps.slice(1).map(({ name }) => {
    const http = listAt(objectIn(rendered, name, 'virtualservice-shop.yaml'), 'spec', 'http');
    const weights = listAt(http.at(-1), 'route').map(
      (it) => `${String(objectAt(it, 'destination').host)} ${String(it.weight)}`,
    );
    return `${name}: ${weights.join(', ')}`;
  });
}

describe('two Services that exist', () => {
  test('get nothing but routes, and the candidate keeps the traffic', async () => {
    expect(await routes()).toEqual([
      '01-canary-up: shop-blue 100, shop-green 0',
      '02-weight-50: shop-blue 50, shop-green 50',
      '03-weight-100: shop-blue 0, shop-green 100',
      '04-complete: shop-blue 0, shop-green 100',
    ]);
    const { plan } = await render(release());
    expect(plan.workloads).toEqual({});
    expect(plan.images).toEqual([]);
    expect(plan.steps.flatMap((it) => it.ready)).toEqual([]);
    expect(new Set(Object.values(plan.files).map((it) => it.role))).toEqual(new Set(['routing']));
    expect(plan.steps[0]?.files).toEqual([]);
    expect(plan.steps.at(-1)?.weights).toEqual({ primary: 0, canary: 100 });
    expect(plan.shape).toMatchObject({
      kind: 'Service',
      services: { stable: 'shop-blue', candidate: 'shop-green' },
    });
  });

  test('a canary that stops below 100 takes the rest in a step that the checks guard', async () => {
    const props = { strategy: canary({ stepWeights: [20] }) };
    expect(await routes(props)).toEqual([
      '01-canary-up: shop-blue 100, shop-green 0',
      '02-weight-20: shop-blue 80, shop-green 20',
      '03-weight-100: shop-blue 0, shop-green 100',
      '04-complete: shop-blue 0, shop-green 100',
    ]);
    const { plan } = await render(release(props));
    expect(plan.steps[3]).toMatchObject({ phase: 'Promoting', checks: ['success-rate'] });
  });

  test('the steps of other strategies end with all traffic on the candidate, too', async () => {
    const matches = { headers: { 'x-beta': { exact: 'yes' } } };
    for (const strategy of [abTest({ match: [matches] }), blueGreen()]) {
      const all = await routes({ strategy });
      expect(all.at(-1)).toMatch(/-complete: shop-blue 0, shop-green 100$/);
      const arrived = all.findIndex((it) => it.endsWith('shop-green 100'));
      expect(all.slice(arrived).filter((it) => !it.endsWith('shop-green 100'))).toEqual([]);
    }
  });

  test('are a new candidate by name or version', async () => {
    const candidate = async (existing: ExistingServices) =>
      (await render(release({ existing }))).plan.candidate;
    const first = await candidate(EXISTING);
    expect(await candidate({ ...EXISTING, version: '3' })).not.toBe(first);
    expect(await candidate({ ...EXISTING, candidate: 'shop-red' })).not.toBe(first);
    expect(await candidate({ ...EXISTING, stable: 'shop-red' })).toBe(first);
  });

  test('a first release may have one Service for both', async () => {
    const existing = { stable: 'shop', candidate: 'shop' };
    expect(await mistakesOf(release({ existing, traffic: istio() }))).toEqual([]);
  });

  test('are split by the Gateway API as well', async () => {
    const traffic = gatewayApi({ parentRefs: [{ name: 'public' }] });
    const rendered = await render(release({ traffic, analysis: {} }));
    const rules = listAt(objectIn(rendered, '04-complete', 'httproute-shop.yaml'), 'spec', 'rules');
    expect(listAt(rules[0], 'backendRefs').map((it) => [it.name, it.weight])).toEqual([
      ['shop-blue', 0],
      ['shop-green', 100],
    ]);
  });

  test.each<[string, Partial<ReleaseProps>, string]>([
    [
      'a workload beside them',
      { workload: workload(deployment()) },
      'existing is given beside workload, got',
    ],
    [
      'a strategy that changes pods',
      { strategy: recreate(), traffic: kubernetes() },
      'strategy recreate changes pods, and existing has none',
    ],
    [
      'pods that stand for weights',
      { traffic: kubernetes({ split: 'replicas' }) },
      'traffic kubernetes lets pods stand for weights, and existing has none',
    ],
    [
      'a Service of the release’s own',
      { traffic: kubernetes(), strategy: blueGreen(), analysis: {} },
      'traffic would be split by a Service of the release, and existing has its own, got "shop"',
    ],
    ['sizes', { tracks: { canary: { replicas: 2 } } }, 'tracks has no effect beside existing'],
    [
      'a targetPort',
      { service: { port: 80, targetPort: 8080 } },
      'service.targetPort has no effect beside existing',
    ],
    [
      'a name that no Service can have',
      { existing: { stable: 'Shop', candidate: 'shop-2' } },
      'existing.stable must be a DNS label, got "Shop"',
    ],
  ])('is refused with %s', async (_, props, expected) => {
    expect(await mistakesOf(release(props))).toContainEqual(expect.stringContaining(expected));
  });

  test('subsets of one host need labels on pods', async () => {
    const found = await mistakesOf(release({ traffic: istio({ subsets: true }) }));
    expect(found).toContainEqual(expect.stringContaining('existing has no pods to label'));
  });
});

test('a release of nothing', async () => {
  const { existing: _, ...props } = release().props;
  expect(await mistakesOf(new Release(new Apps(), 'shop', props))).toContainEqual(
    'shop: there is nothing to release; give workload, or existing',
  );
});
