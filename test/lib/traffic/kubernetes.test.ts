import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  abTest,
  blueGreen,
  canary,
  kubernetes,
  query,
  type ReleaseProps,
  recreate,
  shadow,
  successRate,
  Testing,
} from '../../../lib/index.ts';
import { deployment, hpa, mistakesOf, objectIn, sample, workload } from '../sample.ts';

const analysis = { checks: [query({ name: 'errors', query: 'up', max: 1 })] };

function release(props: Partial<ReleaseProps>) {
  return sample({ traffic: kubernetes(), analysis, ...props });
}

/** A workload whose primary has so many pods. */
function pods(replicas: number): Pick<ReleaseProps, 'workload'> {
  return { workload: workload(deployment({}, { spec: { replicas } })) };
}

describe('switch', () => {
  test('the Service of the users selects the track that has all requests', async () => {
    const rendered = await Testing.render(release({ strategy: blueGreen() }));
    const { plan } = rendered;
    const selected = plan.steps
      .filter((it) => it.files.includes('service-shop.yaml'))
      .map((it) => {
        const { spec } = objectIn(rendered, it.name, 'service-shop.yaml');
        return [it.name, spec?.selector];
      });
    expect(selected).toEqual([
      ['01-canary-up', { app: 'shop-primary' }],
      ['02-preview', { app: 'shop-primary' }],
      ['03-switch', { app: 'shop-canary' }],
      ['04-promote', { app: 'shop-canary' }],
      ['05-switch-back', { app: 'shop-primary' }],
      ['06-complete', { app: 'shop-primary' }],
    ]);
    expect(plan.files['service-shop.yaml']).toMatchObject({
      role: 'routing',
      pointers: ['/spec/selector'],
    });
    expect(plan.shape.routes).toEqual(['Service/shop']);
    expect(objectIn(rendered, '03-switch', 'service-shop.yaml').metadata.annotations).toMatchObject(
      {
        'perch/step': `${plan.candidate}/03-switch`,
      },
    );
  });

  test('one track needs no switch', async () => {
    const rendered = await Testing.render(release({ strategy: recreate() }));
    expect(objectIn(rendered, '01-recreate', 'service-shop.yaml').spec).toMatchObject({
      selector: { app: 'shop-primary' },
    });
  });
});

describe('replicas', () => {
  const traffic = kubernetes({ split: 'replicas' });

  test('the canary gets requests as it gets pods; nothing else is written for a weight', async () => {
    const rendered = await Testing.render(
      release({ ...pods(4), traffic, strategy: canary({ stepWeights: [20, 50] }) }),
    );
    const { plan } = rendered;
    expect(plan.steps.map((it) => `${it.name} ${it.weights.canary} ${it.ready}`)).toEqual([
      '00-init 0 primary',
      '01-canary-up 0 primary',
      '02-weight-20 20 canary,primary',
      '03-weight-50 50 canary,primary',
      '04-promote 50 primary,canary',
      '05-weight-0 0 primary',
      '06-complete 0 primary',
    ]);
    const replicas = (step: string) =>
      objectIn(rendered, step, 'deployment-shop-canary.yaml').spec?.replicas;
    expect(['02-weight-20', '03-weight-50', '05-weight-0'].map(replicas)).toEqual([1, 4, 0]);
    expect(plan.steps[2]?.files).toEqual(['deployment-shop-canary.yaml']);
    const { spec } = objectIn(rendered, '06-complete', 'service-shop.yaml');
    expect(spec?.selector).toEqual({ 'perch/release': 'shop' });
    for (const track of ['primary', 'canary'])
      expect(objectIn(rendered, '06-complete', `deployment-shop-${track}.yaml`)).toMatchObject({
        spec: {
          selector: { matchLabels: { app: `shop-${track}` } },
          template: { metadata: { labels: { app: `shop-${track}`, 'perch/release': 'shop' } } },
        },
      });
  });

  test('the number of pods is the closest one, and never none of a weight', () => {
    const { shares = () => Number.NaN } = traffic;
    const percent = fc.integer({ min: 1, max: 950 }).map((it) => it / 10);
    fc.assert(
      fc.property(percent, fc.integer({ min: 1, max: 50 }), (weight, primary) => {
        const off = (count: number) => Math.abs(count / (primary + count) - weight / 100);
        const count = shares(weight, primary);
        expect(Number.isInteger(count) && count > 0).toBe(true);
        expect(off(count)).toBeLessThanOrEqual(off(count + 1) + 1e-12);
        if (count > 1) expect(off(count)).toBeLessThanOrEqual(off(count - 1) + 1e-12);
      }),
    );
    expect([shares(0, 4), shares(1, 4), shares(100, 4) > 1000]).toEqual([0, 1, true]);
  });

  test('an autoscaler would change the weight', async () => {
    const found = await mistakesOf(
      release({
        traffic,
        workload: workload(deployment(), hpa()),
        strategy: canary({ stepWeights: [20] }),
      }),
    );
    expect(found).toEqual([
      'shop: an autoscaler changes the number of pods, which is the weight here, got "HorizontalPodAutoscaler shop"; leave it out, or use a mesh or gateway',
    ]);
  });

  test('no number of pods is all of them', async () => {
    const found = await mistakesOf(release({ ...pods(2), traffic, strategy: blueGreen() }));
    expect(found).toEqual([
      expect.stringContaining('shop: no reasonable number of pods gives the canary'),
    ]);
  });
});

describe('what a Service cannot do', () => {
  const strategies = {
    abTest: abTest({ match: [{ headers: { group: { exact: 'beta' } } }] }),
    // Flagger advances “weight 0” for ever where the router cannot mirror.
    'trap mirror on a router that cannot': canary({ stepWeights: [25], mirror: { percent: 10 } }),
    shadow: shadow({ percent: 10 }),
    sessionAffinity: canary({ stepWeights: [25], sessionAffinity: { name: 'shop' } }),
  };
  const named = {
    abTest: 'a route by what a request says',
    'trap mirror on a router that cannot': 'copies of requests',
    shadow: 'copies of requests',
    sessionAffinity: 'a session cookie',
  };

  test.each(Object.keys(strategies) as (keyof typeof strategies)[])('%s', async (name) => {
    for (const split of ['switch', 'replicas'] as const) {
      const traffic = kubernetes({ split });
      const found = await mistakesOf(release({ ...pods(3), traffic, strategy: strategies[name] }));
      expect(found).toContainEqual(
        expect.stringContaining(`shop: a Service alone cannot give ${named[name]}`),
      );
    }
  });

  test('a part of the requests, by a switch', async () => {
    expect(await mistakesOf(release({ strategy: canary({ stepWeights: [10, 100] }) }))).toEqual([
      "shop: a Service that switches cannot give the canary 10 %, got 10; use blueGreen(), kubernetes({ split: 'replicas' }), or a mesh or gateway",
    ]);
  });

  test('count requests', async () => {
    const checks = [successRate({ min: 99 })];
    expect(await mistakesOf(release({ strategy: blueGreen(), analysis: { checks } }))).toEqual([
      'shop: analysis.checks[0] (success-rate): a Service counts no requests, got "kubernetes()"; ask for what the pods count themselves, with query()',
    ]);
  });
});
