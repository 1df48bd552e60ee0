import type { Duration } from 'cdk8s';
import type { HookDefinition } from '../analysis/hooks.ts';
import type { Mirror, RequestMatch } from '../traffic/traffic.ts';
import type { OwnChecksProps } from './judged.ts';

/** What every item of the list may have. */
export interface CommonItem {
  /**
   * Hooks of this step alone.
   * @default - none
   */
  readonly hooks?: readonly HookDefinition[];
}

/** Gives the canary its share of the requests. */
export interface SetWeight extends CommonItem {
  /** Percent of the requests that nothing else claims; it may fall, too. */
  readonly setWeight: number;
}

/** Waits. */
export interface Pause extends CommonItem {
  /**
   * So long, while the checks must pass where the canary gets requests; or until somebody says `perch promote`, while
   * the checks watch.
   */
  readonly pause: Duration | 'until-approved';
}

/** Says how many pods of the canary run, until another item says so. As the first item: from the start. */
export interface SetCanaryScale extends CommonItem {
  /**
   * So many; of the primary's replicas; or of the primary's replicas as many as the weight, which each weight changes
   * from then on: more pods before a higher weight, fewer after a lower one.
   */
  readonly setCanaryScale:
    | { readonly replicas: number }
    | { readonly percent: number }
    | 'match-weight';
}

/** Asks checks of its own, beside the release's. */
export interface Analysis extends CommonItem {
  readonly analysis: OwnChecksProps;
}

/** Sends requests to the canary whatever its weight is, or ceases to. The first route of the list that matches counts. */
export interface HeaderRoute extends CommonItem {
  readonly headerRoute:
    | {
        /** A DNS label. */
        readonly name: string;
        /** Any of them; not by headers alone. */
        readonly match: readonly [RequestMatch, ...RequestMatch[]];
      }
    | { readonly name: string; readonly remove: true };
}

/** Sends copies of requests to the canary, or ceases to. */
export interface MirrorRoute extends CommonItem {
  readonly mirrorRoute:
    | (Mirror & {
        /** A DNS label. */
        readonly name: string;
      })
    | { readonly name: string; readonly remove: true };
}

/** Runs the stable version at the canary's size to compare the canary with, or ceases to. Over at the promotion. */
export interface Baseline extends CommonItem {
  readonly baseline: boolean;
  /**
   * Percent of the requests.
   * @default - as many as the canary's weight, now and later
   */
  readonly weight?: number;
}

/** Waits for a Job of the workload. */
export interface RunJob extends CommonItem {
  /** `metadata.name` of the Job. */
  readonly job: string;
}

/** One item of a list of steps. */
export type StepItem =
  | SetWeight
  | Pause
  | SetCanaryScale
  | Analysis
  | HeaderRoute
  | MirrorRoute
  | Baseline
  | RunJob;
