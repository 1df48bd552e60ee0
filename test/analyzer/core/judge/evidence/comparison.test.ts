import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BETTER_RATIOS,
  comparisonIncrements,
  type Margin,
  WORSE_RATIOS,
} from '../../../../../analyzer/core/judge/evidence/comparison.ts';
import {
  advanced,
  logE,
  restarted,
  startProcess,
} from '../../../../../analyzer/core/judge/evidence/e-process.ts';
import type { Arms } from '../../../../../analyzer/core/judge/evidence/tally.ts';
import { binomial } from '../../../../../analyzer/simulated/draws.ts';
import { seeded } from '../../../../../analyzer/simulated/random.ts';
import { THOROUGH, tries } from '../../../../tries.ts';
import { arms, expectation, GOLDEN, growth, incrementOf, increments, together } from './fixture.ts';

const STRICT: Margin = { relative: 1, absolute: 0 };

describe('golden vectors', () => {
  const CAP = Math.log(100) / 3;
  test.each<[string, Margin, readonly number[], number, number, readonly number[]]>([
    [
      'strict',
      STRICT,
      WORSE_RATIOS,
      1,
      Infinity,
      [-0.158404, 1.786671, 0.619039, 2.984884, 3.864206, 7.014176, 10.033909],
    ],
    [
      'strict with restarts',
      STRICT,
      WORSE_RATIOS,
      0.5,
      Infinity,
      [-0.076069, 1.40003, 0.389133, 2.577869, 3.439051, 6.578648, 9.60174],
    ],
    [
      'margins',
      { relative: 1.5, absolute: 0.001 },
      WORSE_RATIOS,
      1,
      Infinity,
      [-0.3241, 0.953316, -0.221049, 1.124217, 1.444843, 3.139951, 4.800657],
    ],
    [
      'margins and a cap',
      { relative: 1.25, absolute: 0.0005 },
      WORSE_RATIOS,
      1,
      CAP,
      [-0.249436, 1.009993, 0.024655, 1.401102, 1.952248, 3.460327, 4.965194],
    ],
    [
      'good',
      { relative: 1.5, absolute: 0.001 },
      BETTER_RATIOS,
      1,
      Infinity,
      [0.013615, -0.648903, -0.580155, -1.181573, -1.380972, -1.914986, -2.24894],
    ],
  ])('%s', (_, margin, ratios, weight, cap, wanted) => {
    let e = startProcess(ratios.length, weight);
    const got = GOLDEN.map((it, k) => {
      if (k > 0) e = restarted(e, 1 / 12);
      e = advanced(e, comparisonIncrements(it, ratios, margin), cap);
      return logE(e);
    });
    for (const [k, it] of wanted.entries()) expect(got[k]).toBeCloseTo(it, 6);
  });
});

/** The formula as it is written in docs/judge.md, without the care. */
function plainly({ canary, primary }: Arms, ratio: number, margin: Margin): number {
  const a = canary.requests / (canary.requests + primary.requests);
  const c = (margin.relative * a + 1 - a) / (ratio * margin.relative * a + 1 - a);
  const s = ratio * c;
  const price = margin.absolute * canary.requests * (s - 1);
  return canary.bad * Math.log(s) + primary.bad * Math.log(c) - price;
}

const count = fc.nat({ max: 5000 });
const someTally = fc
  .tuple(count, fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([requests, share]) => ({ requests, bad: Math.round(requests * share) }));
const someArms: fc.Arbitrary<Arms> = fc.record({ canary: someTally, primary: someTally });
const someMargin: fc.Arbitrary<Margin> = fc.record({
  relative: fc.double({ min: 1, max: 3, noNaN: true }),
  absolute: fc.double({ min: 0, max: 0.05, noNaN: true }),
});
const someRatio = fc.constantFrom(...WORSE_RATIOS, ...BETTER_RATIOS);

