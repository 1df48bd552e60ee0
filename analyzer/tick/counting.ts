import type { Counters, Test } from '../../lib/plan/evidence.ts';
import type { Answer } from '../core/answer.ts';
import type { Liveness } from '../core/cluster/reading.ts';
import {
  type Bound,
  boundOf,
  counterQuestions,
  type TestCounts,
  type TrackCounts,
} from '../core/judge/counts.ts';
import { chooseBounds, tallyBeyond } from '../core/judge/evidence/latency.ts';
import type { Grid } from '../core/judge/grid.ts';
import { intervalGrid, testsOf } from '../core/judge/proof.ts';
import { stepOf } from '../core/position.ts';
import type { Rollout } from '../core/situation.ts';
import { type State, unix } from '../core/state.ts';
import { unknownStore } from '../metrics/store.ts';
import { skew } from './clusters.ts';
import type { Wanted } from './counters.ts';
import type { AskGrowth, World } from './world.ts';

/** What the counters of a step's tests said, and by how much the clocks of their stores differ. */
export interface Counted {
  readonly counts: readonly TestCounts[];
  readonly skewSeconds: number;
}

/** How far back the primary's latencies are looked at before a rollout, to find the bounds by which the canary is judged. */
const HISTORY_SECONDS = 3600;

/** What `askCounts` is going to ask. */
export function wantedCounts(rollout: Rollout, now: number): readonly Wanted[] {
  const points = gridOf(rollout, now);
  return testsOf(rollout).flatMap((test) => {
    const { source, counts, strata } = test;
    const tracks = [counts.canary, otherOf(rollout, test)];
    const questions = tracks.flatMap((it) => counterQuestions(it, strata));
    const grids = [points, ...tailGrid(test, rollout, points, now)];
    const asked = grids.flatMap((it) => questions.map((question) => ({ question, points: it })));
    const history = needsHistory(rollout, test)
      ? counterQuestions(counts.primary).map((question) => ({
          source,
          question,
          points: momentBefore(rollout),
        }))
      : [];
    return [...history, ...asked.map((it) => ({ source, ...it }))];
  });
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

function needsHistory({ state }: Rollout, { name, counts, question }: Test): boolean {
  const kept = state.evidence?.find((it) => it.test === name)?.bounds;
  return (
    kept === undefined && counts.primary.kind === 'durations' && question.kind === 'comparison'
  );
}

/** The hour before the rollout, as one interval. */
function momentBefore({ state }: Rollout): Grid {
  const began = Math.floor(unix(state.steps[0]?.at ?? state.at));
  return { start: began, end: began, stepSeconds: HISTORY_SECONDS };
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
    return known({ series, skewSeconds: skew(serverTime, asked, clock()) });
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
  const counts = await Promise.all(testsOf(rollout).map((test) => askTest(test)));
  return { counts, skewSeconds };

  async function askTest(test: Test): Promise<TestCounts> {
    const found = await boundsOf(test);
    if (found.kind === 'unknown')
      return { test, at, grid, bounds: [], canary: found, other: found };
    const bounds = found.value;
    const ask = async (points: Grid) => {
      const [canary, other] = await Promise.all([
        askTrack(test, test.counts.canary, points),
        askTrack(test, otherOf(rollout, test), points),
      ]);
      return { canary: within(canary, bounds), other: within(other, bounds) };
    };
    const [points] = tailGrid(test, rollout, grid, at, since);
    const [whole, tail] = await Promise.all([ask(grid), points && ask(points)]);
    return {
      ...{ test, at, grid, bounds, ...whole },
      ...(points &&
        tail && { tail: { from: points.end - points.stepSeconds, to: points.end, ...tail } }),
    };
  }

  async function askTrack(
    { source, strata }: Test,
    counters: Counters,
    points: Grid,
  ): Promise<TrackCounts> {
    const answers = await Promise.all(
      counterQuestions(counters, strata).map((it) => askGrowth(source, it, points)),
    );
    const failed = answers.find((it) => it.kind === 'unknown');
    if (failed !== undefined) return failed;
    const all = answers.flatMap((it) => (it.kind === 'known' ? [it.value] : []));
    skewSeconds = Math.max(skewSeconds, ...all.map((it) => it.skewSeconds));
    return known(all.map((it) => it.series));
  }

  /** Those of the steps before, else what the primary's own requests say of the time before the rollout. */
  async function boundsOf(test: Test): Promise<Answer<readonly Bound[]>> {
    const kept = evidence?.find((it) => it.test === test.name)?.bounds;
    const { primary } = test.counts;
    if (kept !== undefined || primary.kind === 'errors') return known(kept ?? []);
    if (test.question.kind === 'objective') {
      const { boundMs = 0, limit } = test.question;
      return known([{ le: primary.unit === 's' ? boundMs / 1000 : boundMs, share: limit }]);
    }
    const history = await askTrack({ ...test, strata: [] }, primary, momentBefore(rollout));
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

/** Of a histogram only the buckets that tell slow requests; of the others it is known that they are there. */
function within(track: TrackCounts, bounds: readonly Bound[]): TrackCounts {
  if (track.kind === 'unknown' || bounds.length === 0) return track;
  const used = new Set([Infinity, ...bounds.map((it) => it.le)]);
  return known(
    track.value.map((all) =>
      all.map((it) => (used.has(boundOf(it.labels)) ? it : { labels: it.labels, samples: [] })),
    ),
  );
}

function known<T>(value: T): Answer<T> {
  return { kind: 'known', value };
}
