import type { Track } from '../lib/plan/plan.ts';
import type { Cluster } from './cluster/cluster.ts';
import { type Grid, judgedStep, seriesQuestions } from './core/judge.ts';
import {
  clusterQuestions,
  isSynced,
  liveness,
  type Question,
  shownStep,
  type Target,
  target,
} from './core/liveness.ts';
import type {
  Answer,
  CheckSeries,
  ClusterView,
  ObjectReading,
  Observation,
  Readiness,
  Rollout,
  Sample,
  Situation,
} from './core/observation.ts';
import { atRest, hasPromoted } from './core/position.ts';
import { readiness } from './core/readiness.ts';
import { rolloutOf } from './core/rollout.ts';
import type { Reader } from './git/repository.ts';
import type { MetricProvider } from './metrics/provider.ts';

/** Where an observation gets its answers. */
export interface Sources {
  readonly reader: Pick<Reader, 'texts'>;
  readonly cluster: Cluster;
  readonly metrics: MetricProvider;
  /** Unix seconds. */
  readonly clock: () => number;
  /** What files ask of the cluster, by blob id: a blob never changes, so it is parsed once. */
  readonly targets: Map<string, Target>;
}

/**
 * Asks cluster and metric store what a decision about one release needs, and nothing at rest.
 * What could not be had is part of the observation, not an exception.
 *
 * @param now Unix seconds; fixed for the whole decision
 */
export async function observe(
  sources: Sources,
  situation: Situation,
  now: number,
): Promise<Omit<Observation, 'unreachableSince'>> {
  const nothing = { situation, series: [], skewSeconds: 0 };
  const rollout = rolloutOf(situation);
  if (rollout.kind !== 'known' || atRest(rollout.value.state.position)) return nothing;
  const { view, skewSeconds } = await viewCluster(sources, rollout.value, now);
  const series = await askMetrics(sources, rollout.value, view, now);
  return {
    situation,
    cluster: view,
    series: series.map((it) => it.series),
    skewSeconds: Math.max(skewSeconds, ...series.map((it) => it.skewSeconds)),
  };
}

/** Whether a source gave no answer at all, or none that can be placed in time. */
export function hasUnreachable({
  situation,
  cluster,
  series,
  skewSeconds,
}: Omit<Observation, 'unreachableSince'>): boolean {
  const { plan } = situation;
  const settled = plan.kind === 'known' ? plan.value.plan.analysis.settleSeconds : 0;
  return (
    cluster?.live.kind === 'unknown' ||
    skewSeconds > settled ||
    series.some((it) => it.fromCommit.kind === 'unknown' || it.fromLive?.kind === 'unknown')
  );
}

async function viewCluster(
  { reader, cluster, clock, targets }: Sources,
  rollout: Rollout,
  now: number,
): Promise<{ view: ClusterView; skewSeconds: number }> {
  const questions = await questionsOf(reader, rollout, targets);
  if (questions.kind === 'unknown') return { view: unreadable(questions.reason), skewSeconds: 0 };
  const asked = clock();
  const answer = await cluster.read(questions.value.map((it) => it.ref));
  if (answer.kind === 'unknown') return { view: unreadable(answer.reason), skewSeconds: 0 };
  const readings: Answer<readonly ObjectReading[]> = { kind: 'known', value: answer.value.objects };
  return {
    view: {
      live: liveness(rollout, questions.value, readings, now),
      ready: {
        primary: trackReadiness('primary', rollout, questions.value, answer.value.objects, now),
        canary: trackReadiness('canary', rollout, questions.value, answer.value.objects, now),
      },
      shownStep: shownStep(rollout.state.candidate, readings),
    },
    skewSeconds: skew(answer.value.serverTime, asked, clock()),
  };
}

