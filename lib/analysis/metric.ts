import { Duration } from 'cdk8s';
import * as z from 'zod';
import type { Filled, QueryProblem } from '../metrics/promql.ts';
import { type Mistake, placeOf } from '../mistake.ts';
import { labelMistakes } from '../names.ts';
import type { Analysis } from '../plan/analysis.ts';
import { type Judge, LEAST_POINTS } from '../plan/judge.ts';
import { type Check, DEFAULT_SOURCE, type Track } from '../plan/plan.ts';
import { duration, fields, mapOf } from '../props/fields.ts';
import { thresholdProblems } from './bounds.ts';
import { BUILT_IN, filledQuery, type QueryContext } from './filled-query.ts';
import { wholeSeconds } from './whole-seconds.ts';

/** A query about each track, and how much its answers may differ. */
export interface CompareMetricProps extends z.infer<typeof compareMetricProps> {}

/** The schema of `CompareMetricProps`. */
export const compareMetricProps = fields({
  /** Name of the check, unique in its release. */
  name: z.string(),
  /**
   * PromQL with the variables of `query`, whose answer is one number; it is asked once with the canary's name in
   * `{{target}}`, and once with that of the primary, or of the baseline in steps that run one. What grows with the load is
   * to be divided: by pods, or by requests.
   */
  query: z.string(),
  /** @default - none */
  variables: mapOf(z.union([z.string(), z.number()])).optional(),
  /** Which way the canary must not differ. */
  direction: z.enum(['increase', 'decrease', 'either']),
  /**
   * How many times as large as the other's the canary's mean must be at least for an increase to count, such as 1.2.
   * @default 1
   */
  allowedIncrease: z.number().optional(),
  /**
   * How many times as large as the other's it may be at most for a decrease to count, such as 0.8.
   * @default 1
   */
  allowedDecrease: z.number().optional(),
  /**
   * How much of the release's score it is, beside the weights of its other metrics.
   * @default 1
   */
  weight: z.number().optional(),
  /**
   * The score is 0 where this one differs, whatever the others say.
   * @default false
   */
  critical: z.boolean().optional(),
  /**
   * Score, of 100, from which a point passes. Of several metrics the highest counts.
   * @default 95
   */
  pass: z.number().optional(),
  /**
   * Score from which a point does not fail: below `pass` the release holds. Of several metrics the highest counts.
   * @default 75
   */
  marginal: z.number().optional(),
  /**
   * What `{{interval}}` stands for: how far the query looks back.
   * @default Duration.minutes(1)
   */
  window: duration.optional(),
  /**
   * Unit of the answer, for people.
   * @default - none
   */
  unit: z.string().optional(),
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
   * @default - the first that gives the canary requests
   */
  from: z.string().optional(),
  /**
   * Points of the whole rollout at which this check failed that make the release roll back. They do not count towards
   * the threshold of the analysis.
   * @default - it has none of its own: they count towards that of the analysis
   */
  threshold: z.number().optional(),
});

/** A comparison by ranks as the release's author writes it. */
export interface MetricDefinition {
  readonly name: string;
  /** Name of the metric store. */
  readonly source: string;
  readonly window: Duration;
  readonly promql: string;
  readonly variables: Readonly<Record<string, string | number>>;
  readonly judge: Judge;
  /** Of its own failed points. */
  readonly threshold: number | undefined;
  readonly unit: string | undefined;
  readonly dryRun: boolean;
  /** Name of the first step in which it counts. */
  readonly from: string | undefined;
  /** What its own props got wrong. */
  readonly problems: readonly QueryProblem[];
}

/** Whether a check compares two tracks by ranks. */
export function isMetric(it: object): it is MetricDefinition {
  return 'promql' in it;
}

/** The definition of props that have the right types. */
export function metricOf(props: CompareMetricProps): MetricDefinition {
  const { source = DEFAULT_SOURCE, window = Duration.minutes(1), dryRun = false } = props;
  return {
    name: props.name,
    source,
    window,
    promql: props.query,
    variables: props.variables ?? {},
    judge: judgeOf(props),
    threshold: props.threshold,
    unit: props.unit,
    dryRun,
    from: props.from,
    problems: problemsOf(props),
  };
}

/** What stands in for one whose props are wrong. */
export function unknownMetric(): MetricDefinition {
  return metricOf({ name: 'metric', query: '{{target}}', direction: 'either' });
}

/** What is wrong is told; here it is left out. */
function judgeOf(props: CompareMetricProps): Judge {
  const { direction, allowedIncrease = 1, allowedDecrease = 1, weight = 1 } = props;
  const [pass, marginal] = [props.pass ?? 95, props.marginal ?? Math.min(75, props.pass ?? 75)];
  const isSound = isScore(pass) && isScore(marginal) && marginal <= pass;
  return {
    kind: 'ranks',
    direction,
    ...(allowedIncrease > 1 ? { allowedIncrease } : {}),
    ...(allowedDecrease > 0 && allowedDecrease < 1 ? { allowedDecrease } : {}),
    weight: weight > 0 && Number.isFinite(weight) ? weight : 1,
    ...(props.critical === true ? { critical: true } : {}),
    ...(isSound ? { pass, marginal } : { pass: 95, marginal: 75 }),
  };
}

function isScore(it: number): boolean {
  return it >= 0 && it <= 100;
}

