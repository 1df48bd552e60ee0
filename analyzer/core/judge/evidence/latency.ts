import type { Margin } from './comparison.ts';
import type { Tally } from './tally.ts';

/** How many requests took at most so long: a bucket of a cumulative histogram. */
export interface Bucket {
  /** Its upper bound, in the histogram's own unit; Infinity for the bucket of all requests. */
  readonly le: number;
  readonly count: number;
}

/** Requests that took longer than a bound, as bad ones; undefined where no bucket has that bound. */
export function tallyBeyond(buckets: readonly Bucket[], bound: number): Tally | undefined {
  const within = buckets.find((it) => it.le === bound)?.count;
  if (within === undefined) return undefined;
  // Scrapes of cumulative buckets may be torn: a bucket of fewer requests than a smaller one has.
  const requests = totalOf(buckets);
  return { requests, bad: Math.max(0, requests - within) };
}

function totalOf(buckets: readonly Bucket[]): number {
  return Math.max(0, ...buckets.map((it) => it.count));
}

/** Parts of all requests that the chosen bounds are to leave beyond: the median, p90 and p99. */
const WANTED = [0.5, 0.1, 0.01];

/** Rarer, and a shift of the tail takes longer to prove than a rollout takes. */
const RAREST = 0.002;

/** More frequent, and the test, which takes bad requests for rare, proves little. */
const MOST_FREQUENT = 0.6;

/**
 * Bounds at which two latencies are compared, from the primary's own history: of those that a fit part of its requests
 * exceeds, the ones nearest to its p50, p90 and p99, so that body, shoulder and tail are each seen by one that has
 * enough requests on both sides. In ascending order; none where there are no requests.
 */
export function chooseBounds(buckets: readonly Bucket[]): readonly number[] {
  const requests = totalOf(buckets);
  const fit = buckets.flatMap(({ le, count }) => {
    const beyond = (requests - count) / requests;
    return Number.isFinite(le) && beyond >= RAREST && beyond <= MOST_FREQUENT
      ? [{ le, beyond }]
      : [];
  });
  const nearest = WANTED.flatMap((wanted) => {
    const distance = (it: { readonly beyond: number }) => Math.abs(Math.log(it.beyond / wanted));
    return [...fit].sort((a, b) => distance(a) - distance(b) || b.le - a.le).slice(0, 1);
  });
  return [...new Set(nearest.map((it) => it.le))].sort((a, b) => a - b);
}

/**
 * How much more of the canary's requests than of the primary's may take longer than a bound that this part of the
 * primary's exceeds: the more requests are beyond it, the smaller a ratio is already felt.
 */
export function marginFor(exceedance: number): Margin {
  const relative = exceedance > 0.3 ? 1.15 : exceedance >= 0.05 ? 1.3 : 1.5;
  return { relative, absolute: 0.001 };
}