async function questionsOf(
  reader: Sources['reader'],
  rollout: Rollout,
  targets: Sources['targets'],
): Promise<Answer<readonly Question[]>> {
  const asked = [...rollout.files].filter(([, file]) => file.info.asked);
  const fresh = asked.filter(([, file]) => !targets.has(file.oid));
  try {
    const texts = await reader.texts(fresh.map(([, file]) => file.oid));
    for (const [index, [name, file]] of fresh.entries())
      targets.set(file.oid, target(name, file.info, texts[index] ?? ''));
    const all = asked.flatMap(([, file]) => targets.get(file.oid) ?? []);
    return { kind: 'known', value: clusterQuestions(rollout, all) };
  } catch (error) {
    return { kind: 'unknown', reason: error instanceof Error ? error.message : String(error) };
  }
}

function unreadable(reason: string): ClusterView {
  const unknown: Readiness = { kind: 'unknown', reason };
  return {
    live: { kind: 'unknown', reason },
    ready: { primary: unknown, canary: unknown },
    shownStep: undefined,
  };
}

function trackReadiness(
  track: Track,
  rollout: Rollout,
  questions: readonly Question[],
  readings: readonly ObjectReading[],
  now: number,
): Readiness {
  const plan = planOfTrack(track, rollout);
  const { file, minReplicas = 1 } = plan.plan.workloads[track];
  const index = questions.findIndex((it) => it.kind === 'there' && it.target.file === file);
  const question = questions[index];
  // What the cluster shows of an earlier commit says nothing about this one, least of all its age.
  if (question?.kind === 'there' && !isSynced(question.target, readings[index]))
    return { kind: 'notReady', reason: 'it is not synced yet', deadlinePassed: false };
  const { analysis } = rollout.plan.plan;
  const rule = {
    readyPercent: analysis.readyPercent[track],
    minReplicas,
    deadlineSeconds: analysis.progressDeadlineSeconds,
    writtenByStep: rollout.state.changed.includes(file),
  };
  return readiness(readings[index], rule, now);
}

/** Before promotion and on the way back, the primary is the stable plan's. */
function planOfTrack(
  track: Track,
  { state, plan, stable }: Rollout,
): NonNullable<Rollout['stable']> {
  if (track === 'canary' || stable === undefined) return plan;
  const { position } = state;
  return position.kind === 'step' && hasPromoted(plan.plan, position.step) ? plan : stable;
}

async function askMetrics(
  sources: Sources,
  rollout: Rollout,
  view: ClusterView,
  now: number,
): Promise<readonly { series: CheckSeries; skewSeconds: number }[]> {
  if (judgedStep(rollout) === undefined) return [];
  return Promise.all(
    seriesQuestions(rollout, view.live, now).map(async ({ check, fromCommit, fromLive }) => {
      const [commit, live] = await Promise.all([
        range(sources, check.query, fromCommit),
        fromLive === undefined ? undefined : range(sources, check.query, fromLive),
      ]);
      return {
        series: { check, fromCommit: commit.samples, fromLive: live?.samples },
        skewSeconds: Math.max(commit.skewSeconds, live?.skewSeconds ?? 0),
      };
    }),
  );
}

async function range(
  { metrics, clock }: Sources,
  query: string,
  grid: Grid,
): Promise<{ samples: Answer<readonly Sample[]>; skewSeconds: number }> {
  if (grid.end < grid.start) return { samples: { kind: 'known', value: [] }, skewSeconds: 0 };
  const asked = clock();
  const answer = await metrics.range(query, grid);
  if (answer.kind === 'unknown') return { samples: answer, skewSeconds: 0 };
  const { samples, serverTime } = answer.value;
  return {
    samples: { kind: 'known', value: samples },
    skewSeconds: skew(serverTime, asked, clock()),
  };
}

/**
 * By how many seconds at least a server's clock is off: it told its time somewhere between question and answer,
 * so a slow answer is no skew. A Date header is cut to whole seconds.
 */
function skew(serverTime: number | undefined, asked: number, answered: number): number {
  if (serverTime === undefined) return 0;
  return Math.max(0, serverTime - answered, asked - serverTime - 1);
}
