/** The probability with which a right system is found wrong by one interval. */
export const DOUBT = 1e-4;

/**
 * The exact two-sided interval of Clopper and Pearson (1934) for the probability of a success: it
 * holds the true one with at least the probability `1 - doubt`, whatever that is.
 *
 * @param successes how many of the trials
 * @param trials at least one
 * @param doubt @default 0.0001, which is a 99.99 % interval
 * @returns shares from 0 to 1
 * @throws RangeError for numbers that no experiment gives
 */
export function clopperPearson(
  successes: number,
  trials: number,
  doubt: number = DOUBT,
): readonly [low: number, high: number] {
  if (!(trials >= 1 && successes >= 0 && successes <= trials)) {
    throw new RangeError(`${successes} of ${trials}: want 0 <= successes <= trials, trials >= 1`);
  }
  const half = doubt / 2;
  // P(X >= k | p) grows with p, and P(X <= k | p) falls.
  const low = successes === 0 ? 0 : solve((p) => atLeast(successes, trials, p) >= half);
  const high = successes === trials ? 1 : solve((p) => atMost(successes, trials, p) < half);
  return [low, high];
}

/** Where a condition that is false at 0 and true at 1 becomes true. */
function solve(isAbove: (p: number) => boolean): number {
  let [low, high] = [0, 1];
  while (high - low > 1e-12) {
    const middle = (low + high) / 2;
    if (isAbove(middle)) high = middle;
    else low = middle;
  }
  return (low + high) / 2;
}

function atMost(successes: number, trials: number, p: number): number {
  return sum(0, successes, trials, p);
}

function atLeast(successes: number, trials: number, p: number): number {
  return sum(successes, trials, trials, p);
}

/** P(from <= X <= to), each term by its logarithm: no factorial overflows. */
function sum(from: number, to: number, trials: number, p: number): number {
  if (p <= 0) return from === 0 ? 1 : 0;
  if (p >= 1) return to === trials ? 1 : 0;
  const odds = Math.log(p) - Math.log1p(-p);
  let term = logChoose(trials, from) + from * Math.log(p) + (trials - from) * Math.log1p(-p);
  let total = 0;
  for (let k = from; k <= to; k++) {
    total += Math.exp(term);
    term += Math.log(trials - k) - Math.log(k + 1) + odds;
  }
  return total;
}

function logChoose(n: number, k: number): number {
  let log = 0;
  for (let i = 1; i <= Math.min(k, n - k); i++)
    log += Math.log(n - Math.min(k, n - k) + i) - Math.log(i);
  return log;
}
