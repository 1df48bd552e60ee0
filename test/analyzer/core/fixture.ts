import { createHash } from 'node:crypto';
import type { Answer, Loaded } from '../../../analyzer/core/answer.ts';
import { outcome } from '../../../analyzer/core/change.ts';
import type {
  JobStatus,
  Liveness,
  Outage,
  Readiness,
} from '../../../analyzer/core/cluster/reading.ts';
import type { TestCounts } from '../../../analyzer/core/judge/counts.ts';
import type { Grid } from '../../../analyzer/core/judge/grid.ts';
import { judge, seriesQuestions } from '../../../analyzer/core/judge/judge.ts';
import type { CheckSeries, Sample } from '../../../analyzer/core/judge/series.ts';
import type { HookReading, Observation } from '../../../analyzer/core/observation.ts';
import type { Phase } from '../../../analyzer/core/phases.ts';
import { type Back, files, type PlanTree, type Position } from '../../../analyzer/core/position.ts';
import { situationAfter, withRollout } from '../../../analyzer/core/rollout.ts';
import { askHook, askKey } from '../../../analyzer/core/rules/ask.ts';
import { decide } from '../../../analyzer/core/rules/decide.ts';
import type { Decision, Move } from '../../../analyzer/core/rules/decision.ts';
import type { Rollout, Situation } from '../../../analyzer/core/situation.ts';
import { isoTime, type State, unix } from '../../../analyzer/core/state.ts';
import type { Analysis } from '../../../lib/plan/analysis.ts';
import type { Check, FileInfo, Hook, Plan, Shape, Step } from '../../../lib/plan/plan.ts';
import { FORMAT } from '../../../lib/plan/versions.ts';
import { type Blobs, type PlanOptions, planTree } from '../../simulation/plans.ts';

/** Texts of every blob that the plans of a test file refer to. */
export const blobs: Blobs = new Map();

/** When the position of a test was taken; Unix seconds. */
export const T0 = 1_800_000_000;

/** What a test changes in a plan beyond the simulation's own options. */
export interface PlanChanges extends Partial<PlanOptions> {
  readonly analysis?: Partial<Analysis>;
  readonly shape?: Partial<Shape>;
  readonly checks?: readonly Check[];
  readonly images?: readonly string[];
  /** Of the plan itself, such as hooks and hours. */
  readonly more?: Partial<
    Pick<
      Plan,
      | 'hooks'
      | 'start'
      | 'hours'
      | 'dependsOn'
      | 'rollbackWindow'
      | 'suspend'
      | 'attempt'
      | 'group'
      | 'workloads'
      | 'evidence'
    >
  >;
  /** What is different in single steps, by name. */
  readonly steps?: Readonly<Record<string, Partial<Step>>>;
  /** The step in which a Job runs. */
  readonly job?: string;
  /** Steps in which the baseline runs; with none the plan still has one for the rollout after it. */
  readonly baseline?: readonly string[];
}

/** Names of the files that `job` and `baseline` add. */
export const JOB_FILE = 'job-tests.yaml';
export const BASELINE_FILE = 'deployment-app-baseline.yaml';

/** A canary of weights 20 and 50: 00-init … 02-weight-20, 03-weight-50, 04-promote, 05-weight-0, 06-complete. */
export function plan(version: string, changes: PlanChanges = {}): PlanTree {
  const { analysis, shape, checks, images, more, steps, job, baseline, ...options } = changes;
  const own = { version, job, baseline, steps: steps ?? {} };
  const it = withFiles(planTree({ weights: [20, 50], ...options, version }, blobs), own);
  const changed: Plan = {
    ...it.plan,
    ...more,
    analysis: { ...it.plan.analysis, ...analysis },
    shape: { ...it.plan.shape, ...shape },
    checks: [...(checks ?? it.plan.checks)],
    images: [...(images ?? it.plan.images)],
  };
  return { ...it, tree: sha(JSON.stringify([changed, ...it.blobs])), plan: changed };
}

