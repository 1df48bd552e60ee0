import { describe, expect, test } from 'vitest';
import {
  type Bucket,
  chooseBounds,
  marginFor,
  tallyBeyond,
} from '../../../../../analyzer/core/judge/evidence/latency.ts';

const BOUNDS = [0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, Infinity];

/** A histogram in which this part of the requests takes longer than each bound. */
function histogram(requests: number, beyond: (bound: number) => number): readonly Bucket[] {
  return BOUNDS.map((le) => ({
    le,
    count: Math.round(requests * (1 - (le === Infinity ? 0 : beyond(le)))),
  }));
}

/** p50 40 ms, p99 about 260 ms. */
const usual = histogram(1e6, (t) => 1 / (1 + (t / 40) ** 2.45));

describe('requests beyond a bound', () => {
  test('are those of all buckets but the ones within', () => {
    const buckets = [
      { le: 10, count: 70 },
      { le: 100, count: 95 },
      { le: Infinity, count: 100 },
    ];
    expect(tallyBeyond(buckets, 10)).toEqual({ requests: 100, bad: 30 });
    expect(tallyBeyond(buckets, 100)).toEqual({ requests: 100, bad: 5 });
    expect(tallyBeyond(buckets, 50)).toBeUndefined();
    expect(tallyBeyond([], 10)).toBeUndefined();
  });

  test('are never fewer than none, nor more than all, when scrapes were torn', () => {
    const torn = [
      { le: 10, count: 12 },
      { le: Infinity, count: 10 },
    ];
    expect(tallyBeyond(torn, 10)).toEqual({ requests: 12, bad: 0 });
  });
});

describe('bounds', () => {
  test('are the nearest to the median, p90 and p99', () => {
    expect(chooseBounds(usual)).toEqual([50, 100, 250]);
  });

  test('are none where nothing was seen, or nothing fits', () => {
    expect(chooseBounds([])).toEqual([]);
    expect(chooseBounds(histogram(0, () => 0))).toEqual([]);
    expect(chooseBounds(histogram(1e6, () => 0))).toEqual([]);
    expect(chooseBounds(histogram(1e6, () => 1))).toEqual([]);
    expect(chooseBounds([{ le: Infinity, count: 100 }])).toEqual([]);
  });

  test('are as many as there are in reach', () => {
    expect(chooseBounds(histogram(1e6, (t) => (t < 25 ? 0.9 : t < 100 ? 0.2 : 0)))).toEqual([50]);
    expect(chooseBounds(histogram(1e6, (t) => (t < 25 ? 0.5 : t < 100 ? 0.003 : 0)))).toEqual([
      10, 50,
    ]);
  });

  test('are within reach each, whatever the histogram', () => {
    for (const scale of [0.1, 1, 7, 60, 900, 1e5]) {
      const some = histogram(1e5, (t) => 1 / (1 + (t / scale) ** 1.3));
      for (const it of chooseBounds(some)) {
        const { requests, bad } = tallyBeyond(some, it) ?? { requests: 1, bad: 0 };
        expect(bad / requests).toBeGreaterThanOrEqual(0.002);
        expect(bad / requests).toBeLessThanOrEqual(0.6);
      }
    }
  });
});

test('the more requests are beyond a bound, the smaller a ratio is felt', () => {
  expect([0.5, 0.3, 0.05, 0.049].map((it) => marginFor(it).relative)).toEqual([
    1.15, 1.3, 1.3, 1.5,
  ]);
});
