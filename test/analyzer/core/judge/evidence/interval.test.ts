import { describe, expect, test } from 'vitest';
import {
  differenceInterval,
  rateInterval,
} from '../../../../../analyzer/core/judge/evidence/interval.ts';
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

describe('the interval of the difference of two rates', () => {
  test('is not known without requests to both', () => {
    const some = { requests: 9, bad: 1 };
    expect(differenceInterval(some, { requests: 0, bad: 0 }, 0.05)).toBeUndefined();
    expect(differenceInterval({ requests: 0, bad: 0 }, some, 0.05)).toBeUndefined();
  });

  test('is the other one mirrored, and narrows as requests come', () => {
    const [a, b] = [
      { requests: 412, bad: 31 },
      { requests: 1702, bad: 2 },
    ];
    const found = differenceInterval(a, b, 0.01) ?? { low: 0, high: 0 };
    expect(found.low).toBeCloseTo(0.024, 3);
    expect(found.high).toBeCloseTo(0.1406, 3);
    const mirrored = differenceInterval(b, a, 0.01);
    expect(mirrored?.low).toBe(-found.high);
    const many = differenceInterval(
      { requests: 4120, bad: 310 },
      { requests: 17020, bad: 20 },
      0.01,
    );
    expect((many?.high ?? 1) - (many?.low ?? 0)).toBeLessThan(found.high - found.low);
  });

  test('has the difference at every look in 95 of 100 runs', () => {
    const random = seeded(12);
    let missed = 0;
    for (let run = 0; run < 200; run++) {
      const sides = [
        { rate: 0.03, requests: 0, bad: 0 },
        { rate: 0.01, requests: 0, bad: 0 },
      ] as const;
      const [canary, other] = sides.map((it) => ({ ...it }));
      if (canary === undefined || other === undefined) throw new Error('expected two sides');
      const isMissed = Array.from({ length: 20 }, (_, k) => {
        for (const it of [canary, other]) {
          it.requests += 100 * (k + 1);
          it.bad += binomial(random, 100 * (k + 1), it.rate);
        }
        const found = differenceInterval(canary, other, 0.05) ?? { low: 1, high: -1 };
        return found.low > 0.02 || found.high < 0.02;
      });
      if (isMissed.includes(true)) missed++;
    }
    expect(missed).toBeLessThanOrEqual(10);
  });
});
