import type { Check, Track } from '../../../lib/plan/plan.ts';
import { warmUpSecondsOf } from '../../../lib/plan/warm-up.ts';
import type { Liveness } from '../../core/cluster/reading.ts';
import { beyondAbort } from '../../core/judge/abort.ts';
import { failedTimes } from '../../core/judge/failed-point.ts';
import type { Grid } from '../../core/judge/grid.ts';
import type { Interval } from '../../core/judge/intervals.ts';
import { seriesQuestions } from '../../core/judge/judge.ts';
import { intervalGrid, proofOf, startWeighing, type Weighed } from '../../core/judge/proof.ts';
import type { CheckSeries, Sample, TrackSeries } from '../../core/judge/series.ts';
import type { Cell } from '../../core/judge/tracks.ts';
import { type Weighing, weighedWith } from '../../core/judge/weighing.ts';
import { hasPromoted, stepOf } from '../../core/position.ts';
import type { Rollout } from '../../core/situation.ts';
import { quantileOf } from '../requests.ts';
import {
  type Count,
  type CountedTraffic,
  errorCell,
  histogramOf,
  type Side,
  slowCell,
} from './counted-traffic.ts';
import { type Setting, unitMs } from './setting.ts';

/** What a metric store would say of a step, asked again and again: each sample is made once. */
export interface EvidenceSoFar {
  /** The tests with all intervals that can be judged; undefined in a position without tests. */
  weighed(now: number): readonly Weighed[] | undefined;
  /** The checks' values at all points that can be judged. */
  series(live: Liveness, now: number): readonly CheckSeries[];
  /** Whether what has come since the last interval is enough for a rollback. */
  isAlarming(now: number): boolean;
}

