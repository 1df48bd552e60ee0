import * as z from 'zod';
import type { Mistake } from '../mistake.ts';
import { duration, extended, fields, listOf, oneOf } from '../props/fields.ts';
import { sessionCookieMistakes } from '../traffic/cookies.ts';
import { AT_REST, type SessionCookie, sessionCookie, type Traffic } from '../traffic/traffic.ts';
import { bakeMistakes, baking, durationMistakes } from './judged.ts';
import { madeStrategy } from './made-strategy.ts';
import {
  COMPLETE,
  canaryUp,
  countMistakes,
  finalising,
  INIT,
  progressing,
  promote,
} from './stages.ts';
import type { StepDraft, Strategy } from './strategy.ts';
import { exponential, falling, linear, percentMistakes, split, weightName } from './weights.ts';

/** Copies of requests that the candidate gets before its first request of a user. */
export interface MirroredStepProps extends z.infer<typeof mirroredStepProps> {}

/** The schema of `MirroredStepProps`. */
export const mirroredStepProps = fields({
  /** Percent of the requests. */
  percent: z.number(),
  /**
   * How long the checks must pass on the copies.
   * @default - the release's `analysis.bakeTime`
   */
  bake: duration.optional(),
});

/** What every canary may have. */
export interface CommonCanaryProps extends z.infer<typeof commonCanaryProps> {}

const commonCanaryProps = fields({
  /**
   * Percent that each step takes back from the canary once the primary runs the candidate.
   * @default - all at once
   */
  stepWeightPromotion: z.number().optional(),
  /**
   * A step before the first weight in which the canary gets copies, where the router can mirror. What it is asked it
   * does: only for requests that may happen twice.
   * @default - none
   */
  mirror: mirroredStepProps.optional(),
  /**
   * A cookie that keeps whoever was given the canary on it until the promotion is over; with `primaryName` another
   * one that keeps all others on the primary until it begins.
   * @default - each request is split by itself
   */
  sessionAffinity: sessionCookie.optional(),
});

/** Weights at equal distances. */
export interface LinearCanaryProps extends z.infer<typeof linearCanaryProps> {}

const linearCanaryProps = extended(commonCanaryProps, {
  /** Percent that each step adds. */
  stepWeight: z.number(),
  /**
   * Percent at which the candidate is promoted; the last step ends there exactly.
   * @default 100
   */
  maxWeight: z.number().optional(),
});

/** Weights that grow by a factor. */
export interface ExponentialCanaryProps extends z.infer<typeof exponentialCanaryProps> {}

const exponentialCanaryProps = extended(commonCanaryProps, {
  /** Percent of the first step; the others have as many decimals. */
  firstWeight: z.number(),
  /** How many times the weight before; over 1. */
  factor: z.number(),
  /**
   * Percent at which the candidate is promoted; the last step ends there exactly.
   * @default 100
   */
  maxWeight: z.number().optional(),
});

/** A weight, and how long it is kept. */
export interface StepWeight extends z.infer<typeof stepWeight> {}

const stepWeight = fields({
  /** Percent. */
  weight: z.number(),
  /**
   * How long the checks must pass.
   * @default - the release's `analysis.bakeTime`
   */
  bake: duration.optional(),
});

/** Weights one by one. */
export interface ListedCanaryProps extends z.infer<typeof listedCanaryProps> {}

const listedCanaryProps = extended(commonCanaryProps, {
  /** Percents, each higher than the one before; after the last the candidate is promoted. */
  stepWeights: listOf(z.union([z.number(), stepWeight])),
});

/** How a canary's traffic grows. */
export type CanaryProps = LinearCanaryProps | ExponentialCanaryProps | ListedCanaryProps;

/** The schema of `CanaryProps`: the one that is told by how weights are given. */
export const canaryProps = oneOf({
  stepWeights: listedCanaryProps,
  stepWeight: linearCanaryProps,
  firstWeight: exponentialCanaryProps,
});

/** Shifts traffic to the candidate step by step, then promotes it and shifts the traffic back. */
export function canary(props: CanaryProps): Strategy {
  return madeStrategy('canary', canaryProps, props, canaryOf);
}

function canaryOf(props: CanaryProps): Strategy {
  return {
    kind: 'canary',
    tracks: ['primary', 'canary'],
    mistakes: (path) => {
      const mistakes = fieldMistakes(path, props);
      return mistakes.length > 0 ? mistakes : countMistakes(path, steps(props), FEWER);
    },
    steps: () => steps(props),
  };
}

