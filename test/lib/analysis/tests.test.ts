import { describe, expect, test } from 'vitest';
import {
  abTest,
  blueGreen,
  canary,
  compare,
  Duration,
  gatewayApi,
  istio,
  kubernetes,
  latency,
  type ReleaseProps,
  render,
  slo,
  steps,
  successRate,
} from '../../../lib/index.ts';
import { mistakesOf, sample } from '../sample.ts';

const planOf = async (props: Partial<ReleaseProps>) => (await render(sample(props))).plan;
const testsOf = async (checks: ReleaseProps['analysis'] & object) =>
  (await planOf({ analysis: checks })).evidence?.tests ?? [];

describe('compare and slo', () => {
  test('count what the router counts of both tracks', async () => {
    const [errors, durations] = await testsOf({ checks: [compare.errorRate(), compare.latency()] });
    expect(errors).toMatchObject({
      name: 'error-rate',
      source: 'default',
      counts: {
        canary: {
          kind: 'errors',
          requests: { metric: 'istio_requests_total' },
          failures: { kind: 'allBut' },
        },
      },
      question: { kind: 'comparison', relative: 1.5, absolute: 0.001 },
      capped: true,
      catastrophe: 0.1,
      share: 0.5,
    });
    expect(durations).toMatchObject({
      name: 'latency',
      counts: { primary: { kind: 'durations', unit: 'ms' } },
      question: { kind: 'comparison', absolute: 0.001 },
      share: 0.5,
    });
    const named = JSON.stringify([errors?.counts.canary, errors?.counts.primary]);
    expect(named).toContain('shop-canary');
    expect(named).toContain('shop-primary');
  });

  test('take what they are given, and share alpha by weight', async () => {
    const found = await testsOf({
      checks: [
        compare.errorRate({ relative: 1, absolute: 0, catastrophe: false, capped: false }),
        slo.errorRate({ max: 0.5, weight: 3, strata: ['source_workload'] }),
        slo.latency({ max: Duration.millis(250), quantile: 0.95, dryRun: true }),
      ],
      evidence: { alpha: 0.001, budget: 0.5, interval: Duration.seconds(30) },
    });
    expect(found.map(({ name, share, question }) => [name, share, question])).toEqual([
      ['error-rate', 0.25, { kind: 'comparison', relative: 1, absolute: 0 }],
      ['slo-error-rate', 0.75, { kind: 'objective', limit: 0.005 }],
      ['slo-latency-p95', 0, { kind: 'objective', limit: 0.05, boundMs: 250 }],
    ]);
    expect(found[0]).not.toHaveProperty('catastrophe');
    expect(found[1]?.strata).toEqual(['source_workload']);
  });

  test('count in the steps that give the canary a share of requests, from the one that is named', async () => {
    const { steps: all } = await planOf({
      strategy: canary({ stepWeights: [5, 20, 50], mirror: { percent: 10 } }),
      analysis: { checks: [compare.errorRate(), compare.latency({ from: 'weight-20' })] },
    });
    expect(all.flatMap((it) => (it.tests === undefined ? [] : [[it.name, it.tests]]))).toEqual([
      ['02-mirror', ['error-rate']],
      ['03-weight-5', ['error-rate']],
      ['04-weight-20', ['error-rate', 'latency']],
      ['05-weight-50', ['error-rate', 'latency']],
    ]);
  });

  test.each<[string, Partial<ReleaseProps>, string]>([
    [
      'a relative margin under 1',
      { analysis: { checks: [compare.errorRate({ relative: 0.5 })] } },
      'shop: analysis.checks (error-rate): relative must be 1 or more, got "0.5"; use 1 for no worse at all, 1.5 for half as much again',
    ],
    [
      'an objective that is no percent',
      { analysis: { checks: [slo.errorRate({ max: 0 })] } },
      'shop: analysis.checks (slo-error-rate): max must be a percent, got "0"; use a number between 0 and 100',
    ],
    [
      'a first step that there is not',
      { analysis: { checks: [compare.errorRate({ from: 'weight-15' })] } },
      'shop: analysis.checks (error-rate): from names no step of the strategy, got "weight-15"; use one of canary-up, weight-25, weight-50, promote, weight-0',
    ],
    [
      'a probability of 5',
      { analysis: { checks: [compare.errorRate()], evidence: { alpha: 5 } } },
      'shop: analysis.evidence.alpha must be a probability, got 5; use a number over 0 and at most 0.5, such as 0.01',
    ],
    [
      'two with one name',
      {
        analysis: { checks: [compare.errorRate(), slo.errorRate({ max: 1, name: 'error-rate' })] },
      },
      'shop: two checks have one name, got "error-rate"; give one of them another name',
    ],
  ])('%s is a mistake', async (_, props, expected) => {
    expect(await mistakesOf(sample(props))).toEqual([expected]);
  });

  test.each<[string, Partial<ReleaseProps>, RegExp]>([
    [
      'where nobody counts',
      { traffic: kubernetes(), strategy: blueGreen() },
      /a Service counts no requests/,
    ],
    [
      'where no step has a share of requests',
      { strategy: abTest({ match: [{ headers: { a: { exact: 'b' } } }] }) },
      /no step gives the canary a share of the requests, so there is nothing to compare/,
    ],
  ])('%s they are a mistake', async (_, props, expected) => {
    const found = await mistakesOf(
      sample({ ...props, analysis: { checks: [compare.errorRate()] } }),
    );
    expect(found.join('\n')).toMatch(expected);
  });
});

