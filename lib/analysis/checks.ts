import { Duration } from 'cdk8s';
import { type Filled, fill, type QueryProblem } from '../metrics/promql.ts';
import { latencyQuery, successRateQuery } from '../metrics/request-queries.ts';
import type { Mistake } from '../mistake.ts';
import { labelMistakes, type Names, type Side } from '../names.ts';
import { type Check, DEFAULT_SOURCE } from '../plan/plan.ts';
import type { Router } from '../traffic/router.ts';
import { wholeSeconds } from './whole-seconds.ts';

interface CommonProps {
  /**
   * Name of the check, unique in its release.
   * @default - what it asks, such as `success-rate` or `latency-p99`
   */
  readonly name?: string;
  /**
   * How far the query looks back.
   * @default Duration.minutes(1)
   */
  readonly window?: Duration;
  /**
   * Name of the metric store that is asked: one of the analyzer's `metricStores`, or of its `--metrics-config`.
   * @default 'default'
   */
  readonly source?: string;
}

/** Bounds in percent; at least one. */
export interface SuccessRateProps extends CommonProps {
  /** @default - no lower bound */
  readonly min?: number;
  /** @default - no upper bound */
  readonly max?: number;
}

/** Bounds of the response time; at least one. */
export interface LatencyProps extends CommonProps {
  /** @default 0.99 */
  readonly quantile?: number;
  /** @default - no lower bound */
  readonly min?: Duration;
  /** @default - no upper bound */
  readonly max?: Duration;
}

/** A query of the author's own, and its bounds; at least one. */
export interface QueryProps extends CommonProps {
  /** Name of the check, unique in its release. */
  readonly name: string;
  /**
   * PromQL with variables: `{{namespace}}`, `{{target}}` (workload and Service of the canary, or of the primary
   * where there is one track), `{{primary}}` and `{{baseline}}` (theirs), `{{service}}` (the apex Service),
   * `{{port}}` (of the Services), `{{interval}}` (the window), and those in `variables`.
   */
  readonly query: string;
  /** @default - none */
  readonly variables?: Readonly<Record<string, string | number>>;
  /** @default - no lower bound */
  readonly min?: number;
  /** @default - no upper bound */
  readonly max?: number;
  /**
   * Unit of the answer, for people.
   * @default - none
   */
  readonly unit?: string;
}

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
  /** What the check's own props got wrong. */
  readonly problems: readonly QueryProblem[];
}

/** Percent of the canary's requests that end without a server error. */
export function successRate(props: SuccessRateProps): CheckDefinition {
  return definition(props.name ?? 'success-rate', props, {
    min: props.min,
    max: props.max,
    unit: '%',
    asks: { kind: 'success-rate' },
    problems: [...percentProblems('min', props.min), ...percentProblems('max', props.max)],
  });
}

/** A quantile of the canary's response time. */
export function latency(props: LatencyProps): CheckDefinition {
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
  return definition(props.name, props, {
    min: props.min,
    max: props.max,
    unit: props.unit,
    variables: props.variables ?? {},
    asks: { kind: 'query', promql: props.query },
    problems: [],
  });
}

function definition(
  name: string,
  props: CommonProps,
  rest: Pick<CheckDefinition, 'min' | 'max' | 'unit' | 'asks' | 'problems'> & {
    readonly variables?: CheckDefinition['variables'];
  },
): CheckDefinition {
  const { source = DEFAULT_SOURCE, window = Duration.minutes(1) } = props;
  return { variables: {}, ...rest, name, source, window };
}

function percentProblems(field: string, value: number | undefined): QueryProblem[] {
  if (value === undefined || (value >= 0 && value <= 100)) return [];
  return [{ problem: `${field} must be a percent`, got: String(value), remedy: 'use 0 to 100' }];
}

/** What the queries are filled from. */
export interface CheckContext {
  readonly names: Names;
  /** Runs the candidate. */
  readonly track: Side;
  /** Port of the Services. */
  readonly port: number;
  readonly router: Pick<Router, 'counts'>;
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
  return {
    checks: compiled.flatMap((it) => it.checks),
    mistakes: [...compiled.flatMap((it) => it.mistakes), ...doubled(path, definitions)],
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
      return successRateQuery(router.counts({ names, port }, track), window);
    case 'latency':
      return latencyQuery(router.counts({ names, port }, track), asks.quantile, window);
    case 'query': {
      const own = Object.entries(variables).map(([key, value]) => [key, String(value)]);
      return fill(asks.promql, {
        ...Object.fromEntries(own),
        namespace: names.namespace,
        target: names[track],
        primary: names.primary,
        baseline: names.baseline,
        service: names.apex,
        port: String(port),
        interval: window,
      });
    }
  }
}

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
  };
}

const BUILT_IN = ['namespace', 'target', 'primary', 'baseline', 'service', 'port', 'interval'];

function definitionProblems(it: CheckDefinition): QueryProblem[] {
  const problems: QueryProblem[] = [];
  if (it.min === undefined && it.max === undefined)
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
  for (const bound of [it.min, it.max])
    if (bound !== undefined && !Number.isFinite(bound))
      problems.push({
        problem: 'a bound must be a number',
        got: String(bound),
        remedy: 'leave it out instead',
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
