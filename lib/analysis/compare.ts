import * as z from 'zod';
import type { QueryProblem } from '../metrics/promql.ts';
import { DEFAULT_SOURCE } from '../plan/plan.ts';
import { extended, fields, listOf } from '../props/fields.ts';
import { made } from '../props/made.ts';
import {
  type CompareMetricProps,
  compareMetricProps,
  type MetricDefinition,
  metricOf,
  unknownMetric,
} from './metric.ts';
import type { TestDefinition } from './tests.ts';

/** What every test may have. */
export const testProps = fields({
  /**
   * Name of the check, unique in its release.
   * @default - what it asks, such as `error-rate`
   */
  name: z.string().optional(),
  /**
   * Name of the metric store that is asked: one of the analyzer's `metricStores`, or of its `--metrics-config`.
   * @default 'default'
   */
  source: z.string().optional(),
  /**
   * Labels of the counters by which requests are told apart, such as `source_workload`: a canary that gets another mix of
   * clients is then not blamed for it.
   * @default - none
   */
  strata: listOf(z.string()).optional(),
  /**
   * No single interval decides alone, however much it says: what jumps for a moment takes nothing back.
   * @default true
   */
  capped: z.boolean().optional(),
  /**
   * How much of the rollout's false alarms it may have, beside the weights of the other tests.
   * @default 1
   */
  weight: z.number().optional(),
  /**
   * It is reported, and decides nothing.
   * @default false
   */
  dryRun: z.boolean().optional(),
  /**
   * Name of the first step in which it counts, such as `weight-20`.
   * @default - the first that gives the canary requests
   */
  from: z.string().optional(),
});

const comparisonProps = extended(testProps, {
  /**
   * How many times as large as the primary's the canary's share of bad requests may be.
   * @default - 1.5; for latency less where slow requests are common
   */
  relative: z.number().optional(),
  /**
   * By how much it may be larger besides, in percent of the canary's requests.
   * @default 0.1
   */
  absolute: z.number().optional(),
});

/** How much worse the canary's errors may be. */
export interface CompareErrorRateProps extends z.infer<typeof compareErrorRateProps> {}

/** The schema of `CompareErrorRateProps`. */
export const compareErrorRateProps = extended(comparisonProps, {
  /**
   * By how many percent of its requests the canary must fail more for one look to be enough; `false` for never.
   * @default 10
   */
  catastrophe: z.union([z.number(), z.literal(false)]).optional(),
});

/** How much slower the canary may be. */
export interface CompareLatencyProps extends z.infer<typeof compareLatencyProps> {}

/** The schema of `CompareLatencyProps`. */
export const compareLatencyProps = extended(comparisonProps, {});

/**
 * Tests of the canary against the primary, or against the baseline in steps that run one, over the same time. For
 * `errorRate` and `latency`, which count requests, the probability that a candidate which is no worse than allowed is rolled back is at most `analysis.evidence.alpha` for the
 * whole rollout, however often it is looked at; docs/judge.md says why, and where that ends.
 */
export const compare = {
  /** The share of requests that end with an error of the server. */
  errorRate: (props: CompareErrorRateProps = {}): TestDefinition =>
    made('compare.errorRate', compareErrorRateProps, props, errorRateOf, () => errorRateOf({})),
  /**
   * The shares of requests that take longer than some bounds: those of the histogram near the primary's median, 90th and
   * 99th percentile before the rollout.
   */
  latency: (props: CompareLatencyProps = {}): TestDefinition =>
    made('compare.latency', compareLatencyProps, props, latencyOf, () => latencyOf({})),
  /**
   * Any number that is no count of requests, such as memory, CPU, or the length of a queue: the points of both tracks are
   * compared by their ranks (Mann and Whitney), as Kayenta does. All such checks of a release have one score. No rate of
   * false alarms is guaranteed; docs/judge.md has what was measured.
   */
  metric: (props: CompareMetricProps): MetricDefinition =>
    made('compare.metric', compareMetricProps, props, metricOf, unknownMetric),
};

function errorRateOf(props: CompareErrorRateProps): TestDefinition {
  const { catastrophe = 10 } = props;
  return {
    ...testOf('error-rate', 'errors', props),
    question: { kind: 'comparison', relative: marginOf(props, 1.5), absolute: absoluteOf(props) },
    catastrophe: catastrophe === false ? undefined : catastrophe / 100,
    problems: [...comparisonProblems(props), ...shareProblems('catastrophe', catastrophe)],
  };
}

function latencyOf(props: CompareLatencyProps): TestDefinition {
  const { relative } = props;
  return {
    ...testOf('latency', 'durations', props),
    question: {
      kind: 'comparison',
      ...(relative === undefined ? {} : { relative: marginOf(props, relative) }),
      absolute: absoluteOf(props),
    },
    problems: comparisonProblems(props),
  };
}

/** What all tests take from their props; what is asked is still missing. */
export function testOf(
  name: string,
  counts: TestDefinition['counts'],
  props: z.infer<typeof testProps>,
): Omit<TestDefinition, 'question' | 'problems'> {
  const { source = DEFAULT_SOURCE, strata = [], capped = true, weight = 1, from } = props;
  return {
    name: props.name ?? name,
    source,
    counts,
    strata,
    capped,
    catastrophe: undefined,
    weight: props.dryRun === true ? 0 : weight > 0 ? weight : 1,
    from,
  };
}

function marginOf({ relative }: z.infer<typeof comparisonProps>, otherwise: number): number {
  return relative !== undefined && relative >= 1 ? relative : otherwise;
}

function absoluteOf({ absolute = 0.1 }: z.infer<typeof comparisonProps>): number {
  return absolute >= 0 && absolute <= 100 ? absolute / 100 : 0;
}

function comparisonProblems(props: z.infer<typeof comparisonProps>): QueryProblem[] {
  const { relative = 1, absolute = 0 } = props;
  const problems = testProblems(props);
  if (!(relative >= 1))
    problems.push({
      problem: 'relative must be 1 or more',
      got: String(relative),
      remedy: 'use 1 for no worse at all, 1.5 for half as much again',
    });
  if (!(absolute >= 0 && absolute < 100))
    problems.push({
      problem: 'absolute must be a percent',
      got: String(absolute),
      remedy: 'use 0 to 100, such as 0.1',
    });
  return problems;
}

/** What is wrong with what all tests have. */
export function testProblems({ weight = 1 }: z.infer<typeof testProps>): QueryProblem[] {
  if (weight > 0 && Number.isFinite(weight)) return [];
  const remedy = 'use a number over 0, or dryRun: true';
  return [{ problem: 'weight must be over 0', got: String(weight), remedy }];
}

/** What is wrong with a share of requests in percent. */
export function shareProblems(field: string, percent: number | false): QueryProblem[] {
  if (percent === false || (percent > 0 && percent < 100)) return [];
  const remedy = 'use a number between 0 and 100';
  return [{ problem: `${field} must be a percent`, got: String(percent), remedy }];
}
