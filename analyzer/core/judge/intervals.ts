import type { TestCounts, TrackCounts } from './counts.ts';
import type { Grid } from './grid.ts';
import {
  allRequestsAt,
  type Cell,
  cellAt,
  firstPoint,
  isSameUntil,
  isThere,
  type Track,
  trackOf,
} from './tracks.ts';

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

/** What was counted in a step. */
export interface Counted {
  readonly intervals: readonly Interval[];
  /** What has come since the last of them. @default - nobody can tell */
  readonly tail?: Interval | undefined;
}

/** What the counters of both tracks of a test said at the points of a step. */
export interface Tracks {
  readonly canary: Track;
  readonly other: Track;
}

/** How far the intervals of a step are counted: what the next ones depend on. */
export interface Counting {
  /** So many points are done, the first of which is before the step's first interval. */
  readonly done: number;
  /** Of the canary, then of the other track. */
  readonly paces: readonly [Pace, Pace];
}

/** How fast a track's requests came so far. */
interface Pace {
  /** Requests a second. */
  readonly most: number;
  /** Unix seconds. */
  readonly grownAt: number;
}

/** The tables of both tracks of a test. */
export function tracksOf(counts: TestCounts): Tracks {
  return {
    canary: trackOf(counts, counts.canary, counts.grid),
    other: trackOf(counts, counts.other, counts.grid),
  };
}

/** Whether two say the same of all points that are done. */
export function isContinued(counting: Counting, before: Tracks, now: Tracks): boolean {
  return (
    isSameUntil(before.canary, now.canary, counting.done) &&
    isSameUntil(before.other, now.other, counting.done)
  );
}

/** A step none of whose points was looked at. */
export function beginCounting({ start, stepSeconds }: Grid): Counting {
  const pace = { most: 0, grownAt: start - stepSeconds };
  return { done: 0, paces: [pace, pace] };
}

/**
 * The intervals in which the canary was counted from one end to the other: its counters were there in the interval before as
 * well, or are those of pods that nobody saw before. What counters have when they are seen again is of another time. The
 * other track has no requests where that is so of it. Nor is an interval counted in which old counters look new.
 *
 * Those that came next: whoever counts them one after the other has the same as whoever counts all at once.
 *
 * @param isSeen whether the canary was seen in an earlier step of the rollout
 * @param most so many points at most @default - all
 */
export function countOn(
  tracks: Tracks,
  { start, stepSeconds }: Grid,
  isSeen: boolean,
  { done, paces }: Counting,
  most = Infinity,
): { readonly intervals: readonly Interval[]; readonly counting: Counting } {
  const seenFrom = seenFromIn(tracks, isSeen);
  const intervals: Interval[] = [];
  let [ours, theirs] = paces;
  let point = done;
  const until = Math.min(tracks.canary.points, done + most);
  for (; point < until; point++) {
    const to = start + point * stepSeconds;
    const own = allRequestsAt(tracks.canary, point);
    const others = allRequestsAt(tracks.other, point);
    const usual = ours.most * (to - ours.grownAt) + theirs.most * (to - theirs.grownAt);
    ours = paceAfter(ours, to, own);
    theirs = paceAfter(theirs, to, others);
    const isPlausible = usual === 0 || own + others <= JUMP * usual;
    if (point === 0 || !isPlausible) continue;
    const strata = strataAt(tracks, point, { tracks, seenAt: point - 1, seenFrom });
    if (strata !== undefined) intervals.push({ from: to - stepSeconds, to, strata });
  }
  return { intervals, counting: { done: point, paces: [ours, theirs] } };
}

/** From which point on a canary that was not there has been there before. */
function seenFromIn({ canary }: Tracks, isSeen: boolean): number {
  return isSeen ? -Infinity : firstPoint(canary);
}

/**
 * So many times as fast as ever before is not traffic. Where series get another label, the counters of old processes look
 * new, with all that they ever counted. Requests alone tell, so it favours nobody.
 */
const JUMP = 20;

