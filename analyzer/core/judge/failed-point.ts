import type { Check } from '../../../lib/plan/plan.ts';
import type { Heard, JudgeKind } from './kind.ts';
import { kindOf } from './kinds.ts';
import { samples, valuesOf } from './point.ts';
import type { CheckSeries, TrackSeries } from './series.ts';
import type { Verdict } from './verdict.ts';

/** What one check said at one point. */
export interface Said {
  readonly check: Check;
  readonly verdict: Verdict;
  /** Of the canary; undefined where there is none. */
  readonly value: number | undefined;
  /** Why, for people: `69.17 % < 99 %`. @default - the value tells it, or there is none */
  readonly text?: string | undefined;
}

/** A point that failed, and the checks that failed at it. */
export interface FailedPoint {
  /** Unix seconds. */
  readonly at: number;
  readonly checks: readonly Said[];
  /** Whether it was in an outage that the candidate may have had no part in. */
  readonly isDoubtful?: true;
}

/** A failed point that is the environment's. */
export interface ExcusedPoint extends FailedPoint {
  /** Those of its checks at which the canary was much worse than the primary all the same. */
  readonly worse: readonly Said[];
}

/** What each check said, by the time of the point. */
export function saidBy(
  series: readonly CheckSeries[],
  pick: (it: CheckSeries) => TrackSeries | undefined,
): (at: number) => readonly Said[] {
  const heard = series.map((it): Heard => {
    const { check } = it;
    const times = samples(pick(it)?.canary).map((one) => one.at);
    return { check, judge: check.judge, times, values: valuesOf(pick(it)) };
  });
  const byKind = new Map<JudgeKind, Heard[]>();
  for (const it of heard) {
    const kind = kindOf(it.judge);
    byKind.set(kind, [...(byKind.get(kind) ?? []), it]);
  }
  const kinds = [...byKind].map(([kind, all]) => ({ all, says: kind.says(all) }));
  const saidAt = (at: number): readonly Said[] => {
    const found = new Map(
      kinds.flatMap(({ all, says }) => {
        const sayings = says(at);
        return all.map((it, index) => [it, sayings[index]] as const);
      }),
    );
    return heard.map((it) => {
      const { verdict = 'unknown', text } = found.get(it) ?? {};
      return { check: it.check, verdict, value: it.values(at).canary, text };
    });
  };
  const known = new Map<number, readonly Said[]>();
  return (at) => {
    const said = known.get(at) ?? saidAt(at);
    known.set(at, said);
    return said;
  };
}

/** When checks fail, on either grid; Unix seconds. */
export function failedTimes(series: readonly CheckSeries[]): readonly number[] {
  const grids = [
    (it: CheckSeries) => it.fromCommit,
    (it: CheckSeries): TrackSeries | undefined => it.fromLive,
  ];
  return grids.flatMap((pick) => {
    const said = saidBy(series, pick);
    return series.flatMap((it, index) =>
      samples(pick(it)?.canary).flatMap(({ at }) =>
        said(at)[index]?.verdict === 'fail' ? [at] : [],
      ),
    );
  });
}

/**
 * The failures that count, of points on two grids: each moment once. What failed within a check period of a failure that
 * counts was seen by much the same window, so it is the same failure; a threshold of a check's own counts by itself.
 *
 * @param failed in order of time
 */
export function counted<It extends FailedPoint>(
  failed: readonly It[],
  periodSeconds: number,
): readonly It[] {
  const last = new Map<string | undefined, number>();
  return failed.flatMap((point) => {
    const isNew = ({ check }: Said) =>
      point.at - (last.get(ownerOf(check)) ?? -Infinity) >= periodSeconds;
    const checks = point.checks.filter(isNew);
    for (const { check } of checks) last.set(ownerOf(check), point.at);
    return checks.length === 0 ? [] : [{ ...point, checks }];
  });
}

/** The first of these moments, and each that is a period or more after the one before. */
export function apart<It extends { readonly at: number }>(
  all: readonly It[],
  periodSeconds: number,
): readonly It[] {
  let last = -Infinity;
  return all.filter(({ at }) => {
    if (at - last < periodSeconds) return false;
    last = at;
    return true;
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

function brokenBy({ check: { name }, text }: Said): string {
  return `${name} ${text ?? 'failed'}`;
}