describe('an increment', () => {
  test('is what the formula says', () => {
    fc.assert(
      fc.property(someArms, someRatio, someMargin, (it, ratio, margin) => {
        const got = incrementOf(it, ratio, margin);
        const both = it.canary.requests > 0 && it.primary.requests > 0;
        const wanted = both ? plainly(it, ratio, margin) : 0;
        expect(Math.abs(got - wanted)).toBeLessThan(1e-9 * Math.max(1, Math.abs(wanted)));
      }),
      { numRuns: tries(400) },
    );
  });

  test.each<[string, Arms]>([
    ['has no requests', arms(0, 0, 0, 0)],
    ['is of the canary alone', arms(1e6, 4e5, 0, 0)],
    ['is of the primary alone', arms(0, 0, 1e6, 4e5)],
  ])('is nothing where an interval %s', (_, it) => {
    for (const ratio of [...WORSE_RATIOS, ...BETTER_RATIOS])
      expect(incrementOf(it, ratio, { relative: 1.5, absolute: 0.001 })).toBe(0);
  });

  test('is nothing where nothing happened, without an absolute margin', () => {
    for (const ratio of [...WORSE_RATIOS, ...BETTER_RATIOS])
      expect(incrementOf(arms(1e6, 0, 1e9, 0), ratio, STRICT)).toBeCloseTo(0, 12);
  });

  test('does not depend on how an interval is split', () => {
    fc.assert(
      fc.property(someArms, someRatio, someMargin, (it, ratio, margin) => {
        const third = ({ canary, primary }: Arms, bad: number): Arms => ({
          canary: { requests: canary.requests / 3, bad: canary.bad * bad },
          primary: { requests: primary.requests / 3, bad: primary.bad * bad },
        });
        const parts = [third(it, 0.5), third(it, 0.25), third(it, 0.25)];
        const [sum = 0] = increments(parts, [ratio], margin);
        const whole = incrementOf(it, ratio, margin);
        expect(Math.abs(sum - whole)).toBeLessThan(1e-9 * Math.max(1, Math.abs(whole)));
        expect(together(parts).canary.requests).toBeCloseTo(it.canary.requests, 8);
      }),
      { numRuns: tries(200) },
    );
  });

  test('grows with each bad request of the canary towards worse, falls towards better', () => {
    fc.assert(
      fc.property(someArms, someRatio, someMargin, (it, ratio, margin) => {
        const { canary, primary } = it;
        fc.pre(canary.requests > canary.bad && primary.requests > 0);
        const one = { canary: { ...canary, bad: canary.bad + 1 }, primary };
        const change = incrementOf(one, ratio, margin) - incrementOf(it, ratio, margin);
        expect(Math.sign(ratio - 1) * change).toBeGreaterThan(0);
      }),
      { numRuns: tries(200) },
    );
  });

  test('is smaller where more is allowed', () => {
    for (const it of GOLDEN)
      for (const ratio of WORSE_RATIOS) {
        const strict = incrementOf(it, ratio, STRICT);
        const wide = incrementOf(it, ratio, { relative: 1, absolute: 0.01 });
        expect(wide).toBeLessThan(strict);
      }
  });
});

describe('the mean of an e-value on the border of the null', () => {
  /** Summed over all that 60 and 90 requests can do. */
  const cases: readonly [number, Margin][] = [0, 0.001, 0.05, 0.3].flatMap((primary) =>
    [STRICT, { relative: 1.5, absolute: 0 }, { relative: 1.5, absolute: 0.1 }].map(
      (margin): [number, Margin] => [primary, margin],
    ),
  );

  test.each(cases)('is at most 1, whichever way is tested (rate %d, %o)', (primary, margin) => {
    const canary = margin.relative * primary + margin.absolute;
    for (const ratio of [1.1, 10, 100, 0.95, 0.001]) {
      const value = (x: number, y: number) =>
        Math.exp(incrementOf(arms(60, x, 90, y), ratio, margin));
      const mean = expectation(60, canary, (x) => expectation(90, primary, (y) => value(x, y)));
      expect(mean).toBeLessThan(1 + 1e-9);
      expect(canary < 0.01 ? mean : 1).toBeGreaterThan(0.5);
    }
  });
});

