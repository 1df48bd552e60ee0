import type { Counters, Selector, Test } from '../../../lib/plan/evidence.ts';
import type { Answer } from '../answer.ts';
import type { Grid } from './judge.ts';
import type { Sample } from './series.ts';

/** Counters that were summed: the labels that they have in common, and how much they grew before each point. */
export interface CounterSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly samples: readonly Sample[];
}

/** One question about a track's counters, and the labels by which the answer is told apart. */
export interface CounterQuestion {
  readonly selector: Selector;
  readonly by: readonly string[];
}

/** What the counters of one track said: an answer for each of `counterQuestions`, in their order. */
export type TrackCounts = Answer<readonly (readonly CounterSeries[])[]>;

/** The upper end of a bucket, in the histogram's own unit, beyond which a request is slow. */
export interface Bound {
  readonly le: number;
  /** The share of the primary's requests that was, before the rollout. */
  readonly share: number;
}

/** What a test's counters said in the intervals of a step. */
export interface TestCounts {
  readonly test: Test;
  /** Points are the ends of intervals as long as the grid's step. The first interval is before the step. */
  readonly grid: Grid;
  readonly canary: TrackCounts;
  /** Of what the canary is compared with: the baseline where the step runs one, else the primary. */
  readonly other: TrackCounts;
  /** None where errors are counted. */
  readonly bounds: readonly Bound[];
  /** What came from when the step was live to its first interval. @default - nothing, or it was not asked */
  readonly head?: Part | undefined;
  /** What has come since the last interval; it may still lack what is reported late. @default - it was not asked */
  readonly tail?: Part | undefined;
}

/** What came in a part of an interval. */
export interface Part {
  /** Unix seconds. */
  readonly from: number;
  readonly to: number;
  readonly canary: TrackCounts;
  readonly other: TrackCounts;
}

/** Requests of one track in one interval and one stratum. */
export interface Cell {
  readonly requests: number;
  /** The bad ones; of durations for each bound. */
  readonly bad: readonly number[];
}

/** Requests of both tracks in one interval, by stratum. */
export interface Interval {
  /** Unix seconds. */
  readonly from: number;
  readonly to: number;
  readonly strata: readonly Stratum[];
}

/** Requests of both tracks that have the same values of the test's labels. */
export interface Stratum {
  readonly name: string;
  readonly canary: Cell;
  readonly other: Cell;
}

/** What is asked about a track: first all its requests, or its buckets; then what tells the bad ones. */
export function counterQuestions(
  counters: Counters,
  strata: readonly string[] = [],
): readonly CounterQuestion[] {
  if (counters.kind === 'durations') return [{ selector: counters.buckets, by: ['le', ...strata] }];
  const { requests, failures } = counters;
  const others = failures.kind === 'allBut' ? [failures.good] : failures.bad;
  return [requests, ...others].map((selector) => ({ selector, by: strata }));
}

/** Cells of one track by the end of the interval and by stratum. A track is there at a point if its counters are. */
type Track = ReadonlyMap<number, ReadonlyMap<string, Cell>>;

/** What was counted in a step. */
export interface Counted {
  readonly intervals: readonly Interval[];
  /** What has come since the last of them. @default - nobody can tell */
  readonly tail?: Interval | undefined;
}

/**
 * The intervals in which the canary was counted from one end to the other: its counters were there in the interval before as
 * well, or are those of pods that nobody saw before. What counters have when they are seen again is of another time. The
 * other track has no requests where that is so of it.
 *
 * @param isSeen whether the canary was seen in an earlier step of the rollout
 */
export function countedIn(counts: TestCounts, isSeen: boolean): Counted {
  const { grid, head, tail } = counts;
  const canary = trackOf(counts, counts.canary);
  const other = trackOf(counts, counts.other);
  const seenFrom = isSeen ? -Infinity : Math.min(Infinity, ...canary.keys());
  // Whether they were there is known at the ends of whole intervals.
  const interval = (from: number, to: number, now = { canary, other }, seenAt = from) => {
    const ours = canary.has(seenAt) || seenAt < seenFrom ? now.canary.get(to) : undefined;
    const others = other.has(seenAt) ? now.other.get(to) : undefined;
    return ours === undefined ? [] : [{ from, to, strata: strataOf(ours, others) }];
  };
  const part = (it: Part | undefined) => {
    if (it === undefined) return [];
    const tracks = { canary: trackOf(counts, it.canary), other: trackOf(counts, it.other) };
    const before =
      grid.start + Math.floor((it.from - grid.start) / grid.stepSeconds) * grid.stepSeconds;
    return interval(it.from, it.to, tracks, Math.max(grid.start, before));
  };
  const ends = Array.from(
    { length: Math.max(0, Math.round((grid.end - grid.start) / grid.stepSeconds)) },
    (_, index) => grid.start + (index + 1) * grid.stepSeconds,
  );
  const whole = ends.flatMap((to) => interval(to - grid.stepSeconds, to));
  return {
    intervals: [...whole, ...part(head)].sort((a, b) => a.from - b.from),
    tail: part(tail).at(0),
  };
}

