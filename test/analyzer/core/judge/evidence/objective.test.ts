import { describe, expect, test } from 'vitest';
import {
  advanced,
  logE,
  startProcess,
} from '../../../../../analyzer/core/judge/evidence/e-process.ts';
import {
  BEYOND_RATIOS,
  objectiveGrowths,
  objectiveIncrements,
  WITHIN_RATIOS,
} from '../../../../../analyzer/core/judge/evidence/objective.ts';
import { expectation, GOLDEN } from './fixture.ts';

test('the golden vector', () => {
  let e = startProcess(BEYOND_RATIOS.length, 1);
  const wanted = [-0.787356, -1.090576, -1.709128, -1.608085, -1.889891, -1.870139, -2.533488];
  for (const [k, it] of GOLDEN.entries()) {
    e = advanced(e, objectiveIncrements(it.canary, BEYOND_RATIOS, 0.01));
    expect(logE(e)).toBeCloseTo(wanted[k] ?? 0, 6);
  }
});

describe.each([
  ['beyond', BEYOND_RATIOS, 1],
  ['within', WITHIN_RATIOS, -1],
] as const)('a proof that a rate is %s the limit', (_, ratios, sign) => {
  test.each([0.001, 0.01, 0.1, 0.5, 0.9, 0.999])('is fair at the limit %d itself', (limit) => {
    for (const [j] of ratios.entries()) {
      const mean = (rate: number) =>
        expectation(40, rate, (bad) => {
          const [it = 0] = objectiveIncrements(
            { requests: 40, bad },
            ratios.slice(j, j + 1),
            limit,
          );
          return Math.exp(it);
        });
      expect(mean(limit)).toBeCloseTo(1, 9);
      expect(mean(sign > 0 ? limit * 0.9 : limit + 0.1 * (1 - limit))).toBeLessThan(1);
    }
  });

  test('is the logarithm of a ratio of likelihoods', () => {
    const got = objectiveIncrements({ requests: 1274, bad: 13 }, ratios, 0.004);
    for (const [j, ratio] of ratios.entries()) {
      const p = Math.min(ratio * 0.004, 0.502);
      const wanted = 13 * Math.log(p / 0.004) + 1261 * Math.log((1 - p) / 0.996);
      expect(Math.abs((got[j] ?? 0) - wanted)).toBeLessThan(1e-9 * Math.max(1, Math.abs(wanted)));
    }
  });

  test('is finite for all rates and sizes', () => {
    for (const limit of [1e-9, 0.01, 0.999999])
      for (const bad of [0, 1, 1e9])
        expect(
          objectiveIncrements({ requests: 1e9, bad }, ratios, limit).every(Number.isFinite),
        ).toBe(true);
    expect(objectiveIncrements({ requests: 0, bad: 0 }, ratios, 0.01)).toEqual(ratios.map(() => 0));
  });

  test('grows only on its side of the limit', () => {
    expect(Math.max(...objectiveGrowths(0.02, 0.01, ratios)) * sign).toBeGreaterThan(0);
    expect(Math.max(...objectiveGrowths(0.005, 0.01, ratios)) * sign).toBeLessThan(0);
  });
});

test.each([0, 1, -1, Number.NaN])('a limit of %d is none', (limit) => {
  expect(() => objectiveIncrements({ requests: 1, bad: 0 }, BEYOND_RATIOS, limit)).toThrow(
    '(0, 1)',
  );
});
