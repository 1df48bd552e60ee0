import type { Answer } from '../answer.ts';
import { failedBefore } from '../failure.ts';
import { disagreement } from '../integrity.ts';
import type { TestCounts } from '../judge/counts.ts';
import { judge } from '../judge/judge.ts';
import { type Proof, prove } from '../judge/proof.ts';
import type { CheckSeries } from '../judge/series.ts';
import type { Observation } from '../observation.ts';
import type { Rollout } from '../situation.ts';
import { first, resting } from './at-rest.ts';
import { primaryBroke, servesNobody } from './broken-primary.ts';
import type { Context, Decision, Rule } from './decision.ts';
import { handEdited, paused } from './hold.ts';
import { hooksPending, signalled } from './hooks.ts';
import {
  gateClosed,
  goOn,
  jobsRunning,
  notBaked,
  notLive,
  notProven,
  notReady,
  outOfHours,
  suspended,
  unless,
  unlessFast,
} from './may-go-on.ts';
import {
  abortBoundBroken,
  deadlinePassed,
  environmentFailed,
  inconclusiveTooLong,
  jobFailed,
  provenWorse,
  tooManyFailedChecks,
} from './must-go-back.ts';
import { neverCame } from './never-came.ts';
import { goingBack, initializing, newPlan } from './under-way.ts';

/**
 * What to do about one release: the same answer for the same arguments, always.
 *
 * Two questions, kept apart: must it roll back (asked first, also while paused or not live yet), and
 * may it go on (only when everything that the step asks for is known to be true).
 *
 * @param now Unix seconds
 */
export function decide(observation: Observation, now: number): Decision {
  const rollout = observation.situation.rollout;
  if (rollout.kind === 'broken') return { kind: 'hold', reason: rollout.reason };
  if (rollout.kind === 'absent') return first(observation.situation, observation.beginning);
  return ruled(contextOf(observation, rollout.value, now));
}

/** What the rules say of a rollout, and of what follows from all that was observed. */
export function ruled(context: Context): Decision {
  for (const rule of RULES) {
    const decision = rule(context);
    if (decision !== undefined) return decision;
  }
  throw new Error(`release ${context.observation.situation.id}: no rule applied`);
}

/** In order; the first that answers decides. */
const RULES: readonly Rule[] = [
  abortBoundBroken,
  tooManyFailedChecks,
  provenWorse,
  environmentFailed,
  deadlinePassed,
  jobFailed,
  signalled,
  inconclusiveTooLong,
  neverCame,
  primaryBroke,
  handEdited,
  paused,
  resting,
  initializing,
  goingBack,
  newPlan,
  suspended,
  notLive,
  notReady,
  jobsRunning,
  unlessFast(hooksPending),
  unless(servesNobody, unlessFast(notBaked)),
  unless(servesNobody, unlessFast(notProven)),
  outOfHours,
  unlessFast(gateClosed),
  goOn,
];

/**
 * What every rule is given: an observation and what follows from it.
 *
 * @param now Unix seconds
 * @param weighed what the tests come to, where it is known already @default - it follows from the observed counts
 */
export function contextOf(
  observation: Observation,
  rollout: Rollout,
  now: number,
  weighed?: Proof,
): Context {
  const live = observation.cluster?.live ?? {
    kind: 'unknown',
    reason: 'the cluster was not asked',
  };
  const { outage } = observation.cluster ?? {};
  const judgement = judge(rollout, trusted(observation, rollout), live, now, outage);
  const counts = trustedCounts(observation, rollout);
  const proof = weighed ?? prove(rollout, counts, live, outage, observation.folds);
  return {
    observation,
    rollout,
    judgement,
    proof,
    failedChecks: failedBefore(rollout.state) + judgement.failedChecks,
    disagreement: disagreement(observation.situation, rollout),
    now,
  };
}

/** With clocks that differ by more than the settle time, no sample can be placed: nothing is known. */
function trusted(observation: Observation, rollout: Rollout): readonly CheckSeries[] {
  const unknown = skewed(observation, rollout);
  if (unknown === undefined) return observation.series;
  const canary = { canary: unknown };
  return observation.series.map((it) => ({
    check: it.check,
    fromCommit: canary,
    fromLive: canary,
    ...(it.guarded === undefined ? {} : { guarded: canary }),
  }));
}

function trustedCounts(observation: Observation, rollout: Rollout): readonly TestCounts[] {
  const { counts = [] } = observation;
  const unknown = skewed(observation, rollout);
  if (unknown === undefined) return counts;
  return counts.map((it) => ({ ...it, canary: unknown, other: unknown }));
}

function skewed({ skewSeconds }: Observation, rollout: Rollout): Answer<never> | undefined {
  const { settleSeconds } = rollout.plan.plan.analysis;
  if (skewSeconds <= settleSeconds) return undefined;
  const reason = `clocks differ by ${Math.round(skewSeconds)} s, more than the settle time of ${settleSeconds} s`;
  return { kind: 'unknown', reason };
}
