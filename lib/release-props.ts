import type { AnalysisProps } from './analysis.ts';
import type { ServiceProps } from './service.ts';
import type { Strategy } from './strategy/strategy.ts';
import type { Router } from './traffic/router.ts';
import type { Verbatim } from './verbatim.ts';
import type { WorkloadFactory } from './workload.ts';

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
   * Makes the release's objects: one Deployment, and what belongs to it. Called once. What it makes is
   * rendered for each track, hashed by content, or written as it is, by kind.
   */
  readonly workload: WorkloadFactory;
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
