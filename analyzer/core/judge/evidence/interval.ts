import { logSpaced } from './grid.ts';
import { lnBeta, logSumExp } from './log-space.ts';
import type { Arms, Tally } from './tally.ts';

/** What a number lies between; both ends are possible. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Halvings after which nothing is left of a double's digits. */
const HALVINGS = 60;

/**
 * Where the rate of bad requests lies: of all intervals that are ever asked for as counts grow, each has it with a
 * probability of 1 − alpha or more, provided that it does not change. Rates are left out against which Jeffreys' prior
 * has won 1/alpha.
 */
export function rateInterval({ requests, bad }: Tally, alpha: number): Interval {
  if (!(requests > 0)) return { low: 0, high: 1 };
  const good = requests - bad;
  const won = lnBeta(0.5 + bad, 0.5 + good) - lnBeta(0.5, 0.5);
  const isPossible = (rate: number) => {
    const ofBad = bad > 0 ? bad * Math.log(rate) : 0;
    const ofGood = good > 0 ? good * Math.log1p(-rate) : 0;
    return won - ofBad - ofGood < Math.log(1 / alpha);
  };
  const best = bad / requests;
  return {
    low: bad > 0 ? border(best, 0, isPossible) : 0,
    high: good > 0 ? border(best, 1, isPossible) : 1,
  };
}

/** The last number from `inside` to `outside` at which something is so. */
function border(inside: number, outside: number, isSo: (it: number) => boolean): number {
  let [near, far] = [inside, outside];
  for (let k = 0; k < HALVINGS && near !== far; k++) {
    const middle = (near + far) / 2;
    if (isSo(middle)) near = middle;
    else far = middle;
  }
  return far;
}

/** What the ratio of two rates may be at all. */
const RATIOS = logSpaced(0.01, 1000, 200);

/**
 * Where canary's rate / primary's rate lies, likewise; within 0.01 to 1000, beyond which an end is 0 or ∞. The
 * evidence of an interval depends on how traffic was split in it, so that they are given one by one.
 */
export function ratioInterval(all: readonly Arms[], alpha: number): Interval {
  const likelihood = likelihoodOf(all);
  const mean = logSumExp(RATIOS.map(likelihood)) - Math.log(RATIOS.length);
  const isPossible = (ratio: number) => mean - likelihood(ratio) < Math.log(1 / alpha);
  const [first, last] = [RATIOS.findIndex(isPossible), RATIOS.findLastIndex(isPossible)];
  if (first < 0) {
    // All that is possible lies between two points of the grid, at the peak.
    const peak = peakOf(likelihood);
    return { low: RATIOS[Math.max(0, peak - 1)] ?? 0, high: RATIOS[peak + 1] ?? Infinity };
  }
  const edge = (inside: number, outside: number) => {
    const [from, to] = [RATIOS[inside], RATIOS[outside]].map((it) => Math.log(it ?? 1));
    return Math.exp(border(from ?? 0, to ?? 0, (it) => isPossible(Math.exp(it))));
  };
  return {
    low: first === 0 ? 0 : edge(first, first - 1),
    high: last === RATIOS.length - 1 ? Infinity : edge(last, last + 1),
  };
}

/** ln of how likely a bad request is one of the canary's, summed over those that there were. */
function likelihoodOf(all: readonly Arms[]): (ratio: number) => number {
  const both = all.filter((it) => it.canary.requests > 0 && it.primary.requests > 0);
  const bad = both.reduce((sum, it) => sum + it.canary.bad, 0);
  const parts = both.flatMap(({ canary, primary }) => {
    const share = canary.requests / (canary.requests + primary.requests);
    const count = canary.bad + primary.bad;
    return count > 0 ? [{ share, count }] : [];
  });
  return (ratio) =>
    parts.reduce(
      (sum, { share, count }) => sum - count * Math.log1p((ratio - 1) * share),
      bad * Math.log(ratio),
    );
}

function peakOf(likelihood: (ratio: number) => number): number {
  const all = RATIOS.map(likelihood);
  return all.indexOf(Math.max(...all));
}
