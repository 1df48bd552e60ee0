import { nextFailureAt } from '../core/judge/judge.ts';
import type { Outcome } from './outcome.ts';

/**
 * How long to wait until the next pass: the interval, or less where a check point can be judged before. A fixed
 * interval may stand just before each point, and would see a bad one a whole interval late. At least half of the
 * interval, as with many releases some point is always near.
 *
 * @param now Unix seconds
 */
export function pauseSeconds(outcomes: readonly Outcome[], interval: number, now: number): number {
  const next = outcomes.flatMap(({ decision, observation }) => {
    const rollout = observation.situation.rollout;
    if (decision.kind !== 'hold' || rollout.kind !== 'known') return [];
    return nextFailureAt(rollout.value, now) ?? [];
  });
  return Math.max(interval / 2, Math.min(interval, ...next.map((it) => it - now)));
}