/**
 * Whether what has come since the last interval would be a catastrophe if it went on: it breaks the margin of one, and may
 * still be too little to prove it.
 */
export function looksCatastrophic(counts: TestCounts): boolean {
  const { catastrophe, share } = counts.test;
  if (counts.tail === undefined || catastrophe === undefined || share === 0) return false;
  const shareOf = (answer: TrackCounts) => {
    const cells = [...trackOf(counts, answer).values()].flatMap((it) => [...it.values()]);
    const sum = (of: (it: Cell) => number) => cells.reduce((all, it) => all + of(it), 0);
    return (
      sum((it) => it.bad[0] ?? 0) /
      Math.max(
        1,
        sum((it) => it.requests),
      )
    );
  };
  const { canary, other } = counts.tail;
  return shareOf(canary) > CATASTROPHE_RELATIVE * shareOf(other) + catastrophe;
}

/** How many times the primary's share of bad requests is no catastrophe anyway. */
export const CATASTROPHE_RELATIVE = 1.5;

function trackOf({ test, bounds }: TestCounts, answer: TrackCounts): Track {
  const { counts, strata = [] } = test;
  // All tracks of a test are counted in the same way.
  return cellsOf(counts.canary, answer.kind === 'known' ? answer.value : [], strata, bounds);
}

function strataOf(
  ours: ReadonlyMap<string, Cell>,
  others: ReadonlyMap<string, Cell> | undefined,
): readonly Stratum[] {
  const names = new Set([...ours.keys(), ...(others?.keys() ?? [])]);
  return [...names].map((name) => ({
    name,
    canary: ours.get(name) ?? NO_CELL,
    other: others?.get(name) ?? NO_CELL,
  }));
}

const NO_CELL: Cell = { requests: 0, bad: [] };

/** The answers to `counterQuestions`. */
type Answers = readonly (readonly CounterSeries[])[];

function cellsOf(
  counters: Counters,
  answers: Answers,
  strata: readonly string[],
  bounds: readonly Bound[],
): Track {
  const stratumOf = ({ labels }: CounterSeries) =>
    JSON.stringify(strata.map((it) => labels[it] ?? ''));
  const [first = [], ...others] = answers;
  if (counters.kind === 'errors') {
    const all = summed(first, stratumOf);
    const told = others.map((it) => summed(it, stratumOf));
    const isRest = counters.failures.kind === 'allBut';
    return cells(all, (at, stratum, requests) => {
      const sum = told.reduce((total, it) => total + (it.get(at)?.get(stratum) ?? 0), 0);
      return [isRest ? requests - sum : sum];
    });
  }
  const below = bounds.map(({ le }) =>
    summed(
      first.filter(({ labels }) => boundOf(labels) === le),
      stratumOf,
    ),
  );
  const all = summed(
    first.filter(({ labels }) => boundOf(labels) === Infinity),
    stratumOf,
  );
  return cells(all, (at, stratum, requests) =>
    below.map((it) => requests - (it.get(at)?.get(stratum) ?? 0)),
  );
}

/** The upper end of a bucket. https://prometheus.io/docs/instrumenting/exposition_formats/#histograms-and-summaries */
export function boundOf(labels: CounterSeries['labels']): number {
  const { le = '' } = labels;
  return le === '+Inf' ? Infinity : le === '' ? Number.NaN : Number(le);
}

type Sums = ReadonlyMap<number, ReadonlyMap<string, number>>;

function summed(series: readonly CounterSeries[], stratumOf: (it: CounterSeries) => string): Sums {
  const sums = new Map<number, Map<string, number>>();
  for (const it of series) {
    const stratum = stratumOf(it);
    for (const { at, value } of it.samples) {
      const found = sums.get(at) ?? new Map<string, number>();
      sums.set(at, found.set(stratum, (found.get(stratum) ?? 0) + value));
    }
  }
  return sums;
}

/** Counters that are read at different moments may differ by a request, so no share leaves 0 to 1. */
function cells(
  all: Sums,
  badOf: (at: number, stratum: string, requests: number) => readonly number[],
): Track {
  const track = new Map<number, Map<string, Cell>>();
  for (const [at, byStratum] of all) {
    const found = new Map<string, Cell>();
    for (const [stratum, requests] of byStratum) {
      const bad = badOf(at, stratum, requests).map((it) => Math.min(requests, Math.max(0, it)));
      found.set(stratum, { requests, bad });
    }
    track.set(at, found);
  }
  return track;
}