interface Additions {
  readonly version: string;
  readonly job: string | undefined;
  readonly baseline: readonly string[] | undefined;
  readonly steps: NonNullable<PlanChanges['steps']>;
}

function withFiles(of: PlanTree, { version, job, baseline, steps }: Additions): PlanTree {
  const paths = new Map(of.blobs);
  const files = { ...of.plan.files };
  const add = (path: string, file: string, info: Omit<FileInfo, 'namespace' | 'asked'>) => {
    const { apiVersion, kind, name } = info;
    const annotations = { 'perch/digest': sha(`${version} ${path}`).slice(0, 16) };
    const metadata = { name, namespace: 'test', annotations };
    const text = JSON.stringify({ apiVersion, kind, metadata, spec: {} });
    blobs.set(sha(text), text);
    paths.set(`${path}/${file}`, sha(text));
    files[file] = { ...info, namespace: 'test', asked: true };
  };
  if (job !== undefined) {
    const name = `tests-${sha(version).slice(0, 10)}`;
    add(`steps/${job}`, JOB_FILE, { role: 'job', apiVersion: 'batch/v1', kind: 'Job', name });
  }
  const track = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'app-baseline' };
  if (baseline !== undefined)
    add('as-stable/baseline', BASELINE_FILE, { role: 'baseline', ...track });
  const changed = of.plan.steps.map((it): Step => {
    const runs = baseline?.includes(it.name) === true;
    return {
      ...it,
      ...(it.name === job ? { files: [...it.files, JOB_FILE].sort(), jobs: [JOB_FILE] } : {}),
      ...(runs ? { baseline: true, ready: [...it.ready, 'baseline'] } : {}),
      ...steps[it.name],
    };
  });
  const workloads = {
    ...of.plan.workloads,
    ...(baseline && { baseline: { file: BASELINE_FILE } }),
  };
  const own = baseline === undefined ? {} : { baseline: [BASELINE_FILE], workloads };
  return { ...of, plan: { ...of.plan, ...own, files, steps: changed }, blobs: paths };
}

/** A hook of a plan; the rest is as it may be. */
export function hook(name: string, type: Hook['type'], more: Partial<Hook> = {}): Hook {
  return { name, type, url: 'http://127.0.0.1:1/', timeoutSeconds: 10, retries: 0, ...more };
}

export const V1 = plan('v1');
export const V2 = plan('v2');
export const V3 = plan('v3');

export const STEPS = [
  '01-canary-up',
  '02-weight-20',
  '03-weight-50',
  '04-promote',
  '05-weight-0',
] as const;

export const step = (name: string): Position => ({ kind: 'step', step: name });
/** A rollback from a step that the cluster has shown, or of which it showed `shown` last. */
export const back = (
  name: string,
  part: 'primary' | 'routes',
  shown: string | undefined = name,
): Back => ({ kind: 'back', step: name, part, shown });
/** A rollback from a step before which the cluster has shown none. */
export const backFromNothing = (name: string, part: 'primary' | 'routes'): Back => ({
  kind: 'back',
  step: name,
  part,
});
export const INIT: Position = { kind: 'init' };
export const COMPLETE: Position = { kind: 'complete' };
export const STABLE: Position = { kind: 'stable' };

/** What a test says about a release; the rest is consistent with it. */
export interface Given {
  readonly position: Position;
  /** @default V2 */
  readonly plan?: PlanTree;
  /** @default V1, none in init, the plan itself when complete */
  readonly stable?: PlanTree | undefined;
  /** @default the plan */
  readonly dist?: PlanTree | 'absent' | 'broken';
  readonly state?: Partial<State>;
}

