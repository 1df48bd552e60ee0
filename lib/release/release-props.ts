import * as z from 'zod';
import { analysisProps } from '../analysis/analysis.ts';
import { aHook } from '../analysis/hooks.ts';
import { extended, fields, listOf, mapOf } from '../props/fields.ts';
import { aStrategy } from '../strategy/strategy.ts';
import { aRouter } from '../traffic/router.ts';
import { serviceProps } from '../workload/service-props.ts';
import { aWorkload } from '../workload/workload.ts';
import { existingServices } from './existing.ts';
import { jobDefinition } from './jobs.ts';
import { dependsOn, hoursProps } from './schedule.ts';
import { aVerbatim } from './verbatim.ts';

/** How many pods of a track run. */
export interface TrackProps extends z.infer<typeof trackProps> {}

const podMetadata = fields({
  /** @default - none */
  labels: mapOf(z.string()).optional(),
  /** @default - none */
  annotations: mapOf(z.string()).optional(),
});

/** The primary's replicas are those of the workload. */
const primaryTrack = fields({
  /**
   * Labels and annotations of this track's pods, beside the workload's. A baseline has none of them.
   * @default - none
   */
  metadata: podMetadata.optional(),
  /**
   * The autoscaler's minimum; a canary starts with so many.
   * @default - the autoscaler's own
   */
  minReplicas: z.number().optional(),
  /**
   * The autoscaler's maximum.
   * @default - the autoscaler's own
   */
  maxReplicas: z.number().optional(),
});

const trackProps = extended(primaryTrack, {
  /**
   * Without an autoscaler.
   * @default - the workload's own number
   */
  replicas: z.number().optional(),
});

/** What a release is. */
export interface ReleaseProps extends z.infer<typeof releaseProps> {}

/** The schema of `ReleaseProps`. */
export const releaseProps = fields({
  /**
   * Name of the apex Service, if there is one, and stem of the other names.
   * @default - the id
   */
  name: z.string().optional(),
  /** Namespace of every object. */
  namespace: z.string(),
  /**
   * Makes the release's objects: one Deployment, DaemonSet or StatefulSet, and what belongs to it. Called once.
   * What it makes is rendered for each track, hashed by content, or written as it is, by kind. `include(…)` and
   * `helm(…)` make those of a file or a chart.
   * @default - none: then `existing` must be given
   */
  workload: aWorkload.optional(),
  /**
   * Two Services that exist already, instead of a workload: nothing but routes is written.
   * @default - the release makes its own
   */
  existing: existingServices.optional(),
  /**
   * How the release is reached.
   * @default - it is not: its pods take work themselves, such as from a queue. Then either pods stand for weights, as with
   *   `kubernetes({ split: 'replicas' })`, or the strategy has one track and `traffic` is `kubernetes()`
   */
  service: serviceProps.optional(),
  /** What splits its traffic, such as `istio({ … })` or `gatewayApi({ … })`. */
  traffic: aRouter,
  /** How traffic reaches a new version, such as `canary({ stepWeight: 10, maxWeight: 50 })`. */
  strategy: aStrategy,
  /**
   * How a rollout is judged, and how long it waits.
   * @default - no checks: each weight is kept for one minute, and only readiness is watched
   */
  analysis: analysisProps.optional(),
  /**
   * HTTP endpoints that are asked or told something, such as `confirmPromotion({ … })`.
   * @default - none
   */
  hooks: listOf(aHook).optional(),
  /**
   * Jobs of the workload that must complete, such as `job('acceptance', { before: 'traffic' })`.
   * @default - none
   */
  jobs: listOf(jobDefinition).optional(),
  /**
   * How many pods of each track run; the primary's `replicas` are the workload's.
   * @default - as many as the workload says, on both
   */
  tracks: fields({
    primary: primaryTrack.optional(),
    canary: trackProps.optional(),
    /**
     * Names of the metrics of an HPA, or of KEDA's triggers (their types where they have none), by which both tracks are
     * meant to scale though each sees the same number.
     * @default - every one must be about its track
     */
    sharedTriggers: listOf(z.string()).optional(),
    /**
     * Whose pods the affinity and topology spread terms mean that select the workload's own: those of both tracks, as in a
     * rolling update, or those of the term's own track alone.
     * @default 'both'
     */
    podTerms: z.enum(['both', 'own']).optional(),
  }).optional(),
  /**
   * Whether objects of the mesh or gateway and all others lie in folders of their own, `live/<id>/mesh` and
   * `live/<id>/workload`, so that two sync objects can apply them to two clusters.
   * @default 'one'
   */
  roots: z.enum(['one', 'mesh-and-workload']).optional(),
  /**
   * Take every step as soon as it is live and ready: no check, no hook but `rollback`, no gate, no waiting.
   * @default false
   */
  skipAnalysis: z.boolean().optional(),
  /**
   * Let nothing go on; only a necessary rollback happens.
   * @default false
   */
  suspend: z.boolean().optional(),
  /**
   * Which attempt at its candidate this is. One that failed starts again when it is raised, in the pull request that
   * changes what the candidate is judged by. Nothing else follows from it, and it may stay when the next candidate comes.
   * @default 1
   */
  attempt: z.number().optional(),
  /**
   * When steps that give the candidate more traffic may begin; what began before is finished or taken back.
   * @default - always
   */
  hours: listOf(hoursProps).optional(),
  /**
   * A candidate that was among so many promoted last, before the one that runs, waits for no check and no gate when
   * it comes again. One that failed or was undone is judged again.
   * @default - every candidate is judged
   */
  rollbackWindow: z.number().optional(),
  /**
   * Releases that must be at rest in a good phase before this one starts.
   * @default - none
   */
  dependsOn: listOf(dependsOn).optional(),
  /**
   * Manifests that are copied byte for byte: SealedSecrets, files that SOPS encrypted.
   * @default - none
   */
  verbatim: listOf(aVerbatim).optional(),
  /**
   * Kinds, as `group/Kind`, that this release may hold beyond those that each may, where no `Analyzer` in the same `Apps`
   * runs it: what the analyzer's `--allow-kind` says elsewhere.
   * @default - none
   */
  allowKinds: listOf(z.string()).optional(),
  /**
   * Key of a label of the pods whose value becomes `<name>-primary` and `<name>-canary`, as with Flagger: each track's pods
   * are then selected by it alone. What selects by the value that the author gave finds neither track.
   * @default - the author's labels stay as they are, and `perch/track` tells the tracks apart
   */
  selectorLabel: z.string().optional(),
  /**
   * Whether Secrets in the workload may hold values, which Git then shows to every reader.
   * @default false
   */
  allowLiteralSecrets: z.boolean().optional(),
});
