import type { Check } from '../../../lib/plan/plan.ts';
import { kindOf } from './kinds.ts';
import type { Sample, TrackSeries } from './series.ts';
import type { Values, Verdict } from './verdict.ts';

/** One point of a grid, and what it says. */
export interface Point {
  readonly at: number;
  readonly verdict: Verdict;
  /** Whether it failed because of the environment. */
  readonly isExcused?: true;
}

/** What a check says at one point. */
export function verdict({ judge }: Check, values: Values): Verdict {
  return kindOf(judge).verdict(judge, values);
}

/** What was answered, by time. */
export function valuesOf(series: TrackSeries | undefined): (at: number) => Values {
  const canary = byTime(samples(series?.canary));
  const primary = byTime(samples(series?.primary));
  const baseline = byTime(samples(series?.baseline));
  return (at) => ({
    canary: canary.get(at),
    primary: primary.get(at),
    baseline: baseline.get(at),
  });
}

function byTime(all: readonly Sample[]): ReadonlyMap<number, number> {
  return new Map(all.map((it) => [it.at, it.value]));
}

/** What a store answered; nothing where it did not. */
export function samples(answer: TrackSeries['canary']): readonly Sample[] {
  return answer?.kind === 'known' ? answer.value : [];
}

/** The canary's samples at which a check says so, in order of time. */
export function samplesThat(
  says: Verdict,
  check: Check,
  series: TrackSeries | undefined,
): readonly Sample[] {
  const values = valuesOf(series);
  return samples(series?.canary).filter(({ at }) => verdict(check, values(at)) === says);
}
