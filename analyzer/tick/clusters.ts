import type { FileInfo, Track } from '../../lib/plan/plan.ts';
import type { Answer } from '../core/answer.ts';
import { jobStatus } from '../core/cluster/job.ts';
import {
  bringsBack,
  clusterQuestions,
  isShown,
  isSynced,
  liveness,
  type Question,
  refText,
  shownStep,
  type Target,
  target,
  wrongIn,
} from '../core/cluster/liveness.ts';
import { availablePods, outage, readiness } from '../core/cluster/readiness.ts';
import type {
  Applied,
  ClusterView,
  JobStatus,
  ObjectReading,
  Outage,
  Readiness,
} from '../core/cluster/reading.ts';
import { combine, type NamedView } from '../core/cluster/view.ts';
import { judgedStep } from '../core/judge/judge.ts';
import { hasPromoted, stepOf } from '../core/position.ts';
import type { Rollout } from '../core/situation.ts';
import { unix } from '../core/state.ts';
import type { StateMemory } from '../situation/situation.ts';
import { unhurried } from '../turn.ts';
import { ahead } from './clocks.ts';
import { askSync, type StateReader } from './sync-status.ts';
import type { ClusterSource, World } from './world.ts';

/** Who looks at the world, and what it has seen before. */
export interface Observer<Asked = World> {
  readonly world: Asked;
  readonly reader: StateReader;
  readonly seen: Seen;
}

/** Kept between looks to save questions; never needed to see right. */
export interface Seen {
  /** What files ask of the cluster, by blob id: a blob never changes, so it is parsed once. */
  readonly targets: Map<string, Target>;
  /**
   * When objects were last seen as their files say, in Unix seconds by cluster, release and blob id. What the
   * position neither changed nor turns on is not asked again for a while. @default - all is asked each time
   */
  readonly shown?: Map<string, number>;
  /** Ends of rollbacks that were seen in the cluster, by release and transition. @default - they are not looked for */
  readonly arrived?: Set<string>;
  /** States of releases. @default - they are read each time */
  readonly read?: StateMemory;
}

/** A sync tool that mends drift has done so by then. */
const ASK_AGAIN_SECONDS = 300;

/** Asks every cluster what it shows of a rollout's position. */
export async function viewClusters(
  observer: Observer<Pick<World, 'clusters' | 'clock'>>,
  rollout: Rollout,
  now: number,
): Promise<{ readonly view: ClusterView; readonly skewSeconds: number }> {
  const questions = await questionsOf(observer, rollout);
  if (questions.kind === 'unknown') return { view: unreadable(questions.reason), skewSeconds: 0 };
  const views = await Promise.all(
    observer.world.clusters.map((it) => viewOne(observer, it, rollout, questions.value, now)),
  );
  return {
    view: combine(views.map((it) => it.view)),
    skewSeconds: Math.max(0, ...views.map((it) => it.skewSeconds)),
  };
}

/**
 * By how many seconds at least a server's clock is off: it told its time somewhere between question and answer,
 * so a slow answer is no skew. A Date header is cut to whole seconds.
 */
export function skew(serverTime: number | undefined, asked: number, answered: number): number {
  return Math.abs(ahead(serverTime, asked, answered));
}

async function questionsOf(
  { reader, seen: { targets } }: Pick<Observer, 'reader' | 'seen'>,
  rollout: Rollout,
): Promise<Answer<readonly Question[]>> {
  const asked = [...rollout.files].filter(([, file]) => file.info.asked);
  const fresh = asked.filter(([, file]) => !targets.has(file.oid));
  try {
    const texts = await reader.texts(fresh.map(([, file]) => file.oid));
    for (const [index, [name, file]] of fresh.entries()) {
      const text = texts[index] ?? '';
      targets.set(file.oid, await unhurried(text, () => target(name, file.info, text)));
    }
    const all = asked.flatMap(([, file]) => targets.get(file.oid) ?? []);
    return { kind: 'known', value: clusterQuestions(rollout, all) };
  } catch (error) {
    return { kind: 'unknown', reason: error instanceof Error ? error.message : String(error) };
  }
}

