import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mistakeText } from '../../../lib/mistake.ts';
import { type CanaryProps, canary } from '../../../lib/strategy/canary.ts';

function shape(props: CanaryProps): string[] {
  return canary(props)
    .steps()
    .map((it) => `${it.name} ${it.phase} ${it.weights.primary}/${it.weights.canary} ${it.checks}`);
}

test('the table of the design', () => {
  expect(shape({ stepWeight: 20, maxWeight: 50 })).toEqual([
    'init Initializing 100/0 none',
    'canary-up Progressing 100/0 none',
    'weight-20 Progressing 80/20 bake',
    'weight-40 Progressing 60/40 bake',
    'weight-50 Progressing 50/50 bake',
    'promote Promoting 50/50 guard',
    'weight-0 Finalising 100/0 none',
    'complete Succeeded 100/0 none',
  ]);
});

test('listed weights, and a promotion in steps', () => {
  expect(shape({ stepWeights: [1, 50, 100], stepWeightPromotion: 40 })).toEqual([
    'init Initializing 100/0 none',
    'canary-up Progressing 100/0 none',
    'weight-1 Progressing 99/1 bake',
    'weight-50 Progressing 50/50 bake',
    'weight-100 Progressing 0/100 bake',
    'promote Promoting 0/100 guard',
    'weight-60 Finalising 40/60 guard',
    'weight-20 Finalising 80/20 guard',
    'weight-0 Finalising 100/0 none',
    'complete Succeeded 100/0 none',
  ]);
});

test('what must be ready, and what is written', () => {
  const steps = canary({ stepWeights: [10] }).steps();
  expect(steps.map((it) => [it.name, it.ready.join(), it.writes])).toEqual([
    ['init', 'primary', 'init'],
    ['canary-up', 'canary,primary', 'canary'],
    ['weight-10', 'canary,primary', 'routes'],
    ['promote', 'primary,canary', 'promotion'],
    ['weight-0', 'primary', 'routes'],
    ['complete', 'primary', 'complete'],
  ]);
});

const weight = fc.integer({ min: 1, max: 100 });
const promotion = fc.option(fc.integer({ min: 2, max: 100 }), { nil: undefined });
const props = fc
  .oneof(
    fc.record({ stepWeight: fc.integer({ min: 3, max: 100 }), maxWeight: weight }),
    fc.record({
      stepWeights: fc
        .uniqueArray(weight, { minLength: 1, maxLength: 20 })
        .map((it) => it.sort((a, b) => a - b)),
    }),
  )
  .chain((it) =>
    promotion.map(
      (by): CanaryProps => (by === undefined ? it : { ...it, stepWeightPromotion: by }),
    ),
  );

test('any valid canary rises to its promotion, falls to 0 after it, and sums to 100', () => {
  fc.assert(
    fc.property(props, (it) => {
      expect(canary(it).mistakes('shop')).toEqual([]);
      const steps = canary(it).steps();
      for (const { weights } of steps) expect(weights.primary + weights.canary).toBe(100);
      const promote = steps.findIndex((step) => step.writes === 'promotion');
      const up = steps.slice(1, promote).map((step) => step.weights.canary);
      const down = steps.slice(promote).map((step) => step.weights.canary);
      expect(up).toEqual([...new Set(up)].sort((a, b) => a - b));
      // After the last weight, the complete step repeats 0.
      expect(down.slice(0, -1)).toEqual([...new Set(down)].sort((a, b) => b - a));
      expect([up[0], up.at(-1), down.at(-1)]).toEqual([0, down[0], 0]);
      const top = 'stepWeights' in it ? it.stepWeights.at(-1) : it.maxWeight;
      expect(down[0]).toBe(top);
    }),
  );
});

describe('mistakes', () => {
  test.each<[CanaryProps, string[]]>([
    [{ stepWeight: 0 }, ['shop: strategy.stepWeight must be a whole percent, got 0; use 1 to 100']],
    [
      { stepWeight: 101 },
      ['shop: strategy.stepWeight must be a whole percent, got 101; use 1 to 100'],
    ],
    [
      { stepWeight: 10, maxWeight: 0 },
      ['shop: strategy.maxWeight must be a whole percent, got 0; use 1 to 100'],
    ],
    [
      { stepWeight: 2.5 },
      ['shop: strategy.stepWeight must be a whole percent, got 2.5; use 1 to 100'],
    ],
    [
      { stepWeights: [] },
      ['shop: strategy.stepWeights is empty, got []; give at least one weight'],
    ],
    [
      { stepWeights: [20, 10] },
      [
        'shop: strategy.stepWeights must increase, got [20,10]; let each be higher than the one before',
      ],
    ],
    [
      { stepWeights: [10, 10] },
      [
        'shop: strategy.stepWeights must increase, got [10,10]; let each be higher than the one before',
      ],
    ],
    [
      { stepWeights: [50, 120], stepWeightPromotion: 0 },
      [
        'shop: strategy.stepWeightPromotion must be a whole percent, got 0; use 1 to 100',
        'shop: strategy.stepWeights[1] must be a whole percent, got 120; use 1 to 100',
      ],
    ],
    [
      { stepWeight: 1 },
      [
        'shop: strategy makes more than 100 steps, got 105; use a larger stepWeight or stepWeightPromotion, or fewer stepWeights',
      ],
    ],
  ])('%j', (given, expected) => {
    expect(canary(given).mistakes('shop').map(mistakeText)).toEqual(expected);
  });

  test('both ways at once, which only untyped code can say', () => {
    const both = { stepWeights: [10], stepWeight: 10 } as CanaryProps;
    expect(canary(both).mistakes('shop').map(mistakeText)).toEqual([
      expect.stringContaining('stepWeights beside stepWeight'),
    ]);
  });
});
