import type {
  CounterSeries,
  TestCounts,
  TrackCounts,
} from '../../../../analyzer/core/judge/counts.ts';
import { intervalGrid } from '../../../../analyzer/core/judge/proof.ts';
import type { PlanTree } from '../../../../analyzer/core/position.ts';
import type { Rollout } from '../../../../analyzer/core/situation.ts';
import type { Counters, Evidence, Test } from '../../../../lib/plan/evidence.ts';
import { type PlanChanges, plan } from '../fixture.ts';

/** A test of errors that compares; the rest is the strict golden setting of docs/judge.md. */
export function errorTest(more: Partial<Test> = {}): Test {
  return {
    name: 'error-rate',
    source: 'default',
    counts: { canary: errors('canary'), primary: errors('primary') },
    question: { kind: 'comparison', relative: 1.5, absolute: 0.001 },
    capped: false,
    share: 1,
    ...more,
  };
}

/** A test of how long answers took. */
export function latencyTest(more: Partial<Test> = {}): Test {
  return {
    ...errorTest(),
    name: 'latency',
    counts: { canary: durations('canary'), primary: durations('primary') },
    question: { kind: 'comparison', absolute: 0.001 },
    ...more,
  };
}

function errors(track: string): Counters {
  const requests = { metric: 'requests_total', matchers: [['track', '=', track] as const] };
  const bad = { metric: 'errors_total', matchers: requests.matchers };
  return { kind: 'errors', requests, failures: { kind: 'sum', bad: [bad] } };
}

function durations(track: string): Counters {
  const matchers = [['track', '=', track] as const];
  return { kind: 'durations', unit: 'ms', buckets: { metric: 'duration_bucket', matchers } };
}

/** How sure the tests of a test must be. */
export function evidence(tests: readonly Test[], more: Partial<Evidence> = {}): Evidence {
  return {
    intervalSeconds: 15,
    alpha: 0.01,
    beta: 0.05,
    budget: 0.001,
    advance: 'safe-within-budget',
    tests: [...tests],
    ...more,
  };
}

/** A plan of weights 20 and 50 without checks, whose tests are weighed in some of its steps. */
export function tested(
  of: Evidence,
  steps: readonly string[] = ['02-weight-20', '03-weight-50'],
  changes: PlanChanges = {},
): PlanTree {
  const names = of.tests.map((it) => it.name);
  const judged = { checks: [], tests: names, stay: { kind: 'wait' as const, seconds: 0 } };
  const others = { checks: [], stay: { kind: 'wait' as const, seconds: 0 } };
  const all = ['01-canary-up', '02-weight-20', '03-weight-50', '04-promote', '05-weight-0'];
  return plan('v2', {
    ...changes,
    checks: [],
    more: { ...changes.more, evidence: of },
    steps: Object.fromEntries(all.map((it) => [it, steps.includes(it) ? judged : others])),
  });
}

/** Requests of one interval, and the bad ones: of a canary, then of a primary. */
export type Counts = readonly [nC: number, xC: number, nP: number, xP: number];

/** The intervals of the golden vectors in docs/judge.md. */
export const GOLDEN: readonly Counts[] = [
  [12, 0, 1188, 1],
  [61, 1, 1140, 0],
  [60, 0, 1139, 2],
  [121, 2, 1080, 1],
  [119, 1, 1083, 1],
  [300, 4, 900, 1],
  [601, 5, 600, 0],
];

/**
 * What the counters of errors say in the intervals of a step, one after the other; the
 * primary's were there before, and the canary's where it was seen in an earlier step.
 */
export function counted(
  of: Rollout,
  test: Test,
  intervals: readonly (Counts | undefined)[],
): TestCounts {
  const grid = intervalGrid(of, 0);
  const at = (index: number) => grid.start + (index + 1) * grid.stepSeconds;
  const series = (pick: (it: Counts) => number): CounterSeries => ({
    labels: {},
    samples: intervals.flatMap((it, index) =>
      it === undefined ? [] : [{ at: at(index), value: pick(it) }],
    ),
  });
  const before = { at: grid.start, value: 0 };
  const track = (
    requests: CounterSeries,
    bad: CounterSeries,
    first: readonly { at: number; value: number }[],
  ): TrackCounts => ({
    kind: 'known',
    value: [[{ ...requests, samples: [...first, ...requests.samples] }], [bad]],
  });
  return {
    test,
    at: at(intervals.length - 1),
    grid: { ...grid, end: at(intervals.length - 1) },
    bounds: [],
    canary: track(
      series((it) => it[0]),
      series((it) => it[1]),
      of.state.evidence === undefined ? [] : [before],
    ),
    other: track(
      series((it) => it[2]),
      series((it) => it[3]),
      [before],
    ),
  };
}
