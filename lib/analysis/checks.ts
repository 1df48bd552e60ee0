import { Duration } from 'cdk8s';
import * as z from 'zod';
import type { QueryProblem } from '../metrics/promql.ts';
import { DEFAULT_SOURCE } from '../plan/plan.ts';
import { duration, extended, fields, hasMembers, mapOf, thing } from '../props/fields.ts';
import { made } from '../props/made.ts';
import { type Bounds, fractionProblems, percentProblems } from './bounds.ts';
import type { MetricDefinition } from './metric.ts';
import type { TestDefinition } from './tests.ts';

const commonProps = fields({
  /**
   * How far the query looks back.
   * @default Duration.minutes(1)
   */
  window: duration.optional(),
  /**
   * Name of the metric store that is asked: one of the analyzer's `metricStores`, or of its `--metrics-config`.
   * @default 'default'
   */
  source: z.string().optional(),
  /**
   * It is reported, and decides nothing.
   * @default false
   */
  dryRun: z.boolean().optional(),
  /**
   * Name of the first step in which it counts, such as `weight-20`.
   * @default - the first that has checks
   */
  from: z.string().optional(),
  /**
   * Points of the whole rollout at which this check failed that make the release roll back. They do not count towards
   * the threshold of the analysis.
   * @default - it has none of its own: they count towards that of the analysis
   */
  threshold: z.number().optional(),
});

const abortNumbers = fields({
  /** Below `min`. */
  min: z.number().optional(),
  /** Above `max`. */
  max: z.number().optional(),
});

const abortDurations = fields({
  /** Below `min`. */
  min: duration.optional(),
  /** Above `max`. */
  max: duration.optional(),
});

const namedProps = extended(commonProps, {
  /**
   * Name of the check, unique in its release.
   * @default - what it asks, such as `success-rate` or `latency-p99`
   */
  name: z.string().optional(),
});

/** Bounds in percent; at least one. */
export interface SuccessRateProps extends z.infer<typeof successRateProps> {}

/** The schema of `SuccessRateProps`. */
export const successRateProps = extended(namedProps, {
  /** @default - no lower bound */
  min: z.number().optional(),
  /** @default - no upper bound */
  max: z.number().optional(),
  /**
   * A single value beyond these bounds makes the release roll back, whatever the threshold. It is asked for once each
   * guard period.
   * @default - no value does
   */
  abort: abortNumbers.optional(),
});

/** Bounds of the response time; at least one. */
export interface LatencyProps extends z.infer<typeof latencyProps> {}

/** The schema of `LatencyProps`. */
export const latencyProps = extended(namedProps, {
  /** @default 0.99 */
  quantile: z.number().optional(),
  /** @default - no lower bound */
  min: duration.optional(),
  /** @default - no upper bound */
  max: duration.optional(),
  /**
   * A single value beyond these bounds makes the release roll back, whatever the threshold. It is asked for once each
   * guard period.
   * @default - no value does
   */
  abort: abortDurations.optional(),
});

/** A query of the author's own, and its bounds; at least one. */
export interface QueryProps extends z.infer<typeof queryProps> {}

/** The schema of `QueryProps`. */
export const queryProps = extended(commonProps, {
  /** Name of the check, unique in its release. */
  name: z.string(),
  /**
   * PromQL with variables: `{{namespace}}`, `{{target}}` (workload and Service of the canary, or of the primary
   * where there is one track), `{{primary}}` and `{{baseline}}` (theirs), `{{service}}` (the apex Service),
   * `{{port}}` (of the Services, where the release has some), `{{interval}}` (the window), and those in `variables`.
   */
  query: z.string(),
  /** @default - none */
  variables: mapOf(z.union([z.string(), z.number()])).optional(),
  /** @default - no lower bound */
  min: z.number().optional(),
  /** @default - no upper bound */
  max: z.number().optional(),
  /**
   * A single value beyond these bounds makes the release roll back, whatever the threshold. It is asked for once each
   * guard period.
   * @default - no value does
   */
  abort: abortNumbers.optional(),
  /**
   * Unit of the answer, for people.
   * @default - none
   */
  unit: z.string().optional(),
});

/** What a check asks of a track. */
export type Question =
  | { readonly kind: 'success-rate' }
  | { readonly kind: 'latency'; readonly quantile: number }
  /** PromQL with variables. */
  | { readonly kind: 'query'; readonly promql: string };

