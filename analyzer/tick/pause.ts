import { guardSecondsOf } from '../../lib/plan/analysis.ts';
import { looksCatastrophic } from '../core/judge/intervals.ts';
import { nextFailureAt } from '../core/judge/judge.ts';
import { canaryWeight, hasPromoted, stepOf } from '../core/position.ts';
import type { Rollout } from '../core/situation.ts';
import type { Outcome } from './outcome.ts';

/** Where what was seen last is bad, and too little to prove anything, a few requests more decide. */
const ALARMED_SECONDS = 1;

/**
 * How long to wait until the next pass: the interval, or less where a check point can be judged before, or a candidate has
 * traffic. A fixed interval may stand just before each point, and would see a bad one a whole interval late. At least half
 * of the interval, or what a plan asks for: with many releases some point is always near.
 *
 * @param now Unix seconds
 * @param passSeconds how long the pass took: a guard period is from one look to the next
 */
export function pauseSeconds(
  outcomes: readonly Outcome[],
  interval: number,
  now: number,
  passSeconds = 0,
): number {
  const held = outcomes.flatMap(({ decision, observation }) => {
    const rollout = observation.situation.rollout;
    return decision.kind === 'hold' && rollout.kind === 'known'
      ? [{ rollout: rollout.value, counts: observation.counts ?? [] }]
      : [];
  });
  const guards = held
    .filter(({ rollout }) => hasTraffic(rollout))
    .map(({ rollout, counts }) =>
      counts.some(looksCatastrophic)
        ? ALARMED_SECONDS
        : Math.max(guardOf(rollout) / 2, guardOf(rollout) - passSeconds),
    );
  const points = held.flatMap((it) => nextFailureAt(it.rollout, now) ?? []).map((it) => it - now);
  const least = Math.min(interval / 2, ...guards);
  return Math.max(least, Math.min(interval, ...guards, ...points));
}

function guardOf({ plan }: Rollout): number {
  return guardSecondsOf(plan.plan.analysis);
}

/** Whether the candidate gets requests of users, or copies. */
function hasTraffic({ plan: { plan }, state: { position } }: Rollout): boolean {
  if (position.kind !== 'step') return false;
  const isReached = (stepOf(plan, position)?.besides ?? []).length > 0;
  return canaryWeight(plan, position) > 0 || isReached || hasPromoted(plan, position.step);
}
