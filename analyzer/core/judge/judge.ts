import type { Analysis } from '../../../lib/plan/analysis.ts';
import { type Check, pointsNeeded, type Step, type Track } from '../../../lib/plan/plan.ts';
import type { Liveness, Outage } from '../cluster/reading.ts';
import { stepOf } from '../position.ts';
import type { Rollout } from '../situation.ts';
import { unix } from '../state.ts';
import { excuse, isMuchWorse } from './environment.ts';
import { type FailedPoint, type Said, saidBy } from './failed-point.ts';
import { kindOf } from './kinds.ts';
import { type Point, samples } from './point.ts';
import type { CheckSeries, Sample, TrackSeries } from './series.ts';
import type { Verdict } from './verdict.ts';

/** The points of a grid, in Unix seconds: start, start + step, … up to end; none when end < start. */
export interface Grid {
  readonly start: number;
  readonly end: number;
  readonly stepSeconds: number;
}

/** One range query that a decision needs. */
export interface SeriesQuestion {
  readonly check: Check;
  /** About whom it is asked, as far as it has a query for them. */
  readonly tracks: readonly Track[];
  readonly fromCommit: Grid;
  /** Absent before the step is live. */
  readonly fromLive: Grid | undefined;
}

/** One check's part in a judgement, for people. */
export interface Evidence {
  readonly check: Check;
  /** Number of judged points and how many of them passed and failed. */
  readonly points: number;
  readonly passed: number;
  readonly failed: number;
  /** The newest value; undefined where there is none. */
  readonly latest: number | undefined;
  /** What the check says at the newest point, where it says more than a value. */
  readonly said: string | undefined;
  /** The value furthest towards, or beyond, the bounds; undefined without bounds. */
  readonly worst: number | undefined;
  /** Why there was no answer. */
  readonly trouble: string | undefined;
}

/** What the checks of the current step say so far. */
export interface Judgement {
  /** Failed points since the step's commit that the candidate answers for, the newest last. */
  readonly failures: readonly FailedPoint[];
  /** Their number. */
  readonly failedChecks: number;
  /** Those of them in an outage that the candidate may have had no part in. */
  readonly doubtfulChecks: number;
  /** Failed points at which the primary failed the same check, or pods of both tracks were missing. */
  readonly excusedChecks: number;
  /** Those of them at which the canary was much worse than the primary all the same. */
  readonly worseChecks: number;
  /** Passing points since the step was live, and how many are asked for. */
  readonly passed: number;
  readonly needed: number;
  /** The newest point on either grid. */
  readonly newest: Verdict | undefined;
  /** What each check said at it. */
  readonly newestSaid: readonly Said[];
  /** Whether it is on the grid on which failures count. */
  readonly newestCounts: boolean;
  /** When the newest conclusive point was, or the step's commit; Unix seconds. */
  readonly conclusiveAt: number;
  /** When the next point can be judged; Unix seconds. */
  readonly nextAt: number | undefined;
  readonly evidence: readonly Evidence[];
  /** Why an answer is missing; undefined when every source answered. */
  readonly trouble: string | undefined;
  /** What was judged. */
  readonly series: readonly CheckSeries[];
  readonly outage: Outage | undefined;
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
  return grid(at + skipped * analysis.checkSeconds, analysis, now);
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
  return grid(since + windowSeconds + analysis.settleSeconds, analysis, now);
}

/** When the next point that may count as failed can be judged; Unix seconds. Undefined where none is. */
export function nextFailureAt(rollout: Rollout, now: number): number | undefined {
  const step = judgedStep(rollout);
  if (step === undefined || step.checks.length === 0) return undefined;
  const windows = checksOf(rollout, step).map((it) => it.windowSeconds);
  const { start, end, stepSeconds } = gridFromCommit(rollout, Math.max(...windows), now);
  return Math.max(start, end + stepSeconds) + rollout.plan.plan.analysis.settleSeconds;
}

function grid(start: number, analysis: Analysis, now: number): Grid {
  const stepSeconds = analysis.checkSeconds;
  const first = Math.ceil(start);
  const points = Math.floor((now - analysis.settleSeconds - first) / stepSeconds);
  return { start: first, end: first + points * stepSeconds, stepSeconds };
}

