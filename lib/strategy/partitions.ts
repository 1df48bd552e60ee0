import type { Duration } from 'cdk8s';
import * as z from 'zod';
import type { Mistake } from '../mistake.ts';
import { duration, fields, listOf } from '../props/fields.ts';
import { AT_REST } from '../traffic/traffic.ts';
import { madeStrategy } from './made-strategy.ts';
import type { StepDraft, Strategy } from './strategy.ts';

/** How the pods of a StatefulSet get the candidate. */
export interface PartitionsProps extends z.infer<typeof partitionsProps> {}

/** The schema of `PartitionsProps`. */
export const partitionsProps = fields({
  /**
   * Percent of the pods that run the candidate in each step, those with the highest ordinals, each higher than the
   * one before. What is then left is updated in a last step.
   */
  percents: listOf(z.number()),
  /**
   * How long the checks must pass in each step but the last, which they guard.
   * @default - `analysis.bakeTime`
   */
  bake: duration.optional(),
});

/**
 * Updates a StatefulSet part by part, from the highest ordinal down. There is one track: a second StatefulSet would
 * have volumes and names of its own. The rollback is the stable set, whose pods are updated all at once.
 */
export function partitions(props: PartitionsProps): Strategy {
  return madeStrategy('partitions', partitionsProps, props, partitionsOf);
}

function partitionsOf(props: PartitionsProps): Strategy {
  return {
    kind: 'partitions',
    tracks: ['primary'],
    mistakes: (path) => mistakes(path, props),
    steps: () => stepsOf(props),
  };
}

/** Steps have two digits: `00-init` to `99-complete`. */
const MAX_STEPS = 100;

function stepsOf({ percents, bake }: PartitionsProps): readonly StepDraft[] {
  return [
    { ...ONE_TRACK, name: 'init', phase: 'Initializing', checks: 'none' },
    ...percents.filter((it) => it < 100).map((it) => update(it, bake)),
    {
      ...ONE_TRACK,
      name: 'update-100',
      phase: 'Promoting',
      updatedPercent: 100,
      checks: 'guard',
    },
    { ...ONE_TRACK, name: 'complete', phase: 'Succeeded', checks: 'none' },
  ];
}

const ONE_TRACK = {
  traffic: AT_REST,
  primary: 'candidate',
  canary: { kind: 'none' },
  ready: ['primary'],
} as const satisfies Partial<StepDraft>;

/** The primary itself runs the candidate from the first step on, so all of them promote. */
function update(percent: number, bake: Duration | undefined): StepDraft {
  return {
    ...ONE_TRACK,
    name: `update-${percent}`,
    phase: 'Promoting',
    updatedPercent: percent,
    checks: 'bake',
    ...(bake === undefined ? {} : { bake }),
  };
}

function mistakes(path: string, { percents }: PartitionsProps): Mistake[] {
  const wrong = percents
    .filter((it) => !Number.isInteger(it) || it < 1 || it > 100)
    .map((got) => ({
      path,
      problem: 'strategy.percents must be whole percents',
      got,
      remedy: 'use 1 to 100',
    }));
  if (wrong.length > 0) return wrong;
  const count = stepsOf({ percents }).length;
  if (count > MAX_STEPS)
    return [
      {
        path,
        problem: `strategy makes more than ${MAX_STEPS} steps`,
        got: count,
        remedy: 'give fewer percents',
      },
    ];
  const problem =
    percents.length === 0
      ? 'strategy.percents is empty'
      : percents.every((it, index) => it > (percents[index - 1] ?? 0))
        ? undefined
        : 'strategy.percents must increase';
  if (problem === undefined) return [];
  return [
    { path, problem, got: percents, remedy: 'give percents, each higher than the one before' },
  ];
}
