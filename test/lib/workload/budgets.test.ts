import { expect, test } from 'vitest';
import { canary, render } from '../../../lib/index.ts';
import type { ReleaseProps } from '../../../lib/release/release-props.ts';
import { deployment, hpa, mistakesOf, type SampleObject, sample, workload } from '../sample.ts';

const budget = (spec: object): SampleObject => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name: 'shop' },
  spec: { selector: { matchLabels: { app: 'shop' } }, ...spec },
});
const four = deployment({}, { spec: { replicas: 4 } });
const release = (
  spec: object,
  props: Partial<ReleaseProps> = {},
  ...more: readonly SampleObject[]
) => sample({ ...props, workload: workload(...(more.length > 0 ? more : [four]), budget(spec)) });

const SMALL = { tracks: { canary: { replicas: 2 } } };

test.each<[string, Parameters<typeof release>]>([
  ['as many pods on both tracks', [{ minAvailable: 2 }]],
  ['a percent', [{ minAvailable: '50%' }, SMALL]],
  ['what lets one go', [{ maxUnavailable: 1 }, SMALL]],
  ['less than the canary has', [{ minAvailable: 1 }, SMALL]],
  ['what no primary satisfies either', [{ minAvailable: 4 }, SMALL]],
])('a budget is right: %s', async (_, given) => {
  expect(await mistakesOf(release(...given))).toEqual([]);
});

test.each<[string, Parameters<typeof release>, number]>([
  ['of a smaller canary', [{ minAvailable: 2 }, SMALL], 2],
  [
    'of one that a step scales',
    [
      { minAvailable: 1 },
      { strategy: canary({ stepWeight: 50 }), tracks: { canary: { replicas: 1 } } },
    ],
    1,
  ],
  [
    'of an autoscaled one',
    [
      { minAvailable: 1 },
      { tracks: { canary: { minReplicas: 1, maxReplicas: 2 } } },
      deployment(),
      hpa(),
    ],
    1,
  ],
])('a budget that no pod can leave is a mistake: %s', async (_, given, pods) => {
  expect(await mistakesOf(release(...given))).toEqual([
    expect.stringContaining(
      `minAvailable of PodDisruptionBudget shop lets no pod of the canary be evicted, which has ${pods} at times`,
    ),
  ]);
});

test.each([{ maxUnavailable: 0 }, { maxUnavailable: '0%' }, { minAvailable: '100%' }])(
  'a budget that lets none go on any track is warned of: %j',
  async (spec) => {
    const { warnings } = await render(release(spec));
    expect(warnings.map((it) => it.problem)).toContain(
      'PodDisruptionBudget shop-primary lets no pod be evicted: no node with one can be drained',
    );
  },
);
