import { describe, expect, test } from 'vitest';
import { compileMetrics } from '../../../lib/analysis/metric.ts';
import {
  abTest,
  blueGreen,
  type CompareMetricProps,
  compare,
  Duration,
  gatewayApi,
  query,
  type ReleaseProps,
  ramped,
  render,
  successRate,
} from '../../../lib/index.ts';
import { mistakeText } from '../../../lib/mistake.ts';
import { namesOf } from '../../../lib/names.ts';
import { times } from '../../../lib/plan/describe.ts';
import { checkText } from '../../../lib/plan/judge.ts';
import { readPlan } from '../../../lib/plan/parse.ts';
import { mistakesOf, sample } from '../sample.ts';

const memory = (more: Partial<CompareMetricProps> = {}) =>
  compare.metric({
    name: 'memory',
    query: 'avg(container_memory_working_set_bytes{pod=~"{{target}}-.*"})',
    direction: 'increase',
    ...more,
  });

const rendered = (props: Partial<ReleaseProps>) => render(sample(props));

function compiled(it: ReturnType<typeof memory>, hasBaseline = false) {
  const names = namesOf({ name: 'shop', namespace: 'prod' });
  const { checks, mistakes } = compileMetrics('shop', [it], { names, port: 80, hasBaseline });
  return { check: checks[0], mistakes: mistakes.map(mistakeText) };
}

describe('compare.metric that says nothing before the inconclusive deadline', () => {
  const told = (analysis: ReleaseProps['analysis']) =>
    mistakesOf(sample({ analysis: { bakeTime: Duration.minutes(60), ...analysis } }));

  test.each([
    ['a long check period', memory(), Duration.minutes(10)],
    ['a long window', memory({ window: Duration.hours(1) }), Duration.minutes(1)],
  ])('is refused: %s', async (_, it, checkPeriod) => {
    expect(await told({ checkPeriod, checks: [it] })).toEqual([
      expect.stringMatching(/\(memory\): it says nothing before 5 check points, .* and 1800 s/),
    ]);
    const inconclusiveDeadline = Duration.hours(3);
    expect(await told({ checkPeriod, checks: [it], inconclusiveDeadline })).toEqual([]);
  });

  test('is not where it decides nothing', async () => {
    const checks = [memory({ dryRun: true })];
    expect(await told({ checkPeriod: Duration.minutes(10), checks })).toEqual([]);
  });
});

