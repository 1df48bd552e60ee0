import { lnBeta } from './log-space.ts';
import type { Tally } from './tally.ts';

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

/**
 * Where the first rate minus the second lies, with a probability of 1 − alpha or more, at every look: each rate has half of
 * what may be wrong. Undefined where one of them has no requests, as nothing is known of it.
 */
export function differenceInterval(a: Tally, b: Tally, alpha: number): Interval | undefined {
  if (!(a.requests > 0 && b.requests > 0)) return undefined;
  const [first, second] = [rateInterval(a, alpha / 2), rateInterval(b, alpha / 2)];
  return { low: first.low - second.high, high: first.high - second.low };
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
