/** How series of a gauge are judged that has no counts behind it, such as memory or the length of a queue. */
export interface ScoreRules {
  /** Which way a canary must not differ from the primary. */
  readonly direction: 'increase' | 'decrease' | 'either';
  /** What becomes of points without a value. @default 'remove' */
  readonly missing?: 'remove' | 'zero';
  /** The mean of the canary over the primary's from which an increase counts. @default 1 */
  readonly allowedIncrease?: number;
  /** The same from which a decrease counts. @default 1 */
  readonly allowedDecrease?: number;
}

/** What the series of one metric say of the canary. */
export type Classification = 'pass' | 'high' | 'low' | 'no-data';

/** How a metric was classified, and why. */
export interface Scored {
  readonly classification: Classification;
  /** The typical difference canary − primary: the median of all differences; undefined without data. */
  readonly shift: number | undefined;
  /** Between what that lies with a confidence of 98 %; infinite with fewer than five points on a side. */
  readonly interval: readonly [low: number, high: number] | undefined;
  /** Mean of the canary over that of the primary; undefined where the latter is 0 or less. */
  readonly effect: number | undefined;
}

/** 98 %, both sides: the quantile of the standard normal distribution at 0.99. */
const CONFIDENCE = 2.3263478740408408;

/** With fewer points on a side, even series that do not overlap are so by chance more often than that. */
const LEAST_POINTS = 5;

/** Part of the shift that its interval must clear. */
const TOLERANCE = 0.25;

/**
 * Compares two series by ranks (Mann and Whitney, with Hodges and Lehmann's shift), as Kayenta's NetflixACAJudge does:
 * High where the whole interval of the shift lies above a quarter of the shift, and the ratio of means is as large as
 * must be. A fixed test of one look: it promises nothing about looks that are repeated.
 */
export function scored(
  canary: readonly number[],
  primary: readonly number[],
  rules: ScoreRules,
): Scored {
  const [a, b] = [cleaned(canary, rules), cleaned(primary, rules)];
  if (a.length === 0 || b.length === 0)
    return { classification: 'no-data', shift: undefined, interval: undefined, effect: undefined };
  const effect = effectOf(a, b);
  const shift = crossing(a, b, 0, false);
  const isEnough = Math.min(a.length, b.length) >= LEAST_POINTS;
  const interval = isEnough
    ? ([crossing(a, b, CONFIDENCE, true), crossing(a, b, -CONFIDENCE, true)] as const)
    : ([-Infinity, Infinity] as const);
  const border = TOLERANCE * Math.abs(shift);
  const isHigh = interval[0] > border && counts(effect, (it) => it >= (rules.allowedIncrease ?? 1));
  const isLow = interval[1] < -border && counts(effect, (it) => it <= (rules.allowedDecrease ?? 1));
  const classification =
    isHigh && rules.direction !== 'decrease'
      ? 'high'
      : isLow && rules.direction !== 'increase'
        ? 'low'
        : 'pass';
  return { classification, shift, interval, effect };
}

function cleaned(all: readonly number[], { missing = 'remove' }: ScoreRules): readonly number[] {
  return missing === 'zero'
    ? all.map((it) => (Number.isFinite(it) ? it : 0))
    : all.filter(Number.isFinite);
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

/**
 * The shift by which the canary would have to be moved for the ranks to differ by `wanted` deviations. They differ less
 * the more it is moved, in steps; it is found by halving, so that ties and constant series need no noise.
 */
function crossing(
  a: readonly number[],
  b: readonly number[],
  wanted: number,
  isCorrected: boolean,
): number {
  let low = Math.min(...a) - Math.max(...b);
  let high = Math.max(...a) - Math.min(...b);
  // Beyond these, one series lies above the other whole.
  low -= 1 + Math.abs(low);
  high += 1 + Math.abs(high);
  for (let k = 0; k < 200 && low < high; k++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (rankDeviation(a, b, middle, isCorrected) > wanted) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** By how many standard deviations the ranks of a − shift lie above those of b (Mann and Whitney): normal, corrected for ties. */
export function rankDeviation(
  a: readonly number[],
  b: readonly number[],
  shift: number,
  isCorrected: boolean,
): number {
  const all = [
    ...a.map((it) => ({ value: it - shift, isA: true })),
    ...b.map((it) => ({ value: it, isA: false })),
  ].sort((x, y) => x.value - y.value);
  let ranks = 0;
  let ties = 0;
  for (let start = 0, end = 0; start < all.length; start = end) {
    let ofA = 0;
    for (end = start; end < all.length && all[end]?.value === all[start]?.value; end++)
      if (all[end]?.isA === true) ofA += 1;
    const count = end - start;
    ranks += ofA * (start + (count + 1) / 2);
    ties += count ** 3 - count;
  }
  const [m, n] = [a.length, b.length];
  const difference = ranks - (m * (m + 1)) / 2 - (m * n) / 2;
  const total = m + n;
  const variance = ((m * n) / 12) * (total + 1 - ties / Math.max(1, total * (total - 1)));
  if (!(variance > 0)) return 0;
  const correction = isCorrected ? Math.sign(difference) * 0.5 : 0;
  return (difference - correction) / Math.sqrt(variance);
}

/** A metric of a group, after its series were compared. */
export interface ScoredMember extends Scored {
  /** The ratio of means from which a High one alone fails the whole. @default - none does */
  readonly criticalIncrease?: number;
}

/** Metrics that share a weight. */
export interface ScoredGroup {
  readonly weight: number;
  readonly members: readonly ScoredMember[];
}

/** Scores, of 100, from which a canary passes, and from which it is not yet failed. */
export interface ScoreLevels {
  readonly pass: number;
  readonly marginal: number;
}

/** What all groups say together; without a score where too little is known for one. */
export type Summary =
  | { readonly kind: 'pass' | 'marginal' | 'fail'; readonly score: number }
  | { readonly kind: 'no-data' };

/**
 * The weighted mean of the groups' scores, each the part of its metrics that passed. Unlike Kayenta's, a group without
 * data counts as no group rather than as 100, and where half of the metrics have no data, or a critical one has none,
 * there is no score rather than one of 0.
 */
export function summaryOf(groups: readonly ScoredGroup[], levels: ScoreLevels): Summary {
  const members = groups.flatMap((it) => it.members);
  if (members.some(isCritical)) return { kind: 'fail', score: 0 };
  const empty = members.filter((it) => it.classification === 'no-data');
  const isBlind = empty.some((it) => it.criticalIncrease !== undefined);
  if (isBlind || 2 * empty.length >= members.length) return { kind: 'no-data' };
  let [sum, weight] = [0, 0];
  for (const it of groups) {
    const known = it.members.filter((one) => one.classification !== 'no-data');
    if (known.length === 0) continue;
    const passed = known.filter((one) => one.classification === 'pass');
    sum += (it.weight * 100 * passed.length) / known.length;
    weight += it.weight;
  }
  if (!(weight > 0)) return { kind: 'no-data' };
  const score = sum / weight;
  const kind = score >= levels.pass ? 'pass' : score >= levels.marginal ? 'marginal' : 'fail';
  return { kind, score };
}

function isCritical({ classification, effect, criticalIncrease }: ScoredMember): boolean {
  if (classification !== 'high' || criticalIncrease === undefined) return false;
  return counts(effect, (it) => it >= criticalIncrease);
}
