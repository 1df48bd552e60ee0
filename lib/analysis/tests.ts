import type { Counts, RequestCounts } from '../metrics/counts.ts';
import type { QueryProblem } from '../metrics/promql.ts';
import { type Mistake, placeOf } from '../mistake.ts';
import { labelMistakes, type Names } from '../names.ts';
import type { Counters, Question, Test } from '../plan/evidence.ts';
import type { Track } from '../plan/plan.ts';
import type { Router } from '../traffic/router.ts';

/** A test as the release's author writes it; what is counted is known once the router is. */
export interface TestDefinition {
  readonly name: string;
  /** Name of the metric store. */
  readonly source: string;
  readonly counts: Counters['kind'];
  readonly question: Question;
  readonly strata: readonly string[];
  readonly capped: boolean;
  /** A fraction. */
  readonly catastrophe: number | undefined;
  /** Its part of the rollout's false alarms, beside the others'; 0 for a dry run. */
  readonly weight: number;
  /** Name of the first step in which it counts. */
  readonly from: string | undefined;
  /** What its own props got wrong. */
  readonly problems: readonly QueryProblem[];
}

/** Whether a check weighs counts of requests. */
export function isTest(it: object): it is TestDefinition {
  return 'question' in it;
}

/** What the tests of a release count. */
export interface TestContext {
  readonly names: Names;
  /** Port of the Services; undefined without one. */
  readonly port: number | undefined;
  /** Undefined where the author's answer to that is wrong. */
  readonly router: Pick<Router, 'counts'> | undefined;
  /** Whether some step runs a baseline. */
  readonly hasBaseline: boolean;
}

/** The tests as the plan has them. */
export interface CompiledTests {
  readonly tests: readonly Test[];
  readonly mistakes: readonly Mistake[];
}

/** Finds out what is counted, and what is wrong with the tests. */
export function compileTests(
  path: string,
  definitions: readonly TestDefinition[],
  context: TestContext,
): CompiledTests {
  const total = definitions.reduce((sum, it) => sum + it.weight, 0);
  const compiled = definitions.map((it) => {
    const field = `analysis.checks (${it.name})`;
    const counted = countersOf(it, context);
    const problems = [...it.problems, ...(counted.kind === 'none' ? [counted.problem] : [])];
    const mistakes: Mistake[] = [
      ...labelMistakes(path, `${field}: name`, it.name),
      ...labelMistakes(path, `${field}: source`, it.source),
      ...problems.map((one) => ({ path, ...one, problem: `${field}: ${one.problem}` })),
    ].map((one) => ({ ...placeOf(it), ...one }));
    const tests = counted.kind === 'none' ? [] : [testOf(it, counted.counts, total)];
    return { tests, mistakes };
  });
  return {
    tests: compiled.flatMap((it) => it.tests),
    mistakes: compiled.flatMap((it) => it.mistakes),
  };
}

function testOf(it: TestDefinition, counts: Test['counts'], total: number): Test {
  const { name, source, question, strata, capped, catastrophe, weight } = it;
  return {
    name,
    source,
    counts,
    ...(strata.length === 0 ? {} : { strata: [...strata] }),
    question,
    capped,
    ...(catastrophe === undefined ? {} : { catastrophe }),
    share: total === 0 ? 0 : weight / total,
  };
}

type Counted =
  | { readonly kind: 'counted'; readonly counts: Test['counts'] }
  | { readonly kind: 'none'; readonly problem: QueryProblem };

function countersOf(
  { counts }: TestDefinition,
  { names, port, router, hasBaseline }: TestContext,
): Counted {
  if (port === undefined) return UNSERVED;
  const of = (track: Track) => {
    const counted: Counts = router?.counts({ names, port }, track) ?? NOTHING_KNOWN;
    if (counted.kind === 'none') return counted;
    const weighed = counted.callers ?? counted;
    return counts === 'errors' ? errorsOf(weighed) : durationsOf(weighed);
  };
  const [canary, primary, baseline] = [of('canary'), of('primary'), of('baseline')];
  if (canary.kind === 'none') return canary;
  if (primary.kind === 'none') return primary;
  const more = hasBaseline && baseline.kind !== 'none' ? { baseline } : {};
  return { kind: 'counted', counts: { canary, primary, ...more } };
}

const UNSERVED: Counted = {
  kind: 'none',
  problem: {
    problem: 'nobody counts requests where no Service leads to the release',
    got: 'no service',
    remedy: 'use query({ … }) for what the pods count themselves',
  },
};

/** Stands in where the router is wrong, which is said of the router. */
const NOTHING_KNOWN: Counts = {
  kind: 'counted',
  requests: { metric: 'unknown', matchers: [] },
  failed: { kind: 'apart', counters: [{ metric: 'unknown', matchers: [] }] },
  durations: { metric: 'unknown', matchers: [], unit: 'ms' },
};

function errorsOf({
  requests,
  failed,
}: RequestCounts): Counters | Extract<Counts, { kind: 'none' }> {
  switch (failed.kind) {
    case 'none':
      return failed;
    case 'apart':
      return { kind: 'errors', requests, failures: { kind: 'sum', bad: [...failed.counters] } };
    case 'labelled': {
      // One of several labels makes a request bad; PromQL has no "or" between labels, so the good ones are counted.
      const good = Object.entries(failed.labels).map(([label, it]) => [label, '!~', it] as const);
      const { metric, matchers } = requests;
      const all = { metric, matchers: [...matchers, ...good] };
      return { kind: 'errors', requests, failures: { kind: 'allBut', good: all } };
    }
  }
}

function durationsOf({ durations }: RequestCounts): Counters {
  const { unit, metric, matchers } = durations;
  return { kind: 'durations', buckets: { metric, matchers }, unit };
}
