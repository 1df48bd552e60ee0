import { describe, expect, test } from 'vitest';
import { rateInterval } from '../../../../../analyzer/core/judge/evidence/interval.ts';
import { binomial } from '../../../../../analyzer/simulated/draws.ts';
import { seeded } from '../../../../../analyzer/simulated/random.ts';

describe('the interval of a rate', () => {
  test.each([
    [13, 1274, 0.05, 0.00299, 0.02429],
    [0, 3000, 0.05, 0, 0.00252],
    [50, 50_000, 0.01, 0.000489, 0.00178],
  ])('%d of %d at %d', (bad, requests, alpha, low, high) => {
    const got = rateInterval({ requests, bad }, alpha);
    expect(got.low).toBeCloseTo(low, 5);
    expect(got.high).toBeCloseTo(high, 5);
  });

  test('is all there is without requests, and mirrors good and bad', () => {
    expect(rateInterval({ requests: 0, bad: 0 }, 0.05)).toEqual({ low: 0, high: 1 });
    const few = rateInterval({ requests: 100, bad: 3 }, 0.05);
    const many = rateInterval({ requests: 100, bad: 97 }, 0.05);
    expect(1 - few.high).toBeCloseTo(many.low, 12);
    expect(1 - few.low).toBeCloseTo(many.high, 12);
  });

  test.each([0, 1, 1e3, 5e8, 1e9 - 1, 1e9])('holds %d of a billion', (bad) => {
    const { low, high } = rateInterval({ requests: 1e9, bad }, 0.01);
    expect(low).toBeLessThanOrEqual(bad / 1e9);
    expect(high).toBeGreaterThanOrEqual(bad / 1e9);
    expect(high - low).toBeLessThan(2e-4);
  });

  test('has the rate at every look in 95 of 100 runs', () => {
    const random = seeded(11);
    let missed = 0;
    for (let run = 0; run < 300; run++) {
      let [requests, bad] = [0, 0];
      for (let k = 0; k < 30; k++) {
        requests += 100 * (k + 1);
        bad += binomial(random, 100 * (k + 1), 0.01);
        const { low, high } = rateInterval({ requests, bad }, 0.05);
        if (low <= 0.01 && 0.01 <= high) continue;
        missed += 1;
        break;
      }
    }
    expect(missed / 300).toBeLessThan(0.05 + 3 * Math.sqrt((0.05 * 0.95) / 300));
  });
});
