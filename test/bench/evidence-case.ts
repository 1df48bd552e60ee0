import type { CounterSeries, TestCounts } from '../../analyzer/core/judge/counts.ts';
import { intervalGrid, prove } from '../../analyzer/core/judge/proof.ts';
import type { PlanTree } from '../../analyzer/core/position.ts';
import type { Rollout } from '../../analyzer/core/situation.ts';
import type { GrowthQuestion, MetricStore } from '../../analyzer/metrics/store.ts';
import { newMemory } from '../../analyzer/tick/analyzer.ts';
import { tick } from '../../analyzer/tick/tick.ts';
import type { Counters, Test } from '../../lib/plan/evidence.ts';
import { liveSince, plan, rollout, situation, step, T0 } from '../analyzer/core/fixture.ts';
import { errorTest, evidence, latencyTest, tested } from '../analyzer/core/judge/counted.ts';
import { openMemoryField, untilRest } from '../analyzer/field.ts';
import { oneStore } from '../one-store.ts';
import { seeded } from '../simulation/random.ts';
import { timed } from './numbers.ts';

/** Evidence of a thousand releases in a process of its own: prints how long one of the cases took, and what it asked. */

const RELEASES = Number(process.argv[3] ?? 1000);
const STEP = '02-weight-20';
const HOUR_SECONDS = 3600;
const BOUNDS = [
  { le: 50, share: 0.5 },
  { le: 250, share: 0.1 },
  { le: 1000, share: 0.01 },
];

/** What an hour of a release's tests comes to. */
function proofs(): number {
  const tests: readonly Test[] = [
    errorTest({ name: 'errors', capped: true, catastrophe: 0.1, share: 0.4 }),
    errorTest({ name: 'slo', question: { kind: 'objective', limit: 0.01 }, share: 0.2 }),
    latencyTest({ name: 'latency', capped: true, share: 0.2 }),
    latencyTest({
      name: 'slow',
      question: { kind: 'objective', limit: 0.05, boundMs: 250 },
      share: 0.2,
    }),
  ];
  const of = rollout(situation({ position: step(STEP), plan: tested(evidence(tests), [STEP]) }));
  const random = seeded(1);
  const all = Array.from({ length: RELEASES }, () =>
    tests.map((it) => counted(of, it, random.next)),
  );
  const began = performance.now();
  for (const counts of all)
    if (prove(of, counts, liveSince(T0)) === undefined) throw new Error('no proof');
  return performance.now() - began;
}

function counted(of: Rollout, test: Test, random: () => number): TestCounts {
  const { start, stepSeconds } = intervalGrid(of, 0);
  const grid = { start, end: start + HOUR_SECONDS, stepSeconds };
  const series = (labels: CounterSeries['labels'], mean: number): CounterSeries => ({
    labels,
    samples: Array.from({ length: HOUR_SECONDS / stepSeconds + 1 }, (_, it) => ({
      at: start + it * stepSeconds,
      value: Math.round(mean * (0.5 + random())),
    })),
  });
  const bounds = test.question.kind === 'objective' ? BOUNDS.slice(1, 2) : BOUNDS;
  const track = (requests: number) => {
    if (test.counts.canary.kind === 'errors')
      return [[series({}, requests)], [series({}, requests / 1000)]];
    const buckets = bounds.map(({ le, share }) => series({ le: `${le}` }, requests * (1 - share)));
    return [[...buckets, series({ le: '+Inf' }, requests)]];
  };
  return {
    test,
    grid,
    bounds: test.counts.canary.kind === 'errors' ? [] : bounds,
    canary: { kind: 'known', value: track(300) },
    other: { kind: 'known', value: track(1200) },
  };
}

