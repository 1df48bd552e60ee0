import type { Mistake } from '../mistake.ts';
import type { Weights } from '../traffic/router.ts';
import type { StepDraft, Strategy } from './strategy.ts';

/** Weights at equal distances. */
export interface LinearCanaryProps {
  /** Percent that each step adds. */
  readonly stepWeight: number;
  /**
   * Percent at which the candidate is promoted; the last step ends there exactly.
   * @default 100
   */
  readonly maxWeight?: number;
  /**
   * Percent that each step takes back from the canary once the primary runs the candidate.
   * @default - all at once
   */
  readonly stepWeightPromotion?: number;
}

/** Weights one by one. */
export interface ListedCanaryProps {
  /** Percents, each higher than the one before; after the last the candidate is promoted. */
  readonly stepWeights: readonly number[];
  /**
   * Percent that each step takes back from the canary once the primary runs the candidate.
   * @default - all at once
   */
  readonly stepWeightPromotion?: number;
}

/** How a canary's traffic grows. */
export type CanaryProps = LinearCanaryProps | ListedCanaryProps;

/** Steps have two digits: `00-init` to `99-complete`. */
const MAX_STEPS = 100;

/** Shifts traffic to the candidate step by step, then promotes it and shifts the traffic back. */
export function canary(props: CanaryProps): Strategy {
  return {
    kind: 'canary',
    mistakes: (path) => {
      const mistakes = fieldMistakes(path, props);
      return mistakes.length > 0 ? mistakes : lengthMistakes(path, props);
    },
    steps: () => steps(props),
  };
}

function steps(props: CanaryProps): StepDraft[] {
  const up = weightsUp(props);
  const top = split(up.at(-1) ?? 0);
  return [
    { ...REST, name: 'init', phase: 'Initializing', writes: 'init' },
    {
      ...REST,
      name: 'canary-up',
      phase: 'Progressing',
      ready: ['canary', 'primary'],
      writes: 'canary',
    },
    ...up.map(weightStep),
    {
      name: 'promote',
      phase: 'Promoting',
      weights: top,
      ready: ['primary', 'canary'],
      checks: 'guard',
      writes: 'promotion',
    },
    ...weightsDown(top.canary, props.stepWeightPromotion).map(returnStep),
    { ...REST, name: 'complete', phase: 'Succeeded', writes: 'complete' },
  ];
}

const REST = {
  weights: { primary: 100, canary: 0 },
  ready: ['primary'],
  checks: 'none',
} as const satisfies Partial<StepDraft>;

function weightStep(weight: number): StepDraft {
  return {
    name: `weight-${weight}`,
    phase: 'Progressing',
    weights: split(weight),
    ready: ['canary', 'primary'],
    checks: 'bake',
    writes: 'routes',
  };
}

function returnStep(weight: number): StepDraft {
  return {
    name: `weight-${weight}`,
    phase: 'Finalising',
    weights: split(weight),
    ready: ['primary'],
    checks: weight > 0 ? 'guard' : 'none',
    writes: 'routes',
  };
}

function split(canaryWeight: number): Weights {
  return { primary: 100 - canaryWeight, canary: canaryWeight };
}

function weightsUp(props: CanaryProps): readonly number[] {
  if ('stepWeights' in props) return props.stepWeights;
  const { stepWeight, maxWeight = 100 } = props;
  const count = Math.ceil(maxWeight / stepWeight);
  return Array.from({ length: count }, (_, index) => Math.min((index + 1) * stepWeight, maxWeight));
}

function weightsDown(top: number, by: number | undefined): readonly number[] {
  const size = by ?? top;
  const count = Math.ceil(top / size);
  return Array.from({ length: count }, (_, index) => Math.max(top - (index + 1) * size, 0));
}

function fieldMistakes(path: string, props: CanaryProps): Mistake[] {
  const named: (readonly [string, number | undefined])[] = [
    ['stepWeightPromotion', props.stepWeightPromotion],
  ];
  if ('stepWeights' in props)
    props.stepWeights.forEach((it, index) => void named.push([`stepWeights[${index}]`, it]));
  else named.push(['stepWeight', props.stepWeight], ['maxWeight', props.maxWeight]);
  const mistakes = named
    .filter(([, value]) => value !== undefined && !isWeight(value))
    .map(([field, got]) => ({
      path,
      problem: `strategy.${field} must be a whole percent`,
      got,
      remedy: 'use 1 to 100',
    }));
  return [...mistakes, ...orderMistakes(path, props)];
}

function orderMistakes(path: string, props: CanaryProps): Mistake[] {
  if (!('stepWeights' in props)) return [];
  if ('stepWeight' in props || 'maxWeight' in props)
    return [
      {
        path,
        problem: 'strategy has stepWeights beside stepWeight or maxWeight',
        got: props,
        remedy: 'keep one of them',
      },
    ];
  const { stepWeights } = props;
  if (stepWeights.length === 0)
    return [
      {
        path,
        problem: 'strategy.stepWeights is empty',
        got: stepWeights,
        remedy: 'give at least one weight',
      },
    ];
  const increasing = stepWeights.every((it, index) => it > (stepWeights[index - 1] ?? 0));
  if (increasing) return [];
  const remedy = 'let each be higher than the one before';
  return [{ path, problem: 'strategy.stepWeights must increase', got: stepWeights, remedy }];
}

function lengthMistakes(path: string, props: CanaryProps): Mistake[] {
  const count = steps(props).length;
  if (count <= MAX_STEPS) return [];
  const remedy = 'use a larger stepWeight or stepWeightPromotion, or fewer stepWeights';
  return [{ path, problem: `strategy makes more than ${MAX_STEPS} steps`, got: count, remedy }];
}

function isWeight(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 100;
}
