import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Duration } from '../../../lib/index.ts';
import { type CanaryProps, canary } from '../../../lib/strategy/canary.ts';
import { expectSafe, mistakesIn, outline } from './outline.ts';

test('the table of the design', () => {
  expect(outline(canary({ stepWeight: 20, maxWeight: 50 }))).toEqual([
    'init Initializing 100/0 none none',
    'canary-up Progressing 100/0 full none',
    'weight-20 Progressing 80/20 full bake',
    'weight-40 Progressing 60/40 full bake',
    'weight-50 Progressing 50/50 full bake',
    'promote Promoting 50/50 full guard',
    'weight-0 Finalising 100/0 full none',
    'complete Succeeded 100/0 none none',
  ]);
});

test('listed weights with times of their own, and a promotion in steps', () => {
  const strategy = canary({
    stepWeights: [{ weight: 1, bake: Duration.minutes(10) }, 50, { weight: 100 }],
    stepWeightPromotion: 40,
  });
  expect(outline(strategy)).toEqual([
    'init Initializing 100/0 none none',
    'canary-up Progressing 100/0 full none',
    'weight-1 Progressing 99/1 full bake; 600 s',
    'weight-50 Progressing 50/50 full bake',
    'weight-100 Progressing 0/100 full bake',
    'promote Promoting 0/100 full guard',
    'weight-60 Finalising 40/60 full guard',
    'weight-20 Finalising 80/20 full guard',
    'weight-0 Finalising 100/0 full none',
    'complete Succeeded 100/0 none none',
  ]);
});

describe('exponential weights', () => {
  const weights = (props: CanaryProps) =>
    canary(props)
      .steps()
      .filter((it) => it.checks === 'bake')
      .map((it) => it.traffic.weights.canary);

  test.each<[number, number, number | undefined, number[]]>([
    [1, 2, undefined, [1, 2, 4, 8, 16, 32, 64, 100]],
    [1, 3, 50, [1, 3, 9, 27, 50]],
    [0.5, 2, 8, [0.5, 1, 2, 4, 8]],
    // A small factor rounds to the same weight twice: no step changes nothing.
    [1, 1.5, 10, [1, 2, 3, 5, 8, 10]],
    [50, 2, 20, [20]],
  ])('%d · %d … %s', (firstWeight, factor, maxWeight, expected) => {
    const props =
      maxWeight === undefined ? { firstWeight, factor } : { firstWeight, factor, maxWeight };
    expect(weights(props)).toEqual(expected);
    expectSafe(canary(props));
  });

  test('a factor that does not grow is refused, and steps are made all the same', () => {
    for (const factor of [1, 0.5, 0]) {
      const strategy = canary({ firstWeight: 1, factor });
      expect(mistakesIn(strategy)).toEqual([
        `shop: strategy.factor must be over 1, got ${factor}; use a number over 1, such as 2`,
      ]);
      expect(strategy.steps().length).toBeLessThan(10);
    }
  });
});

// Argo Rollouts: weights under one percent (#2657, #2889, #2901).
test('trap weights under 1 %: steps are named and add up; what the router can write is its to say', () => {
  expect(outline(canary({ stepWeight: 0.1, maxWeight: 0.3 })).slice(2, 5)).toEqual([
    'weight-0-1 Progressing 99.9/0.1 full bake',
    'weight-0-2 Progressing 99.8/0.2 full bake',
    'weight-0-3 Progressing 99.7/0.3 full bake',
  ]);
});

test('a mirrored first step', () => {
  const strategy = canary({
    stepWeights: [10],
    mirror: { percent: 25, bake: Duration.seconds(90) },
  });
  expect(outline(strategy).slice(1, 4)).toEqual([
    'canary-up Progressing 100/0 full none',
    'mirror Progressing 100/0 full bake; copies of 25 % of the requests; 90 s',
    'weight-10 Progressing 90/10 full bake',
  ]);
});

test('session affinity holds from the first weight to the promotion, ends after it, and is gone at rest', () => {
  const cookie = { name: 'shop-canary', maxAge: Duration.hours(1) };
  const strategy = canary({
    stepWeights: [10, 50],
    stepWeightPromotion: 25,
    sessionAffinity: cookie,
  });
  expect(strategy.steps().map((it) => [it.name, it.traffic.affinity?.ends])).toEqual([
    ['init', undefined],
    ['canary-up', undefined],
    ['weight-10', false],
    ['weight-50', false],
    ['promote', false],
    ['weight-25', true],
    ['weight-0', true],
    ['complete', undefined],
  ]);
});

test('nobody is kept on the primary while it is replaced', () => {
  const cookie = { name: 'new', primaryName: 'old', path: '/' };
  const steps = canary({ stepWeights: [10, 100], sessionAffinity: cookie }).steps();
  const cookies = Object.fromEntries(steps.map((it) => [it.name, it.traffic.affinity?.cookie]));
  expect(cookies).toMatchObject({ 'weight-100': cookie, 'weight-0': cookie });
  expect(cookies.promote).toEqual({ name: 'new', path: '/' });
});

