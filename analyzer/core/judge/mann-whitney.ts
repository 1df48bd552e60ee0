import { LEAST_POINTS } from '../../../lib/plan/judge.ts';

/** Which difference of a canary counts. */
export interface RankRules {
  /** Which way a canary must not differ. */
  readonly direction: 'increase' | 'decrease' | 'either';
  /** The mean of the canary over the other's from which an increase counts. @default 1 */
  readonly allowedIncrease?: number | undefined;
  /** The same from which a decrease counts. @default 1 */
  readonly allowedDecrease?: number | undefined;
}

/** What the points of one metric say of the canary. */
export type Classification = 'pass' | 'high' | 'low' | 'no-data';

/** 98 %, both sides: the quantile of the standard normal distribution at 0.99. */
const CONFIDENCE = 2.3263478740408408;

/** Part of the shift that its interval must clear. */
const TOLERANCE = 0.25;

/**
 * Compares two sets of finite values by ranks (Mann and Whitney, with Hodges and Lehmann's shift), as Kayenta's
 * NetflixACAJudge does: high where the whole interval of the shift, of 98 %, lies above a quarter of the shift, and the
 * ratio of means is as large as must be. A fixed test of one look: it promises nothing about looks that are repeated.
 */
export function classified(
  canary: readonly number[],
  other: readonly number[],
  { direction, allowedIncrease = 1, allowedDecrease = 1 }: RankRules,
): Classification {
  if (Math.min(canary.length, other.length) < LEAST_POINTS) return 'no-data';
  const [a, b] = [sorted(canary), sorted(other)];
  // The interval clears a quarter of the shift only where it clears 0; most series differ by less, and that is soon told.
  if (Math.abs(deviation(a, b, 0, true)) <= CONFIDENCE) return 'pass';
  const effect = effectOf(a, b);
  const border = TOLERANCE * Math.abs(median(a, b));
  const isHigh =
    deviation(a, b, border, true) > CONFIDENCE && counts(effect, (it) => it >= allowedIncrease);
  const isLow =
    deviation(a, b, -border, true) < -CONFIDENCE && counts(effect, (it) => it <= allowedDecrease);
  if (isHigh && direction !== 'decrease') return 'high';
  return isLow && direction !== 'increase' ? 'low' : 'pass';
}

/** The typical difference a − b: the median of all differences. */
export function shiftOf(a: readonly number[], b: readonly number[]): number {
  return median(sorted(a), sorted(b));
}

/** By how many standard deviations the ranks of a − shift lie above those of b (Mann and Whitney): normal, corrected for ties. */
export function rankDeviation(
  a: readonly number[],
  b: readonly number[],
  shift: number,
  isCorrected: boolean,
): number {
  return deviation(sorted(a), sorted(b), shift, isCorrected);
}

function sorted(all: readonly number[]): readonly number[] {
  return all.toSorted((x, y) => x - y);
}

/** A ratio to nothing, or to less, is none: the ranks decide alone. */
function effectOf(a: readonly number[], b: readonly number[]): number | undefined {
  const mean = (all: readonly number[]) => all.reduce((sum, it) => sum + it, 0) / all.length;
  const of = mean(b);
  return of > 0 ? mean(a) / of : undefined;
}

function counts(effect: number | undefined, is: (it: number) => boolean): boolean {
  return effect === undefined || is(effect);
}

/** Between the last shift at which the ranks of a are above those of b, and the first at which they are below. */
function median(a: readonly number[], b: readonly number[]): number {
  return (crossing(a, b, (it) => it > 0) + crossing(a, b, (it) => it >= 0)) / 2;
}

/**
 * The shift from which on the ranks do not differ so any more. They differ less the more a is moved, in steps; it is found
 * by halving, so that ties and constant series need no noise.
 */
function crossing(
  a: readonly number[],
  b: readonly number[],
  isBefore: (deviation: number) => boolean,
): number {
  let low = (a[0] ?? 0) - (b.at(-1) ?? 0);
  let high = (a.at(-1) ?? 0) - (b[0] ?? 0);
  // Beyond these, one series lies above the other whole.
  low -= 1 + Math.abs(low);
  high += 1 + Math.abs(high);
  for (let k = 0; k < 200 && low < high; k++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (isBefore(deviation(a, b, middle, false))) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Of values in order: both are walked through together, and nothing is made for each. */
function deviation(
  a: readonly number[],
  b: readonly number[],
  shift: number,
  isCorrected: boolean,
): number {
  const [m, n] = [a.length, b.length];
  const ofA = (index: number) => (a[index] ?? Infinity) - shift;
  const ofB = (index: number) => b[index] ?? Infinity;
  let ranks = 0;
  let ties = 0;
  for (let i = 0, j = 0; i < m || j < n; ) {
    const value = Math.min(ofA(i), ofB(j));
    const before = i + j;
    const first = i;
    while (i < m && ofA(i) === value) i += 1;
    while (j < n && ofB(j) === value) j += 1;
    const count = i + j - before;
    ranks += (i - first) * (before + (count + 1) / 2);
    ties += count ** 3 - count;
  }
  const difference = ranks - (m * (m + 1)) / 2 - (m * n) / 2;
  const total = m + n;
  const variance = ((m * n) / 12) * (total + 1 - ties / Math.max(1, total * (total - 1)));
  if (!(variance > 0)) return 0;
  const correction = isCorrected ? Math.sign(difference) * 0.5 : 0;
  return (difference - correction) / Math.sqrt(variance);
}
