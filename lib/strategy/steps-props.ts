import * as z from 'zod';
import { aHook } from '../analysis/hooks.ts';
import { duration, extended, fields, listOf, oneOf, someOf } from '../props/fields.ts';
import { mirror, requestMatch } from '../traffic/traffic.ts';
import { ownChecksProps } from './judged.ts';

/** What every item of the list may have. */
export interface CommonItem extends z.infer<typeof commonItem> {}

const commonItem = fields({
  /**
   * Hooks of this step alone.
   * @default - none
   */
  hooks: listOf(aHook).optional(),
});

/** What ceases. */
const removal = fields({
  name: z.string(),
  remove: z.literal(true),
});

/** Gives the canary its share of the requests. */
export interface SetWeight extends z.infer<typeof setWeight> {}

const setWeight = extended(commonItem, {
  /** Percent of the requests that nothing else claims; it may fall, too. */
  setWeight: z.number(),
});

/** Waits. */
export interface Pause extends z.infer<typeof pause> {}

const pause = extended(commonItem, {
  /**
   * So long, while the checks must pass where the canary gets requests; or until somebody says `perch promote`, while
   * the checks watch.
   */
  pause: z.union([duration, z.literal('until-approved')]),
});

/** Says how many pods of the canary run, until another item says so. As the first item: from the start. */
export interface SetCanaryScale extends z.infer<typeof setCanaryScale> {}

const setCanaryScale = extended(commonItem, {
  /**
   * So many; of the primary's replicas; or of the primary's replicas as many as the weight, which each weight changes
   * from then on: more pods before a higher weight, fewer after a lower one.
   */
  setCanaryScale: z.union([
    z.literal('match-weight'),
    oneOf({
      replicas: fields({
        replicas: z.number(),
      }),
      percent: fields({
        percent: z.number(),
      }),
    }),
  ]),
});

/** Asks checks of its own, beside the release's. */
export interface Analysis extends z.infer<typeof analysis> {}

const analysis = extended(commonItem, {
  analysis: ownChecksProps,
});

/** Sends requests to the canary whatever its weight is, or ceases to. The first route of the list that matches counts. */
export interface HeaderRoute extends z.infer<typeof headerRoute> {}

const headerRoute = extended(commonItem, {
  headerRoute: oneOf({
    match: fields({
      /** A DNS label. */
      name: z.string(),
      /** Any of them; not by headers alone. */
      match: someOf(requestMatch),
    }),
    remove: removal,
  }),
});

/** Sends copies of requests to the canary, or ceases to. */
export interface MirrorRoute extends z.infer<typeof mirrorRoute> {}

const mirrorRoute = extended(commonItem, {
  mirrorRoute: oneOf({
    percent: extended(mirror, {
      /** A DNS label. */
      name: z.string(),
    }),
    remove: removal,
  }),
});

/** Runs the stable version at the canary's size to compare the canary with, or ceases to. Over at the promotion. */
export interface Baseline extends z.infer<typeof baseline> {}

const baseline = extended(commonItem, {
  baseline: z.boolean(),
  /**
   * Percent of the requests.
   * @default - as many as the canary's weight, now and later
   */
  weight: z.number().optional(),
});

/** Waits for a Job of the workload. */
export interface RunJob extends z.infer<typeof runJob> {}

const runJob = extended(commonItem, {
  /** `metadata.name` of the Job. */
  job: z.string(),
});

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

/** The schema of `StepItem`: the one that is told by what it does. */
export const stepItem = oneOf({
  setWeight,
  pause,
  setCanaryScale,
  analysis,
  headerRoute,
  mirrorRoute,
  baseline,
  job: runJob,
});
