import type { Track } from '../../../lib/plan/plan.ts';
import type { Sample, TrackSeries } from './series.ts';
import type { Values, Verdict } from './verdict.ts';

/** One point of a grid, and what it says. */
export interface Point {
  readonly at: number;
  readonly verdict: Verdict;
  /** Whether it failed because of the environment. */
  readonly isExcused?: true;
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

/** When every track has a value that was asked about; Unix seconds, in order. */
export function timesOf(
  series: TrackSeries | undefined,
  tracks: readonly Track[],
): readonly number[] {
  const asked = tracks.flatMap((track) => series?.[track] ?? []);
  const [first, ...others] = asked.map((it) => new Set(samples(it).map((one) => one.at)));
  return [...(first ?? [])].filter((at) => others.every((it) => it.has(at)));
}
