import { describe, expect, test } from 'vitest';
import { clopperPearson } from './binomial.ts';

describe('the exact binomial interval', () => {
  test.each([
    // Without any success, or any failure, there is a formula: 1 - (doubt / 2) ^ (1 / trials).
    { successes: 0, trials: 100, doubt: 0.05, low: 0, high: 1 - 0.025 ** 0.01 },
    { successes: 100, trials: 100, doubt: 0.05, low: 0.025 ** 0.01, high: 1 },
    { successes: 0, trials: 2000, doubt: 1e-4, low: 0, high: 1 - 5e-5 ** (1 / 2000) },
    // From published tables of the 95 % interval.
    { successes: 10, trials: 20, doubt: 0.05, low: 0.27196, high: 0.72804 },
    { successes: 5, trials: 100, doubt: 0.05, low: 0.01643, high: 0.11283 },
    { successes: 50, trials: 100, doubt: 0.05, low: 0.39832, high: 0.60168 },
  ])('$successes of $trials', ({ successes, trials, doubt, low, high }) => {
    const interval = clopperPearson(successes, trials, doubt);
    expect(interval[0]).toBeCloseTo(low, 5);
    expect(interval[1]).toBeCloseTo(high, 5);
  });

  test('is symmetric, and as wide as 3.9 standard deviations for many trials', () => {
    const [low, high] = clopperPearson(2000, 20_000);
    const [mirroredLow, mirroredHigh] = clopperPearson(18_000, 20_000);
    expect(1 - mirroredHigh).toBeCloseTo(low, 10);
    expect(1 - mirroredLow).toBeCloseTo(high, 10);
    const deviation = Math.sqrt((0.1 * 0.9) / 20_000);
    expect((high - low) / 2 / deviation).toBeGreaterThan(3.85);
    expect((high - low) / 2 / deviation).toBeLessThan(3.95);
  });

  test.each([
    [-1, 10],
    [11, 10],
    [0, 0],
    [Number.NaN, 10],
  ])('refuses %d of %d', (successes, trials) => {
    expect(() => clopperPearson(successes, trials)).toThrow(RangeError);
  });
});