/** What nobody saw grow is seen at once, after a gap in the scrapes. */
function paceAfter(pace: Pace, to: number, requests: number): Pace {
  if (requests === 0) return pace;
  return { most: Math.max(pace.most, requests / (to - pace.grownAt)), grownAt: to };
}

/** What has come since the last interval; undefined where nobody can tell. */
export function tailIn(counts: TestCounts, tracks: Tracks, isSeen: boolean): Interval | undefined {
  const { tail } = counts;
  if (tail === undefined) return undefined;
  const { from, to } = tail;
  const now = {
    canary: trackAt(counts, tail.canary, to),
    other: trackAt(counts, tail.other, to),
  };
  // Whether they were there is known at the ends of whole intervals.
  const seenAt = tracks.canary.points - 1;
  const strata = strataAt(now, 0, { tracks, seenAt, seenFrom: seenFromIn(tracks, isSeen) });
  return strata && { from, to, strata };
}

function trackAt(counts: TestCounts, answer: TrackCounts, at: number): Track {
  return trackOf(counts, answer, { start: at, end: at, stepSeconds: 1 });
}

/** Whether tracks were there at the interval's beginning. */
interface Before {
  readonly tracks: Tracks;
  readonly seenAt: number;
  readonly seenFrom: number;
}

/** Undefined where the canary was not counted from one end to the other. */
function strataAt(
  { canary, other }: Tracks,
  point: number,
  { tracks, seenAt, seenFrom }: Before,
): readonly Stratum[] | undefined {
  if (!isThere(canary, point)) return undefined;
  if (!isThere(tracks.canary, seenAt) && !(seenAt < seenFrom)) return undefined;
  const isCompared = isThere(tracks.other, seenAt);
  // Most have one stratum: a list that grows takes room for sixteen more.
  let strata: Stratum[] | undefined;
  for (let index = 0; index < canary.strata.length; index++) {
    const name = canary.strata[index] ?? '';
    const ours = cellAt(canary, point, index);
    const theirs = isCompared ? cellAt(other, point, other.strata.indexOf(name)) : undefined;
    if (ours === undefined) continue;
    const stratum = { name, canary: ours, other: theirs ?? NO_CELL };
    if (strata === undefined) strata = [stratum];
    else strata.push(stratum);
  }
  strata ??= [];
  for (let index = 0; isCompared && index < other.strata.length; index++) {
    const name = other.strata[index] ?? '';
    const theirs = cellAt(other, point, index);
    const ours = cellAt(canary, point, canary.strata.indexOf(name));
    if (theirs !== undefined && ours === undefined)
      strata.push({ name, canary: NO_CELL, other: theirs });
  }
  return strata;
}

const NO_CELL: Cell = { requests: 0, bad: [] };

/** All that was counted in a step. @param isSeen whether the canary was seen in an earlier step of the rollout */
export function countedIn(counts: TestCounts, isSeen: boolean): Counted {
  const tracks = tracksOf(counts);
  const { intervals } = countOn(tracks, counts.grid, isSeen, beginCounting(counts.grid));
  return { intervals, tail: tailIn(counts, tracks, isSeen) };
}

/**
 * Whether what has come since the last interval would be a catastrophe if it went on: it breaks the margin of one, and may
 * still be too little to prove it.
 */
export function looksCatastrophic(counts: TestCounts): boolean {
  const { catastrophe, share } = counts.test;
  const { tail } = counts;
  if (tail === undefined || catastrophe === undefined || share === 0) return false;
  const shareOf = (answer: TrackCounts) => {
    const track = trackAt(counts, answer, tail.to);
    const cells = track.strata.flatMap((_, index) => cellAt(track, 0, index) ?? []);
    const requests = cells.reduce((all, it) => all + it.requests, 0);
    return cells.reduce((all, it) => all + (it.bad[0] ?? 0), 0) / Math.max(1, requests);
  };
  return shareOf(tail.canary) > CATASTROPHE_RELATIVE * shareOf(tail.other) + catastrophe;
}

/** How many times the primary's share of bad requests is no catastrophe anyway. */
export const CATASTROPHE_RELATIVE = 1.5;
