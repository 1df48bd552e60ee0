import type { Check } from '../../../lib/plan/plan.ts';
import { byTime, type Point, samples, verdict } from './point.ts';
import type { CheckSeries } from './series.ts';

/**
 * Takes the environment's failures for what they are: a point is excused when each check that fails at it fails for
 * the primary too, and when pods of both tracks were missing.
 */
export function excuse(
  all: readonly Point[],
  series: readonly CheckSeries[],
  until: number,
): readonly Point[] {
  const tracks = series.map(({ check, fromCommit, primary }) => ({
    check,
    canary: byTime(samples(fromCommit)),
    primary: byTime(samples(primary)),
  }));
  return all.map((point) => {
    if (point.verdict !== 'fail') return point;
    const { at } = point;
    const failing = tracks.filter((it) => verdict(it.check, it.canary.get(at)) === 'fail');
    const together = failing.every((it) => verdict(it.check, it.primary.get(at)) === 'fail');
    if (!together && at > until) return point;
    return { at, verdict: 'unknown', isExcused: true };
  });
}

/** Whether some check that the primary fails as well is broken by the canary more than twice as far. */
export function isMuchWorse(series: readonly CheckSeries[], at: number): boolean {
  return series.some(({ check, fromCommit, primary }) => {
    const [canary, other] = [fromCommit, primary].map((it) => byTime(samples(it)).get(at));
    if (canary === undefined || other === undefined) return false;
    const shared = beyond(check, other);
    return shared > 0 && beyond(check, canary) > 2 * shared;
  });
}

/** How far a value lies beyond the bound that it breaks; 0 within them. */
function beyond({ min = -Infinity, max = Infinity }: Check, value: number): number {
  return Number.isNaN(value) ? 0 : Math.max(0, min - value, value - max);
}