describe('extremes', () => {
  const e = (all: readonly Arms[], ratios = WORSE_RATIOS, margin = STRICT) => {
    const start = startProcess(ratios.length, 1);
    const add = (sum: typeof start, it: Arms) =>
      advanced(sum, comparisonIncrements(it, ratios, margin));
    return logE(all.reduce(add, start));
  };

  test('a billion requests are told apart, but not by less than half of the smallest ratio', () => {
    expect(e([arms(1e9, 1.04e6, 1e9, 1e6)])).toBeLessThan(0);
    expect(e([arms(1e9, 1.06e6, 1e9, 1e6)])).toBeGreaterThan(100);
    expect(e([arms(1e9, 1.2e6, 1e9, 1e6)])).toBeGreaterThan(1000);
    expect(e([arms(1e9, 1e6, 1e9, 1e6)])).toBeLessThan(0);
    expect(
      e([arms(1e9, 1e6, 1e9, 1e6)], BETTER_RATIOS, { relative: 1.5, absolute: 0 }),
    ).toBeGreaterThan(1000);
  });

  test('one request of the canary beside a billion is a Poisson test of known rate', () => {
    const [got = 0] = comparisonIncrements(arms(1, 1, 1e9, 1e6), [10], STRICT);
    // ln r − (r − 1) p
    expect(got).toBeCloseTo(Math.log(10) - 9 * 1e-3, 7);
  });

  test.each([
    arms(1e9, 1e9, 1e9, 1e9),
    arms(1e9, 0, 1e9, 0),
    arms(1e9, 1e9, 1, 0),
    arms(1, 0, 1e9, 1e9),
  ])('are finite for rates of 0 and 1: %o', (it) => {
    for (const margin of [STRICT, { relative: 1.5, absolute: 0.001 }])
      for (const ratios of [WORSE_RATIOS, BETTER_RATIOS])
        expect(comparisonIncrements(it, ratios, margin).every(Number.isFinite)).toBe(true);
  });

  test.runIf(THOROUGH)('a million intervals lose nothing', () => {
    const one = arms(100, 1, 900, 9);
    const increments = comparisonIncrements(one, WORSE_RATIOS, STRICT);
    let sum = startProcess(40, 1);
    for (let k = 0; k < 1e6; k++) sum = advanced(sum, increments);
    const whole = comparisonIncrements(arms(1e8, 1e6, 9e8, 9e6), WORSE_RATIOS, STRICT);
    for (const [j, it] of whole.entries())
      expect(Math.abs((sum.logs[j] ?? 0) - it)).toBeLessThan(1e-9 * Math.abs(it));
  });
});

test('strata are compared each for itself: a canary that serves the harder caller is not blamed', () => {
  const strata = [arms(900, 90, 100, 10), arms(100, 0, 900, 0)];
  const start = startProcess(40, 1);
  const apart = advanced(start, increments(strata, WORSE_RATIOS, STRICT));
  const pooled = advanced(start, comparisonIncrements(together(strata), WORSE_RATIOS, STRICT));
  expect(logE(apart)).toBeLessThan(0);
  expect(logE(pooled)).toBeGreaterThan(Math.log(100));
});

describe('growth', () => {
  test('is the mean increment of a request', () => {
    const rates = { canary: 0.01, primary: 0.001 };
    const all = comparisonIncrements(arms(1e4, 100, 9e4, 90), WORSE_RATIOS, STRICT);
    expect(growth(rates, 0.1, STRICT, WORSE_RATIOS)).toBeCloseTo(Math.max(...all) / 1e4, 12);
  });

  test.each([
    [0.01, 0.01, 521],
    [0.01, 0.1, 656],
    [0.01, 0.5, 1663],
    [0.005, 0.1, 2129],
    [0.002, 0.1, 21_029],
  ])(
    'explains how many requests a regression to %d takes at a share of %d',
    (canary, share, wanted) => {
      const g = growth({ canary, primary: 0.001 }, share, STRICT, WORSE_RATIOS);
      expect(Math.abs((Math.log(100) + 2.5) / g / wanted - 1)).toBeLessThan(0.005);
    },
  );

  test('is none within the margin', () => {
    const margin = { relative: 1.5, absolute: 0.001 };
    const rates = { canary: 0.0025, primary: 0.001 };
    expect(growth(rates, 0.1, margin, WORSE_RATIOS)).toBeLessThan(0);
  });
});

test('fewer than 5 % of innocent canaries are ever accused at 1 in 20, however often one looks', () => {
  const random = seeded(7);
  const runs = 300;
  const shares = [0.01, 0.05, 0.1, 0.25, 0.5];
  let accused = 0;
  for (let run = 0; run < runs; run++) {
    let e = startProcess(WORSE_RATIOS.length, 0.5);
    for (let k = 0; k < 100; k++) {
      const share = shares[Math.floor(k / 20)] ?? 0.5;
      if (k > 0 && k % 20 === 0) e = restarted(e, 0.125);
      const canary = binomial(random, 1200, share);
      const rate = 0.004 * (1 + 0.5 * Math.sin(k / 9));
      const one = arms(
        canary,
        binomial(random, canary, rate),
        1200 - canary,
        binomial(random, 1200 - canary, rate),
      );
      e = advanced(e, comparisonIncrements(one, WORSE_RATIOS, STRICT));
      if (logE(e) >= Math.log(20)) {
        accused += 1;
        break;
      }
    }
  }
  expect(accused / runs).toBeLessThan(0.05 + 3 * Math.sqrt((0.05 * 0.95) / runs));
  expect(accused).toBeGreaterThan(0);
});
