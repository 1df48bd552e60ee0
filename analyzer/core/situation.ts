import type { Loaded } from './answer.ts';
import type { FileSet, PlanTree } from './position.ts';
import type { State } from './state.ts';

/** The last commit that touched a release, and the state's counter before and after it. */
export interface LastCommit {
  readonly oid: string;
  readonly author: string;
  readonly transitionBefore: number | undefined;
  readonly transitionAfter: number | undefined;
  /** Commits that its state says it accepts. */
  readonly accepts: readonly string[];
}

/** All that Git holds of one release. */
export interface Contents {
  readonly id: string;
  readonly state: Loaded<State>;
  /** `rollouts/<id>/plan` and `rollouts/<id>/stable`. */
  readonly plan: Loaded<PlanTree>;
  readonly stable: Loaded<PlanTree>;
  /** The newest `dist/<id>` of the source ref. */
  readonly dist: Loaded<PlanTree>;
  /** Why that plan must not be pinned, as its files and its signature say. @default - it may be */
  readonly refused?: readonly string[] | undefined;
  /** Blob id by file name in `live/<id>`. */
  readonly live: ReadonlyMap<string, string>;
  readonly lastCommit: LastCommit | undefined;
}

/** What Git says about one release. Made by `withRollout` alone, so that a rollout is made once. */
export interface Situation extends Contents {
  /**
   * What is under way, or stands: the state with the plans that it needs. Absent where the release never started;
   * broken where Git holds something that cannot be read.
   */
  readonly rollout: Loaded<Rollout>;
}

/** A rollout whose state and plans can be read: what most rules need. */
export interface Rollout {
  readonly state: State;
  readonly plan: PlanTree;
  readonly stable: PlanTree | undefined;
  /** files(position). */
  readonly files: FileSet;
}