/** What to ask the metric store about a rollout; nothing where its position has no checks. */
export function seriesQuestions(
  rollout: Rollout,
  live: Liveness,
  now: number,
): readonly SeriesQuestion[] {
  const step = judgedStep(rollout);
  if (step === undefined) return [];
  const { analysis } = rollout.plan.plan;
  const checks = checksOf(rollout, step);
  const window = Math.max(0, ...checks.map((it) => it.windowSeconds));
  return checks.map((check) => ({
    check,
    tracks: tracksOf(check, step),
    fromCommit: gridFromCommit(rollout, window, now),
    fromLive:
      live.kind === 'live' ? gridFromLive(live.sinceSeconds, window, analysis, now) : undefined,
  }));
}

/** In a step that runs a baseline it takes the primary's place. */
function tracksOf({ ask, judge: it }: Check, step: Step): readonly Track[] {
  const isBaseline = step.baseline === true && ask.baseline !== undefined;
  return kindOf(it).asks.filter((track) => track !== (isBaseline ? 'primary' : 'baseline'));
}

/** The step whose checks count in a rollout's position; none at rest and on the rollback. */
export function judgedStep(rollout: Rollout): Step | undefined {
  const { position } = rollout.state;
  return position.kind === 'step' ? stepOf(rollout.plan.plan, position) : undefined;
}

/**
 * Judges the answers to `seriesQuestions`: pure, and the same for every analyzer that asks later.
 * At a point, one failed check fails it; else one unknown check leaves it unknown.
 */
export function judge(
  rollout: Rollout,
  series: readonly CheckSeries[],
  live: Liveness,
  now: number,
  outage?: Outage,
): Judgement {
  const { analysis } = rollout.plan.plan;
  const step = judgedStep(rollout);
  const since = live.kind === 'live' ? live.sinceSeconds : undefined;
  const window = Math.max(0, ...series.map((it) => it.check.windowSeconds));
  const commitGrid = gridFromCommit(rollout, window, now);
  const liveGrid = since === undefined ? undefined : gridFromLive(since, window, analysis, now);
  // What windows saw of the outage itself is nobody's fault.
  const outageUntil = outage === undefined ? 0 : outage.until + window;
  const excusedUntil = outage?.isSure === true ? outageUntil : 0;
  // A dry run is reported, and decides nothing.
  const deciding = series.filter(isDeciding);
  const all = { commit: saidBy(series, SINCE.commit), live: saidBy(series, SINCE.live) };
  const said = { commit: decidingIn(all.commit), live: decidingIn(all.live) };
  const isAsked = series.length > 0;
  const judged = isAsked ? verdicts(commitGrid, said.commit) : [];
  const fromCommit = excuse(judged, deciding, said.commit, excusedUntil);
  const fromLive = isAsked && liveGrid !== undefined ? verdicts(liveGrid, said.live) : [];
  const conclusive = fromCommit.filter((it) => it.verdict !== 'unknown').at(-1);
  const excused = fromCommit.filter((it) => it.isExcused === true);
  // After an outage the step bakes again.
  const calm = Math.max(excused.at(-1)?.at ?? 0, excusedUntil);
  const failed = fromCommit.filter((it) => it.verdict === 'fail');
  const last = newest(fromCommit, fromLive);
  return {
    failures: failed.map(({ at }) => ({
      at,
      checks: said.commit(at).filter((it) => it.verdict === 'fail'),
    })),
    failedChecks: failed.length,
    doubtfulChecks: failed.filter((it) => it.at <= outageUntil).length,
    excusedChecks: excused.length,
    worseChecks: excused.filter((it) => isMuchWorse(deciding, it.at)).length,
    passed: count(
      fromLive.filter((it) => it.at > calm),
      'pass',
    ),
    needed: step === undefined ? 0 : pointsNeeded(rollout.plan.plan, step),
    newest: last?.point.verdict,
    newestSaid: last === undefined ? [] : said[last.grid](last.point.at),
    newestCounts: last?.grid === 'commit',
    conclusiveAt: conclusive?.at ?? unix(rollout.state.at),
    nextAt:
      liveGrid === undefined
        ? undefined
        : Math.max(liveGrid.start, liveGrid.end + liveGrid.stepSeconds) + analysis.settleSeconds,
    evidence: evidenceOf(series, all, { commit: commitGrid, live: liveGrid }),
    trouble: deciding.map(trouble).find((it) => it !== undefined),
    series,
    outage,
  };
}

