import type { Check, Track } from '../../lib/plan/plan.ts';
import type { Answer } from '../core/answer.ts';
import type { Liveness } from '../core/cluster/reading.ts';
import { beyondAbort } from '../core/judge/abort.ts';
import { failedTimes } from '../core/judge/failed-point.ts';
import type { Grid } from '../core/judge/grid.ts';
import { type SeriesQuestion, seriesQuestions, unanswered } from '../core/judge/judge.ts';
import { kindOf } from '../core/judge/kinds.ts';
import { troubleOf } from '../core/judge/proof.ts';
import type { CheckSeries, Sample, TrackSeries } from '../core/judge/series.ts';
import type { HookReading, Observation } from '../core/observation.ts';
import { atRest, hasPromoted } from '../core/position.ts';
import { isStarting } from '../core/rules/at-rest.ts';
import type { Rollout, Situation } from '../core/situation.ts';
import { unknownStore } from '../metrics/store.ts';
import type { Observer, Seen } from './clusters.ts';
import { skew, viewClusters } from './clusters.ts';
import { askCounts } from './counting.ts';
import type { World } from './world.ts';

/**
 * Asks cluster and metric store what a decision about one release needs, and nothing at rest.
 * What could not be had is part of the observation, not an exception.
 *
 * @param now Unix seconds; fixed for the whole decision
 */
export async function observe(
  observer: Observer,
  situation: Situation,
  now: number,
): Promise<Omit<Observation, 'unreachableSince'>> {
  const nothing = { situation, series: [], skewSeconds: 0 };
  const rollout = situation.rollout;
  if (rollout.kind !== 'known' || !isAsked(observer.seen, rollout.value, situation)) return nothing;
  const { view, skewSeconds } = await viewClusters(observer, rollout.value, now);
  if (view.live.kind === 'live') observer.seen.arrived?.add(arrivalKey(rollout.value));
  const [series, counted] = await Promise.all([
    askMetrics(observer.world, rollout.value, view.live, now),
    askCounts(observer.world, rollout.value, view.live, now),
  ]);
  const skews = [skewSeconds, counted.skewSeconds, ...series.map((it) => it.skewSeconds)];
  return {
    situation,
    cluster: view,
    series: series.map((it) => it.series),
    counts: counted.counts,
    folds: observer.world.folds,
    skewSeconds: Math.max(...skews),
  };
}

/** At rest nothing is asked, but before a start, and until the end of a rollback was seen once. */
function isAsked({ arrived }: Seen, rollout: Rollout, { dist }: Pick<Situation, 'dist'>): boolean {
  const { position } = rollout.state;
  if (!atRest(position) || isStarting(rollout, dist)) return true;
  return position.kind === 'stable' && arrived !== undefined && !arrived.has(arrivalKey(rollout));
}

function arrivalKey({ state }: Rollout): string {
  return `${state.release} ${state.transition}`;
}

/** Whether a source gave no answer at all, or none that can be placed in time. */
export function hasUnreachable({
  situation,
  cluster,
  series,
  counts,
  answers,
  skewSeconds,
}: Omit<Observation, 'unreachableSince'>): boolean {
  const { plan } = situation;
  const settled = plan.kind === 'known' ? plan.value.plan.analysis.settleSeconds : 0;
  return (
    cluster?.live.kind === 'unknown' ||
    skewSeconds > settled ||
    [...(answers?.values() ?? [])].some(
      (it) => isUnanswered(it.reading) && !isGate(plan, it.hook),
    ) ||
    series.some((it) => unanswered(it) !== undefined) ||
    (counts ?? []).some((it) => troubleOf(it) !== undefined && it.test.share > 0)
  );
}

function isUnanswered({ kind }: HookReading): boolean {
  return kind === 'unknown' || kind === 'unsent';
}

/** A gate that cannot be asked is closed: a rollout may wait for it as long as for one that says no. */
function isGate(plan: Situation['plan'], name: string): boolean {
  const hooks = plan.kind === 'known' ? (plan.value.plan.hooks ?? []) : [];
  return hooks.some((it) => it.name === name && it.type.startsWith('confirm-'));
}

