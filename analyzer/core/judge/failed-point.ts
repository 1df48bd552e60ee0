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

/** When checks fail since the step's commit; Unix seconds. */
export function failedTimes(series: readonly CheckSeries[]): readonly number[] {
  const said = saidBy(series, (it) => it.fromCommit);
  return series.flatMap(({ fromCommit }, index) =>
    samples(fromCommit.canary).flatMap(({ at }) =>
      said(at)[index]?.verdict === 'fail' ? [at] : [],
    ),
  );
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

function brokenBy({ check: { name }, text }: Said): string {
  return `${name} ${text ?? 'failed'}`;
}
