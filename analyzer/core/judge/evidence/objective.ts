import { BETTER_RATIOS } from './comparison.ts';
import { logSpaced } from './grid.ts';
import type { Tally } from './tally.ts';

/** How many times the limit the rate is supposed to be, by the points of the grid that bets on a breach. */
export const BEYOND_RATIOS: readonly number[] = logSpaced(1.1, 50, 30);

/** The same of the grid that bets on a rate within the limit. */
export const WITHIN_RATIOS = BETTER_RATIOS;

/**
 * ln of one interval's e-value for each point of a grid. With ratios above 1 it tests "the rate is at most the limit",
 * with ratios below 1 "it is at least that". Exact for requests that are bad or not, at rates that may vary.
 *
 * @param limit of the share of bad requests, in (0, 1)
 */
export function objectiveIncrements(
  tally: Tally,
  ratios: readonly number[],
  limit: number,
): number[] {
  const all = new Float64Array(ratios.length);
  addObjective(all, Float64Array.of(tally.requests, tally.bad), ratios, limit);
  return [...all];
}

/** Adds them to what is there. @param tally requests, then the bad ones */
export function addObjective(
  to: Float64Array,
  tally: Float64Array,
  ratios: readonly number[],
  limit: number,
): void {
  if (!(limit > 0 && limit < 1)) throw new Error(`expected a limit in (0, 1), got ${limit}`);
  const bad = tally[1] ?? 0;
  const good = (tally[0] ?? 0) - bad;
  const ofEach = ofOne(ratios, limit);
  for (let j = 0; j < ratios.length; j++)
    to[j] = (to[j] ?? 0) + (ofEach.bad[j] ?? 0) * bad + (ofEach.good[j] ?? 0) * good;
}

interface OfOne {
  readonly bad: readonly number[];
  readonly good: readonly number[];
}

/** What one bad and one good request add: the same for every interval of an hour, so that logarithms are taken once. */
const ofOne = (() => {
  const known = new WeakMap<readonly number[], OfOne & { readonly limit: number }>();
  return (ratios: readonly number[], limit: number): OfOne => {
    const last = known.get(ratios);
    if (last?.limit === limit) return last;
    const supposed = ratios.map((ratio) => Math.min(ratio * limit, (1 + limit) / 2));
    const ofEach = {
      limit,
      bad: supposed.map((it) => Math.log(it / limit)),
      good: supposed.map((it) => Math.log1p((limit - it) / (1 - limit))),
    };
    known.set(ratios, ofEach);
    return ofEach;
  };
})();

/** What each point of the grid is expected to gain with every request at such a rate. */
export function objectiveGrowths(rate: number, limit: number, ratios: readonly number[]): number[] {
  return objectiveIncrements({ requests: 1, bad: rate }, ratios, limit);
}
