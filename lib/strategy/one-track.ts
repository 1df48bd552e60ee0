import * as z from 'zod';
import type { JsonObject } from '../manifest/json.ts';
import type { Mistake } from '../mistake.ts';
import { duration, extended } from '../props/fields.ts';
import { AT_REST } from '../traffic/traffic.ts';
import { type BakeProps, bakeMistakes, bakeProps, baking, durationMistakes } from './judged.ts';
import { madeStrategy } from './made-strategy.ts';
import { COMPLETE, INIT } from './stages.ts';
import type { StepDraft, Strategy } from './strategy.ts';

/** How fast pods are replaced, and how long they are judged after that. */
export interface RampedProps extends z.infer<typeof rampedProps> {}

/** The schema of `RampedProps`. */
export const rampedProps = extended(bakeProps, {
  /**
   * How many pods more than usual may run.
   * @default 1
   */
  maxSurge: z.number().optional(),
  /**
   * How many pods less than usual may be available.
   * @default 0
   */
  maxUnavailable: z.number().optional(),
  /**
   * How long a new pod must be ready before the next one is replaced.
   * @default - the workload's own
   */
  minReady: duration.optional(),
});

/**
 * Stops all pods, then starts the candidate's: nobody is served between, and no two versions run at a time. The way
 * back does the same.
 */
export function recreate(props: BakeProps = {}): Strategy {
  return madeStrategy('recreate', bakeProps, props, recreateOf);
}

function recreateOf(props: BakeProps): Strategy {
  return oneTrack('recreate', props, { strategy: { type: 'Recreate' } }, (path) =>
    bakeMistakes(path, props),
  );
}

/** Replaces pods one after the other, as Kubernetes does; the candidate is judged once it has all of them. */
export function ramped(props: RampedProps = {}): Strategy {
  return madeStrategy('ramped', rampedProps, props, rampedOf);
}

function rampedOf(props: RampedProps): Strategy {
  const { maxSurge = 1, maxUnavailable = 0, minReady } = props;
  const deployment = {
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } },
    ...(minReady === undefined
      ? {}
      : { minReadySeconds: minReady.toMilliseconds({ integral: false }) / 1000 }),
  };
  return oneTrack('ramped', props, deployment, (path) => [
    ...bakeMistakes(path, props),
    ...durationMistakes(path, 'minReady', minReady),
    ...countOf(path, { maxSurge, maxUnavailable }),
  ]);
}

function oneTrack(
  name: string,
  props: BakeProps,
  deployment: JsonObject,
  mistakes: Strategy['mistakes'],
): Strategy {
  const written: StepDraft = {
    name,
    phase: 'Promoting',
    traffic: AT_REST,
    primary: 'candidate',
    canary: { kind: 'none' },
    ready: ['primary'],
    checks: 'bake',
    ...baking(props),
  };
  return {
    kind: name,
    tracks: ['primary'],
    deployment,
    mistakes,
    steps: () => [INIT, written, COMPLETE],
  };
}

function countOf(
  path: string,
  counts: { readonly maxSurge: number; readonly maxUnavailable: number },
): Mistake[] {
  return Object.entries(counts)
    .filter(([, value]) => !Number.isInteger(value) || value < 0)
    .map(([field, got]) => ({
      path,
      problem: `strategy.${field} must be a whole number of pods`,
      got,
      remedy: 'use 0 or more',
    }));
}
