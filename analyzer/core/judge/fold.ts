import type { TestCounts } from './counts.ts';
import {
  beginCounting,
  type Counted,
  type Counting,
  countOn,
  type Interval,
  isContinued,
  type Tracks,
  tailIn,
  tracksOf,
} from './intervals.ts';
import { type Weighing, weighedWith } from './weighing.ts';

/** What earlier looks at a step have weighed, by test: it saves work, and changes nothing. */
export type Folds = Map<string, Fold>;

/** A test with all that was weighed of it, and what that rests on. */
export interface Fold {
  /** Everything but counters: where it reads otherwise, all is weighed anew. */
  readonly basis: string;
  readonly tracks: Tracks;
  readonly counting: Counting;
  readonly weighing: Weighing;
}

/** Which intervals are weighed. */
export interface Fairness {
  /** When the step was live; Unix seconds, Infinity before. */
  readonly since: number;
  /** How long from then on only what no cap holds back counts; 0 where nothing warms up. */
  readonly warmUpSeconds: number;
  /** Until when an outage excuses what was counted; Unix seconds. */
  readonly excusedUntil: number;
}

/**
 * Weighs what the counters of a step said. Intervals come one after the other, so an earlier look is gone on with; but
 * only where all that it rests on reads the same to the last bit, as samples may come late.
 */
export function weighedOn(
  begun: Weighing,
  counts: TestCounts,
  fairness: Fairness,
  folds: Folds,
): Pick<Fold, 'weighing'> & { readonly counted: Counted } {
  const isSeen = (begun.before?.canary.requests ?? 0) > 0;
  const { grid } = counts;
  const tracks = tracksOf(counts);
  const basis = basisOf(begun, counts, fairness);
  const found = folds.get(begun.test.name);
  const last =
    found?.basis === basis && isContinued(found.counting, found.tracks, tracks)
      ? found
      : { weighing: begun, counting: beginCounting(grid) };
  const warm = fairness.since + fairness.warmUpSeconds;
  const warmUntil = fairness.warmUpSeconds === 0 ? -Infinity : warm;
  let { weighing, counting } = last;
  while (counting.done < tracks.canary.points) {
    const next = countOn(tracks, grid, isSeen, counting, AT_ONCE);
    counting = next.counting;
    const fair = next.intervals.filter((it) => isFair(it, fairness));
    if (fair.length > 0) weighing = weighedWith(weighing, fair, warm, warmUntil);
  }
  folds.set(begun.test.name, { basis, tracks, counting, weighing });
  const tail = tailIn(counts, tracks, isSeen);
  return {
    weighing,
    counted: {
      // Few look at them, and those of all releases at once would be most of a process.
      get intervals() {
        const all = countOn(tracks, grid, isSeen, beginCounting(grid));
        return all.intervals.filter((it) => isFair(it, fairness));
      },
      tail: tail !== undefined && isFair(tail, fairness) ? tail : undefined,
    },
  };
}

/** So many intervals are there as objects at once: those of an hour would outlive the collector's young generation. */
const AT_ONCE = 60;

/** In the interval in which the step got live, the split of requests changed: its tracks saw different times. */
function isFair({ from, to }: Interval, { since, excusedUntil }: Fairness): boolean {
  return from >= excusedUntil && (to <= since || from >= since);
}

function basisOf(
  { test, bounds, before, claims, safety }: Weighing,
  { grid: { start, stepSeconds } }: TestCounts,
  { since, warmUpSeconds, excusedUntil }: Fairness,
): string {
  // Without a record all processes begin alike.
  const begun = before && [before.canary, before.other, claims.map((it) => it.whole)];
  const paces = claims.map((it) => it.pace);
  const times = [start, stepSeconds, since, warmUpSeconds, excusedUntil];
  return JSON.stringify([test, bounds, times, safety?.allowed, paces, begun]);
}
