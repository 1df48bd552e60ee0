import { describe, expect, test } from 'vitest';
import {
  rateInterval,
  ratioInterval,
} from '../../../../../analyzer/core/judge/evidence/interval.ts';
import type { Arms } from '../../../../../analyzer/core/judge/evidence/tally.ts';
import { binomial } from '../../../../../analyzer/simulated/draws.ts';
import { seeded } from '../../../../../analyzer/simulated/random.ts';
import { arms } from './fixture.ts';

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

describe('the interval of a ratio', () => {
  test('is everything without bad requests, or without one of the sides', () => {
    const everything = { low: 0, high: Infinity };
    expect(ratioInterval([], 0.05)).toEqual(everything);
    expect(ratioInterval([arms(100, 0, 900, 0)], 0.05)).toEqual(everything);
    expect(ratioInterval([arms(100, 7, 0, 0)], 0.05)).toEqual(everything);
  });

  test('closes around the ratio, however traffic was split', () => {
    const split = [arms(1e4, 200, 99e4, 9900), arms(5e5, 1e4, 5e5, 5e3)];
    const { low, high } = ratioInterval(split, 0.05);
    expect(low).toBeLessThan(2);
    expect(high).toBeGreaterThan(2);
    expect(high - low).toBeLessThan(0.3);
  });

  test('is open where one side has no bad requests', () => {
    const none = ratioInterval([arms(1e5, 0, 1e5, 400)], 0.05);
    expect(none.low).toBe(0);
    expect(none.high).toBeLessThan(0.05);
    const all = ratioInterval([arms(1e5, 400, 1e5, 0)], 0.05);
    expect(all.low).toBeGreaterThan(20);
    expect(all.high).toBe(Infinity);
  });

  test('lies between two points of its grid where so much is known that neither is possible', () => {
    const { low, high } = ratioInterval([arms(1e9, 2.02e6, 1e9, 1e6)], 0.05);
    expect(low).toBeLessThan(2.02);
    expect(high).toBeGreaterThan(2.02);
    expect(high / low).toBeLessThan(1.13);
  });

  test('has the ratio at every look in 95 of 100 runs', () => {
    const random = seeded(12);
    let missed = 0;
    for (let run = 0; run < 150; run++) {
      const all: Arms[] = [];
      for (let k = 1; k <= 10; k++) {
        const count = 400 * k;
        all.push(arms(count, binomial(random, count, 0.02), 4000, binomial(random, 4000, 0.01)));
        const { low, high } = ratioInterval(all, 0.05);
        if (low <= 2 && 2 <= high) continue;
        missed += 1;
        break;
      }
    }
    expect(missed / 150).toBeLessThan(0.05 + 3 * Math.sqrt((0.05 * 0.95) / 150));
  });
});
