import { attemptOf, identityOf, type Plan } from '../../lib/plan/plan.ts';
import type { State } from './state.ts';

/** The candidate that went back because it was bad, aborted or undone, and in which attempt. */
export type Failure = NonNullable<State['failed']>;

/** What is remembered of a plan's candidate that failed. */
export function failureOf(plan: Plan, step: string, reason: string): Failure {
  const { attempt } = plan;
  return {
    candidate: identityOf(plan),
    step,
    reason,
    ...(attempt === undefined ? {} : { attempt }),
  };
}

/** Failed checks in the steps that a rollout has left, and hooks that failed. */
export function failedBefore({ hooks = [], steps }: State): number {
  const failed = hooks.filter((it) => it.outcome === 'failed').length;
  return failed + steps.reduce((sum, it) => sum + it.failedChecks, 0);
}

/** The same of one check that has a threshold of its own. */
export function failedByBefore({ steps }: State, check: string): number {
  return steps.reduce((sum, it) => sum + (it.failedBy?.[check] ?? 0), 0);
}

/**
 * Whether a plan's candidate failed and is not to be started again: its author has not raised `attempt` above the one
 * that failed. Nothing else in a plan tells whether the candidate is meant to be tried again with it.
 */
export function isHeldBack(failed: Failure | undefined, plan: Plan): failed is Failure {
  return failed?.candidate === identityOf(plan) && attemptOf(plan) <= attemptOf(failed);
}