/** @param liveAt when the cluster shows the position */
export function openEvidence(
  setting: Setting,
  rollout: Rollout,
  traffic: CountedTraffic,
  liveAt: number,
): EvidenceSoFar {
  const { plan } = rollout.plan;
  const { load } = setting;
  const step = stepOf(plan, rollout.state.position);
  const other: Side = (step?.weights.baseline ?? 0) > 0 ? 'baseline' : 'primary';
  // On one track the primary runs the candidate.
  const { canary, primary } = plan.workloads;
  const ours: Side = canary === undefined && primary !== undefined ? 'primary' : 'canary';
  let weighings = startWeighing(rollout, setting.boundsOf);
  let weighedUntil = intervalGrid(rollout, 0).start;
  let isSeen = (rollout.state.evidence ?? []).some((it) => it.canary.requests > 0);
  const sampled = new Map<string, Sampled>();
  const warmUp = warmUpSecondsOf(plan, step?.name ?? '');
  const warmUntil = warmUp === 0 ? -Infinity : liveAt + warmUp;
  const hasAbort = plan.checks.some((it) => it.abort !== undefined);

  return {
    weighed: weighedAt,
    series: (live, now) =>
      seriesQuestions(rollout, live, now).map(({ check, fromCommit, fromLive, guarded }) => {
        const isFailed = (it: TrackSeries) => failedTimes([{ check, fromCommit: it }]).length > 0;
        return {
          check,
          fromCommit: seriesOn(check, 'commit', fromCommit, isFailed),
          fromLive: fromLive && seriesOn(check, 'live', fromLive, isFailed),
          ...(guarded === undefined ? {} : { guarded: guardedSeries(check, guarded) }),
        };
      }),
    isAlarming(now) {
      if (hasAbort && isAborting(now)) return true;
      const least = Math.min(...(weighings ?? []).map((it) => it.test.catastrophe ?? Infinity));
      if (least === Infinity) return false;
      const { requests, bad } = traffic.counted('canary', intervalGrid(rollout, now).end, now);
      // ln s ≤ s − 1: up to that rate no bet on more gains anything; see docs/judge.md.
      if (bad <= least * requests) return false;
      return proofOf(rollout, weighedAt(now) ?? [])?.blame !== undefined;
    },
  };

  /** The primary is asked where something fails, and while it is another version. */
  function seriesOn(
    check: Check,
    grid: string,
    points: Grid,
    isBad: (it: TrackSeries) => boolean,
  ): TrackSeries {
    const canary = known(asked(check, 'canary', grid, points));
    const isOther = check.ask.primary !== undefined && !hasPromotedIn(rollout);
    if (!isOther || !isBad({ canary })) return { canary };
    return { canary, primary: known(asked(check, 'primary', grid, points)) };
  }

  function guardedSeries(check: Check, points: Grid): TrackSeries {
    const isBad = ({ canary }: TrackSeries) => beyondAbort(check.abort, canary).length > 0;
    return seriesOn(check, 'guarded', points, isBad);
  }

  function isAborting(now: number): boolean {
    return seriesQuestions(rollout, { kind: 'waiting', reason: 'not asked' }, now).some(
      ({ check, guarded }) =>
        guarded !== undefined &&
        beyondAbort(check.abort, guardedSeries(check, guarded).canary).length > 0,
    );
  }

  function weighedAt(now: number): readonly Weighed[] | undefined {
    const { start, end, stepSeconds } = intervalGrid(rollout, now);
    for (; weighedUntil < end; weighedUntil += stepSeconds)
      weighings = weighings?.map((it) => next(it, weighedUntil, weighedUntil + stepSeconds));
    const hasTail = now > end && end >= start;
    return weighings?.map((weighing): Weighed => {
      const isTailed = hasTail && weighing.test.catastrophe !== undefined;
      const tail = isTailed ? intervalOf(weighing, end, now) : undefined;
      return { weighing, counted: { intervals: [], tail }, trouble: undefined };
    });
  }

  function next(weighing: Weighing, from: number, to: number): Weighing {
    const interval = intervalOf(weighing, from, to);
    isSeen ||= interval.strata.some((it) => it.canary.requests > 0);
    // Counters that nobody has seen yet are not there.
    return isSeen ? weighedWith(weighing, [interval], liveAt + warmUp, warmUntil) : weighing;
  }

  function intervalOf(weighing: Weighing, from: number, to: number): Interval {
    const cell = (side: Side) => cellOf(weighing, traffic.counted(side, from, to));
    return { from, to, strata: [{ name: '[]', canary: cell('canary'), other: cell(other) }] };
  }

  function cellOf({ test, bounds }: Weighing, count: Count): Cell {
    const counters = test.counts.canary;
    if (counters.kind === 'errors') return errorCell(count);
    return slowCell(count, load.bounds, bounds, unitMs(counters.unit));
  }

  function asked(check: Check, track: Track, grid: string, points: Grid): readonly Sample[] {
    const key = `${check.name} ${track} ${grid}`;
    const found = sampled.get(key) ?? { samples: [], next: points.start };
    sampled.set(key, found);
    for (; found.next <= points.end; found.next += points.stepSeconds) {
      const side = track === 'canary' ? ours : track;
      const value = valueIn(
        check,
        traffic.counted(side, found.next - check.windowSeconds, found.next),
      );
      if (!Number.isNaN(value)) found.samples.push({ at: found.next, value });
    }
    return found.samples;
  }

  /** NaN without requests, where a store has no answer. */
  function valueIn({ name }: Check, count: Count): number {
    const what = setting.asked.get(name);
    if (what === undefined || what === 'success-rate')
      return (100 * (count.requests - count.bad)) / count.requests;
    return quantileOf(histogramOf(count, load.bounds), what.quantile);
  }
}

interface Sampled {
  readonly samples: Sample[];
  /** The point that comes next. */
  next: number;
}

function hasPromotedIn({ plan: { plan }, state: { position } }: Rollout): boolean {
  return position.kind !== 'step' || hasPromoted(plan, position.step);
}

function known<T>(value: T): { readonly kind: 'known'; readonly value: T } {
  return { kind: 'known', value };
}