/** The series of a check on each grid. */
const SINCE = {
  commit: (it: CheckSeries): TrackSeries | undefined => it.fromCommit,
  live: (it: CheckSeries): TrackSeries | undefined => it.fromLive,
};

function decidingIn(said: (at: number) => readonly Said[]): (at: number) => readonly Said[] {
  return (at) => said(at).filter(isDeciding);
}

function verdicts(on: Grid, said: (at: number) => readonly Said[]): readonly Point[] {
  return points(on).map((at) => {
    const all = said(at).map((it) => it.verdict);
    return {
      at,
      verdict: all.includes('fail') ? 'fail' : all.includes('unknown') ? 'unknown' : 'pass',
    };
  });
}

/** The times of its points; Unix seconds. */
export function points(on: Grid): readonly number[] {
  const length = Math.max(0, Math.floor((on.end - on.start) / on.stepSeconds) + 1);
  return Array.from({ length }, (_, index) => on.start + index * on.stepSeconds);
}

function newest(
  fromCommit: readonly Point[],
  fromLive: readonly Point[],
): { readonly point: Point; readonly grid: keyof typeof SINCE } | undefined {
  const a = fromCommit.at(-1);
  const b = fromLive.at(-1);
  if (b === undefined) return a && { point: a, grid: 'commit' };
  const isBad = a !== undefined && (a.at === b.at ? a.verdict !== 'pass' : a.verdict === 'fail');
  // The grids have different phases; a bad point on either holds the step until a newer one is good.
  return isBad && a.at >= b.at ? { point: a, grid: 'commit' } : { point: b, grid: 'live' };
}

function count(all: readonly Point[], wanted: Verdict): number {
  return all.filter((it) => it.verdict === wanted).length;
}

function evidenceOf(
  series: readonly CheckSeries[],
  said: Readonly<Record<keyof typeof SINCE, (at: number) => readonly Said[]>>,
  { commit, live }: { readonly commit: Grid; readonly live: Grid | undefined },
): readonly Evidence[] {
  const newest =
    live === undefined || live.end < live.start ? said.commit(commit.end) : said.live(live.end);
  return series.map((it, index) => {
    const seen = samples(it.fromCommit.canary);
    const clean = samples(it.fromLive?.canary);
    const counted = (all: readonly Sample[], on: keyof typeof SINCE, wanted: Verdict) =>
      all.filter(({ at }) => said[on](at)[index]?.verdict === wanted).length;
    return {
      check: it.check,
      points: points(live ?? commit).length,
      passed: counted(clean, 'live', 'pass'),
      failed: counted(seen, 'commit', 'fail'),
      latest: (clean.at(-1) ?? seen.at(-1))?.value,
      said: newest[index]?.text,
      worst: worst(it.check, [...seen, ...clean]),
      trouble: trouble(it),
    };
  });
}

function worst({ judge: it }: Check, seen: readonly Sample[]): number | undefined {
  const values = seen.flatMap(({ value }) => {
    const margin = Number.isNaN(value) ? undefined : kindOf(it).margin(it, value);
    return margin === undefined ? [] : [{ value, margin }];
  });
  const [first, ...others] = values;
  if (first === undefined) return undefined;
  return others.reduce((a, b) => (b.margin < a.margin ? b : a), first).value;
}

function trouble(it: CheckSeries): string | undefined {
  const found = missing(it);
  return found === undefined ? undefined : `${it.check.name}: ${found}`;
}

function isDeciding({ check }: { readonly check: Check }): boolean {
  return check.dryRun !== true;
}

/** Why an answer is missing that a decision cannot do without. */
export function unanswered(it: CheckSeries): string | undefined {
  return isDeciding(it) ? missing(it) : undefined;
}

function missing({ check, fromCommit, fromLive }: CheckSeries): string | undefined {
  const { asks } = kindOf(check.judge);
  const all = asks.flatMap((track) => [fromCommit[track], fromLive?.[track]]);
  return all.find((it) => it?.kind === 'unknown')?.reason;
}

function checksOf(rollout: Rollout, step: Step): readonly Check[] {
  return rollout.plan.plan.checks.filter((it) => step.checks.includes(it.name));
}