describe('a release that names no checks', () => {
  const namesOf = async (props: Partial<ReleaseProps>) =>
    (await planOf({ analysis: {}, ...props })).evidence?.tests.map((it) => it.name) ?? [];

  test('compares where its router counts and gives the canary a share', async () => {
    expect(await namesOf({})).toEqual(['error-rate', 'latency']);
    const contour = gatewayApi({
      parentRefs: [{ name: 'public' }],
      hostnames: ['shop.example.com'],
      metrics: 'contour',
    });
    expect(await namesOf({ traffic: contour })).toEqual(['error-rate', 'latency']);
  });

  test('has none elsewhere, or where it says so', async () => {
    expect(await namesOf({ traffic: kubernetes(), strategy: blueGreen() })).toEqual([]);
    expect(await namesOf({ analysis: { checks: [] } })).toEqual([]);
    expect(await namesOf({ strategy: blueGreen() })).toEqual([]);
    const uncounted = gatewayApi({
      parentRefs: [{ name: 'public' }],
      hostnames: ['a.example.com'],
    });
    expect(await namesOf({ traffic: uncounted })).toEqual([]);
  });
});

test('checks with bounds are reported alone, or from a step on', async () => {
  const { checks, steps: all } = await planOf({
    strategy: steps([{ setWeight: 10 }, { setWeight: 50 }]),
    analysis: {
      checks: [
        successRate({ min: 99, dryRun: true }),
        latency({ max: Duration.millis(500), from: 'weight-50' }),
      ],
    },
  });
  expect(checks.map((it) => it.dryRun ?? false)).toEqual([true, false]);
  const asked = all.filter((it) => it.checks.includes('latency-p99')).map((it) => it.name);
  expect(asked[0]).toMatch(/weight-50/);
});

describe('in a mesh', () => {
  const reporterOf = async (traffic: ReleaseProps['traffic']) => {
    const [it] =
      (await planOf({ traffic, analysis: { checks: [compare.errorRate()] } })).evidence?.tests ??
      [];
    const counters = it?.counts.canary;
    return counters?.kind === 'errors' ? counters.requests.matchers : [];
  };

  test("the callers' proxies count, which know of what never reached a pod", async () => {
    expect(await reporterOf(istio())).toEqual([
      ['reporter', '=', 'source'],
      ['destination_service_namespace', '=', 'prod'],
      ['destination_service_name', '=', 'shop-canary'],
    ]);
  });

  test("the pods' do where the author says so, and where subsets of one Service are the tracks", async () => {
    expect(await reporterOf(istio({ reporter: 'destination' }))).toContainEqual([
      'reporter',
      '=',
      'destination',
    ]);
    expect(
      await reporterOf(istio({ subsets: { primary: 'stable', canary: 'canary' } })),
    ).toContainEqual(['reporter', '=', 'destination']);
  });
});
