import { Duration } from 'cdk8s';
import * as z from 'zod';
import type { Filled, QueryProblem } from '../metrics/promql.ts';
import { latencyQuery, successRateQuery } from '../metrics/request-queries.ts';
import { type Mistake, placeOf, reproofs } from '../mistake.ts';
import { labelMistakes, type Names, type Side } from '../names.ts';
import { type Check, DEFAULT_SOURCE } from '../plan/plan.ts';
import { duration, extended, fields, hasMembers, mapOf, thing } from '../props/fields.ts';
import { made } from '../props/made.ts';
import type { Router } from '../traffic/router.ts';
import { BUILT_IN, filledQuery } from './filled-query.ts';
import type { MetricDefinition } from './metric.ts';
import type { TestDefinition } from './tests.ts';
import { wholeSeconds } from './whole-seconds.ts';

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
export interface CheckDefinition {
  readonly name: string;
  /** Name of the metric store. */
  readonly source: string;
  readonly window: Duration;
  readonly min: number | undefined;
  readonly max: number | undefined;
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
    unit: '%',
    asks: { kind: 'success-rate' },
    problems: [
      ...percentProblems('min', props.min),
      ...percentProblems('max', props.max),
      ...fractionProblems(props.min),
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
      min: props.min?.toMilliseconds({ integral: false }),
      max: props.max?.toMilliseconds({ integral: false }),
      unit: 'ms',
      asks: { kind: 'latency', quantile },
      problems: quantile > 0 && quantile < 1 ? [] : [wrong],
    },
  );
}

/** Any PromQL whose answer is one number. */
export function query(props: QueryProps): CheckDefinition {
  return made('query', queryProps, props, queryCheck, unknownCheck);
}