function problemsOf(props: CompareMetricProps): QueryProblem[] {
  const { direction, allowedIncrease, allowedDecrease, weight = 1, variables = {} } = props;
  const { pass = 95, marginal = 0 } = props;
  const checks: readonly (readonly [boolean, QueryProblem])[] = [
    [
      (allowedIncrease ?? 1) >= 1 && Number.isFinite(allowedIncrease ?? 1),
      {
        problem: 'allowedIncrease must be 1 or more',
        got: String(allowedIncrease),
        remedy: 'use 1.2 for a fifth more',
      },
    ],
    [
      (allowedDecrease ?? 1) > 0 && (allowedDecrease ?? 1) <= 1,
      {
        problem: 'allowedDecrease must be over 0, and 1 at most',
        got: String(allowedDecrease),
        remedy: 'use 0.8 for a fifth less',
      },
    ],
    [
      direction !== 'decrease' || allowedIncrease === undefined,
      {
        problem: 'allowedIncrease says nothing where only a decrease counts',
        got: String(allowedIncrease),
        remedy: 'leave it out, or use direction: "either"',
      },
    ],
    [
      direction !== 'increase' || allowedDecrease === undefined,
      {
        problem: 'allowedDecrease says nothing where only an increase counts',
        got: String(allowedDecrease),
        remedy: 'leave it out, or use direction: "either"',
      },
    ],
    [
      weight > 0 && Number.isFinite(weight),
      {
        problem: 'weight must be over 0',
        got: String(weight),
        remedy: 'use a number over 0, or dryRun: true',
      },
    ],
    [
      isScore(pass) && isScore(marginal) && marginal <= pass,
      {
        problem: 'pass and marginal must be scores',
        got: `${pass} and ${marginal}`,
        remedy: 'use 0 to 100, and for marginal no more than for pass',
      },
    ],
    ...BUILT_IN.filter((key) => key in variables).map(
      (got) =>
        [
          false,
          { problem: 'a variable has the name of a built-in one', got, remedy: 'rename it' },
        ] as const,
    ),
  ];
  return [
    ...checks.flatMap(([isRight, problem]) => (isRight ? [] : [problem])),
    ...thresholdProblems(props.threshold),
  ];
}

/** What the queries are filled from. */
export interface MetricContext extends QueryContext {
  /** Whether some step runs a baseline. */
  readonly hasBaseline: boolean;
}

/** The comparisons as the plan has them. */
export interface CompiledMetrics {
  /** One for each definition. */
  readonly checks: readonly Check[];
  readonly mistakes: readonly Mistake[];
}

/** Fills the queries for each track, and finds what is wrong with the comparisons. */
export function compileMetrics(
  path: string,
  definitions: readonly MetricDefinition[],
  context: MetricContext,
): CompiledMetrics {
  const compiled = definitions.map((it) => compile(path, it, context));
  return {
    checks: compiled.map((it) => it.check),
    mistakes: compiled.flatMap((it) => it.mistakes),
  };
}

/** Before it has points enough a comparison says nothing, and each step would end at the inconclusive deadline. */
export function firstWordMistakes(
  path: string,
  checks: readonly Check[],
  { checkSeconds, settleSeconds, inconclusiveDeadlineSeconds }: Analysis,
): readonly Mistake[] {
  const window = Math.max(0, ...checks.map((it) => it.windowSeconds));
  const first = window + 2 * settleSeconds + (LEAST_POINTS - 1) * checkSeconds;
  if (first < inconclusiveDeadlineSeconds) return [];
  return checks
    .filter((it) => it.judge.kind === 'ranks' && it.dryRun !== true)
    .map(({ name }) => ({
      path,
      problem: `analysis.checks (${name}): it says nothing before ${LEAST_POINTS} check points, and the inconclusive deadline is sooner`,
      got: `${first} s and ${inconclusiveDeadlineSeconds} s`,
      remedy: 'use a shorter checkPeriod or window, or a longer inconclusiveDeadline',
    }));
}

function compile(path: string, it: MetricDefinition, context: MetricContext) {
  const field = `analysis.checks (${it.name})`;
  const window = wholeSeconds(path, `${field} window`, it.window, 1);
  const filled = (track: Track) =>
    filledQuery(it.promql, it.variables, context, track, `${window.seconds}s`);
  const asked = filled('canary');
  const textOf = (one: Filled) => (one.kind === 'filled' ? one.query : '');
  const [canary, primary] = [textOf(asked), textOf(filled('primary'))];
  const same: readonly QueryProblem[] =
    asked.kind === 'filled' && canary === primary
      ? [
          {
            problem: 'the query asks the same of both tracks, so there is nothing to compare',
            got: it.promql,
            remedy: 'select by {{target}}',
          },
        ]
      : [];
  const problems = [...it.problems, ...(asked.kind === 'wrong' ? asked.problems : []), ...same];
  const mistakes: Mistake[] = [
    ...labelMistakes(path, `${field}: name`, it.name),
    ...labelMistakes(path, `${field}: source`, it.source),
    ...problems.map((one) => ({ path, ...one, problem: `${field}: ${one.problem}` })),
    ...window.mistakes,
  ].map((one) => ({ ...placeOf(it), ...one }));
  const check: Check = {
    name: it.name,
    source: it.source,
    ask: {
      canary,
      primary,
      ...(context.hasBaseline ? { baseline: textOf(filled('baseline')) } : {}),
    },
    windowSeconds: window.seconds,
    judge: it.judge,
    ...(it.threshold === undefined ? {} : { threshold: it.threshold }),
    ...(it.unit === undefined ? {} : { unit: it.unit }),
    ...(it.dryRun ? { dryRun: true } : {}),
  };
  return { check, mistakes };
}
