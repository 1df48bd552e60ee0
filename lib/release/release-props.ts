import type { AnalysisProps } from '../analysis/analysis.ts';
import type { HookDefinition } from '../analysis/hooks.ts';
import type { Strategy } from '../strategy/strategy.ts';
import type { Router } from '../traffic/router.ts';
import type { ServiceProps } from '../workload/service.ts';
import type { WorkloadFactory } from '../workload/workload.ts';
import type { ExistingServices } from './existing.ts';
import type { JobDefinition } from './jobs.ts';
import type { DependsOn, HoursProps } from './schedule.ts';
import type { Verbatim } from './verbatim.ts';

/** How many pods of a track run. */
export interface TrackProps {
  /**
   * Without an autoscaler.
   * @default - the workload's own number
   */
  readonly replicas?: number;
  /**
   * The autoscaler's minimum; a canary starts with so many.
   * @default - the autoscaler's own
   */
  readonly minReplicas?: number;
  /**
   * The autoscaler's maximum.
   * @default - the autoscaler's own
   */
  readonly maxReplicas?: number;
}

/** What a release is. */
export interface ReleaseProps {
  /**
   * Name of the apex Service, and stem of the other names.
   * @default - the id
   */
  readonly name?: string;
  /** Namespace of every object. */
  readonly namespace: string;
  /**
   * Makes the release's objects: one Deployment, DaemonSet or StatefulSet, and what belongs to it. Called once.
   * What it makes is rendered for each track, hashed by content, or written as it is, by kind.
   * @default - none: then `existing` must be given
   */
  readonly workload?: WorkloadFactory | undefined;
  /**
   * Two Services that exist already, instead of a workload: nothing but routes is written.
   * @default - the release makes its own
   */
  readonly existing?: ExistingServices;
  /** How the release is reached. */
  readonly service: ServiceProps;
  /** What splits its traffic, such as `istio({ … })` or `gatewayApi({ … })`. */
  readonly traffic: Router;
  /** How traffic reaches a new version, such as `canary({ stepWeight: 10, maxWeight: 50 })`. */
  readonly strategy: Strategy;
  /**
   * How a rollout is judged, and how long it waits.
   * @default - no checks: each weight is kept for one minute, and only readiness is watched
   */
  readonly analysis?: AnalysisProps;
  /**
   * HTTP endpoints that are asked or told something, such as `confirmPromotion({ … })`.
   * @default - none
   */
  readonly hooks?: readonly HookDefinition[];
  /**
   * Jobs of the workload that must complete, such as `job('acceptance', { before: 'traffic' })`.
   * @default - none
   */
  readonly jobs?: readonly JobDefinition[];
  /**
   * How many pods of each track run; the primary's `replicas` are the workload's.
   * @default - as many as the workload says, on both
   */
  readonly tracks?: {
    readonly primary?: Omit<TrackProps, 'replicas'>;
    readonly canary?: TrackProps;
    /**
     * Names of KEDA triggers, or their types where they have none, by which both tracks are meant to scale
     * though each sees the same number.
     * @default - every trigger must name its track
     */
    readonly sharedTriggers?: readonly string[];
  };
  /**
   * Whether objects of the mesh or gateway and all others lie in folders of their own, `live/<id>/mesh` and
   * `live/<id>/workload`, so that two sync objects can apply them to two clusters.
   * @default 'one'
   */
  readonly roots?: 'one' | 'mesh-and-workload';
  /**
   * Take every step as soon as it is live and ready: no check, no hook but `rollback`, no gate, no waiting.
   * @default false
   */
  readonly skipAnalysis?: boolean;
  /**
   * Let nothing go on; only a necessary way back happens.
   * @default false
   */
  readonly suspend?: boolean;
  /**
   * When steps that give the candidate more traffic may begin; what began before is finished or taken back.
   * @default - always
   */
  readonly hours?: readonly HoursProps[];
  /**
   * A candidate that was among so many promoted last, before the one that runs, waits for no check and no gate when
   * it comes again. One that failed or was undone is judged again.
   * @default - every candidate is judged
   */
  readonly rollbackWindow?: number;
  /**
   * Releases that must be at rest in a good phase before this one starts.
   * @default - none
   */
  readonly dependsOn?: readonly DependsOn[];
  /**
   * Manifests that are copied byte for byte: SealedSecrets, files that SOPS encrypted.
   * @default - none
   */
  readonly verbatim?: readonly Verbatim[];
  /**
   * Key of the one label by which each track's pods are selected.
   * @default - the first of app, name and app.kubernetes.io/name that the Deployment selects by, else app
   */
  readonly selectorLabel?: string;
  /**
   * Whether Secrets in the workload may hold values, which Git then shows to every reader.
   * @default false
   */
  readonly allowLiteralSecrets?: boolean;
}