/** Asks for the series that the checks of a rollout's position need. */
export async function askMetrics(
  world: Pick<World, 'metrics' | 'clock'>,
  rollout: Rollout,
  live: Liveness,
  now: number,
): Promise<readonly { readonly series: CheckSeries; readonly skewSeconds: number }[]> {
  return Promise.all(
    seriesQuestions(rollout, live, now).map(async (question) => {
      const { check, fromCommit, fromLive, guarded } = question;
      const isBeyond = (it: TrackSeries) => beyondAbort(check.abort, it.canary).length > 0;
      const isFailed = (it: TrackSeries) =>
        failedTimes([{ check, fromCommit: it }]).length > 0 || isBeyond(it);
      const [commit, live, guard] = await Promise.all([
        askGrid(world, rollout, question, fromCommit, isFailed),
        fromLive && askGrid(world, rollout, question, fromLive, isFailed),
        guarded && askGrid(world, rollout, question, guarded, isBeyond),
      ]);
      const skews = [commit, live, guard].map((it) => it?.skewSeconds ?? 0);
      return {
        series: {
          check,
          fromCommit: commit.series,
          fromLive: live?.series,
          ...(guard === undefined ? {} : { guarded: guard.series }),
        },
        skewSeconds: Math.max(...skews),
      };
    }),
  );
}

/** Whether the environment fails as well is asked only where something fails, and while the primary is another version. */
async function askGrid(
  world: Pick<World, 'metrics' | 'clock'>,
  rollout: Rollout,
  { check, tracks }: SeriesQuestion,
  points: Grid,
  isBad: (it: TrackSeries) => boolean,
): Promise<Asked> {
  const { excuses } = kindOf(check.judge);
  const asked = await askTracks(world, check, tracks, points);
  if (excuses.length === 0 || isPromoted(rollout) || !isBad(asked.series)) return asked;
  const more = await askTracks(world, check, excuses, points);
  return {
    series: { ...more.series, ...asked.series },
    skewSeconds: Math.max(asked.skewSeconds, more.skewSeconds),
  };
}

function isPromoted({ state, plan }: Rollout): boolean {
  return state.position.kind !== 'step' || hasPromoted(plan.plan, state.position.step);
}

/** What a check's queries brought, and by how much the clock of their store differs. */
interface Asked {
  readonly series: TrackSeries;
  readonly skewSeconds: number;
}

/** Asks about the tracks that a check has a query for. */
async function askTracks(
  { metrics, clock }: Pick<World, 'metrics' | 'clock'>,
  check: Check,
  tracks: readonly Track[],
  points: Grid,
): Promise<Asked> {
  const ask: Partial<Record<Track, string | undefined>> = check.ask;
  const answers = await Promise.all(
    tracks.flatMap((track) => {
      const query = ask[track];
      return query === undefined ? [] : [askTrack(track, query)];
    }),
  );
  return {
    series: Object.fromEntries(answers.map((it) => [it.track, it.samples])),
    skewSeconds: Math.max(0, ...answers.map((it) => it.skewSeconds)),
  };

  async function askTrack(track: Track, query: string) {
    const nothing: Answer<readonly Sample[]> = { kind: 'known', value: [] };
    if (points.end < points.start) return { track, samples: nothing, skewSeconds: 0 };
    const store = metrics.get(check.source);
    if (store === undefined)
      return { track, samples: unknownStore(check.source, metrics), skewSeconds: 0 };
    const asked = clock();
    const answer = await store.values({ query, windowSeconds: check.windowSeconds }, points);
    if (answer.kind === 'unknown') return { track, samples: answer, skewSeconds: 0 };
    const { samples, serverTime } = answer.value;
    const known: Answer<readonly Sample[]> = { kind: 'known', value: samples };
    return { track, samples: known, skewSeconds: skew(serverTime, asked, clock()) };
  }
}
