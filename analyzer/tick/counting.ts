import type { Counters, Test } from '../../lib/plan/evidence.ts';
import type { Answer } from '../core/answer.ts';
import type { Liveness } from '../core/cluster/reading.ts';
import {
  type Bound,
  boundOf,
  type CounterSeries,
  counterQuestions,
  type TestCounts,
  type TrackCounts,
} from '../core/judge/counts.ts';
import { chooseBounds, tallyBeyond } from '../core/judge/evidence/latency.ts';
import type { Grid } from '../core/judge/grid.ts';
import { intervalGrid, isBucketMissing, testsOf } from '../core/judge/proof.ts';
import { stepOf } from '../core/position.ts';
import type { Rollout } from '../core/situation.ts';
import { type State, unix } from '../core/state.ts';
import { type GrowthQuestion, unknownStore } from '../metrics/store.ts';
import { skew } from './clusters.ts';
import type { Wish } from './counters.ts';
import type { AskGrowth, World } from './world.ts';

/** What the counters of a step's tests said, and by how much the clocks of their stores differ. */
export interface Counted {
  readonly counts: readonly TestCounts[];
  readonly skewSeconds: number;
}

/** How far back the primary's latencies are looked at before a rollout, to find the bounds by which the canary is judged. */
const HISTORY_SECONDS = 3600;

/** What `askCounts` is going to ask: first which buckets matter, as a histogram has many. */
export function wishOf(rollout: Rollout, now: number): Wish {
  const tests = testsOf(rollout);
  const learned = tests.filter((it) => needsHistory(it, keptBounds(rollout.state.evidence, it)));
  return {
    first: learned.flatMap((test) =>
      historyQuestions(test).map((question) => ({
        ...{ source: test.source, question },
        points: minuteBefore(rollout),
      })),
    ),
    rest(answers) {
      const bounds = new Map(
        tests.map((test) => {
          const known = knownBounds(test, keptBounds(rollout.state.evidence, test));
          return [test, known ?? boundsFrom(answers[learned.indexOf(test)] ?? [])];
        }),
      );
      const points = gridOf(rollout, now);
      const young = learned.filter((it) => bounds.get(it)?.length === 0);
      const later = young.flatMap((test) =>
        historyQuestions(test).map((question) => ({
          ...{ source: test.source, question },
          points: momentBefore(rollout),
        })),
      );
      const counted = tests.flatMap((test) => {
        const { source, counts, strata } = test;
        const ends = endsFor(test, bounds);
        const tracks = [counts.canary, otherOf(rollout, test)];
        const questions = tracks.flatMap((it) => counterQuestions(it, strata, ends));
        const grids = [points, ...tailGrid(test, rollout, points, now)];
        return grids.flatMap((it) =>
          questions.map((question) => ({ source, question, points: it })),
        );
      });
      return [...later, ...counted];
    },
  };
}

/** Intervals of the step that are over; if none is, the moment before it, as it tells which counters are new. */
function gridOf(rollout: Rollout, now: number): Grid {
  const grid = intervalGrid(rollout, now);
  return { ...grid, start: Math.min(grid.start, grid.end) };
}

/**
 * What has come since the last interval: asked where something takes a candidate back at once. Not from before the step was
 * live, as the split of requests changed then.
 */
function tailGrid(
  { catastrophe }: Test,
  { state }: Rollout,
  { end }: Grid,
  now: number,
  since = 0,
): readonly Grid[] {
  const to = Math.floor(now);
  const from = Math.max(end, Math.ceil(unix(state.at)), Math.ceil(since));
  if (catastrophe === undefined || to <= from) return [];
  return [{ start: to, end: to, stepSeconds: to - from }];
}

/** What the canary is compared with: one that gets requests. */
function otherOf({ plan, state }: Rollout, { counts: { primary, baseline } }: Test): Counters {
  const { weights } = stepOf(plan.plan, state.position) ?? {};
  return (weights?.baseline ?? 0) > 0 ? (baseline ?? primary) : primary;
}

function keptBounds(evidence: State['evidence'], test: Test): readonly Bound[] | undefined {
  return evidence?.find((it) => it.test === test.name)?.bounds;
}

function needsHistory(test: Test, kept: readonly Bound[] | undefined): boolean {
  return knownBounds(test, kept) === undefined;
}

/** Those of the steps before, or of an objective; undefined where the primary's history tells them. */
function knownBounds(
  { counts: { primary }, question }: Test,
  kept: readonly Bound[] | undefined,
): readonly Bound[] | undefined {
  if (kept !== undefined || primary.kind === 'errors') return kept ?? [];
  if (question.kind !== 'objective') return undefined;
  const { boundMs = 0, limit } = question;
  return [{ le: primary.unit === 's' ? boundMs / 1000 : boundMs, share: limit }];
}

function historyQuestions({ counts }: Test): readonly GrowthQuestion[] {
  return counterQuestions(counts.primary).map((it) => ({
    ...it,
    intervalSeconds: HISTORY_SECONDS,
  }));
}

/** Up to the minute before the rollout, so that releases that began at any time share one question. */
function minuteBefore({ state }: Rollout): Grid {
  const minute = Math.floor(unix(state.steps[0]?.at ?? state.at) / 60) * 60;
  return { start: minute, end: minute, stepSeconds: 60 };
}

/** Up to the rollout itself, for releases whose first requests came in that minute. */
function momentBefore({ state }: Rollout): Grid {
  const began = Math.floor(unix(state.steps[0]?.at ?? state.at));
  return { start: began, end: began, stepSeconds: 60 };
}

