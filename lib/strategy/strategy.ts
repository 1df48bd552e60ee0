import type { Duration } from 'cdk8s';
import type { CheckDefinition } from '../analysis/checks.ts';
import type { HookDefinition } from '../analysis/hooks.ts';
import type { JsonObject } from '../manifest/json.ts';
import type { Mistake } from '../mistake.ts';
import type { Step, Track } from '../plan/plan.ts';
import { hasMembers, madeThing } from '../props/fields.ts';
import type { Traffic } from '../traffic/traffic.ts';

/** How a new version is rolled out: a function of ours returned it, or the author's own. */
export const aStrategy = madeThing<Strategy>(
  { what: 'a strategy', remedy: 'use one, such as canary({ stepWeights: [5, 20, 50] })' },
  (it) =>
    hasMembers(it, { kind: 'string', tracks: 'object', mistakes: 'function', steps: 'function' }),
);

/** How many pods of the canary run. */
export type Scale =
  | { readonly kind: 'none' }
  /** As the release says: `tracks.canary`, else as many as the primary. */
  | { readonly kind: 'full' }
  | { readonly kind: 'replicas'; readonly replicas: number }
  /** Of the primary's replicas, rounded up, at least one. */
  | { readonly kind: 'percent'; readonly percent: number };

/**
 * A state of the world that a rollout passes through, and what must be true to leave it. What the step writes
 * follows from what differs from the draft before it.
 */
export interface StepDraft {
  /** Without its number. */
  readonly name: string;
  readonly phase: Step['phase'];
  readonly traffic: Traffic;
  /** Which version the primary runs; once the candidate, it stays. */
  readonly primary: 'stable' | 'candidate';
  readonly canary: Scale;
  /**
   * How many pods the primary runs, whichever version.
   * @default - as many as the release says
   */
  readonly primaryReplicas?: number;
  /** Whether the stable plan's baseline runs. @default false */
  readonly baseline?: boolean;
  /**
   * Percent of a StatefulSet's pods that run the candidate, those with the highest ordinals.
   * @default 100
   */
  readonly updatedPercent?: number;
  readonly ready: readonly Track[];
  /** Whether the release's checks are judged in it, and whether they must pass for the bake time. */
  readonly checks: 'none' | 'guard' | 'bake';
  /** Checks of this step alone, which must pass for the bake time. @default - none */
  readonly own?: readonly CheckDefinition[];
  /** @default - the release's, where checks or time are asked for; else zero */
  readonly bake?: Duration;
  /** Where `bake` is not given: how many check points must pass. @default - the release's bake time */
  readonly points?: number;
  /** It is stayed in at least so long, however long its checks must pass. @default - no longer than they must */
  readonly atLeast?: Duration;
  /**
   * Whether people call this step the promotion: what is asked or run before the promotion is so before it.
   * @default - the first step whose phase is Promoting
   */
  readonly isPromotion?: boolean;
  /** Whether somebody must say `perch promote`. @default - nobody */
  readonly gate?: 'person';
  /** Hooks of this step alone. @default - none */
  readonly hooks?: readonly HookDefinition[];
  /** Names of Jobs of the workload that run in it. @default - none */
  readonly jobs?: readonly string[];
}

/** Where people say that the candidate is promoted; -1 where no step does so. */
export function promotionIndex(drafts: readonly StepDraft[]): number {
  const named = drafts.findIndex((it) => it.isPromotion === true);
  return named >= 0 ? named : drafts.findIndex((it) => it.phase === 'Promoting');
}

/** How a new version reaches everyone: a list of steps, the first `init` and the last `complete`. */
export interface Strategy {
  readonly kind: string;
  /** The tracks that it uses; one track means that the primary itself is changed from step 01 on. */
  readonly tracks: readonly ('primary' | 'canary')[];
  /** What the strategy says in the `spec` of the primary's Deployment. @default - nothing: the workload says all */
  readonly deployment?: JsonObject;
  mistakes(path: string): readonly Mistake[];
  steps(): readonly StepDraft[];
}
