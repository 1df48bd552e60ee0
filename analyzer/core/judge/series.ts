import type { Check } from '../../../lib/plan/plan.ts';
import type { Answer } from '../answer.ts';

/** One point of a series. `value` may be NaN or ±Infinity: the judge decides what that means. */
export interface Sample {
  /** Unix time in seconds. */
  readonly at: number;
  readonly value: number;
}

/** The series of one check on the two grids of a step; see judge.ts. */
export interface CheckSeries {
  readonly check: Check;
  /** On the grid from the step's commit: what failed. */
  readonly fromCommit: Answer<readonly Sample[]>;
  /** On the grid from live: what passed. Absent before the step is live. */
  readonly fromLive?: Answer<readonly Sample[]> | undefined;
  /** The primary's on the first grid: asked only where a point of the canary fails, and before promotion. */
  readonly primary?: Answer<readonly Sample[]> | undefined;
}
