import * as z from 'zod';
import { percent, seconds } from './scalars.ts';

/** How the analyzer judges and waits. All durations are whole seconds. */
export type Analysis = z.infer<typeof analysis>;
export const analysis = z.strictObject({
  /** Distance of two check points. */
  checkSeconds: z.number().int().positive(),
  /** How often a candidate with traffic is looked at for what takes it back at once. @default 5 */
  guardSeconds: z.number().int().positive().optional(),
  /** For how long after a start of pods, or the first requests, nothing is counted. @default 0 */
  warmUpSeconds: z.number().int().positive().optional(),
  /** Age at which a sample counts as final, and the clock skew that is tolerated. */
  settleSeconds: seconds,
  /** Failed checks, counted over the whole rollout, at which the release rolls back. */
  threshold: z.number().int().positive(),
  /** Percent of the updated replicas that must be available. */
  readyPercent: z.strictObject({ primary: percent, canary: percent }),
  /** How long an applied workload may stay not ready before the release rolls back. */
  progressDeadlineSeconds: z.number().int().positive(),
  /** How long answers may be missing before `onInconclusive` decides. */
  inconclusiveDeadlineSeconds: z.number().int().positive(),
  onInconclusive: z.enum(['hold', 'back']),
  /** How long the canary's pods are kept for debugging after their traffic is gone. */
  rollbackDelaySeconds: seconds,
  /** How long the GitOps tool may take to notice a commit when it does not say what it applied. */
  syncSeconds: seconds,
});

/** How often a candidate with traffic is looked at, also where its plan does not say it. */
export function guardSecondsOf({ guardSeconds = 5 }: Pick<Analysis, 'guardSeconds'>): number {
  return guardSeconds;
}
