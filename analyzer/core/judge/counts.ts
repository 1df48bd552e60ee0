import type { Counters, Selector, Test } from '../../../lib/plan/evidence.ts';
import type { Answer } from '../answer.ts';
import type { Grid } from './grid.ts';
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
  /** Up to when counters were asked; Unix seconds. */
  readonly at: number;
  /** Points are the ends of intervals as long as the grid's step. The first interval is before the step. */
  readonly grid: Grid;
  readonly canary: TrackCounts;
  /** Of what the canary is compared with: the baseline where the step runs one, else the primary. */
  readonly other: TrackCounts;
  /** None where errors are counted. */
  readonly bounds: readonly Bound[];
  /** What has come since the last interval. @default - it was not asked */
  readonly tail?: Tail | undefined;
}

/** What has come since the last whole interval. It may still lack what is reported late. */
export interface Tail {
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
 * other track has no requests where that is so of it. Nor is an interval counted in which old counters look new.
 *
 * @param isSeen whether the canary was seen in an earlier step of the rollout
 */
export function countedIn(counts: TestCounts, isSeen: boolean): Counted {
  const { grid, tail } = counts;
  const canary = trackOf(counts, counts.canary);
  const other = trackOf(counts, counts.other);
  const seenFrom = isSeen ? -Infinity : Math.min(Infinity, ...canary.keys());
  const isPlausible = plausibility([canary, other], grid);
  isPlausible(grid.start);
  // Whether they were there is known at the ends of whole intervals.
  const interval = (from: number, to: number, now = { canary, other }, seenAt = from) => {
    const ours = canary.has(seenAt) || seenAt < seenFrom ? now.canary.get(to) : undefined;
    const others = other.has(seenAt) ? now.other.get(to) : undefined;
    return ours === undefined ? [] : [{ from, to, strata: strataOf(ours, others) }];
  };
  const ends = Array.from(
    { length: Math.max(0, Math.round((grid.end - grid.start) / grid.stepSeconds)) },
    (_, index) => grid.start + (index + 1) * grid.stepSeconds,
  );
  const [last] =
    tail === undefined
      ? []
      : interval(
          tail.from,
          tail.to,
          { canary: trackOf(counts, tail.canary), other: trackOf(counts, tail.other) },
          grid.end,
        );
  const whole = ends.filter(isPlausible);
  return {
    intervals: whole.flatMap((to) => interval(to - grid.stepSeconds, to)),
    tail: last,
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
    const requests = cells.reduce((all, it) => all + it.requests, 0);
    return cells.reduce((all, it) => all + (it.bad[0] ?? 0), 0) / Math.max(1, requests);
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

/** So many times as fast as ever before is not traffic. */
const JUMP = 20;

/**
 * Tells of one interval after the other whether its requests may all be of its own time. Where series get another label,
 * the counters of old processes look new, with all that they ever counted. Requests alone tell, so it favours nobody.
 */
function plausibility(tracks: readonly Track[], { start, stepSeconds }: Grid) {
  const paces = tracks.map(() => ({ most: 0, grownAt: start - stepSeconds }));
  return (to: number): boolean => {
    let requests = 0;
    let usual = 0;
    for (const [index, pace] of paces.entries()) {
      const cells = tracks[index]?.get(to)?.values() ?? [];
      const own = [...cells].reduce((sum, it) => sum + it.requests, 0);
      // What nobody saw grow is seen at once, after a gap in the scrapes.
      const seconds = to - pace.grownAt;
      requests += own;
      usual += pace.most * seconds;
      if (own === 0) continue;
      pace.most = Math.max(pace.most, own / seconds);
      pace.grownAt = to;
    }
    return usual === 0 || requests <= JUMP * usual;
  };
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
      const sum = told.reduce((total, it) => total + (it.get(stratum)?.get(at) ?? 0), 0);
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
    below.map((it) => requests - (it.get(stratum)?.get(at) ?? 0)),
  );
}

/** The upper end of a bucket. https://prometheus.io/docs/instrumenting/exposition_formats/#histograms-and-summaries */
export function boundOf(labels: CounterSeries['labels']): number {
  const { le = '' } = labels;
  return le === '+Inf' ? Infinity : le === '' ? Number.NaN : Number(le);
}

/** By stratum, one sum for each time. */
type Sums = ReadonlyMap<string, ReadonlyMap<number, number>>;

function summed(series: readonly CounterSeries[], stratumOf: (it: CounterSeries) => string): Sums {
  const sums = new Map<string, Map<number, number>>();
  for (const it of series) {
    const stratum = stratumOf(it);
    const found = sums.get(stratum) ?? new Map<number, number>();
    sums.set(stratum, found);
    for (const { at, value } of it.samples) found.set(at, (found.get(at) ?? 0) + value);
  }
  return sums;
}

/** Counters that are read at different moments may differ by a request, so no share leaves 0 to 1. */
function cells(
  all: Sums,
  badOf: (at: number, stratum: string, requests: number) => readonly number[],
): Track {
  const track = new Map<number, Map<string, Cell>>();
  for (const [stratum, sums] of all)
    for (const [at, requests] of sums) {
      const bad = badOf(at, stratum, requests).map((it) => Math.min(requests, Math.max(0, it)));
      const cell: Cell = { requests, bad };
      const found = track.get(at);
      if (found === undefined) track.set(at, new Map([[stratum, cell]]));
      else found.set(stratum, cell);
    }
  return track;
}
