import type { Test } from '../../lib/plan/evidence.ts';
import type { Answer } from '../core/answer.ts';
import type { Liveness } from '../core/cluster/reading.ts';
import {
  type Bound,
  boundOf,
  counterQuestions,
  type Part,
  type TestCounts,
  type TrackCounts,
} from '../core/judge/counts.ts';
import { chooseBounds, tallyBeyond } from '../core/judge/evidence/latency.ts';
import type { Grid } from '../core/judge/judge.ts';
import { intervalGrid, restOf, testsOf } from '../core/judge/proof.ts';
import { stepOf } from '../core/position.ts';
import type { Rollout } from '../core/situation.ts';
import { unix } from '../core/state.ts';
import { type Growth, type MetricStore, unknownStore } from '../metrics/store.ts';
import { skew } from './clusters.ts';
import type { World } from './world.ts';

/** What the counters of a step's tests said, and by how much the clocks of their stores differ. */
export interface Counted {
  readonly counts: readonly TestCounts[];
  readonly skewSeconds: number;
}

/** How far back the primary's latencies are looked at before a rollout, to find the bounds by which the canary is judged. */
const HISTORY_SECONDS = 3600;

/** Asks for the counts that the tests of a rollout's position need; nothing where it has none. */
export async function askCounts(
  { metrics, clock }: World,
  rollout: Rollout,
  live: Liveness,
  now: number,
): Promise<Counted> {
  let skewSeconds = 0;
  const grid = gridOf(rollout, now);
  const { head, tail } = restOf(rollout, live, now);
  const counts = await Promise.all(testsOf(rollout).map((test) => askTest(test)));
  return { counts, skewSeconds };

  async function askTest(test: Test): Promise<TestCounts> {
    const found = await boundsOf(test);
    if (found.kind === 'unknown') return { test, grid, bounds: [], canary: found, other: found };
    const bounds = found.value;
    const { canary, primary, baseline } = test.counts;
    const runsBaseline = stepOf(rollout.plan.plan, rollout.state.position)?.baseline === true;
    const tracks = { canary, other: runsBaseline ? (baseline ?? primary) : primary };
    const ask = async (points: Grid) => {
      const [ours, others] = await Promise.all([
        askTrack(test, tracks.canary, points),
        askTrack(test, tracks.other, points),
      ]);
      return { canary: ours, other: others };
    };
    const part = async (between: typeof head): Promise<Part | undefined> => {
      // What takes a candidate back at once is looked at in between.
      if (between === undefined || test.catastrophe === undefined) return undefined;
      const [from, to] = between;
      return { from, to, ...(await ask({ start: to, end: to, stepSeconds: to - from })) };
    };
    const [whole, first, last] = await Promise.all([ask(grid), part(head), part(tail)]);
    return { test, grid, bounds, ...whole, head: first, tail: last };
  }

  async function askTrack(
    test: Test,
    counters: Test['counts']['canary'],
    points: Grid,
  ): Promise<TrackCounts> {
    const store = metrics.get(test.source);
    if (store === undefined) return unknownStore(test.source, metrics);
    const answers = await Promise.all(
      counterQuestions(counters, test.strata).map((it) => ask(store, it, points)),
    );
    const failed = answers.find((it) => it.kind === 'unknown');
    if (failed !== undefined) return failed;
    return {
      kind: 'known',
      value: answers.flatMap((it) => (it.kind === 'known' ? [it.value.series] : [])),
    };
  }

  async function ask(
    store: MetricStore,
    question: Parameters<MetricStore['growth']>[0],
    points: Grid,
  ): Promise<Answer<Growth>> {
    const asked = clock();
    const answer = await store.growth(question, points);
    if (answer.kind === 'known')
      skewSeconds = Math.max(skewSeconds, skew(answer.value.serverTime, asked, clock()));
    return answer;
  }

  /** Those of the steps before, else what the primary's own requests say of the time before the rollout. */
  async function boundsOf(test: Test): Promise<Answer<readonly Bound[]>> {
    const kept = rollout.state.evidence?.find((it) => it.test === test.name)?.bounds;
    const { primary } = test.counts;
    if (kept !== undefined || primary.kind === 'errors') return known(kept ?? []);
    if (test.question.kind === 'objective') {
      const { boundMs = 0, limit } = test.question;
      return known([{ le: primary.unit === 's' ? boundMs / 1000 : boundMs, share: limit }]);
    }
    const began = Math.floor(unix(rollout.state.steps[0]?.at ?? rollout.state.at));
    const moment: Grid = { start: began, end: began, stepSeconds: HISTORY_SECONDS };
    const history = await askTrack({ ...test, strata: [] }, primary, moment);
    if (history.kind === 'unknown') return history;
    const buckets = (history.value[0] ?? []).map(({ labels, samples }) => ({
      le: boundOf(labels),
      count: samples[0]?.value ?? 0,
    }));
    const bounds = chooseBounds(buckets).map((le) => {
      const { requests, bad } = tallyBeyond(buckets, le) ?? { requests: 0, bad: 0 };
      return { le, share: bad / requests };
    });
    if (bounds.length > 0) return known(bounds);
    const reason =
      'the primary had no requests in the hour before the rollout, so nobody knows how fast it usually is';
    return { kind: 'unknown', reason };
  }
}

/** Before the step's first interval is over, what was there before tells which counters are new. */
function gridOf(rollout: Rollout, now: number): Grid {
  const grid = intervalGrid(rollout, now);
  const { stepSeconds } = grid;
  if (grid.end >= grid.start) return grid;
  const before = Math.floor(unix(rollout.state.at) / stepSeconds) * stepSeconds;
  return { start: before, end: before, stepSeconds };
}

function known<T>(value: T): Answer<T> {
  return { kind: 'known', value };
}
