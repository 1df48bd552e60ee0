import type { Duration } from 'cdk8s';
import type { Mistake } from '../mistake.ts';
import { sessionCookieMistakes } from '../traffic/cookies.ts';
import { AT_REST, type SessionCookie, type Traffic } from '../traffic/traffic.ts';
import { bakeMistakes, baking, durationMistakes } from './judged.ts';
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
export interface MirroredStepProps {
  /** Percent of the requests. */
  readonly percent: number;
  /**
   * How long the checks must pass on the copies.
   * @default - the release's `analysis.bakeTime`
   */
  readonly bake?: Duration;
}

/** What every canary may have. */
export interface CommonCanaryProps {
  /**
   * Percent that each step takes back from the canary once the primary runs the candidate.
   * @default - all at once
   */
  readonly stepWeightPromotion?: number;
  /**
   * A step before the first weight in which the canary gets copies, where the router can mirror. What it is asked it
   * does: only for requests that may happen twice.
   * @default - none
   */
  readonly mirror?: MirroredStepProps;
  /**
   * A cookie that keeps whoever was given the canary on it until the promotion is over.
   * @default - each request is split by itself
   */
  readonly sessionAffinity?: SessionCookie;
}

/** Weights at equal distances. */
export interface LinearCanaryProps extends CommonCanaryProps {
  /** Percent that each step adds. */
  readonly stepWeight: number;
  /**
   * Percent at which the candidate is promoted; the last step ends there exactly.
   * @default 100
   */
  readonly maxWeight?: number;
}

/** Weights that grow by a factor. */
export interface ExponentialCanaryProps extends CommonCanaryProps {
  /** Percent of the first step; the others have as many decimals. */
  readonly firstWeight: number;
  /** How many times the weight before; over 1. */
  readonly factor: number;
  /**
   * Percent at which the candidate is promoted; the last step ends there exactly.
   * @default 100
   */
  readonly maxWeight?: number;
}

/** A weight, and how long it is kept. */
export interface StepWeight {
  /** Percent. */
  readonly weight: number;
  /**
   * How long the checks must pass.
   * @default - the release's `analysis.bakeTime`
   */
  readonly bake?: Duration;
}

/** Weights one by one. */
export interface ListedCanaryProps extends CommonCanaryProps {
  /** Percents, each higher than the one before; after the last the candidate is promoted. */
  readonly stepWeights: readonly (number | StepWeight)[];
}

/** How a canary's traffic grows. */
export type CanaryProps = LinearCanaryProps | ExponentialCanaryProps | ListedCanaryProps;

/** Shifts traffic to the candidate step by step, then promotes it and shifts the traffic back. */
export function canary(props: CanaryProps): Strategy {
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
  const traffic = (weight: number, ends: boolean): Traffic =>
    sessionAffinity === undefined
      ? split(weight)
      : { ...split(weight), affinity: { cookie: sessionAffinity, ends } };
  return [
    INIT,
    canaryUp(),
    ...(mirror === undefined ? [] : [mirrored('mirror', mirror)]),
    ...up.map((it) => progressing(weightName(it.weight), traffic(it.weight, false), baking(it))),
    promote(traffic(top, false)),
    ...falling(props.stepWeightPromotion ?? top, top).map((weight) =>
      finalising(weightName(weight), traffic(weight, true), {
        checks: weight > 0 ? 'guard' : 'none',
      }),
    ),
    COMPLETE,
  ];
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
    ...shapeMistakes(path, props),
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
  if (factor > 1 && factor < Number.POSITIVE_INFINITY) return mistakes;
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

/** The three ways in which weights are given. */
const SHAPES = ['stepWeights', 'stepWeight', 'firstWeight'] as const;

/** Only untyped code can mix them. */
function shapeMistakes(path: string, props: CanaryProps): Mistake[] {
  const given = SHAPES.filter((it) => it in props);
  const remedy = 'keep one of them';
  if (given.length > 1)
    return [{ path, problem: `strategy has ${given.join(' beside ')}`, got: props, remedy }];
  if ('stepWeights' in props && 'maxWeight' in props)
    return [{ path, problem: 'strategy has stepWeights beside maxWeight', got: props, remedy }];
  return [];
}
