import type { Check, Track } from '../../../lib/plan/plan.ts';
import type { Answer } from '../answer.ts';

/** One point of a series. `value` may be NaN or ±Infinity: the judge decides what that means. */
export interface Sample {
  /** Unix time in seconds. */
  readonly at: number;
  readonly value: number;
}

/** What a check's queries brought on one grid, by the track that they ask about; absent where it was not asked. */
export type TrackSeries = Readonly<Partial<Record<Track, Answer<readonly Sample[]>>>>;

/** The series of one check on the two grids of a step; see judge.ts. */
export interface CheckSeries {
  readonly check: Check;
  /** On the grid from the step's commit: what failed. */
  readonly fromCommit: TrackSeries;
  /** On the grid from live: what passed. Absent before the step is live. */
  readonly fromLive?: TrackSeries | undefined;
  /** Each guard period of late: what breaks an abort bound. Absent where the check has none. */
  readonly guarded?: TrackSeries | undefined;
}
