import {
  boundOf,
  type CounterSeries,
  eachValue,
  type TestCounts,
  type TrackCounts,
} from './counts.ts';
import type { Grid } from './grid.ts';

/** Requests of one track in one interval and one stratum. */
export interface Cell {
  readonly requests: number;
  /** The bad ones; of durations for each bound. */
  readonly bad: readonly number[];
}

/**
 * Requests of one track by point, stratum and bound. They are a table of numbers: an hour of a thousand releases as
 * objects would be most of a process.
 */
export interface Track {
  /** In the order in which the store named them first. */
  readonly strata: readonly string[];
  /** Numbers of a stratum at one point: its requests, then the bad ones by bound. */
  readonly width: number;
  readonly points: number;
  /** Point by point, and stratum by stratum. Requests are NaN where the track's counters were not there. */
  readonly table: Float64Array;
}

/** What one track of a test had at the points of a grid. */
export function trackOf({ test, bounds }: TestCounts, answer: TrackCounts, grid: Grid): Track {
  const { counts, strata: labels = [] } = test;
  const [first = [], ...others] = answer.kind === 'known' ? answer.value : [];
  const stratumOf = ({ labels: own }: CounterSeries) =>
    JSON.stringify(labels.map((it) => own[it] ?? ''));
  const isErrors = counts.canary.kind === 'errors';
  // All tracks of a test are counted in the same way.
  const isRest = counts.canary.kind === 'errors' && counts.canary.failures.kind === 'allBut';
  const all = isErrors ? first : first.filter((it) => boundOf(it.labels) === Infinity);
  const strata = [...new Set(all.map(stratumOf))];
  const points = Math.max(0, Math.round((grid.end - grid.start) / grid.stepSeconds)) + 1;
  const width = isErrors ? 2 : 1 + bounds.length;
  const track = { strata, width, points, table: new Float64Array(points * strata.length * width) };
  const size = points * strata.length;
  const addTo = (found: Float64Array, series: readonly CounterSeries[]) => {
    for (const it of series) {
      const stratum = strata.indexOf(stratumOf(it));
      if (stratum >= 0) addSeries(found, it, { grid, points, stratum, strata: strata.length });
    }
  };
  // One that is used again: what a thousand releases allocate is paid for by collecting it.
  const found = new Float64Array(size).fill(Number.NaN);
  addTo(found, all);
  for (let cell = 0; cell < size; cell++) track.table[cell * width] = found[cell] ?? Number.NaN;
  const addBad = (column: number, series: readonly CounterSeries[]) => {
    addTo(found.fill(Number.NaN), series);
    addFound(track, column, found);
  };
  if (isErrors) {
    for (const it of others) addBad(1, it);
    fillBad(track, 1, isRest);
  } else
    for (const [bound, { le }] of bounds.entries()) {
      addBad(
        bound + 1,
        first.filter((it) => boundOf(it.labels) === le),
      );
      fillBad(track, bound + 1, true);
    }
  return track;
}

/** Where the sums of one stratum are. */
interface Place {
  readonly grid: Grid;
  readonly points: number;
  readonly stratum: number;
  readonly strata: number;
}

function addSeries(
  sums: Float64Array,
  series: CounterSeries,
  { grid: { start, stepSeconds }, points, stratum, strata }: Place,
): void {
  eachValue(series, (at, value) => {
    const point = (at - start) / stepSeconds;
    if (!Number.isInteger(point) || point < 0 || point >= points) return;
    const index = point * strata + stratum;
    const before = sums[index] ?? Number.NaN;
    sums[index] = (Number.isNaN(before) ? 0 : before) + value;
  });
}

/** Adds to a column what one question told of the bad requests, or of the rest. */
function addFound({ table, width }: Track, column: number, found: Float64Array): void {
  for (let cell = 0; cell < found.length; cell++) {
    const value = found[cell] ?? Number.NaN;
    const index = cell * width + column;
    if (!Number.isNaN(value)) table[index] = (table[index] ?? 0) + value;
  }
}

/** Counters that are read at different moments may differ by a request, so no share leaves 0 to 1. */
function fillBad({ table, width }: Track, column: number, isRest: boolean): void {
  for (let from = 0; from < table.length; from += width) {
    const requests = table[from] ?? Number.NaN;
    const sum = table[from + column] ?? 0;
    table[from + column] = Math.min(requests, Math.max(0, isRest ? requests - sum : sum));
  }
}

/** Whether a track's counters were there at a point. */
export function isThere(track: Track, point: number): boolean {
  for (let stratum = 0; stratum < track.strata.length; stratum++)
    if (!Number.isNaN(requestsAt(track, point, stratum))) return true;
  return false;
}

/** The first point at which they were; Infinity where they never were. */
export function firstPoint(track: Track): number {
  for (let point = 0; point < track.points; point++) if (isThere(track, point)) return point;
  return Infinity;
}

/** All requests at a point; 0 where the track's counters were not there. */
export function allRequestsAt(track: Track, point: number): number {
  let sum = 0;
  for (let stratum = 0; stratum < track.strata.length; stratum++) {
    const requests = requestsAt(track, point, stratum);
    if (!Number.isNaN(requests)) sum += requests;
  }
  return sum;
}

function requestsAt({ strata, width, table, points }: Track, point: number, stratum: number) {
  if (point < 0 || point >= points || stratum < 0) return Number.NaN;
  return table[(point * strata.length + stratum) * width] ?? Number.NaN;
}

/** What a stratum had at a point; undefined where its counters were not there. */
export function cellAt(track: Track, point: number, stratum: number): Cell | undefined {
  const requests = requestsAt(track, point, stratum);
  if (Number.isNaN(requests)) return undefined;
  const { strata, width, table } = track;
  const from = (point * strata.length + stratum) * width;
  // A list that grows takes room for sixteen more.
  const bad = new Array<number>(width - 1);
  for (let column = 1; column < width; column++) bad[column - 1] = table[from + column] ?? 0;
  return { requests, bad };
}

/** Whether two tables of a track say the same at the first so many points. */
export function isSameUntil(one: Track, other: Track, points: number): boolean {
  if (one.width !== other.width || one.strata.length !== other.strata.length) return false;
  if (!one.strata.every((it, index) => it === other.strata[index])) return false;
  const length = points * one.strata.length * one.width;
  if (one.table.length < length || other.table.length < length) return false;
  for (let index = 0; index < length; index++)
    if (!Object.is(one.table[index], other.table[index])) return false;
  return true;
}
