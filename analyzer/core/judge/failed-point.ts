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
  /** Whether it was in an outage that the candidate may have had no part in. */
  readonly isDoubtful?: true;
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

/** How many failures of the rollout a failed check makes, of how many. */
export interface Standing {
  /** The check whose own threshold it is; undefined for that of the release. */
  readonly check: string | undefined;
  readonly count: number;
  readonly threshold: number;
}

/** The same with how many failures of the rollout that makes: `success-rate 69.17 % < 99 % (failed check 3 of 10)`. */
export function failedText(checks: readonly Said[], standings: readonly Standing[]): string {
  return standings
    .map(({ check: own, count, threshold }) => {
      const most = count > threshold ? `, threshold ${threshold}` : ` of ${threshold}`;
      const whose = checks.filter(({ check }) => ownerOf(check) === own);
      return `${brokenText(whose)} (failed check ${count}${most}${own === undefined ? '' : ' of its own'})`;
    })
    .join(', ');
}

/** The check whose own threshold its failures count towards; undefined where that is the release's. */
export function ownerOf({ name, threshold }: Check): string | undefined {
  return threshold === undefined ? undefined : name;
}

/** Whether a point counts towards the threshold of such an owner. */
export function countsFor(owner: string | undefined, { checks }: FailedPoint): boolean {
  return checks.some(({ check }) => ownerOf(check) === owner);
}

function brokenBy({ check: { name, judge, unit }, value }: Said): string {
  const said = value === undefined ? 'failed' : kindOf(judge).broken(judge, value, unit);
  return `${name} ${said}`;
}
