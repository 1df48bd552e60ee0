import type { AbortBounds } from '../../../lib/plan/judge.ts';
import { brokenBound } from './bounds.ts';
import type { FailedPoint } from './failed-point.ts';
import { samples, valuesOf } from './point.ts';
import type { CheckSeries, Sample, TrackSeries } from './series.ts';

/**
 * Points at which a canary was beyond an abort bound of a check and the primary was not, on any grid, the newest last.
 *
 * @param excusedUntil when the environment's outage was over; Unix seconds
 */
export function abortsOf(
  series: readonly CheckSeries[],
  excusedUntil: number,
): readonly FailedPoint[] {
  const found = series.flatMap((it) => {
    const grids = [it.fromCommit, it.fromLive, it.guarded];
    const aborting = grids.flatMap((grid) => abortingOn(it.check.abort, grid));
    const said = aborting.map(({ at, value }) => [at, { check: it.check, value }] as const);
    return [...new Map(said)].filter(([at]) => at > excusedUntil);
  });
  return found
    .sort(([a], [b]) => a - b)
    .map(([at, it]) => ({ at, checks: [{ ...it, verdict: 'fail' }] }));
}

/** The canary's samples beyond the bounds, whatever the primary says. */
export function beyondAbort(
  bounds: AbortBounds | undefined,
  canary: TrackSeries['canary'],
): readonly Sample[] {
  return bounds === undefined ? [] : samples(canary).filter((it) => isBeyond(bounds, it.value));
}

function abortingOn(
  bounds: AbortBounds | undefined,
  series: TrackSeries | undefined,
): readonly Sample[] {
  if (bounds === undefined) return [];
  const values = valuesOf(series);
  return beyondAbort(bounds, series?.canary).filter(({ at }) => {
    const { primary } = values(at);
    return primary === undefined || !isBeyond(bounds, primary);
  });
}

/** NaN is beyond nothing. */
function isBeyond({ min = -Infinity, max = Infinity }: AbortBounds, value: number): boolean {
  return value < min || value > max;
}

/** `success-rate 42 % < 90 %`: the value and the abort bound that it breaks. */
export function abortedText({ checks }: FailedPoint): string {
  return checks
    .map(({ check: { name, abort = {}, unit }, value = Number.NaN }) => {
      return `${name} ${brokenBound(abort, value, unit)}`;
    })
    .join(', ');
}
