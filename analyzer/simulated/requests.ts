import type { Bucket } from '../core/judge/evidence/latency.ts';
import type { Tally } from '../core/judge/evidence/tally.ts';
import { binomial, gammaNoise, normal } from './draws.ts';
import type { Random } from './random.ts';

/** What happens to both sides of a rollout. */
export interface Scenario {
  readonly name: string;
  /** Rates of bad requests. */
  readonly primary: number;
  readonly canary: number;
  /** From when on the canary has a rate and a latency of its own. @default 0 */
  readonly onsetMinute?: number;
  /** Coefficient of variation of each side's rate, and whether it is drawn each interval or each minute. @default 0 */
  readonly white?: number;
  readonly lasts?: 'interval' | 'minute';
  /** Standard deviation of ln of each side's rate, which drifts (AR(1), 0.95 a minute). @default 0 */
  readonly drift?: number;
  /** How many times the usual both rates are for two minutes out of twenty. @default 1 */
  readonly bursts?: number;
  /** How latency differs. @default - it does not */
  readonly latency?: Latency;
}

/** The canary's latency: so many times the primary's, and part of its requests later by 400 ms. */
export interface Latency {
  readonly times: number;
  readonly late: number;
}

/** The canary is as fast as the primary. */
export const SAME: Latency = { times: 1, late: 0 };

/** So many requests come on average, as near to Poisson as makes no difference. */
export function poisson(random: Random, mean: number): number {
  return binomial(random, Math.ceil(1000 * mean), mean / Math.ceil(1000 * mean));
}

/** How many of some requests are bad at a rate. */
export function tallied(random: Random, requests: number, rate: number): Tally {
  return { requests, bad: binomial(random, requests, Math.min(1, rate)) };
}

/** By what a side's rate is multiplied, each time that it is asked. */
export function noiseOf({ white = 0, drift = 0 }: Scenario, random: Random): () => number {
  let state = normal(random);
  return () => {
    state = 0.95 * state + Math.sqrt(1 - 0.95 ** 2) * normal(random);
    return gammaNoise(random, white) * Math.exp(drift * state - (drift * drift) / 2);
  };
}

/** The default bounds of Istio's histogram, in milliseconds. */
export const BOUNDS: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000,
];

/** Latencies are lognormal, with 40 ms at p50 and 258 ms at p99. */
const MEDIAN = 40;
const SIGMA = Math.log(258 / MEDIAN) / 2.3263;

/** The share of requests that take at most so long, for each bound in milliseconds. */
export function within({ times, late }: Latency, bounds: readonly number[]): readonly number[] {
  const below = (bound: number) => normalBelow(Math.log(bound / (MEDIAN * times)) / SIGMA);
  return bounds.map((le) => (1 - late) * below(le) + late * (le > 400 ? below(le - 400) : 0));
}

/** The share of those that took longer than the bound before which takes at most so long: what each bucket draws. */
export function bucketParts(latency: Latency, bounds: readonly number[]): readonly number[] {
  let before = 0;
  return within(latency, bounds).map((until) => {
    const part = before < 1 ? Math.min(1, (until - before) / (1 - before)) : 1;
    before = until;
    return part;
  });
}

/** How many of some requests took at most so long, for each bucket. @param parts of `bucketParts` */
export function drawWithin(
  random: Random,
  requests: number,
  parts: readonly number[],
): readonly number[] {
  let count = 0;
  return parts.map((part) => {
    count += binomial(random, requests - count, part);
    return count;
  });
}

/** Cumulative buckets, as a store has them. */
export function bucketsOf(
  bounds: readonly number[],
  counts: readonly number[],
  requests: number,
): readonly Bucket[] {
  const finite = bounds.map((le, k) => ({ le, count: counts[k] ?? 0 }));
  return [...finite, { le: Infinity, count: requests }];
}

/** As Prometheus' histogram_quantile: interpolated within a bucket. NaN without requests. */
export function quantileOf(buckets: readonly Bucket[], quantile: number): number {
  const rank = quantile * (buckets.at(-1)?.count ?? 0);
  if (!(rank > 0)) return Number.NaN;
  const k = buckets.findIndex((it) => it.count >= rank);
  const [from, to] = [buckets[k - 1] ?? { le: 0, count: 0 }, buckets[k]];
  if (to === undefined || !Number.isFinite(to.le)) return from.le;
  return from.le + ((to.le - from.le) * (rank - from.count)) / (to.count - from.count);
}

/** The standard normal distribution, to seven digits (Abramowitz and Stegun 7.1.26). */
function normalBelow(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const series =
    0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)));
  const tail = (t * series * Math.exp(-x * x)) / 2;
  return z > 0 ? 1 - tail : tail;
}
