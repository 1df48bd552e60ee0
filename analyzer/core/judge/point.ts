import type { Check } from '../../../lib/plan/plan.ts';
import type { CheckSeries, Sample } from './series.ts';

/** What one point, or a whole step, says about the candidate. */
export type Verdict = 'pass' | 'fail' | 'unknown';

/** One point of a grid, and what it says. */
export interface Point {
  readonly at: number;
  readonly verdict: Verdict;
  /** Whether it failed because of the environment. */
  readonly isExcused?: true;
}

/**
 * One value against a check's bounds. NaN is no answer; an infinite value fails the bound that it breaks and
 * is no answer otherwise, so that it never passes.
 */
export function verdict(check: Check, value: number | undefined): Verdict {
  if (value === undefined || Number.isNaN(value)) return 'unknown';
  if (check.min !== undefined && value < check.min) return 'fail';
  if (check.max !== undefined && value > check.max) return 'fail';
  return Number.isFinite(value) ? 'pass' : 'unknown';
}

/** Values by their time. */
export function byTime(all: readonly Sample[]): ReadonlyMap<number, number> {
  return new Map(all.map((it) => [it.at, it.value]));
}

/** What a store answered; nothing where it did not. */
export function samples(answer: CheckSeries['fromLive']): readonly Sample[] {
  return answer?.kind === 'known' ? answer.value : [];
}
