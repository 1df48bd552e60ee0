import { evenlySpaced, logSpaced } from './grid.ts';
import { type ArmNumbers, type Arms, numbersOf } from './tally.ts';

/**
 * How much worse than the primary a canary may be: its rate may be `relative` times the primary's, and `absolute` more.
 * { relative: 1, absolute: 0 } allows no difference at all.
 */
export interface Margin {
  /** 1 or more. */
  readonly relative: number;
  /** A share of requests; 0 or more. */
  readonly absolute: number;
}

/** How many times what is allowed the canary is supposed to have, by the points of the grid that bets on a worse one. */
export const WORSE_RATIOS: readonly number[] = logSpaced(1.1, 100, 40);

/** The same of the grid that bets on a canary within what is allowed. */
export const BETTER_RATIOS: readonly number[] = [
  ...logSpaced(0.001, 0.3, 10),
  ...evenlySpaced(0.33, 0.95, 30),
];

/**
 * ln of one interval's e-value, for each point of a grid. With ratios above 1 it tests "the canary's rate is at most relative · primary + absolute",
 * with ratios below 1 "it is at least that". Any split of traffic will do, and it may differ from interval to interval.
 * Derivation: docs/judge.md.
 */
export function comparisonIncrements(
  arms: Arms,
  ratios: readonly number[],
  margin: Margin,
): number[] {
  const all = new Float64Array(ratios.length);
  addComparison(all, numbersOf(arms), ratios, margin);
  return [...all];
}

/** Adds them to what is there: an hour of intervals makes no array for each. */
export function addComparison(
  to: Float64Array,
  arms: ArmNumbers,
  ratios: readonly number[],
  { relative, absolute }: Margin,
): void {
  const [ours, oursBad, theirs, theirsBad] = [
    arms[0] ?? 0,
    arms[1] ?? 0,
    arms[2] ?? 0,
    arms[3] ?? 0,
  ];
  // One side alone says nothing about the other.
  if (!(ours > 0 && theirs > 0)) return;
  const requests = ours + theirs;
  const share = (relative * ours) / requests;
  const rest = theirs / requests;
  const bad = oursBad + theirsBad;
  const allowed = absolute * ours * rest;
  // Logarithms cost most of it, and where nothing is bad there are none.
  const lnRatios = lnOf(ratios);
  for (let j = 0; j < ratios.length; j++) {
    const ratio = ratios[j] ?? 1;
    const more = (ratio - 1) / (ratio * share + rest);
    let sum = to[j] ?? 0;
    if (oursBad > 0) sum += oursBad * (lnRatios[j] ?? 0);
    // s − 1 and c − 1 as they are: neither is a difference of numbers that are nearly the same.
    if (bad > 0) sum += bad * Math.log1p(-share * more);
    to[j] = sum - allowed * more;
  }
}

/** The grids are few, and asked about for every interval: their logarithms are taken once. */
const lnOf = (() => {
  const known = new WeakMap<readonly number[], readonly number[]>();
  return (ratios: readonly number[]): readonly number[] => {
    const found = known.get(ratios) ?? ratios.map(Math.log);
    known.set(ratios, found);
    return found;
  };
})();

/** Rates of bad requests of the two sides. */
export interface Rates {
  readonly canary: number;
  readonly primary: number;
}

/**
 * What each point of the grid is expected to gain with every request of the canary.
 *
 * @param share of all requests that the canary gets, in (0, 1)
 */
export function comparisonGrowths(
  rates: Rates,
  share: number,
  margin: Margin,
  ratios: readonly number[],
): number[] {
  const others = (1 - share) / share;
  const canary = { requests: 1, bad: rates.canary };
  const primary = { requests: others, bad: rates.primary * others };
  return comparisonIncrements({ canary, primary }, ratios, margin);
}