/** A check as the release's author writes it; its query is known once the router is. */
export interface CheckDefinition extends Bounds {
  readonly name: string;
  /** Name of the metric store. */
  readonly source: string;
  readonly window: Duration;
  /** Beyond which one value is enough. */
  readonly abort: Partial<Bounds> | undefined;
  /** Of its own failed points. */
  readonly threshold: number | undefined;
  readonly unit: string | undefined;
  readonly variables: Readonly<Record<string, string | number>>;
  readonly asks: Question;
  readonly dryRun: boolean;
  /** Name of the first step in which it counts. */
  readonly from: string | undefined;
  /** What the check's own props got wrong. */
  readonly problems: readonly QueryProblem[];
}

/** What the functions below return. */
export const aCheck = thing<CheckDefinition>(
  {
    what: 'a check with bounds',
    remedy:
      'use successRate({ … }), latency({ … }) or query({ … }); compare and slo belong in analysis.checks',
  },
  (it) => hasMembers(it, { name: 'string', asks: 'object', problems: 'object' }),
);

/** What they return, or `compare` and `slo`. */
export const aCheckOrTest = thing<CheckDefinition | MetricDefinition | TestDefinition>(
  {
    what: 'a check',
    remedy:
      'use compare.errorRate(), slo.errorRate({ … }), successRate({ … }), latency({ … }) or query({ … })',
  },
  (it) =>
    hasMembers(it, { name: 'string', problems: 'object' }) &&
    (hasMembers(it, { asks: 'object' }) ||
      hasMembers(it, { promql: 'string' }) ||
      hasMembers(it, { question: 'object' })),
);

/** Percent of the canary's requests that end without a server error. */
export function successRate(props: SuccessRateProps): CheckDefinition {
  return made('successRate', successRateProps, props, successRateOf, unknownCheck);
}

function successRateOf(props: SuccessRateProps): CheckDefinition {
  return definition(props.name ?? 'success-rate', props, {
    min: props.min,
    max: props.max,
    abort: props.abort,
    unit: '%',
    asks: { kind: 'success-rate' },
    problems: [
      ...percentProblems('min', props.min),
      ...percentProblems('max', props.max),
      ...percentProblems('abort.min', props.abort?.min),
      ...percentProblems('abort.max', props.abort?.max),
      ...fractionProblems('min', props.min),
      ...fractionProblems('abort.min', props.abort?.min),
    ],
  });
}

/** A quantile of the canary's response time. */
export function latency(props: LatencyProps): CheckDefinition {
  return made('latency', latencyProps, props, latencyOf, unknownCheck);
}

function latencyOf(props: LatencyProps): CheckDefinition {
  const quantile = props.quantile ?? 0.99;
  const remedy = 'use a number between 0 and 1, such as 0.99';
  const wrong = { problem: 'quantile must lie between 0 and 1', got: String(quantile), remedy };
  return definition(
    props.name ?? `latency-p${String(Math.round(quantile * 1e6) / 1e4).replace('.', '-')}`,
    props,
    {
      ...milliseconds(props),
      abort: props.abort && milliseconds(props.abort),
      unit: 'ms',
      asks: { kind: 'latency', quantile },
      problems: quantile > 0 && quantile < 1 ? [] : [wrong],
    },
  );
}

function milliseconds({ min, max }: Pick<LatencyProps, 'min' | 'max'>): Bounds {
  const number = (it: Duration | undefined) => it?.toMilliseconds({ integral: false });
  return { min: number(min), max: number(max) };
}

/** Any PromQL whose answer is one number. */
export function query(props: QueryProps): CheckDefinition {
  return made('query', queryProps, props, queryCheck, unknownCheck);
}

function queryCheck(props: QueryProps): CheckDefinition {
  return definition(props.name, props, {
    min: props.min,
    max: props.max,
    abort: props.abort,
    unit: props.unit,
    variables: props.variables ?? {},
    asks: { kind: 'query', promql: props.query },
    problems: [],
  });
}

function unknownCheck(): CheckDefinition {
  return successRateOf({ min: 0 });
}

function definition(
  name: string,
  props: z.infer<typeof commonProps>,
  rest: Pick<CheckDefinition, 'min' | 'max' | 'abort' | 'unit' | 'asks' | 'problems'> & {
    readonly variables?: CheckDefinition['variables'];
  },
): CheckDefinition {
  const { source = DEFAULT_SOURCE, window = Duration.minutes(1), dryRun = false } = props;
  const { from, threshold } = props;
  return { variables: {}, ...rest, name, source, window, dryRun, from, threshold };
}
