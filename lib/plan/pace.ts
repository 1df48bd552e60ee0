import { LEAST_REQUESTS, requestsForBudget } from './evidence.ts';
import type { Plan } from './plan.ts';

/** What the tests of a step need until it can be left, where errors are rare and the candidate is good. */
export interface Pace {
  /** The canary's percent after the step; all where its version becomes the primary's. */
  readonly nextPercent: number;
  /** To the canary. */
  readonly requests: number;
  /** How long they take; undefined where nobody says how many requests there are, and where all are copies. */
  readonly seconds: number | undefined;
}

/** Of a step by its place; undefined where it has no tests. */
export function paceOf(plan: Plan, index: number): Pace | undefined {
  const { evidence } = plan;
  const step = plan.steps[index];
  if (evidence === undefined || step === undefined || (step.tests ?? []).length === 0)
    return undefined;
  const next = plan.steps[index + 1];
  const nextPercent = next?.phase === 'Progressing' ? next.weights.canary : 100;
  const requests = provesSafety(plan) ? requestsForBudget(evidence, nextPercent) : LEAST_REQUESTS;
  const rate = ((evidence.requestsPerSecond ?? 0) * step.weights.canary) / 100;
  return { nextPercent, requests, seconds: rate > 0 ? requests / rate : undefined };
}

/** Whether a step is left once it is proved that the next one is safe: latency alone does not tell that. */
export function provesSafety({ evidence }: Plan): boolean {
  return (
    evidence?.advance === 'safe-within-budget' &&
    evidence.tests.some((it) => it.share > 0 && it.counts.canary.kind === 'errors')
  );
}

/** Whether a plan has tests that decide, and does not say how many requests there are. */
export function isOfUnknownPace({ evidence, steps }: Plan): boolean {
  return (
    evidence !== undefined &&
    evidence.requestsPerSecond === undefined &&
    evidence.tests.some((it) => it.share > 0) &&
    steps.some((it) => (it.tests ?? []).length > 0)
  );
}