/** What a pass over releases in a step asks a store: that of an analyzer that has just started, and a later one. */
async function passes(): Promise<readonly { readonly ms: number; readonly queries: number }[]> {
  const ids = Array.from({ length: RELEASES }, (_, it) => `app-${it}`);
  const field = openMemoryField();
  const analyzer = await field.analyzer();
  await field.release(Object.fromEntries(ids.map((id) => [id, plan('v1')])));
  await untilRest(field, analyzer);
  await field.release(Object.fromEntries(ids.map((id) => [id, planOf(id)])));
  for (let ticks = 0; !field.read(`rollouts/${ids.at(-1)}/state.yaml`).includes(STEP); ticks++) {
    if (ticks > 20) throw new Error(`no release ever came to ${STEP}`);
    field.now += 70;
    await tick(analyzer);
    await field.world.sync();
  }
  let queries = 0;
  const metrics = oneStore(storeOf(() => queries++));
  const fresh = { ...analyzer, metrics, memory: newMemory() };
  const results = [];
  for (const seconds of [HOUR_SECONDS, 15, 15]) {
    field.now += seconds;
    queries = 0;
    const { ms, result } = await timed(() => tick(fresh));
    if (result.outcomes.length !== RELEASES) throw new Error('not all are under way');
    results.push({ ms, queries });
  }
  return results;
}

/** Two tests of errors and two of latency. */
function planOf(id: string): PlanTree {
  const matchers = (track: string) => [['app', '=', id] as const, ['track', '=', track] as const];
  const errors = (track: string): Counters => ({
    kind: 'errors',
    requests: { metric: 'requests_total', matchers: matchers(track) },
    failures: {
      kind: 'sum',
      bad: [{ metric: 'requests_total', matchers: [...matchers(track), ['code', '=~', '5.*']] }],
    },
  });
  const durations = (track: string): Counters => ({
    kind: 'durations',
    unit: 'ms',
    buckets: { metric: 'duration_bucket', matchers: matchers(track) },
  });
  const both = (counters: (track: string) => Counters) => ({
    counts: { canary: counters('canary'), primary: counters('primary') },
    share: 0.25,
  });
  const objective = { kind: 'objective', limit: 0.05, boundMs: 250 } as const;
  const tests = [
    errorTest({ ...both(errors), name: 'errors' }),
    errorTest({ ...both(errors), name: 'slo', question: { kind: 'objective', limit: 0.05 } }),
    latencyTest({ ...both(durations), name: 'latency' }),
    latencyTest({ ...both(durations), name: 'slow', question: objective }),
  ];
  return tested(evidence(tests), [STEP]);
}

/** A store in which every counter that is asked for grows; too slowly to decide anything. */
function storeOf(asked: () => void): MetricStore {
  return {
    kind: 'bench',
    values: async () => ({ kind: 'unknown', reason: 'this store has counters alone' }),
    growth: async (question, { start, end, stepSeconds }) => {
      asked();
      const ats = Array.from(
        { length: (end - start) / stepSeconds + 1 },
        (_, it) => start + it * stepSeconds,
      );
      const series = labelsOf(question).map((labels) => ({
        labels,
        samples: ats.map((at) => ({ at, value: labels.le === '+Inf' ? 100 : 95 })),
      }));
      return { kind: 'known', value: { series } };
    },
  };
}

function labelsOf({
  selector: { matchers },
  by,
}: GrowthQuestion): readonly CounterSeries['labels'][] {
  const values = (label: string) => matchers.find((it) => it[0] === label)?.[2].split('|') ?? [];
  const buckets = by.includes('le') ? [...BOUNDS.map((it) => `${it.le}`), '+Inf'] : [undefined];
  return values('app').flatMap((app) =>
    values('track').flatMap((track) =>
      buckets.map((le) => ({ app, track, ...(le === undefined ? {} : { le }) })),
    ),
  );
}

const CASES = { nothing: () => 0, proofs, passes };
const name = process.argv[2] ?? 'nothing';
const found = Object.entries(CASES).find(([it]) => it === name);
if (found === undefined) throw new Error(`no case ${name}`);
process.stdout.write(JSON.stringify(await found[1]()));
