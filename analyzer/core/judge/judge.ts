import { type Check, pointsNeeded, type Step, type Track } from '../../../lib/plan/plan.ts';
import type { Liveness, Outage } from '../cluster/reading.ts';
import { stepOf } from '../position.ts';
import type { Rollout } from '../situation.ts';
import { unix } from '../state.ts';
import { abortsOf } from './abort.ts';
import { excuse, muchWorse, type OnGrid } from './environment.ts';
import {
  apart,
  counted,
  countsFor,
  type ExcusedPoint,
  type FailedPoint,
  ownerOf,
  type Said,
  saidBy,
} from './failed-point.ts';
import { type Grid, gridFromCommit, gridsOf, guardGrid, points } from './grid.ts';
import { kindOf } from './kinds.ts';
import { type Point, samples } from './point.ts';
import type { CheckSeries, Sample, TrackSeries } from './series.ts';
import type { Verdict } from './verdict.ts';

/** One range query that a decision needs. */
export interface SeriesQuestion {
  readonly check: Check;
  /** About whom it is asked, as far as it has a query for them. */
  readonly tracks: readonly Track[];
  readonly fromCommit: Grid;
  /** Absent before the step is live. */
  readonly fromLive: Grid | undefined;
  /** Absent where the check has no abort bounds. */
  readonly guarded: Grid | undefined;
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
  /** Failed points since the step's commit that the candidate answers for, each moment once; the newest last. */
  readonly failures: readonly FailedPoint[];
  /** How many of them count towards the threshold of the release. */
  readonly failedChecks: number;
  /** The same of each check that has a threshold of its own. */
  readonly failedBy: ReadonlyMap<string, number>;
  /** Points that broke an abort bound, the newest last. */
  readonly aborts: readonly FailedPoint[];
  /** Failed points at which the primary failed the same check, or pods of both tracks were missing, each moment once. */
  readonly excused: readonly ExcusedPoint[];
  /** Passing points since the step was live, and how many are asked for. */
  readonly passed: number;
  readonly needed: number;
  /** The newest point on either grid. */
  readonly newest: Verdict | undefined;
  /** What each check said at it. */
  readonly newestSaid: readonly Said[];
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

/** When the next point that may count as failed can be judged; Unix seconds. Undefined where none is. */
export function nextFailureAt(rollout: Rollout, now: number): number | undefined {
  const step = judgedStep(rollout);
  if (step === undefined || step.checks.length === 0) return undefined;
  const windows = checksOf(rollout, step).map((it) => it.windowSeconds);
  const { start, end, stepSeconds } = gridFromCommit(rollout, Math.max(...windows), now);
  return Math.max(start, end + stepSeconds) + rollout.plan.plan.analysis.settleSeconds;
}

/** What to ask the metric store about a rollout; nothing where its position has no checks. */
export function seriesQuestions(
  rollout: Rollout,
  live: Liveness,
  now: number,
): readonly SeriesQuestion[] {
  const step = judgedStep(rollout);
  if (step === undefined) return [];
  const checks = checksOf(rollout, step);
  const window = Math.max(0, ...checks.map((it) => it.windowSeconds));
  return checks.map((check) => ({
    check,
    tracks: tracksOf(check, step),
    ...gridsOf(rollout, live, window, now),
    guarded: check.abort === undefined ? undefined : guardGrid(rollout, window, now),
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
  const window = Math.max(0, ...series.map((it) => it.check.windowSeconds));
  const { fromCommit: commitGrid, fromLive: liveGrid } = gridsOf(rollout, live, window, now);
  // What windows saw of the outage itself is nobody's fault.
  const outageUntil = outage === undefined ? 0 : outage.until + window;
  const excusedUntil = outage?.isSure === true ? outageUntil : 0;
  // A dry run is reported, and decides nothing.
  const deciding = series.filter(isDeciding);
  const heard = { commit: saidBy(series, SINCE.commit), live: saidBy(series, SINCE.live) };
  const said = { commit: decidingIn(heard.commit), live: decidingIn(heard.live) };
  const isAsked = series.length > 0;
  const judged = isAsked ? verdicts(commitGrid, said.commit) : [];
  const answers = { commit: onGrid(deciding, SINCE.commit), live: onGrid(deciding, SINCE.live) };
  const fromCommit = excuse(judged, answers.commit, said.commit, excusedUntil);
  const clean = isAsked && liveGrid !== undefined ? verdicts(liveGrid, said.live) : [];
  const fromLive = excuse(clean, answers.live, said.live, excusedUntil);
  const conclusive = fromCommit.filter((it) => it.verdict !== 'unknown').at(-1);
  // Whatever grid a point is on: what fails at it counts.
  const all = [...placed(fromCommit, 'commit'), ...placed(fromLive, 'live')].sort(
    (a, b) => a.point.at - b.point.at,
  );
  const excused = all.filter(({ point }) => point.isExcused === true);
  // After an outage the step bakes again.
  const calm = Math.max(excused.at(-1)?.point.at ?? 0, excusedUntil);
  const last = newest(fromCommit, fromLive);
  const inDoubt = (it: FailedPoint): FailedPoint =>
    it.at <= outageUntil ? { ...it, isDoubtful: true } : it;
  const failing = all.filter(({ point }) => point.verdict === 'fail');
  const failedAt = ({ point: { at }, grid }: Placed): FailedPoint => ({
    at,
    checks: said[grid](at).filter((it) => it.verdict === 'fail'),
  });
  const failures = counted(failing.map(failedAt), analysis.checkSeconds).map(inDoubt);
  const excusedAt = (it: Placed): ExcusedPoint => {
    const point = failedAt(it);
    return { ...point, worse: muchWorse(answers[it.grid], point) };
  };
  return {
    failures,
    failedChecks: countOf(failures, undefined),
    failedBy: new Map(
      deciding
        .flatMap(({ check }) => ownerOf(check) ?? [])
        .map((name) => [name, countOf(failures, name)]),
    ),
    aborts: abortsOf(deciding, excusedUntil).map(inDoubt),
    excused: counted(excused.map(excusedAt), analysis.checkSeconds),
    passed: count(
      fromLive.filter((it) => it.at > calm),
      'pass',
    ),
    needed: step === undefined ? 0 : pointsNeeded(rollout.plan.plan, step),
    newest: last?.point.verdict,
    newestSaid: last === undefined ? [] : said[last.grid](last.point.at),
    conclusiveAt: conclusive?.at ?? unix(rollout.state.at),
    nextAt:
      liveGrid === undefined
        ? undefined
        : Math.max(liveGrid.start, liveGrid.end + liveGrid.stepSeconds) + analysis.settleSeconds,
    evidence: evidenceOf(series, heard, { commit: commitGrid, live: liveGrid }),
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

/** A point, and the grid that it is on. */
interface Placed {
  readonly point: Point;
  readonly grid: keyof typeof SINCE;
}

function placed(all: readonly Point[], grid: Placed['grid']): readonly Placed[] {
  return all.map((point) => ({ point, grid }));
}

function onGrid(
  series: readonly CheckSeries[],
  pick: (it: CheckSeries) => TrackSeries | undefined,
): readonly OnGrid[] {
  return series.map((it) => ({ check: it.check, answers: pick(it) }));
}

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

function newest(fromCommit: readonly Point[], fromLive: readonly Point[]): Placed | undefined {
  const a = fromCommit.at(-1);
  const b = fromLive.at(-1);
  if (b === undefined) return a && { point: a, grid: 'commit' };
  const isBad = a !== undefined && (a.at === b.at ? a.verdict !== 'pass' : a.verdict === 'fail');
  // The grids have different phases; a bad point on either holds the step until a newer one is good.
  return isBad && a.at >= b.at ? { point: a, grid: 'commit' } : { point: b, grid: 'live' };
}

function countOf(failures: readonly FailedPoint[], owner: string | undefined): number {
  return failures.filter((it) => countsFor(owner, it)).length;
}

function count(all: readonly Point[], wanted: Verdict): number {
  return all.filter((it) => it.verdict === wanted).length;
}

function evidenceOf(
  series: readonly CheckSeries[],
  said: Readonly<Record<Placed['grid'], (at: number) => readonly Said[]>>,
  { commit, live }: { readonly commit: Grid; readonly live: Grid | undefined },
): readonly Evidence[] {
  const grid = live ?? commit;
  const newest =
    live === undefined || live.end < live.start ? said.commit(commit.end) : said.live(live.end);
  return series.map((it, index) => {
    const seen = samples(it.fromCommit.canary);
    const clean = samples(it.fromLive?.canary);
    const that = (wanted: Verdict, all: readonly Sample[], on: Placed['grid']) =>
      all.filter(({ at }) => said[on](at)[index]?.verdict === wanted);
    const failing = [...that('fail', seen, 'commit'), ...that('fail', clean, 'live')].sort(
      (a, b) => a.at - b.at,
    );
    return {
      check: it.check,
      points: points(grid).length,
      passed: that('pass', clean, 'live').length,
      failed: apart(failing, grid.stepSeconds).length,
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

function missing({ check, fromCommit, fromLive, guarded }: CheckSeries): string | undefined {
  const { asks } = kindOf(check.judge);
  const all = asks.flatMap((track) => [fromCommit[track], fromLive?.[track], guarded?.[track]]);
  return all.find((it) => it?.kind === 'unknown')?.reason;
}

function checksOf(rollout: Rollout, step: Step): readonly Check[] {
  return rollout.plan.plan.checks.filter((it) => step.checks.includes(it.name));
}
