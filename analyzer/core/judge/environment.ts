import type { Check } from '../../../lib/plan/plan.ts';
import type { FailedPoint, Said } from './failed-point.ts';
import { kindOf } from './kinds.ts';
import { type Point, valuesOf } from './point.ts';
import type { TrackSeries } from './series.ts';

/** What was answered about a check on one grid. */
export interface OnGrid {
  readonly check: Check;
  readonly answers: TrackSeries | undefined;
}

/**
 * Takes the environment's failures for what they are: a point is excused when each check that fails at it fails for
 * the environment too, and when pods of both tracks were missing.
 *
 * @param said what each of the series says
 * @param until when the last of such pods was back, seen by the longest window; Unix seconds
 */
export function excuse(
  all: readonly Point[],
  series: readonly OnGrid[],
  said: (at: number) => readonly Said[],
  until: number,
): readonly Point[] {
  const asked = series.map(({ check, answers }) => ({ check, values: valuesOf(answers) }));
  return all.map((point) => {
    if (point.verdict !== 'fail') return point;
    const { at } = point;
    const all = said(at);
    const failing = asked.filter((_, index) => all[index]?.verdict === 'fail');
    const isShared = failing.every(({ check: { judge }, values }) =>
      kindOf(judge).isShared(judge, values(at)),
    );
    return isShared || at <= until ? { at, verdict: 'unknown', isExcused: true } : point;
  });
}

/** The checks of a failed point that the canary fails much worse than the environment explains. */
export function muchWorse(series: readonly OnGrid[], { at, checks }: FailedPoint): readonly Said[] {
  const worse = new Set(
    series.flatMap(({ check, answers }) =>
      kindOf(check.judge).isMuchWorse(check.judge, valuesOf(answers)(at)) ? [check.name] : [],
    ),
  );
  return checks.filter(({ check }) => worse.has(check.name));
}