describe('compare.metric', () => {
  test('asks about each track', () => {
    const of = (track: string) =>
      `avg(container_memory_working_set_bytes{pod=~"shop-${track}-.*"})`;
    expect(compiled(memory())).toEqual({
      mistakes: [],
      check: {
        name: 'memory',
        source: 'default',
        ask: { canary: of('canary'), primary: of('primary') },
        windowSeconds: 60,
        judge: { kind: 'ranks', direction: 'increase', weight: 1, pass: 95, marginal: 75 },
      },
    });
    expect(compiled(memory(), true).check?.ask.baseline).toBe(of('baseline'));
  });

  test('takes what it is given', () => {
    const it = memory({
      ...{ direction: 'either', allowedIncrease: 1.2, allowedDecrease: 0.8, weight: 3, pass: 60 },
      ...{ critical: true, dryRun: true, unit: 'MiB', source: 'mesh', variables: { n: 'a' } },
      query: 'x{t="{{target}}",n="{{n}}"}[{{interval}}]',
      window: Duration.minutes(5),
      threshold: 3,
    });
    expect(compiled(it).check).toMatchObject({
      ask: { canary: 'x{t="shop-canary",n="a"}[300s]' },
      windowSeconds: 300,
      judge: {
        ...{ kind: 'ranks', direction: 'either', allowedIncrease: 1.2, allowedDecrease: 0.8 },
        ...{ weight: 3, critical: true, pass: 60, marginal: 60 },
      },
      ...{ dryRun: true, unit: 'MiB', source: 'mesh', threshold: 3 },
    });
  });

  test.each<[Partial<CompareMetricProps>, RegExp]>([
    [{ query: 'up{service="{{service}}"}' }, /asks the same of both tracks.*select by {{target}}/],
    [{ query: 'up{pod="{{primary}}"}' }, /asks the same of both tracks/],
    [{ query: 'up{pod="{{target}}",a="{{nope}}"}' }, /unknown PromQL variable, got "nope"/],
    [{ allowedIncrease: 0.9 }, /allowedIncrease must be 1 or more, got "0.9"/],
    [{ direction: 'decrease', allowedDecrease: 0 }, /allowedDecrease must be over 0/],
    [{ direction: 'decrease', allowedIncrease: 2 }, /says nothing where only a decrease counts/],
    [{ allowedDecrease: 0.5 }, /says nothing where only an increase counts/],
    [{ weight: 0 }, /weight must be over 0, got "0"; use a number over 0, or dryRun: true/],
    [{ pass: 50, marginal: 60 }, /pass and marginal must be scores, got "50 and 60"/],
    [{ threshold: 0 }, /threshold must be a whole number, got "0"; use 1 or more/],
    [{ pass: 101 }, /pass and marginal must be scores/],
    [{ variables: { target: 'x' } }, /has the name of a built-in one, got "target"/],
    [{ name: 'A b' }, /name must be a DNS label/],
    [{ source: 'A b' }, /source must be a DNS label/],
    [{ window: Duration.millis(1500) }, /window must be a whole number of seconds/],
  ])('is refused: %j', (more, expected) => {
    expect(compiled(memory(more)).mistakes).toEqual([expect.stringMatching(expected)]);
  });

  test('is read as PromQL, and told apart by its name', async () => {
    expect(
      await mistakesOf(
        sample({ analysis: { checks: [memory({ query: 'sum(x{a="{{target}}"}' })] } }),
      ),
    ).toEqual([
      expect.stringMatching(/^shop: analysis\.checks \(memory\): the query is not valid PromQL/),
    ]);
    const twice = [memory(), query({ name: 'memory', query: 'x{a="{{target}}"}', max: 1 })];
    expect(await mistakesOf(sample({ analysis: { checks: twice } }))).toEqual([
      expect.stringMatching(/two checks have one name, got "memory"/),
    ]);
  });

  test('counts in the steps that give the canary a share of the requests', async () => {
    const { plan } = await rendered({ analysis: { checks: [memory()] } });
    const judged = plan.steps.filter((it) => it.checks.includes('memory'));
    expect(judged.length).toBeGreaterThan(0);
    for (const it of judged) {
      expect(it.weights.canary).toBeGreaterThan(0);
      expect(it.weights.canary).toBeLessThan(100);
      expect(it).toMatchObject({ phase: 'Progressing', stay: { kind: 'bake' } });
    }
    const { name } = judged.at(-1) ?? { name: '' };
    const late = await rendered({ analysis: { checks: [memory({ from: name.slice(3) })] } });
    expect(late.plan.steps.filter((it) => it.checks.length > 0).map((it) => it.name)).toEqual([
      name,
    ]);
  });

  test.each([
    ['one track', { strategy: ramped() }],
    ['all requests at once', { strategy: blueGreen() }],
    [
      'requests that are chosen',
      {
        strategy: abTest({
          match: [{ headers: { 'x-canary': { exact: 'always' } } }],
          iterations: 3,
        }),
      },
    ],
  ] as const)('has nothing to compare with %s', async (_, props) => {
    expect(await mistakesOf(sample({ ...props, analysis: { checks: [memory()] } }))).toEqual(
      expect.arrayContaining([expect.stringMatching(/there is nothing to compare/)]),
    );
  });

  test('needs no router that counts requests', async () => {
    const { plan } = await rendered({
      traffic: gatewayApi({ parentRefs: [{ name: 'edge' }] }),
      analysis: { checks: [memory()] },
    });
    expect(plan.checks.map((it) => it.name)).toEqual(['memory']);
  });

  test('stands in PLAN.md, whose times know that it needs five points', async () => {
    const of = async (...checks: (ReturnType<typeof memory> | ReturnType<typeof successRate>)[]) =>
      rendered({ analysis: { checks } });
    const [ranked, bounded] = [await of(memory()), await of(successRate({ min: 99 }))];
    const page = String(ranked.files.get('PLAN.md'));
    expect(page).toContain('| memory | not higher by ranks; score ≥ 95, marginal ≥ 75 | 1 min |');
    expect(times(ranked.plan).rollbackMinSeconds).toBe(
      times(bounded.plan).rollbackMinSeconds + 4 * 60,
    );
    const own = await of(memory({ threshold: 3 }));
    expect(times(own.plan).rollbackMinSeconds).toBe(times(ranked.plan).rollbackMinSeconds + 2 * 60);
    expect(String(own.files.get('PLAN.md'))).toContain('marginal ≥ 75, threshold 3 of its own |');
    expect(times(ranked.plan).promoteMinSeconds).toBeGreaterThan(
      times(bounded.plan).promoteMinSeconds,
    );
  });
});

test('a plan in which it has abort bounds, or no query about the primary, is refused', async () => {
  const { plan } = await rendered({ analysis: { checks: [memory()] } });
  const read = (more: object) =>
    readPlan(JSON.stringify({ ...plan, checks: plan.checks.map((it) => ({ ...it, ...more })) }));
  expect(read({ threshold: 2 }).kind).toBe('read');
  expect(read({ abort: { max: 1 } })).toMatchObject({
    kind: 'refused',
    reason: expect.stringContaining('ranks have no abort bounds'),
  });
  expect(read({ ask: { canary: 'x' } })).toMatchObject({
    kind: 'refused',
    reason: expect.stringContaining('ranks need a query about the primary'),
  });
});

test.each([
  [{ direction: 'increase' }, 'not higher by ranks; score ≥ 95, marginal ≥ 75'],
  [
    { direction: 'either', allowedIncrease: 1.2, allowedDecrease: 0.8, critical: true },
    'not higher or lower by ranks (it counts from 1.2 times and down to 0.8 times the mean); score ≥ 95, marginal ≥ 75, critical',
  ],
] as const)('%j reads for people', (rules, text) => {
  const judge = { kind: 'ranks', weight: 1, pass: 95, marginal: 75, ...rules } as const;
  expect(checkText({ judge })).toBe(text);
});
