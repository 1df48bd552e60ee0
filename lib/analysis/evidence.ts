import { Duration } from 'cdk8s';
import * as z from 'zod';
import type { Mistake } from '../mistake.ts';
import type { Evidence, Test } from '../plan/evidence.ts';
import { duration, fields } from '../props/fields.ts';
import { wholeSeconds } from './whole-seconds.ts';

/** How sure tests must be, and what the next step may cost. */
export interface EvidenceProps extends z.infer<typeof evidenceProps> {}

/** The schema of `EvidenceProps`. */
export const evidenceProps = fields({
  /**
   * The largest probability that a candidate which is no worse than allowed is rolled back, for a whole rollout.
   * @default 0.01
   */
  alpha: z.number().optional(),
  /**
   * The largest probability that a step is taken which costs more than `budget`.
   * @default 0.05
   */
  beta: z.number().optional(),
  /**
   * How many of all requests the next step may make bad, in percent.
   * @default 0.1
   */
  budget: z.number().optional(),
  /**
   * What a step needs besides its bake time: proof that the next one costs at most the budget, or requests to the canary
   * and no proof of harm.
   * @default 'safe-within-budget'
   */
  advance: z.enum(['safe-within-budget', 'no-harm-seen']).optional(),
  /**
   * Length of the intervals in which requests are counted; no shorter than metrics are scraped.
   * @default Duration.seconds(15)
   */
  interval: duration.optional(),
  /**
   * Requests per second that the release gets, from which PLAN.md says how long each step takes.
   * @default - PLAN.md says how many requests each step takes
   */
  requestsPerSecond: z.number().optional(),
});

/** The evidence as the plan has it, and what is wrong with it. */
export interface CompiledEvidence {
  /** Undefined without tests. */
  readonly evidence: Evidence | undefined;
  readonly mistakes: readonly Mistake[];
}

/** Fills in defaults. */
export function compileEvidence(
  path: string,
  props: EvidenceProps,
  tests: readonly Test[],
): CompiledEvidence {
  const { alpha = 0.01, beta = 0.05, budget = 0.1, advance = 'safe-within-budget' } = props;
  const { requestsPerSecond } = props;
  const interval = wholeSeconds(
    path,
    'analysis.evidence.interval',
    props.interval ?? Duration.seconds(15),
    1,
  );
  const mistakes = [
    ...interval.mistakes,
    ...probability(path, 'alpha', alpha),
    ...probability(path, 'beta', beta),
    ...(budget > 0 && budget < 100
      ? []
      : [
          {
            path,
            problem: 'analysis.evidence.budget must be a percent',
            got: budget,
            remedy: 'use a number between 0 and 100, such as 0.1',
          },
        ]),
    ...(requestsPerSecond === undefined || requestsPerSecond > 0
      ? []
      : [
          {
            path,
            problem: 'analysis.evidence.requestsPerSecond must be over 0',
            got: requestsPerSecond,
            remedy: 'leave it out where nobody knows',
          },
        ]),
  ];
  if (tests.length === 0 || mistakes.length > 0) return { evidence: undefined, mistakes };
  const intervalSeconds = interval.seconds;
  return {
    evidence: {
      intervalSeconds,
      alpha,
      beta,
      budget: budget / 100,
      advance,
      tests: [...tests],
      ...(requestsPerSecond === undefined ? {} : { requestsPerSecond }),
    },
    mistakes,
  };
}

function probability(path: string, field: string, value: number): Mistake[] {
  if (value > 0 && value <= 0.5) return [];
  const remedy = 'use a number over 0 and at most 0.5, such as 0.01';
  return [
    { path, problem: `analysis.evidence.${field} must be a probability`, got: value, remedy },
  ];
}
