import { syntaxOf } from '../metrics/syntax.ts';
import { type Mistake, placeOf } from '../mistake.ts';
import type { Names } from '../names.ts';
import type { Check } from '../plan/plan.ts';
import type { CheckDefinition } from './checks.ts';
import { isMetric, type MetricDefinition } from './metric.ts';

/** What is wrong with the texts of the author's own queries, and what is probably not meant. */
export interface JudgedQueries {
  readonly mistakes: readonly Mistake[];
  readonly warnings: readonly Mistake[];
}

/**
 * Reads the queries once their variables are filled.
 *
 * @param checks what the definitions became, one for each
 */
export async function judgeQueries(
  path: string,
  definitions: readonly (CheckDefinition | MetricDefinition)[],
  checks: readonly Check[],
  release: { readonly names: Names; readonly isTracked: boolean },
): Promise<JudgedQueries> {
  const mistakes: Mistake[] = [];
  const warnings: Mistake[] = [];
  for (const [index, it] of definitions.entries()) {
    const query = checks[index]?.ask.canary ?? '';
    const promql = isMetric(it) ? it.promql : it.asks.kind === 'query' ? it.asks.promql : '';
    // One whose variables are wrong is not filled.
    if (promql === '' || query === '') continue;
    const field = `analysis.checks${isMetric(it) ? '' : `[${index}]`} (${it.name})`;
    const { problems, unknownFunctions } = await syntaxOf(query);
    const place = { path, ...placeOf(it) };
    for (const one of problems)
      mistakes.push({ ...place, ...one, problem: `${field}: ${one.problem}` });
    for (const got of new Set(unknownFunctions))
      warnings.push({
        ...place,
        problem: `${field}: Prometheus has no function of that name`,
        got,
        remedy: 'correct it; leave it where the metric store has functions of its own',
      });
    warnings.push(
      ...trackWarnings(promql, query, release).map((one) => ({
        ...place,
        ...one,
        problem: `${field}: ${one.problem}`,
      })),
    );
  }
  return { mistakes, warnings: warnings.map((it) => ({ ...it, severity: 'warning' })) };
}

/** A query that is about no track judges something else than the candidate. */
function trackWarnings(
  promql: string,
  filled: string,
  { names, isTracked }: { readonly names: Names; readonly isTracked: boolean },
): Pick<Mistake, 'problem' | 'got' | 'remedy'>[] {
  if (/\{\{\s*target\s*\}\}-canary/.test(promql))
    return [
      {
        problem: `the query names the track twice: {{target}} is ${names.workloads.canary} already`,
        got: promql,
        remedy: 'write {{target}} alone',
      },
    ];
  // With one track the whole release is what is judged.
  const variables = isTracked ? TRACK : TRACK_OR_ALL;
  const named = [names.primary, names.canary, ...Object.values(names.workloads)];
  if (variables.test(promql) || named.some((it) => filled.includes(it))) return [];
  return [
    {
      problem: 'the query names no track, so it does not judge the candidate alone',
      got: promql,
      remedy: 'select by {{target}}, or compare {{target}} with {{primary}} or {{baseline}}',
    },
  ];
}

const TRACK = /\{\{\s*(?:target|primary|baseline)\s*\}\}/;
const TRACK_OR_ALL = /\{\{\s*(?:target|primary|baseline|service)\s*\}\}/;