/** A situation in which everything is as state.yaml says. */
export function situation(given: Given): Situation {
  const { position, plan: plan_ = V2, state } = given;
  const stable = 'stable' in given ? given.stable : stableOf(position, plan_);
  const set = files(position, plan_, stable);
  const full: State = {
    transition: 7,
    version: FORMAT,
    release: 'app',
    kind: kindOf(position),
    position,
    at: isoTime(T0),
    reason: 'as the test says',
    candidate: plan_.plan.candidate,
    plan: plan_.tree,
    ...(stable === undefined ? {} : { stable: stable.tree }),
    steps: [],
    changed: [],
    removed: [],
    ...state,
  };
  return withRollout({
    id: 'app',
    state: known(full),
    plan: known(plan_),
    stable: stable === undefined ? { kind: 'absent' } : known(stable),
    dist: distOf(given.dist ?? plan_),
    live: new Map([...set].map(([name, file]) => [name, file.oid])),
    lastCommit: {
      oid: 'c'.repeat(40),
      author: 'Perch',
      transitionBefore: full.transition - 1,
      transitionAfter: full.transition,
      accepts: [],
    },
  });
}

/** A release of which Git knows dist/ at most. */
export function unstarted(dist: PlanTree | 'absent' | 'broken'): Situation {
  const absent = { kind: 'absent' } as const;
  const lastCommit = undefined;
  return withRollout({
    id: 'app',
    state: absent,
    plan: absent,
    stable: absent,
    dist: distOf(dist),
    live: new Map(),
    lastCommit,
  });
}

export function known<T>(value: T): Loaded<T> {
  return { kind: 'known', value };
}

function stableOf(position: Position, plan_: PlanTree): PlanTree | undefined {
  if (position.kind === 'init') return undefined;
  return position.kind === 'complete' ? plan_ : V1;
}

function distOf(it: PlanTree | 'absent' | 'broken'): Loaded<PlanTree> {
  if (it === 'absent') return { kind: 'absent' };
  return it === 'broken'
    ? { kind: 'broken', reason: 'dist/app/plan.yaml is not a plan' }
    : known(it);
}

function kindOf(position: Position): State['kind'] {
  if (position.kind === 'init') return 'start';
  if (position.kind === 'complete') return 'complete';
  return position.kind === 'step' ? 'next' : 'back';
}

export function rollout(it: Situation): Rollout {
  const found = it.rollout;
  if (found.kind !== 'known') throw new Error(`no rollout: ${JSON.stringify(found)}`);
  return found.value;
}

export function stateOf(it: Situation): State {
  if (it.state.kind !== 'known') throw new Error('no state');
  return it.state.value;
}

/** The value of every check at a time; undefined where the store has none. */
export type Values = (at: number) => number | undefined;

/** What a test says about the world; the rest is as it should be: live since the commit, all ready, 99.9 %. */
export interface Seen {
  readonly live?: Liveness;
  readonly primary?: Readiness;
  readonly canary?: Readiness;
  readonly values?: Values | { readonly unknown: string };
  /** What every check says of the primary. @default - it was not asked */
  readonly primaryValues?: Values;
  readonly outage?: Outage;
  readonly skewSeconds?: number;
  readonly unreachableSince?: number;
  readonly stuckSince?: number;
  readonly shownStep?: string;
  readonly baseline?: Readiness;
  readonly jobs?: Readonly<Record<string, JobStatus>>;
  /** What hooks answered, by name. */
  readonly hooks?: Readonly<Record<string, HookReading>>;
  /** What the counters of tests said. @default - they were not asked */
  readonly counts?: readonly TestCounts[];
  readonly others?: Readonly<Record<string, Phase>>;
}

/** An answer of a hook. */
export function answered(at: number, passed: boolean, text = ''): HookReading {
  return { kind: 'answered', passed, status: passed ? 200 : 500, text, at };
}

export const READY: Readiness = { kind: 'ready' };
export const GOOD: Values = () => 99.9;
export const BAD: Values = () => 80;

export function liveSince(seconds: number): Liveness {
  return { kind: 'live', sinceSeconds: seconds };
}

export function notReady(reason: string, deadlinePassed = false, available = 0): Readiness {
  return { kind: 'notReady', reason, deadlinePassed, available };
}

