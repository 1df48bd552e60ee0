import { failedBefore, failedByBefore } from '../failure.ts';
import { countsFor, type FailedPoint, ownerOf, type Standing } from '../judge/failed-point.ts';
import type { Context } from './decision.ts';

/** A threshold of a rollout, and what has failed of what it counts. */
export interface Limit extends Standing {
  /** Failed points of the step that count. */
  readonly inStep: readonly FailedPoint[];
}

/** The threshold of the release, and those that checks of the step have of their own. */
export function limitsOf(context: Pick<Context, 'rollout' | 'judgement'>): readonly Limit[] {
  const { state, plan } = context.rollout;
  const { failures, series } = context.judgement;
  const limit = (check: string | undefined, before: number, threshold: number): Limit => {
    const inStep = failures.filter((it) => countsFor(check, it));
    return { check, count: before + inStep.length, threshold, inStep };
  };
  const own = series.flatMap(({ check: { name, threshold, dryRun } }) =>
    threshold === undefined || dryRun === true
      ? []
      : [limit(name, failedByBefore(state, name), threshold)],
  );
  return [limit(undefined, failedBefore(state), plan.plan.analysis.threshold), ...own];
}

/** What one failed point makes of the thresholds that it counts towards. */
export function standingsAt(
  limits: readonly Limit[],
  point: Pick<FailedPoint, 'at' | 'checks'>,
): readonly Standing[] {
  const owners = new Set(point.checks.map(({ check }) => ownerOf(check)));
  return limits
    .filter((it) => owners.has(it.check))
    .map(({ check, count, threshold, inStep }) => {
      const later = inStep.filter((it) => it.at > point.at).length;
      return { check, count: count - later, threshold };
    });
}