const weight = fc.integer({ min: 1, max: 100 });
const tenths = fc.integer({ min: 1, max: 1000 }).map((it) => it / 10);
const growth = fc.oneof(
  fc.record({ stepWeight: fc.integer({ min: 3, max: 100 }), maxWeight: tenths }),
  fc.record({
    firstWeight: tenths,
    factor: fc.double({ min: 1.1, max: 10, noNaN: true }),
    maxWeight: weight,
  }),
  fc.record({
    stepWeights: fc
      .uniqueArray(tenths, { minLength: 1, maxLength: 20 })
      .map((it) => it.sort((a, b) => a - b)),
  }),
);
const promotion = fc.option(fc.integer({ min: 4, max: 100 }), { nil: undefined });
const mirror = fc.option(fc.record({ percent: tenths }), { nil: undefined });
const props = fc.tuple(growth, promotion, mirror).map(
  ([it, stepWeightPromotion, copies]): CanaryProps => ({
    ...it,
    ...(stepWeightPromotion === undefined ? {} : { stepWeightPromotion }),
    ...(copies === undefined ? {} : { mirror: copies }),
  }),
);

test('any valid canary rises to its promotion, falls to 0 after it, and is safe in between', () => {
  fc.assert(
    fc.property(props, (it) => {
      expectSafe(canary(it));
      const steps = canary(it).steps();
      const promote = steps.findIndex((step) => step.phase === 'Promoting');
      const risen = steps.slice(1, promote).filter((step) => step.traffic.mirrors === undefined);
      const up = risen.map((step) => step.traffic.weights.canary);
      const down = steps.slice(promote).map((step) => step.traffic.weights.canary);
      expect(up).toEqual([...new Set(up)].sort((a, b) => a - b));
      // After the last weight, the complete step repeats 0.
      expect(down.slice(0, -1)).toEqual([...new Set(down)].sort((a, b) => b - a));
      expect([up[0], up.at(-1), down.at(-1)]).toEqual([0, down[0], 0]);
      expect(down[0]).toBe('stepWeights' in it ? it.stepWeights.at(-1) : it.maxWeight);
    }),
  );
});

describe('mistakes', () => {
  const percent = (field: string, got: number) =>
    `shop: strategy.${field} must be a percent, got ${got}; use 0.0001 to 100`;

  test.each<[CanaryProps, string[]]>([
    [{ stepWeight: 101 }, [percent('stepWeight', 101)]],
    [{ stepWeight: 10, maxWeight: 0 }, [percent('maxWeight', 0)]],
    [{ firstWeight: 0, factor: 2 }, [percent('firstWeight', 0)]],
    [
      { stepWeights: [] },
      ['shop: strategy.stepWeights is empty, got []; give at least one weight'],
    ],
    [
      { stepWeights: [10, { weight: 10 }] },
      [
        'shop: strategy.stepWeights must increase, got [10,10]; let each be higher than the one before',
      ],
    ],
    [
      { stepWeights: [50, 120], stepWeightPromotion: 0 },
      [percent('stepWeightPromotion', 0), percent('stepWeights[1]', 120)],
    ],
    [
      { stepWeights: [{ weight: 5, bake: Duration.millis(1500) }], mirror: { percent: 200 } },
      [
        percent('mirror.percent', 200),
        'shop: strategy.stepWeights[0].bake must be a whole number of seconds, got "1.5 s"; use 1 or more',
      ],
    ],
    [
      { stepWeight: 1 },
      [
        'shop: strategy makes more than 100 steps, got 105; use a larger stepWeight, factor or stepWeightPromotion, or fewer stepWeights',
      ],
    ],
  ])('%j', (given, expected) => {
    expect(mistakesIn(canary(given))).toEqual(expected);
  });

  // Flagger stays at 50 % for ever, silently.
  test('a session cookie that browsers would not take is refused', () => {
    const sessionAffinity = { name: 'a', sameSite: 'None' } as const;
    expect(mistakesIn(canary({ stepWeights: [50], sessionAffinity }))).toEqual([
      expect.stringContaining('the session cookie a is one that browsers take with `secure` alone'),
    ]);
  });

  test('trap stepWeights [50,20]: refused', () => {
    expect(mistakesIn(canary({ stepWeights: [50, 20] }))).toEqual([
      'shop: strategy.stepWeights must increase, got [50,20]; let each be higher than the one before',
    ]);
  });

  // Flagger accepts it, and never advances.
  test('trap stepWeight 0: refused, and steps are made all the same', () => {
    for (const stepWeight of [0, -5, 1e-9]) {
      const strategy = canary({ stepWeight });
      expect(mistakesIn(strategy)).toEqual([
        `shop: strategy.stepWeight must be a percent, got ${stepWeight}; use 0.0001 to 100`,
      ]);
      expect(strategy.steps().length).toBeLessThan(110);
    }
  });

  // Flagger's routes say 100 % or more where stepWeights overflow ([1,2,10,200]).
  test('trap a weight over 100: refused', () => {
    expect(mistakesIn(canary({ stepWeights: [1, 2, 10, 200] }))).toEqual([
      percent('stepWeights[3]', 200),
    ]);
  });

  test('two ways at once, which only untyped code can say', () => {
    const both = { stepWeights: [10], stepWeight: 10 } as CanaryProps;
    expect(mistakesIn(canary(both))).toEqual([
      expect.stringContaining('canary has stepWeights beside stepWeight'),
    ]);
    const bounded = { stepWeights: [10], maxWeight: 50 } as CanaryProps;
    expect(mistakesIn(canary(bounded))).toEqual([
      expect.stringContaining('canary has stepWeights beside maxWeight'),
    ]);
    const misspelt = { ...bounded, ...{ miror: { percent: 5 } } };
    expect(mistakesIn(canary(misspelt))).toEqual([
      expect.stringContaining('canary has stepWeights beside maxWeight'),
      'shop: canary has no prop miror; did you mean mirror?',
    ]);
  });
});
