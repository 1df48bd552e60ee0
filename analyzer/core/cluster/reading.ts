import type { Track } from '../../../lib/plan/plan.ts';

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

/** One object that a position asks for, or wants gone, in one cluster. */
export interface ObjectView {
  readonly ref: ObjectRef;
  /** Undefined where there is only one. */
  readonly cluster: string | undefined;
  /** What is not as Git says; nothing where all is. */
  readonly wrong: readonly string[];
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
  /** Object by object, what the position asks for. @default - nothing was asked */
  readonly objects?: readonly ObjectView[] | undefined;
}