/** What the primary's own requests say of the time before the rollout. */
function boundsFrom(history: readonly CounterSeries[]): readonly Bound[] {
  const buckets = history.map(({ labels, samples }) => ({
    le: boundOf(labels),
    count: samples[0]?.value ?? 0,
  }));
  return chooseBounds(buckets).map((le) => {
    const { requests, bad } = tallyBeyond(buckets, le) ?? { requests: 0, bad: 0 };
    return { le, share: bad / requests };
  });
}

/** Ends of the buckets that matter to any test of the same counters: those share one question. None where they are not known. */
function endsFor(
  { source, counts, strata }: Test,
  bounds: ReadonlyMap<Test, readonly Bound[]>,
): readonly number[] {
  const asked = JSON.stringify([source, counts, strata]);
  const all = [...bounds].flatMap(([it, own]) =>
    JSON.stringify([it.source, it.counts, it.strata]) === asked ? own : [],
  );
  return [...new Set(all.map((it) => it.le))].sort((a, b) => a - b);
}

/** Asks one store about counters, each question by itself. */
export function askingAlone({ metrics, clock }: Pick<World, 'metrics' | 'clock'>): AskGrowth {
  return async (source, question, points) => {
    const store = metrics.get(source);
    if (store === undefined) return unknownStore(source, metrics);
    const asked = clock();
    const answer = await store.growth(question, points);
    if (answer.kind === 'unknown') return answer;
    const { series, serverTime } = answer.value;
    return answered({ series, skewSeconds: skew(serverTime, asked, clock()) });
  };
}

/**
 * Asks for the counts that the tests of a rollout's position need; nothing where it has none.
 *
 * @param evidence that has the bounds of latencies, where they were found before @default - that of the steps before
 */
export async function askCounts(
  world: Pick<World, 'metrics' | 'clock' | 'growth' | 'countedAt'>,
  rollout: Rollout,
  live: Liveness,
  now: number,
  evidence: State['evidence'] = rollout.state.evidence,
): Promise<Counted> {
  const at = world.countedAt ?? now;
  const askGrowth = world.growth ?? askingAlone(world);
  let skewSeconds = 0;
  const grid = gridOf(rollout, at);
  const since = live.kind === 'live' ? live.sinceSeconds : undefined;
  const tests = testsOf(rollout);
  const found = new Map(
    await Promise.all(tests.map(async (it) => [it, await boundsOf(it)] as const)),
  );
  const known = new Map([...found].map(([it, own]) => [it, own.kind === 'known' ? own.value : []]));
  const counts = await Promise.all(tests.map((test) => askTest(test, endsFor(test, known))));
  return { counts, skewSeconds };

  async function askTest(test: Test, ends: readonly number[]): Promise<TestCounts> {
    const bounds = found.get(test);
    if (bounds?.kind !== 'known') {
      const unknown = bounds ?? { kind: 'unknown', reason: 'its bounds were not asked' };
      return { test, at, grid, bounds: [], canary: unknown, other: unknown };
    }
    const ask = async (points: Grid) => {
      const [canary, other] = await Promise.all([
        askTrack(test, test.counts.canary, points, ends),
        askTrack(test, otherOf(rollout, test), points, ends),
      ]);
      return { canary: within(canary, bounds.value), other: within(other, bounds.value) };
    };
    const [points] = tailGrid(test, rollout, grid, at, since);
    const [whole, tail] = await Promise.all([ask(grid), points && ask(points)]);
    const told = {
      ...{ test, at, grid, bounds: bounds.value, ...whole },
      ...(points &&
        tail && { tail: { from: points.end - points.stepSeconds, to: points.end, ...tail } }),
    };
    // Whoever writes an end in another way, or has no such bucket, is asked for all of them.
    return ends.length > 0 && isBucketMissing(told) ? askTest(test, []) : told;
  }

  async function askTrack(
    { source, strata }: Test,
    counters: Counters,
    points: Grid,
    ends: readonly number[],
  ): Promise<TrackCounts> {
    const questions = counterQuestions(counters, strata, ends);
    return askAll(questions.map((it) => askGrowth(source, it, points)));
  }

  async function askAll(asked: readonly ReturnType<AskGrowth>[]): Promise<TrackCounts> {
    const answers = await Promise.all(asked);
    const failed = answers.find((it) => it.kind === 'unknown');
    if (failed !== undefined) return failed;
    const all = answers.flatMap((it) => (it.kind === 'known' ? [it.value] : []));
    skewSeconds = Math.max(skewSeconds, ...all.map((it) => it.skewSeconds));
    return answered(all.map((it) => it.series));
  }

  async function boundsOf(test: Test): Promise<Answer<readonly Bound[]>> {
    const own = knownBounds(test, keptBounds(evidence, test));
    if (own !== undefined) return answered(own);
    for (const points of [minuteBefore(rollout), momentBefore(rollout)]) {
      const history = await askAll(
        historyQuestions(test).map((it) => askGrowth(test.source, it, points)),
      );
      if (history.kind === 'unknown') return history;
      const bounds = boundsFrom(history.value[0] ?? []);
      if (bounds.length > 0) return answered(bounds);
    }
    const reason =
      'the primary had no requests in the hour before the rollout, so nobody knows how fast it usually is';
    return { kind: 'unknown', reason };
  }
}

/** Of a histogram only the buckets that tell slow requests; of the others it is known that they are there. */
function within(track: TrackCounts, bounds: readonly Bound[]): TrackCounts {
  if (track.kind === 'unknown' || bounds.length === 0) return track;
  const used = new Set([Infinity, ...bounds.map((it) => it.le)]);
  return answered(
    track.value.map((all) =>
      all.map((it) => (used.has(boundOf(it.labels)) ? it : { labels: it.labels, samples: [] })),
    ),
  );
}

function answered<T>(value: T): Answer<T> {
  return { kind: 'known', value };
}
