import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
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
} from '../../../../lib/index.ts';
import { type Manifest, objectAt } from '../../../../lib/manifest/json.ts';
import { mistakeText } from '../../../../lib/mistake.ts';
import { namesOf } from '../../../../lib/names.ts';
import { routerMistakes } from '../../../../lib/traffic/mistakes.ts';
import { trackLabelOf } from '../../../../lib/workload/track-label.ts';
import { type RouterUnderTest, routerContract } from '../../../contract/routers.ts';
import { deployment, hpa, mistakesOf, objectIn, sample, workload } from '../../sample.ts';

const weightsIn: RouterUnderTest['weightsIn'] = (object) => {
  const isCanary = objectAt(object, 'spec', 'selector')['perch/track'] === 'canary';
  return [{ primary: isCanary ? 0 : 1, canary: isCanary ? 1 : 0 }];
};
routerContract('kubernetes', { router: kubernetes(), weightsIn });
routerContract('kubernetes by pods', { router: kubernetes({ split: 'replicas' }), weightsIn });

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
        const service = objectIn(rendered, it.name, 'service-shop.yaml');
        return [it.name, objectAt(service, 'spec').selector];
      });
    expect(selected).toEqual([
      ['01-canary-up', { app: 'shop', 'perch/track': 'primary' }],
      ['02-preview', { app: 'shop', 'perch/track': 'primary' }],
      ['03-switch', { app: 'shop', 'perch/track': 'canary' }],
      ['04-promote', { app: 'shop', 'perch/track': 'canary' }],
      ['05-switch-back', { app: 'shop', 'perch/track': 'primary' }],
      ['06-complete', { app: 'shop', 'perch/track': 'primary' }],
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
      selector: { app: 'shop', 'perch/track': 'primary' },
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
      '03-primary-3 25 canary,primary',
      '04-canary-2 40 canary,primary',
      '05-weight-50 50 canary,primary',
      '06-promote 50 primary,canary',
      '07-primary-3 40 canary,primary',
      '08-canary-1 25 canary,primary',
      '09-primary-4 20 canary,primary',
      '10-weight-0 0 primary',
      '11-complete 0 primary',
    ]);
    const replicas = (step: string) =>
      objectAt(objectIn(rendered, step, 'deployment-shop-canary.yaml'), 'spec').replicas;
    expect(['02-weight-20', '05-weight-50', '10-weight-0'].map(replicas)).toEqual([1, 2, 0]);
    expect(plan.sizes).toEqual([2, 3, 4]);
    const kept = rendered.files.get('as-stable/primary-2/deployment-shop-primary.yaml');
    expect(objectAt(parse(String(kept)), 'spec').replicas).toBe(2);
    expect(plan.steps[2]?.files).toEqual(['deployment-shop-canary.yaml']);
    const service = objectIn(rendered, '11-complete', 'service-shop.yaml');
    expect(objectAt(service, 'spec').selector).toEqual({ app: 'shop' });
    for (const track of ['primary', 'canary'])
      expect(objectIn(rendered, '11-complete', `deployment-shop-${track}.yaml`)).toMatchObject({
        spec: {
          selector: { matchLabels: { app: 'shop', 'perch/track': track } },
          template: {
            metadata: { labels: { app: 'shop', 'perch/track': track } },
          },
        },
      });
  });

  describe('mistakes of weights', () => {
    const asked = (replicas: number, ...weights: readonly number[]) => {
      const names = namesOf({ name: 'shop', namespace: 'prod' });
      const object = { ...deployment({}, { spec: { replicas } }), metadata: { name: 'shop' } };
      const context = {
        path: 'shop',
        names,
        port: 80,
        ports: [],
        label: trackLabelOf(undefined, 'shop'),
        apex: { apiVersion: 'v1', kind: 'Service', metadata: { name: 'shop' } },
        candidate: '0123456789',
        tracks: ['primary', 'canary'] as const,
        workload: [object as Manifest],
      };
      const traffics = [0, ...weights].map((canary) => ({
        weights: { primary: 100 - canary, canary },
      }));
      return routerMistakes(traffic, context, traffics).map(mistakeText);
    };

    test('enough pods', () => {
      expect(asked(4, 20, 50)).toEqual([]);
      expect(asked(19, 5, 10, 25, 50, 95)).toEqual([]);
    });

    // Argo Rollouts: a basic canary with few replicas can only do 50/50 (#2281).
    test('trap few replicas: a weight that would be another one is refused', () => {
      expect(asked(1, 5, 50)).toEqual([
        'shop: with 1 pod and 1 more at most the nearest to 5 % is 50 %, which is far from it, got 5; use fewer and higher weights, more replicas, or a larger maxSurge',
        'shop: with 1 pod and 1 more at most, 5 % and 50 % are both 1 of 2, got 50; use fewer and higher weights, more replicas, or a larger maxSurge',
      ]);
      expect(asked(4, 15, 20)).toEqual([
        'shop: with 4 pods and 1 more at most, 15 % and 20 % are both 1 of 5, got 20; use fewer and higher weights, more replicas, or a larger maxSurge',
      ]);
    });

    test('nearly all requests', () => {
      expect(asked(2, 96)).toEqual([
        'shop: with 2 pods and 1 more at most the nearest to 96 % is 67 %, which is far from it, got 96; use fewer and higher weights, more replicas, or a larger maxSurge',
      ]);
    });
  });

  test.each([
    [
      'HorizontalPodAutoscaler',
      [deployment(), hpa()],
      /an autoscaler changes it: .* before the canary has grown to the load, got "HorizontalPodAutoscaler shop of \d+ to (\d+) pods"; run the pods of the highest load without it \(replicas: \1\)/,
    ],
    [
      'DaemonSet',
      [{ ...deployment(), kind: 'DaemonSet' }],
      /nodes decide about it, got "DaemonSet shop"; release a Deployment, or use a mesh or gateway$/,
    ],
  ])('a %s would decide about the weight', async (_, objects, expected) => {
    const found = await mistakesOf(
      release({
        traffic,
        workload: workload(...objects),
        strategy: canary({ stepWeights: [50] }),
      }),
    );
    expect(found).toEqual([expect.stringMatching(expected)]);
  });

  test('no number of pods is all of them', async () => {
    const found = await mistakesOf(release({ ...pods(2), traffic, strategy: blueGreen() }));
    expect(found).toEqual([
      expect.stringContaining('shop: no number of pods gives the canary 100 %'),
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
    abTest: 'match requests by headers',
    'trap mirror on a router that cannot': 'copy requests',
    shadow: 'copy requests',
    sessionAffinity: 'keep users by a session cookie',
  };

  test.each(Object.keys(strategies) as (keyof typeof strategies)[])('%s', async (name) => {
    for (const split of ['switch', 'replicas'] as const) {
      const traffic = kubernetes({ split });
      const found = await mistakesOf(release({ ...pods(3), traffic, strategy: strategies[name] }));
      expect(found).toContainEqual(
        expect.stringContaining(`shop: traffic kubernetes cannot ${named[name]}: a Service passes`),
      );
    }
  });

  test('a part of the requests, by a switch', async () => {
    expect(await mistakesOf(release({ strategy: canary({ stepWeights: [10, 100] }) }))).toEqual([
      "shop: traffic kubernetes cannot give a track 10 % of the requests: a Service that switches leads all of them to one track, got 10; use blueGreen(), kubernetes({ split: 'replicas' }), or a mesh or gateway",
    ]);
  });

  test('count requests', async () => {
    const checks = [successRate({ min: 99 })];
    expect(await mistakesOf(release({ strategy: blueGreen(), analysis: { checks } }))).toEqual([
      'shop: analysis.checks[0] (success-rate): a Service counts no requests, got "kubernetes()"; ask for what the pods count themselves, with query()',
    ]);
  });
});
