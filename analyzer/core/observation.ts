import type { Check, Track } from '../../lib/plan/plan.ts';
import type { Phase } from './phase.ts';
import type { FileSet, PlanTree } from './position.ts';
import type { State } from './state.ts';

/** What a question to the outside world brought: an answer, or the reason why there is none. */
export type Answer<T> =
  | { readonly kind: 'known'; readonly value: T }
  | {
      readonly kind: 'unknown';
      readonly reason: string;
      /** Who did not answer in time. @default - there is another reason */
      readonly late?: string | undefined;
    };

/** What a file in Git held. */
export type Loaded<T> =
  | { readonly kind: 'known'; readonly value: T }
  | { readonly kind: 'absent' }
  | { readonly kind: 'broken'; readonly reason: string };

/** One point of a series. `value` may be NaN or ±Infinity: the judge decides what that means. */
export interface Sample {
  /** Unix time in seconds. */
  readonly at: number;
  readonly value: number;
}

/** Names one Kubernetes object. */
export interface ObjectRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** One object as the API server showed it. */
export type ObjectReading =
  | { readonly kind: 'found'; readonly object: unknown }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unknown'; readonly reason: string };

/** The last commit that touched a release, and the state's counter before and after it. */
export interface LastCommit {
  readonly oid: string;
  readonly author: string;
  readonly transitionBefore: number | undefined;
  readonly transitionAfter: number | undefined;
  /** Commits that its state says it accepts. */
  readonly accepts: readonly string[];
}

/** All that Git says about one release. */
export interface Situation {
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

/** A rollout whose state and plans can be read: what most rules need. */
export interface Rollout {
  readonly state: State;
  readonly plan: PlanTree;
  readonly stable: PlanTree | undefined;
  /** files(position). */
  readonly files: FileSet;
}

/** What a sync object tells of itself. */
export interface SyncStatus {
  /** The commit that is applied, where it tells one. */
  readonly revision: string | undefined;
  /** Why it cannot apply a newer one. */
  readonly trouble?: string | undefined;
  /** The commit that the API server, or the tool itself, takes for wrong: what is told may be of an earlier one. */
  readonly refuses?: string | undefined;
}

/** Whether the tool that applies `live/` says that it has applied the release's position. */
export type Applied =
  /** No sync object is known, or this position does not need it. */
  | { readonly kind: 'unasked' }
  | { readonly kind: 'applied' }
  | {
      readonly kind: 'behind';
      readonly reason: string;
      /** Why the cluster refuses it, where the tool says so. */
      readonly refused?: string | undefined;
    }
  | { readonly kind: 'unknown'; readonly reason: string };

/** Whether the cluster shows what Git says. */
export type Liveness =
  | { readonly kind: 'live'; readonly sinceSeconds: number }
  | {
      readonly kind: 'waiting';
      readonly reason: string;
      readonly untilSeconds?: number | undefined;
      /** Why the cluster refuses the position, where the sync tool says so. */
      readonly refused?: string | undefined;
    }
  | { readonly kind: 'unknown'; readonly reason: string };

/** Whether a track's workload can take its traffic. */
export type Readiness =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'notReady';
      readonly reason: string;
      readonly deadlinePassed: boolean;
      /** Pods that can take requests, whatever version they run. */
      readonly available: number;
    }
  | { readonly kind: 'unknown'; readonly reason: string };

/** What became of a Job. */
export type JobStatus =
  | { readonly kind: 'complete' }
  | { readonly kind: 'running'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'unknown'; readonly reason: string };

/** Pods of both tracks were missing that the step had found. */
export interface Outage {
  /** When the last of them was back; Unix seconds. */
  readonly until: number;
  /** Whether only the environment explains it, and neither the step's own work nor a candidate that both tracks run. */
  readonly isSure: boolean;
}

/** What was seen of the cluster at one moment, as far as a release is concerned. */
export interface ClusterView {
  readonly live: Liveness;
  /** Of the tracks that were asked about. */
  readonly ready: Readonly<Partial<Record<Track, Readiness>>>;
  /** Jobs of the step, by file. @default - it has none */
  readonly jobs?: ReadonlyMap<string, JobStatus> | undefined;
  /** The step that the routing objects show, where they show one. */
  readonly shownStep: string | undefined;
  /** @default - none is known */
  readonly outage?: Outage | undefined;
  /** Files of the position whose content some cluster does not show. @default - nobody can tell */
  readonly unseen?: ReadonlySet<string> | undefined;
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

/** What a hook answered. */
export type HookAnswer =
  | {
      readonly kind: 'answered';
      /** 2xx. */
      readonly passed: boolean;
      readonly status: number;
      /** The beginning of the body, on one line. */
      readonly text: string;
    }
  | {
      readonly kind: 'unknown';
      readonly reason: string;
      /** That nothing was sent, or that the service certainly did not take it. @default - it may have run */
      readonly taken?: false | undefined;
    };

/** What is known of a hook at one moment. */
export type HookReading =
  /** @param at Unix seconds */
  | (HookAnswer & { readonly at: number })
  /** This process started it, and it has not ended. */
  | { readonly kind: 'running' }
  /** Another process started it: nobody can tell what became of it. */
  | { readonly kind: 'lost' };

/** What was asked before a rollout begins. */
export interface Beginning {
  /** Of a release that Git knows nothing of: what the cluster shows of it, rendered by a plan. */
  readonly shown: Answer<readonly ObjectRef[]>;
  /** Clocks of servers against ours; behind it where negative. */
  readonly clocks: readonly { readonly server: string; readonly aheadSeconds: number }[];
}

/** All that a decision rests on. */
export interface Observation {
  readonly situation: Situation;
  /** Absent when nothing was asked, as at rest. */
  readonly cluster?: ClusterView | undefined;
  readonly series: readonly CheckSeries[];
  /** By name, as far as they were asked: a decision says which it needs. @default - none was */
  readonly hooks?: ReadonlyMap<string, HookReading> | undefined;
  /** Phases of the releases that the newest plan depends on. @default - it depends on none */
  readonly others?: ReadonlyMap<string, Phase> | undefined;
  /** Asked once everything else says that a rollout begins. @default - it was not asked */
  readonly beginning?: Beginning | undefined;
  /** Largest difference between our clock and a server's, in seconds. */
  readonly skewSeconds: number;
  /** When this process first found a source of answers unreachable, if it still is; Unix seconds. */
  readonly unreachableSince?: number | undefined;
  /** Since when this process has found the step not shown by the cluster, or its pods not ready; Unix seconds. */
  readonly stuckSince?: number | undefined;
}
