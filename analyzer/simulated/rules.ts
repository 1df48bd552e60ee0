import type { Bucket } from '../core/judge/evidence/latency.ts';
import type { Tally } from '../core/judge/evidence/tally.ts';
import { quantileOf } from './requests.ts';

/** What one side did in a minute, for rules that look at rates and quantiles. */
export interface Minute {
  readonly tally: Tally;
  /** Cumulative buckets. @default - latency is not looked at */
  readonly buckets: readonly Bucket[];
}

/** The share of bad requests; NaN without requests. */
export function errorRate({ tally: { requests, bad } }: Minute): number {
  return bad / requests;
}

/** In milliseconds; NaN without requests. */
export function p99({ buckets }: Minute): number {
  return quantileOf(buckets, 0.99);
}

/** Fewer good requests than 99 %, a p99 above 500 ms, or no data: what Flagger's and Argo Rollouts' own examples ask for. */
export function isFailed(canary: Minute): boolean {
  const isSlow = canary.buckets.length > 0 && !(p99(canary) <= 500);
  return isSlow || !(errorRate(canary) <= 0.01);
}

/** Another tool's rule: once a minute a limit is looked at, and so many failed minutes end a rollout. */
export interface LimitRule {
  readonly name: string;
  readonly mostFailed: number;
  /** Weights of its own example, and for how many minutes each. */
  readonly pace: readonly { readonly weight: number; readonly minutes: number }[];
  /** Whether a failed minute keeps the weight for another one. */
  readonly waits: boolean;
}

/** As in its example for Istio: interval 1m, threshold 5, stepWeight 10, maxWeight 50. */
export const FLAGGER: LimitRule = {
  name: 'Flagger',
  mostFailed: 5,
  pace: [10, 20, 30, 40, 50].map((weight) => ({ weight, minutes: 1 })),
  waits: true,
};

/** Weights as in its first example, with ten minutes at each; failureLimit is 0 where nobody says otherwise. */
export const ARGO_ROLLOUTS: LimitRule = {
  name: 'Argo Rollouts',
  mostFailed: 1,
  pace: [20, 40, 60, 80].map((weight) => ({ weight, minutes: 10 })),
  waits: false,
};
