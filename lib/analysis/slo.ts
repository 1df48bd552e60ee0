import * as z from 'zod';
import type { QueryProblem } from '../metrics/promql.ts';
import { duration, extended } from '../props/fields.ts';
import { made } from '../props/made.ts';
import { shareProblems, testOf, testProblems, testProps } from './compare.ts';
import type { TestDefinition } from './tests.ts';

/** The largest share of errors. */
export interface SloErrorRateProps extends z.infer<typeof sloErrorRateProps> {}

/** The schema of `SloErrorRateProps`. */
export const sloErrorRateProps = extended(testProps, {
  /** Percent of the canary's requests that may end with an error of the server: 0.5 for an objective of 99.5 %. */
  max: z.number(),
  /**
   * By how many percent of its requests the canary must fail more than the primary for one look to be enough; `false` for
   * never.
   * @default - 10, or never where `max` is as large
   */
  catastrophe: z.union([z.number(), z.literal(false)]).optional(),
});

/** The longest time for a share of the requests. */
export interface SloLatencyProps extends z.infer<typeof sloLatencyProps> {}

/** The schema of `SloLatencyProps`. */
export const sloLatencyProps = extended(testProps, {
  /** The share of requests that must be as fast. @default 0.99 */
  quantile: z.number().optional(),
  /** How long they may take; a bound of the histogram's buckets. */
  max: duration,
});

/**
 * Tests of the canary against an objective, as sure as those of `compare`. While the primary misses its objective as
 * well, the release holds, and the canary is not blamed.
 */
export const slo = {
  /** The share of requests that end with an error of the server. */
  errorRate: (props: SloErrorRateProps): TestDefinition =>
    made('slo.errorRate', sloErrorRateProps, props, errorRateOf, () => errorRateOf({ max: 1 })),
  /** The share of requests that take longer than allowed. */
  latency: (props: SloLatencyProps): TestDefinition =>
    made('slo.latency', sloLatencyProps, props, latencyOf, () => errorRateOf({ max: 1 })),
};

function errorRateOf(props: SloErrorRateProps): TestDefinition {
  const { max } = props;
  const { catastrophe = max < 10 ? 10 : false } = props;
  return {
    ...testOf('slo-error-rate', 'errors', props),
    question: { kind: 'objective', limit: max > 0 && max < 100 ? max / 100 : 0.01 },
    catastrophe: catastrophe === false ? undefined : catastrophe / 100,
    problems: [
      ...testProblems(props),
      ...shareProblems('max', max),
      ...shareProblems('catastrophe', catastrophe),
    ],
  };
}

function latencyOf(props: SloLatencyProps): TestDefinition {
  const { quantile = 0.99, max } = props;
  const isSome = quantile > 0 && quantile < 1;
  const problems: QueryProblem[] = isSome
    ? []
    : [
        {
          problem: 'quantile must lie between 0 and 1',
          got: String(quantile),
          remedy: 'use a number between 0 and 1, such as 0.99',
        },
      ];
  const name = `slo-latency-p${String(Math.round(quantile * 1e6) / 1e4).replace('.', '-')}`;
  return {
    ...testOf(name, 'durations', props),
    question: {
      kind: 'objective',
      limit: isSome ? Number((1 - quantile).toPrecision(12)) : 0.01,
      boundMs: max.toMilliseconds({ integral: false }),
    },
    problems: [...testProblems(props), ...problems],
  };
}
