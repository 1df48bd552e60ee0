import type { Check } from '../../../lib/plan/plan.ts';
import { kindOf } from './kinds.ts';
import { valuesOf, verdict } from './point.ts';
import type { CheckSeries, TrackSeries } from './series.ts';
import type { Verdict } from './verdict.ts';

/** What one check said at one point. */
export interface Said {
  readonly check: Check;
  readonly verdict: Verdict;
  /** Of the canary; undefined where there is none. */
  readonly value: number | undefined;
}

/** A point that failed, and the checks that failed at it. */
export interface FailedPoint {
  /** Unix seconds. */
  readonly at: number;
  readonly checks: readonly Said[];
}

/** What each check said, by the time of the point. */
export function saidBy(
  series: readonly CheckSeries[],
  pick: (it: CheckSeries) => TrackSeries | undefined,
): (at: number) => readonly Said[] {
  const lookups = series.map((it) => ({ check: it.check, values: valuesOf(pick(it)) }));
  return (at) =>
    lookups.map(({ check, values }) => {
      const all = values(at);
      return { check, verdict: verdict(check, all), value: all.canary };
    });
}

/** Names, values and the bounds that they break: `success-rate 69.17 % < 99 %`. */
export function brokenText(checks: readonly Said[]): string {
  return checks.map(brokenBy).join(', ');
}

/** The same with how many failures of the rollout that makes: `success-rate 69.17 % < 99 % (failed check 3 of 10)`. */
export function failedText(checks: readonly Said[], count: number, threshold: number): string {
  const most = count > threshold ? `, threshold ${threshold}` : ` of ${threshold}`;
  return `${brokenText(checks)} (failed check ${count}${most})`;
}

function brokenBy({ check: { name, judge, unit }, value }: Said): string {
  const said = value === undefined ? 'failed' : kindOf(judge).broken(judge, value, unit);
  return `${name} ${said}`;
}
