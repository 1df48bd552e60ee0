import type { Filled, QueryProblem } from '../metrics/promql.ts';
import { latencyQuery, successRateQuery } from '../metrics/request-queries.ts';
import { type Mistake, placeOf, reproofs } from '../mistake.ts';
import { labelMistakes, type Names, type Side } from '../names.ts';
import type { Check } from '../plan/plan.ts';
import type { Router } from '../traffic/router.ts';
import { abortOf, abortProblems, orderProblems, thresholdProblems } from './bounds.ts';
import type { CheckDefinition } from './checks.ts';
import { BUILT_IN, filledQuery } from './filled-query.ts';
import { wholeSeconds } from './whole-seconds.ts';

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
  const { name, source, min, max, unit, threshold } = it;
  const abort = abortOf(it.abort);
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
    ...(abort === undefined ? {} : { abort }),
    ...(threshold === undefined ? {} : { threshold }),
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
  problems.push(
    ...orderProblems(it),
    ...abortProblems(it, it.abort),
    ...thresholdProblems(it.threshold),
  );
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
