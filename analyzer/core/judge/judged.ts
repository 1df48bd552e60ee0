import { isoTime, type Judged } from '../state.ts';
import { digestOf } from './digest.ts';
import type { Interval } from './intervals.ts';
import type { Evidence, Judgement } from './judge.ts';
import { kindOf } from './kinds.ts';
import { samples, timesOf } from './point.ts';
import { needOf, type Proof, type TestProof } from './proof.ts';
import type { CheckSeries, TrackSeries } from './series.ts';
import type { Cell } from './tracks.ts';

/** What a decision has seen of the metric stores. */
export interface Seen {
  readonly judgement?: Judgement | undefined;
  readonly proof?: Proof | undefined;
  /** Since when the step was live; Unix seconds. */
  readonly liveSince?: number | undefined;
}

/** What is kept of it; undefined where no check and no test was asked. @param now Unix seconds */
export function judgedIn({ judgement, proof, liveSince }: Seen, now: number): Judged | undefined {
  if (judgement === undefined || (judgement.series.length === 0 && proof === undefined))
    return undefined;
  const { outage } = judgement;
  const countedAt = Math.floor(proof?.countedAt ?? now);
  return {
    at: isoTime(now),
    ...(countedAt === Math.floor(now) ? {} : { countedAt: isoTime(countedAt) }),
    ...(liveSince === undefined ? {} : { since: isoTime(liveSince) }),
    ...(outage === undefined
      ? {}
      : { outage: { until: isoTime(outage.until), isSure: outage.isSure } }),
    points: {
      failed: judgement.failedChecks,
      excused: judgement.excused.length,
      worse: judgement.excused.filter((it) => it.worse.length > 0).length,
      passed: judgement.passed,
      ...(judgement.aborts.length === 0 ? {} : { aborted: judgement.aborts.length }),
    },
    checks: judgement.series.map((it, index) => checkJudged(it, judgement.evidence[index])),
    ...(proof === undefined ? {} : provenOf(proof)),
  };
}

function checkJudged(
  series: CheckSeries,
  evidence: Evidence | undefined,
): Judged['checks'][number] {
  const { check, fromCommit, fromLive } = series;
  const { asks } = kindOf(check.judge);
  return {
    check: check.name,
    points: timesOf(fromCommit, asks).length + timesOf(fromLive, asks).length,
    failed: evidence?.failed ?? 0,
    passed: evidence?.passed ?? 0,
    ...digestOfSeries(series),
  };
}

/** Of the tracks that every point is judged by; those that may excuse it show in what failed. */
function digestOfSeries({ check, fromCommit, fromLive }: CheckSeries): { samples?: string } {
  const { asks } = kindOf(check.judge);
  const isAnswered = (it: TrackSeries) => asks.every((track) => it[track]?.kind !== 'unknown');
  if (!isAnswered(fromCommit) || !isAnswered(fromLive ?? {})) return {};
  const lines = (grid: string, it: TrackSeries) =>
    asks.flatMap((track) =>
      samples(it[track]).map(({ at, value }) => [`${grid} ${track} ${at}`, value]),
    );
  return { samples: digestOf([...lines('commit', fromCommit), ...lines('live', fromLive ?? {})]) };
}

function provenOf(proof: Proof): Pick<Judged, 'tests' | 'harm' | 'safety' | 'need'> {
  const { tests, harm, safety } = proof;
  const need = needOf(proof);
  return {
    tests: tests.map(testJudged),
    harm: shortened(harm),
    ...(safety === undefined ? {} : { safety: shortened(safety) }),
    ...(need === undefined || !Number.isFinite(need.requests)
      ? {}
      : { need: Math.ceil(need.requests) }),
  };
}

type TestJudged = NonNullable<Judged['tests']>[number];

function testJudged({ test, canary, other, counted, trouble }: TestProof): TestJudged {
  const { intervals, tail } = counted;
  return {
    test: test.name,
    intervals: intervals.length,
    canary,
    other,
    ...(trouble === undefined ? { samples: digestOf(intervals.flatMap(linesOf)) } : {}),
    ...(trouble === undefined && tail !== undefined ? { tail: digestOf(linesOf(tail)) } : {}),
  };
}

function linesOf({ from, to, strata }: Interval): readonly (readonly (string | number)[])[] {
  const cell = ({ requests, bad }: Cell) => [requests, ...bad];
  // A store names strata in any order.
  return strata
    .map((it) => [`${from} ${to} ${it.name}`, ...cell(it.canary), 'other', ...cell(it.other)])
    .sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1));
}

/** Nobody needs more digits of it, and what a file holds is finite. */
function shortened(value: number): number {
  return Number(Math.min(1e9, Math.max(-1e9, value)).toPrecision(6));
}