async function viewOne(
  { world: { clock }, reader, seen }: Observer<Pick<World, 'clock'>>,
  source: ClusterSource,
  rollout: Rollout,
  all: readonly Question[],
  now: number,
): Promise<{ readonly view: NamedView; readonly skewSeconds: number }> {
  const { name, holds, cluster } = source;
  const held = all.filter((it) => holds === 'all' || isRoute(it, rollout) === (holds === 'routes'));
  const keyOf = (it: Question) => shownKey(source, rollout, it);
  const questions = held.filter((it) => {
    const shownAt = seen.shown?.get(keyOf(it));
    return shownAt === undefined || now - shownAt > ASK_AGAIN_SECONDS || isKey(it, rollout);
  });
  const asked = clock();
  const answer = await cluster.read(questions.map((it) => it.ref));
  if (answer.kind === 'unknown')
    return { view: { name, ...unreadable(answer.reason) }, skewSeconds: 0 };
  const { objects, serverTime } = answer.value;
  const skewSeconds = skew(serverTime, asked, clock());
  for (const [index, it] of questions.entries())
    if (isShown(it, objects[index])) seen.shown?.set(keyOf(it), now);
    else seen.shown?.delete(keyOf(it));
  const readings: Answer<readonly ObjectReading[]> = { kind: 'known', value: objects };
  const judge = (applied: Applied) => liveness(rollout, questions, readings, applied, now);
  const first = judge({ kind: 'unasked' });
  // Objects that show their step need no second witness, but one that is late has a reason.
  const isAsked = bringsBack(rollout) || first.kind === 'waiting';
  const live = isAsked ? judge(await askSync(reader, source, rollout, seen.read)) : first;
  const ready = (track: Track) => trackReadiness(track, rollout, questions, objects, now);
  const tracks = TRACKS.filter((it) => planOfTrack(it, rollout)?.plan.workloads[it] !== undefined);
  return {
    view: {
      name,
      live,
      ready:
        holds === 'routes'
          ? undefined
          : Object.fromEntries(tracks.map((track) => [track, ready(track)])),
      jobs: jobsOf(rollout, questions, objects),
      shownStep: shownStep(rollout.plan.plan.candidate, readings),
      outage: outageOf(rollout, questions, objects, now),
      unseen: unseenFiles(questions, objects),
      // One that is not asked again was as its file says a moment ago.
      objects: held.map((it) => {
        const index = questions.indexOf(it);
        const wrong = index < 0 ? [] : wrongIn(it, objects[index]);
        return { ref: it.ref, cluster: name, wrong };
      }),
    },
    skewSeconds,
  };
}

/** Questions on whose answers the position turns: what it changed and removed, the routes, and the workloads. */
function isKey(question: Question, rollout: Rollout): boolean {
  if (question.kind === 'gone' || isRoute(question, rollout)) return true;
  const { file } = question.target;
  const workloads = [rollout.plan, rollout.stable].flatMap((it) =>
    Object.values(it?.plan.workloads ?? {}),
  );
  return (
    (judgedStep(rollout)?.jobs ?? []).includes(file) ||
    rollout.state.changed.includes(file) ||
    workloads.some((it) => it.file === file)
  );
}

function shownKey({ name = '' }: ClusterSource, rollout: Rollout, question: Question): string {
  const file = question.kind === 'there' ? question.target.file : refText(question.ref);
  const oid = rollout.files.get(file)?.oid ?? '';
  return `${name} ${rollout.state.release} ${file} ${oid}`;
}

/**
 * Whether a question is about what the clusters of the routes hold: routing objects, and all in `mesh/`. A removed
 * one is known from the plan or from the stable one.
 */
function isRoute(question: Question, { plan, stable, files }: Rollout): boolean {
  if (question.kind === 'there') {
    const { file } = question.target;
    return isRouteFile(file, files.get(file)?.info);
  }
  const { kind, name } = question.ref;
  const known = [plan, stable].flatMap((it) => Object.entries(it?.plan.files ?? {}));
  const found = known.find(([, it]) => it.kind === kind && it.name === name);
  return found !== undefined && isRouteFile(...found);
}

function isRouteFile(file: string, info: FileInfo | undefined): boolean {
  return file.startsWith('mesh/') || info?.role === 'routing';
}

