import { type Analysis, guardSecondsOf } from '../../../lib/plan/analysis.ts';
import { warmUpSecondsOf } from '../../../lib/plan/warm-up.ts';
import type { Liveness } from '../cluster/reading.ts';
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

/** What the values of a step are asked on. */
export interface Grids {
  readonly fromCommit: Grid;
  /** Absent before the step is live. */
  readonly fromLive: Grid | undefined;
}

/** The grids of a step; while it warms up there are no points, as no window may reach into that. */
export function gridsOf(
  rollout: Rollout,
  live: Liveness,
  windowSeconds: number,
  now: number,
): Grids {
  const { state, plan } = rollout;
  const step = state.position.kind === 'step' ? state.position.step : '';
  const warmUp = warmUpSecondsOf(plan.plan, step);
  const since = live.kind === 'live' ? live.sinceSeconds + warmUp : undefined;
  const fromCommit = gridFromCommit(rollout, windowSeconds, now);
  return {
    fromCommit: warmUp === 0 ? fromCommit : notBefore(fromCommit, since, windowSeconds),
    fromLive:
      since === undefined ? undefined : gridFromLive(since, windowSeconds, plan.plan.analysis, now),
  };
}

/** The points whose windows begin at a time or later; none where it has not come. */
function notBefore(it: Grid, since: number | undefined, windowSeconds: number): Grid {
  const { start, stepSeconds } = it;
  if (since === undefined) return { ...it, end: start - stepSeconds };
  const skipped = Math.max(0, Math.ceil((since + windowSeconds - start) / stepSeconds));
  return { ...it, start: start + skipped * stepSeconds };
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
