import {
  addComparison,
  comparisonGrowths,
  comparisonIncrements,
  type Margin,
  type Rates,
} from '../../../../../analyzer/core/judge/evidence/comparison.ts';
import { lnBeta } from '../../../../../analyzer/core/judge/evidence/log-space.ts';
import {
  type Arms,
  numbersOf,
  tallyOf,
} from '../../../../../analyzer/core/judge/evidence/tally.ts';

/** Requests of the canary and how many were bad, then those of the primary. */
export function arms(canary: number, bad: number, primary: number, primaryBad: number): Arms {
  return {
    canary: { requests: canary, bad },
    primary: { requests: primary, bad: primaryBad },
  };
}

/** The intervals of the golden vectors. */
export const GOLDEN: readonly Arms[] = [
  arms(12, 0, 1188, 1),
  arms(61, 1, 1140, 0),
  arms(60, 0, 1139, 2),
  arms(121, 2, 1080, 1),
  arms(119, 1, 1083, 1),
  arms(300, 4, 900, 1),
  arms(601, 5, 600, 0),
];

/** The mean of `value` over how many of `count` requests are bad at this rate: summed, not drawn. */
export function expectation(count: number, rate: number, value: (bad: number) => number): number {
  if (rate === 0) return value(0);
  let sum = 0;
  for (let bad = 0; bad <= count; bad++) {
    const choose = -Math.log(count + 1) - lnBeta(bad + 1, count - bad + 1);
    const mass = choose + bad * Math.log(rate) + (count - bad) * Math.log1p(-rate);
    sum += Math.exp(mass) * value(bad);
  }
  return sum;
}

/** What an interval adds at one ratio. */
export function incrementOf(it: Arms, ratio: number, margin: Margin): number {
  return comparisonIncrements(it, [ratio], margin)[0] ?? 0;
}

/** What strata add together: each compares like with like. */
export function increments(
  strata: readonly Arms[],
  ratios: readonly number[],
  margin: Margin,
): readonly number[] {
  const all = new Float64Array(ratios.length);
  for (const it of strata) addComparison(all, numbersOf(it), ratios, margin);
  return [...all];
}

/** The requests of several intervals or strata as those of one. */
export function together(all: readonly Arms[]): Arms {
  return {
    canary: tallyOf(all.map((it) => it.canary)),
    primary: tallyOf(all.map((it) => it.primary)),
  };
}

/** The most that any ratio gains with every request of the canary. */
export function growth(
  rates: Rates,
  share: number,
  margin: Margin,
  ratios: readonly number[],
): number {
  return Math.max(...comparisonGrowths(rates, share, margin, ratios));
}
