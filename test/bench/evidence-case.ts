import type { CounterSeries } from '../../analyzer/core/judge/counts.ts';
import { prove } from '../../analyzer/core/judge/proof.ts';
import type { PlanTree } from '../../analyzer/core/position.ts';
import type { Rollout } from '../../analyzer/core/situation.ts';
import { isoTime } from '../../analyzer/core/state.ts';
import type { GrowthQuestion, MetricStore } from '../../analyzer/metrics/store.ts';
import {
  type CounterMemory,
  foldsOf,
  newCounterMemory,
  shareCounters,
} from '../../analyzer/tick/counters.ts';
import { askCounts, askingAlone, wishOf } from '../../analyzer/tick/counting.ts';
import type { Counters } from '../../lib/plan/evidence.ts';
import { liveSince, rollout, situation, step, T0 } from '../analyzer/core/fixture.ts';
import { errorTest, evidence, latencyTest, tested } from '../analyzer/core/judge/counted.ts';
import { oneStore } from '../one-store.ts';
import type { EvidencePass } from './evidence.ts';

/** Evidence of a thousand releases, four tests each, in a process of its own: prints what passes took, and asked. */

const RELEASES = 1000;
const STEP = '02-weight-20';
const HOUR_SECONDS = 3600;
const BOUNDS = [
  { le: 50, share: 0.5 },
  { le: 250, share: 0.1 },
  { le: 1000, share: 0.01 },
];

/** What passes over releases take that have been in a step for an hour: that of an analyzer that has just started, and later ones. */
async function passes(): Promise<readonly EvidencePass[]> {
  const releases = Array.from({ length: RELEASES }, (_, it) => {
    const plan = planOf(`app-${it}`);
    const state = { steps: [leftAt(T0 - 60 - it * 3)] };
    return [`app-${it}`, rollout(situation({ position: step(STEP), plan, state }))] as const;
  });
  const memory = newCounterMemory();
  const all: EvidencePass[] = [];
  for (const now of [T0 + HOUR_SECONDS, T0 + HOUR_SECONDS + 15, T0 + HOUR_SECONDS + 30])
    all.push(await pass(memory, releases, now));
  return all;
}

async function pass(
  memory: CounterMemory,
  releases: readonly (readonly [string, Rollout])[],
  now: number,
): Promise<EvidencePass> {
  let queries = 0;
  const world = { metrics: oneStore(storeOf(() => queries++)), clock: () => now };
  const began = cpuMs();
  const wished = new Map(releases.map(([id, it]) => [id, wishOf(it, now)]));
  const shared = shareCounters(
    world,
    memory,
    Promise.resolve(wished),
    new AbortController().signal,
  );
  const counted = await Promise.all(
    releases.map(([id, it]) =>
      askCounts({ ...world, growth: shared(id, askingAlone(world)) }, it, liveSince(T0), now),
    ),
  );
  const asked = cpuMs();
  for (const [index, [id, it]] of releases.entries()) {
    const counts = counted[index]?.counts ?? [];
    const proof = prove(it, counts, liveSince(T0), undefined, foldsOf(memory, id));
    if (proof === undefined || proof.trouble !== undefined || proof.requests === 0)
      throw new Error(`${id}: ${proof?.trouble ?? 'nothing was proved'}`);
  }
  return { queries, askMs: asked - began, judgeMs: cpuMs() - asked };
}

/** The step before, which tells when the rollout began; rollouts do so at any time of an hour. */
function leftAt(began: number) {
  return { name: '01-canary-up', at: isoTime(began), until: isoTime(T0), failedChecks: 0 };
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
  const usual = (counters: (track: string) => Counters) => ({
    counts: { canary: counters('canary'), primary: counters('primary') },
    capped: true,
    share: 0.25,
  });
  const objective = { kind: 'objective', limit: 0.05, boundMs: 250 } as const;
  const tests = [
    errorTest({ ...usual(errors), name: 'errors', catastrophe: 0.1 }),
    errorTest({ ...usual(errors), name: 'slo', question: { kind: 'objective', limit: 0.05 } }),
    latencyTest({ ...usual(durations), name: 'latency' }),
    latencyTest({ ...usual(durations), name: 'slow', question: objective }),
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
        samples: ats.map((at) => ({
          at,
          value: growthOf(labels.le, isFailed(question), at / stepSeconds),
        })),
      }));
      return { kind: 'known', value: { series } };
    },
  };
}

function isFailed({ selector }: GrowthQuestion): boolean {
  return selector.matchers.some(([label]) => label === 'code');
}

/** A good hour: a request in a thousand fails, and latencies keep to their shares. */
function growthOf(le: string | undefined, failed: boolean, index: number): number {
  if (failed) return index % 3 === 0 ? 1 : 0;
  const beyond = BOUNDS.find((it) => `${it.le}` === le)?.share ?? 0;
  return Math.round((300 + (index % 7) * 10) * (1 - beyond));
}

function labelsOf({
  selector: { matchers },
  by,
}: GrowthQuestion): readonly CounterSeries['labels'][] {
  const values = (label: string) => matchers.find((it) => it[0] === label)?.[2].split('|') ?? [];
  const ends = values('le').map((it) => it.replaceAll('\\', ''));
  const known = [...BOUNDS.map((it) => `${it.le}`), '+Inf'];
  const buckets = by.includes('le')
    ? known.filter((it) => ends.length === 0 || ends.includes(it))
    : [undefined];
  return values('app').flatMap((app) =>
    values('track').flatMap((track) =>
      buckets.map((le) => ({ app, track, ...(le === undefined ? {} : { le }) })),
    ),
  );
}

/** Of this process: others on the machine take no part in it. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

const CASES = { nothing: () => [], passes };
const name = process.argv[2] ?? 'nothing';
const found = Object.entries(CASES).find(([it]) => it === name);
if (found === undefined) throw new Error(`no case ${name}`);
process.stdout.write(JSON.stringify(await found[1]()));