const FEWER = 'use a larger stepWeight, factor or stepWeightPromotion, or fewer stepWeights';

function steps(props: CanaryProps): StepDraft[] {
  const { mirror, sessionAffinity } = props;
  const up = weightsUp(props);
  const top = up.at(-1)?.weight ?? 0;
  const traffic = (weight: number, ends: boolean, cookie = sessionAffinity): Traffic =>
    cookie === undefined ? split(weight) : { ...split(weight), affinity: { cookie, ends } };
  return [
    INIT,
    canaryUp(),
    ...(mirror === undefined ? [] : [mirrored('mirror', mirror)]),
    ...up.map((it) => progressing(weightName(it.weight), traffic(it.weight, false), baking(it))),
    promote(traffic(top, false, sessionAffinity && ofCanaryAlone(sessionAffinity))),
    ...falling(props.stepWeightPromotion ?? top, top).map((weight) =>
      finalising(weightName(weight), traffic(weight, true), {
        checks: weight > 0 ? 'guard' : 'none',
      }),
    ),
    COMPLETE,
  ];
}

/** Nobody is kept on the primary while it is replaced: at 100 % it has no request then. */
function ofCanaryAlone({ primaryName: _, ...cookie }: SessionCookie): SessionCookie {
  return cookie;
}

/** A step in which users get the primary, and the canary gets copies. */
export function mirrored(name: string, { percent, bake }: MirroredStepProps): StepDraft {
  const traffic = { ...AT_REST, mirrors: [{ percent }] };
  return progressing(name, traffic, baking(bake === undefined ? {} : { bake }));
}

function weightsUp(props: CanaryProps): readonly StepWeight[] {
  if ('stepWeights' in props)
    return props.stepWeights.map((it) => (typeof it === 'number' ? { weight: it } : it));
  const { maxWeight = 100 } = props;
  const weights =
    'stepWeight' in props
      ? linear(props.stepWeight, maxWeight)
      : exponential(props.firstWeight, props.factor, maxWeight);
  return weights.map((weight) => ({ weight }));
}

function fieldMistakes(path: string, props: CanaryProps): Mistake[] {
  const { stepWeightPromotion, mirror, sessionAffinity } = props;
  return [
    ...percentMistakes(path, { stepWeightPromotion, 'mirror.percent': mirror?.percent }),
    ...bakeMistakes(path, mirror ?? {}, { field: 'mirror.' }),
    ...(sessionAffinity === undefined
      ? []
      : sessionCookieMistakes(sessionAffinity).map((it) => ({ path, ...it }))),
    ...('stepWeights' in props ? listMistakes(path, props) : growthMistakes(path, props)),
  ];
}

function growthMistakes(
  path: string,
  props: LinearCanaryProps | ExponentialCanaryProps,
): Mistake[] {
  const { maxWeight } = props;
  if ('stepWeight' in props)
    return percentMistakes(path, { stepWeight: props.stepWeight, maxWeight });
  const { firstWeight, factor } = props;
  const mistakes = percentMistakes(path, { firstWeight, maxWeight });
  if (factor > 1) return mistakes;
  const remedy = 'use a number over 1, such as 2';
  return [...mistakes, { path, problem: 'strategy.factor must be over 1', got: factor, remedy }];
}

function listMistakes(path: string, { stepWeights }: ListedCanaryProps): Mistake[] {
  const up = weightsUp({ stepWeights });
  const weights = up.map((it) => it.weight);
  if (up.length === 0)
    return [
      {
        path,
        problem: 'strategy.stepWeights is empty',
        got: stepWeights,
        remedy: 'give at least one weight',
      },
    ];
  const mistakes = up.flatMap((it, index) => [
    ...percentMistakes(path, { [`stepWeights[${index}]`]: it.weight }),
    ...durationMistakes(path, `stepWeights[${index}].bake`, it.bake),
  ]);
  const increasing = weights.every((it, index) => it > (weights[index - 1] ?? 0));
  if (increasing || mistakes.length > 0) return mistakes;
  const remedy = 'let each be higher than the one before';
  return [{ path, problem: 'strategy.stepWeights must increase', got: weights, remedy }];
}