export function observation(of: Situation, now: number, seen: Seen = {}): Observation {
  const found = of.rollout;
  if (found.kind !== 'known') return { situation: of, series: [], skewSeconds: 0 };
  const { baseline, jobs, hooks = {}, others } = seen;
  const live = seen.live ?? liveSince(unix(found.value.state.at));
  return {
    situation: of,
    cluster: {
      live,
      ready: {
        primary: seen.primary ?? READY,
        canary: seen.canary ?? READY,
        ...(baseline === undefined ? {} : { baseline }),
      },
      ...(jobs === undefined ? {} : { jobs: new Map(Object.entries(jobs)) }),
      shownStep: seen.shownStep,
      outage: seen.outage,
    },
    series: series(found.value, live, now, seen.values ?? GOOD, seen.primaryValues),
    ...(seen.counts === undefined ? {} : { counts: seen.counts }),
    answers: answersOf(hooks),
    ...(others === undefined ? {} : { others: new Map(Object.entries(others)) }),
    skewSeconds: seen.skewSeconds ?? 0,
    unreachableSince: seen.unreachableSince,
    stuckSince: seen.stuckSince,
  };
}

/** What hooks answered, by name, as an observation holds it. */
export function answersOf(hooks: Readonly<Record<string, HookReading>>): Observation['answers'] {
  const replies = Object.entries(hooks).map(([hook, reading]) => ({ ...askHook(hook), reading }));
  return new Map(replies.map((it) => [askKey(it), it]));
}

/** A check that is judged by bounds. */
export function bounded(
  name: string,
  limits: { readonly min?: number; readonly max?: number },
  windowSeconds = 30,
): Check {
  const judge = { kind: 'bounds', ...limits } as const;
  return { name, source: 'default', ask: { canary: name }, windowSeconds, judge };
}

/** The answers of a store that holds these values. */
export function series(
  of: Rollout,
  live: Liveness,
  now: number,
  values: Exclude<Seen['values'], undefined>,
  primary?: Values,
): CheckSeries[] {
  const ask = (grid: Grid, from = values): Answer<readonly Sample[]> => {
    if (typeof from !== 'function') return { kind: 'unknown', reason: from.unknown };
    const all: Sample[] = [];
    for (let at = grid.start; at <= grid.end; at += grid.stepSeconds) {
      const value = from(at);
      if (value !== undefined) all.push({ at, value });
    }
    return { kind: 'known', value: all };
  };
  const both = (grid: Grid) => ({
    canary: ask(grid),
    ...(primary === undefined ? {} : { primary: ask(grid, primary) }),
  });
  return seriesQuestions(of, live, now).map(({ check, fromCommit, fromLive, guarded }) => ({
    check,
    fromCommit: both(fromCommit),
    fromLive: fromLive === undefined ? undefined : both(fromLive),
    ...(guarded === undefined ? {} : { guarded: both(guarded) }),
  }));
}

/** The judgement of a situation in which the store holds these values. */
export function judged(of: Rollout, live: Liveness, now: number, values: Values) {
  return judge(of, series(of, live, now, values), live, now);
}

export function decision(of: Situation, now: number, seen: Seen = {}): Decision {
  return decide(observation(of, now, seen), now);
}

/** @throws Error when the decision is no move */
export function move(of: Situation, now: number, seen: Seen = {}): Move {
  const it = decision(of, now, seen);
  if (it.kind !== 'move') throw new Error(`expected a move, got ${it.kind}: ${it.reason}`);
  return it;
}

/** The situation after a move, as the next pass finds it; a new dist may have come meanwhile. */
export function moved(
  of: Situation,
  it: Move,
  now: number,
  dist: Situation['dist'] = of.dist,
): Situation {
  const next = outcome(of, it, now);
  return {
    ...situationAfter(of, next),
    dist,
    lastCommit: {
      oid: 'd'.repeat(40),
      author: 'Perch',
      transitionBefore: of.state.kind === 'known' ? of.state.value.transition : undefined,
      transitionAfter: next.state.transition,
      accepts: [],
    },
  };
}

export function sha(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}