function queryCheck(props: QueryProps): CheckDefinition {
  return definition(props.name, props, {
    min: props.min,
    max: props.max,
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
  rest: Pick<CheckDefinition, 'min' | 'max' | 'unit' | 'asks' | 'problems'> & {
    readonly variables?: CheckDefinition['variables'];
  },
): CheckDefinition {
  const { source = DEFAULT_SOURCE, window = Duration.minutes(1), dryRun = false, from } = props;
  return { variables: {}, ...rest, name, source, window, dryRun, from };
}

function percentProblems(field: string, value: number | undefined): QueryProblem[] {
  if (value === undefined || (value >= 0 && value <= 100)) return [];
  return [{ problem: `${field} must be a percent`, got: String(value), remedy: 'use 0 to 100' }];
}

/** Hardly anybody means a rate of at most 1 %. */
function fractionProblems(min: number | undefined): QueryProblem[] {
  if (min === undefined || !(min > 0 && min <= 1)) return [];
  const percent = Number((min * 100).toPrecision(12));
  return [
    {
      problem: 'min is a fraction, and a percent is meant',
      got: String(min),
      remedy: `write ${percent}, not ${min}`,
    },
  ];
}

/** What the queries are filled from. */
export interface CheckContext {
  readonly names: Names;
  /** Runs the candidate. */
  readonly track: Side;
  /** Port of the Services; undefined where there are none. */
  readonly port: number | undefined;
  /** Undefined where the author's answer to that is wrong. */
  readonly router: Pick<Router, 'counts'> | undefined;
}

/** The checks as the plan has them, with every variable filled in. */
export interface CompiledChecks {
  readonly checks: readonly Check[];
  readonly mistakes: readonly Mistake[];
}

/** Fills the queries and finds what is wrong with the checks. */
export function compileChecks(
  path: string,
  definitions: readonly CheckDefinition[],
  context: CheckContext,
): CompiledChecks {
  const compiled = definitions.map((it, index) => compile(path, it, index, context));
  const mistakes = compiled.flatMap((it, index) => {
    const definition = definitions[index];
    const place = definition === undefined ? {} : placeOf(definition);
    return it.mistakes.map((one) => ({ ...place, ...one }));
  });
  return {
    checks: compiled.flatMap((it) => it.checks),
    mistakes: [...mistakes, ...doubled(path, definitions)],
  };
}

function compile(
  path: string,
  it: CheckDefinition,
  index: number,
  context: CheckContext,
): CompiledChecks {
  const field = `analysis.checks[${index}] (${it.name})`;
  const seconds = wholeSeconds(path, `${field} window`, it.window, 1);
  const window = `${seconds.seconds}s`;
  const asked = queryOf(it, context, context.track, window);
  const problems = [
    ...it.problems,
    ...definitionProblems(it),
    ...(asked.kind === 'wrong' ? asked.problems : []),
  ];
  const mistakes = [
    ...labelMistakes(path, `${field}: name`, it.name),
    ...labelMistakes(path, `${field}: source`, it.source),
    ...problems.map((one) => ({ path, ...one, problem: `${field}: ${one.problem}` })),
    ...seconds.mistakes,
  ];
  const query = asked.kind === 'filled' ? asked.query : '';
  const primary = queryOf(it, context, 'primary', window);
  const other = primary.kind === 'filled' && primary.query !== query ? primary.query : undefined;
  return { checks: [checkOf(it, query, other, seconds.seconds)], mistakes };
}

/** The text of a check's query for one track. */
function queryOf(
  { asks, variables }: CheckDefinition,
  { names, port, router }: CheckContext,
  track: Side,
  window: string,
): Filled {
  switch (asks.kind) {
    case 'success-rate':
      if (port === undefined) return UNSERVED;
      if (router === undefined) return { kind: 'filled', query: '' };
      return successRateQuery(router.counts({ names, port }, track), window);
    case 'latency':
      if (port === undefined) return UNSERVED;
      if (router === undefined) return { kind: 'filled', query: '' };
      return latencyQuery(router.counts({ names, port }, track), asks.quantile, window);
    case 'query':
      return filledQuery(asks.promql, variables, { names, port }, track, window);
  }
}

const UNSERVED: Filled = {
  kind: 'wrong',
  problems: [
    {
      problem: 'the release has no Service, so nobody counts its requests',
      got: 'no service',
      remedy: 'ask for what the pods count themselves, with query() and {{target}}',
    },
  ],
};

function checkOf(
  it: CheckDefinition,
  query: string,
  primary: string | undefined,
  windowSeconds: number,
): Check {
  const { name, source, min, max, unit } = it;
  return {
    name,
    source,
    ask: { canary: query, ...(primary === undefined ? {} : { primary }) },
    windowSeconds,
    judge: {
      kind: 'bounds',
      ...(min === undefined ? {} : { min }),
      ...(max === undefined ? {} : { max }),
    },
    ...(unit === undefined ? {} : { unit }),
    ...(it.dryRun ? { dryRun: true } : {}),
  };
}

function definitionProblems(it: CheckDefinition): QueryProblem[] {
  const problems: QueryProblem[] = [];
  // One that is misspelt is told already.
  if (it.min === undefined && it.max === undefined && reproofs(it).length === 0)
    problems.push({
      problem: 'a check needs a bound',
      got: 'neither min nor max',
      remedy: 'give min, max or both',
    });
  if (it.min !== undefined && it.max !== undefined && it.min > it.max)
    problems.push({
      problem: 'min is over max',
      got: `${it.min} and ${it.max}`,
      remedy: 'swap them',
    });
  for (const name of BUILT_IN.filter((key) => key in it.variables))
    problems.push({
      problem: 'a variable has the name of a built-in one',
      got: name,
      remedy: 'rename it',
    });
  return problems;
}

function doubled(path: string, definitions: readonly CheckDefinition[]): Mistake[] {
  const names = definitions.map((it) => it.name);
  return names
    .filter((it, index) => names.indexOf(it) !== index)
    .map((got) => ({
      path,
      problem: 'two checks have one name',
      got,
      remedy: 'give one of them another name',
    }));
}