function unreadable(reason: string): ClusterView {
  const unknown: Readiness = { kind: 'unknown', reason };
  return {
    live: { kind: 'unknown', reason },
    ready: { primary: unknown, canary: unknown, baseline: unknown },
    shownStep: undefined,
  };
}

function unseenFiles(
  questions: readonly Question[],
  readings: readonly ObjectReading[],
): ReadonlySet<string> {
  return new Set(
    questions.flatMap((it, index) => {
      if (it.kind === 'gone') return [];
      const reading = readings[index];
      return reading?.kind === 'found' && isSynced(it.target, reading) ? [] : [it.target.file];
    }),
  );
}

function trackReadiness(
  track: Track,
  rollout: Rollout,
  questions: readonly Question[],
  readings: readonly ObjectReading[],
  now: number,
): Readiness {
  const found = planOfTrack(track, rollout)?.plan.workloads[track];
  if (found === undefined) return { kind: 'unknown', reason: 'no plan has it' };
  const { file, minReplicas = 1 } = found;
  const step = stepOf(rollout.plan.plan, rollout.state.position);
  const index = questions.findIndex((it) => it.kind === 'there' && it.target.file === file);
  const question = questions[index];
  // What the cluster shows of an earlier commit says nothing about this one, least of all its age.
  if (question?.kind === 'there' && !isSynced(question.target, readings[index]))
    return {
      kind: 'notReady',
      reason: 'it is not synced yet',
      deadlinePassed: false,
      available: availablePods(readings[index]),
    };
  const { analysis } = rollout.plan.plan;
  const rule = {
    readyPercent: analysis.readyPercent[track === 'primary' ? 'primary' : 'canary'],
    minReplicas: step?.minReplicas?.[track] ?? minReplicas,
    deadlineSeconds: analysis.progressDeadlineSeconds,
    writtenByStep: rollout.state.changed.includes(file),
  };
  return readiness(readings[index], rule, now);
}

/** Whether pods of both tracks were missing since the step was taken. */
function outageOf(
  rollout: Rollout,
  questions: readonly Question[],
  readings: readonly ObjectReading[],
  now: number,
): Outage | undefined {
  const { state, plan } = rollout;
  if (state.position.kind !== 'step') return undefined;
  const files = (['primary', 'canary'] as const).map(
    (track) => planOfTrack(track, rollout)?.plan.workloads[track]?.file,
  );
  const mayBeOwn =
    state.broken !== undefined ||
    hasPromoted(plan.plan, state.position.step) ||
    files.some((it) => state.changed.includes(it ?? ''));
  const [primary, canary] = files.map(
    (file) => readings[questions.findIndex((it) => it.kind === 'there' && it.target.file === file)],
  );
  const deadlineSeconds = plan.plan.analysis.progressDeadlineSeconds;
  const found = outage(primary, canary, { since: unix(state.at), now, deadlineSeconds, mayBeOwn });
  // A primary whose pods were missing before tells of nothing when they still are.
  return state.broken !== undefined && found?.isSure === false ? undefined : found;
}

function jobsOf(
  rollout: Rollout,
  questions: readonly Question[],
  readings: readonly ObjectReading[],
): ReadonlyMap<string, JobStatus> {
  const wanted = judgedStep(rollout)?.jobs ?? [];
  const { state, plan } = rollout;
  // Its time is by the cluster's clock, which may be behind ours.
  const notBefore = unix(state.steps[0]?.at ?? state.at) - plan.plan.analysis.settleSeconds;
  return new Map(
    questions.flatMap((it, index): [string, JobStatus][] =>
      it.kind === 'there' && wanted.includes(it.target.file)
        ? [[it.target.file, jobStatus(readings[index], notBefore)]]
        : [],
    ),
  );
}

const TRACKS: readonly Track[] = ['primary', 'canary', 'baseline'];

/** Before promotion and on the rollback, the primary is the stable plan's; the baseline always is. */
function planOfTrack(track: Track, { state, plan, stable }: Rollout): Rollout['stable'] {
  if (track === 'baseline') return stable;
  if (track === 'canary' || stable === undefined) return plan;
  const { position } = state;
  return position.kind === 'step' && hasPromoted(plan.plan, position.step) ? plan : stable;
}
