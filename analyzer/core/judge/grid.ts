import { type Analysis, guardSecondsOf } from '../../../lib/plan/analysis.ts';
import type { Rollout } from '../situation.ts';
import { unix } from '../state.ts';

/** The points of a grid, in Unix seconds: start, start + step, … up to end; none when end < start. */
export interface Grid {
  readonly start: number;
  readonly end: number;
  readonly stepSeconds: number;
}

/**
 * The grid on which failed checks count: from the step's commit on, so that a candidate with traffic is
 * judged while its step is still being synced. No window reaches further back than the rollout's own start,
 * where another candidate had the traffic.
 */
export function gridFromCommit({ state, plan }: Rollout, windowSeconds: number, now: number): Grid {
  const { analysis } = plan.plan;
  const at = unix(state.at);
  const own = unix(state.steps[0]?.at ?? state.at) + windowSeconds;
  const skipped = Math.max(1, Math.ceil((own - at) / analysis.checkSeconds));
  return grid(at + skipped * analysis.checkSeconds, analysis.checkSeconds, analysis, now);
}

/**
 * The grid on which passing checks count: since + window + settle + i · period, so that no window reaches
 * into the step before. Every point is judged once it is older than the settle time, so late samples
 * change nothing and a restarted analyzer judges the same points.
 */
export function gridFromLive(
  since: number,
  windowSeconds: number,
  analysis: Analysis,
  now: number,
): Grid {
  return grid(since + windowSeconds + analysis.settleSeconds, analysis.checkSeconds, analysis, now);
}

/**
 * The grid on which abort bounds are looked at besides: each guard period of the last two check periods, so that whoever
 * looks later than usual misses none. What lies further back is on the other two grids.
 */
export function guardGrid({ state, plan }: Rollout, windowSeconds: number, now: number): Grid {
  const { analysis } = plan.plan;
  const stepSeconds = guardSecondsOf(analysis);
  const at = unix(state.at);
  const own = unix(state.steps[0]?.at ?? state.at) + windowSeconds;
  const recent = now - analysis.settleSeconds - 2 * analysis.checkSeconds;
  const skipped = Math.max(1, Math.ceil((Math.max(own, recent) - at) / stepSeconds));
  return grid(at + skipped * stepSeconds, stepSeconds, analysis, now);
}

function grid(start: number, stepSeconds: number, analysis: Analysis, now: number): Grid {
  const first = Math.ceil(start);
  const points = Math.floor((now - analysis.settleSeconds - first) / stepSeconds);
  return { start: first, end: first + points * stepSeconds, stepSeconds };
}

/** The times of its points; Unix seconds. */
export function points(on: Grid): readonly number[] {
  const length = Math.max(0, Math.floor((on.end - on.start) / on.stepSeconds) + 1);
  return Array.from({ length }, (_, index) => on.start + index * on.stepSeconds);
}
