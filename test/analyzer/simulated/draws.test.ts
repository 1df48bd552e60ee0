import { describe, expect, test } from 'vitest';
import { binomial, gammaNoise, normal } from '../../../analyzer/simulated/draws.ts';
import { seeded } from '../../../analyzer/simulated/random.ts';

/** Mean and variance of so many draws. */
function moments(draw: () => number, count = 20_000): { mean: number; variance: number } {
  const all = Array.from({ length: count }, draw);
  const mean = all.reduce((a, b) => a + b) / count;
  return { mean, variance: all.reduce((sum, it) => sum + (it - mean) ** 2, 0) / count };
}

describe('binomial', () => {
  test.each([
    [50, 0.02],
    [12_000, 0.0005],
    [1000, 0.3],
    [1000, 0.7],
    [1_000_000, 0.001],
    [20, 0.999],
  ])('%d times %d has its mean and its variance', (count, probability) => {
    const random = seeded(1);
    const { mean, variance } = moments(() => binomial(random, count, probability));
    const wanted = count * probability * (1 - probability);
    expect(Math.abs(mean - count * probability)).toBeLessThan(4 * Math.sqrt(wanted / 20_000));
    expect(Math.abs(variance / wanted - 1)).toBeLessThan(0.08);
  });

  test('has its probabilities where it is drawn by rejection', () => {
    const random = seeded(2);
    const seen = new Map<number, number>();
    for (let k = 0; k < 100_000; k++) {
      const found = binomial(random, 40, 0.3);
      seen.set(found, (seen.get(found) ?? 0) + 1);
    }
    let mass = 0.7 ** 40;
    for (let k = 0; k <= 40; k++) {
      const deviation = Math.sqrt(100_000 * mass) + 1;
      expect(Math.abs((seen.get(k) ?? 0) - 100_000 * mass)).toBeLessThan(4.5 * deviation);
      mass *= (0.3 / 0.7) * ((40 - k) / (k + 1));
    }
  });

  test('of none, of never and of always is certain', () => {
    const random = seeded(3);
    expect([binomial(random, 0, 0.5), binomial(random, 9, 0), binomial(random, 9, 1)]).toEqual([
      0, 0, 9,
    ]);
  });
});

test.each([0.2, 0.5, 1, 2])('gamma noise of %d has a mean of 1', (cv) => {
  const random = seeded(4);
  const { mean, variance } = moments(() => gammaNoise(random, cv), 100_000);
  expect(Math.abs(mean - 1)).toBeLessThan(4 * (cv / Math.sqrt(100_000)));
  expect(Math.abs(variance / (cv * cv) - 1)).toBeLessThan(0.1);
});

test('normal noise has a mean of 0 and a deviation of 1', () => {
  const random = seeded(5);
  const { mean, variance } = moments(() => normal(random), 100_000);
  expect(Math.abs(mean)).toBeLessThan(0.015);
  expect(Math.abs(variance - 1)).toBeLessThan(0.02);
});
