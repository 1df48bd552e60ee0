import { setTimeout as sleep } from 'node:timers/promises';
import { hooksNamed } from '../core/rules/gate.ts';
import type { ReleaseTrees, Snapshot } from '../git/repository.ts';
import type { HookCalls } from '../hooks/calls.ts';
import { isIdle } from '../situation/situation.ts';
import type { Analyzer } from './analyzer.ts';
import { backFirst, type Made } from './committing.ts';
import type { Outcome } from './outcome.ts';
import { startTurn } from './patience.ts';
import { isBack, type Planned, type Unit } from './planned.ts';
import { isSame, type Planning, replan, type Scene, startPlanning, unitsOf } from './planning.ts';

/** What became of one tick. */
export interface TickReport {
  /** Releases at rest that were not even read. */
  readonly idle: number;
  readonly outcomes: readonly Outcome[];
  /** Why commits could not be pushed: a server that said no. */
  readonly refused?: string | undefined;
  /** Pushes that somebody else was ahead of. */
  readonly conflicts: number;
  /** That it was told to end before it had looked. @default - it looked */
  readonly left?: true | undefined;
}

const MAX_CONFLICTS = 5;

/** Whether every release is at rest: then nothing happens until a new plan comes. */
export function atRest(report: TickReport): boolean {
  const { refused, left, outcomes } = report;
  if (refused !== undefined || left === true) return false;
  return outcomes.every((it) => it.decision.kind === 'rest');
}

/**
 * One pass over all releases: read, decide, one commit for each release that moves, one push. When somebody
 * else pushed first, only releases whose trees moved are looked at again. Where deciding takes long, because
 * somebody who is asked does not answer, what is decided is pushed before the rest is.
 *
 * @throws GitError when the repository cannot be reached
 */
export async function tick(analyzer: Analyzer): Promise<TickReport> {
  const { repository, patience = {} } = analyzer;
  const snapshot = await unlessLeaving(repository.fetch(), patience.leaving);
  if (snapshot === undefined) return { idle: 0, outcomes: [], conflicts: 0, left: true };
  const trees = await repository.list(snapshot);
  const turn = startTurn(patience);
  try {
    const scene = { analyzer, snapshot, all: trees, turn };
    const planning = startPlanning(scene);
    const early = await pushReady(scene, planning);
    const planned = await planning.done;
    return await pushRest(scene, early, planned);
  } finally {
    turn.end();
  }
}

async function unlessLeaving<T>(
  question: Promise<T>,
  leaving: AbortSignal | undefined,
): Promise<T | undefined> {
  if (leaving === undefined) return question;
  if (leaving.aborted) return undefined;
  let stop: () => void = () => undefined;
  const ended = new Promise<undefined>((done) => {
    stop = () => done(undefined);
    leaving.addEventListener('abort', stop);
  });
  try {
    return await Promise.race([question, ended]);
  } finally {
    leaving.removeEventListener('abort', stop);
  }
}

/** A scene on which commits are made. */
interface Stage extends Scene {
  readonly analyzer: Analyzer;
}

/** What the pass has pushed, and on what the next commit is made. */
interface Progress {
  readonly snapshot: Snapshot;
  readonly trees: readonly ReleaseTrees[];
  readonly parent: string | undefined;
  /** Of releases that were pushed, with their commits. */
  readonly sent: readonly Planned[];
  readonly conflicts: number;
}

const EARLY_SECONDS = 2;

/** Pushes what is decided while the rest still waits for answers. In most passes all is decided before the first look. */
async function pushReady(scene: Stage, planning: Planning): Promise<Progress> {
  const { analyzer, snapshot, all: trees } = scene;
  const { earlySeconds = EARLY_SECONDS } = analyzer.patience ?? {};
  let progress: Progress = { snapshot, trees, parent: snapshot.run, sent: [], conflicts: 0 };
  const tried = new Set<string>();
  while (!(await isDoneWithin(planning.done, earlySeconds))) {
    const planned = await planning.ready(tried);
    for (const it of planned) tried.add(it.trees.id);
    if (planned.length > 0) progress = await pushEarly(analyzer, progress, planned);
  }
  return progress;
}

async function isDoneWithin(done: Promise<unknown>, seconds: number): Promise<boolean> {
  const end = new AbortController();
  const late = sleep(seconds * 1000, false, { signal: end.signal }).catch(() => false);
  const isDone = await Promise.race([done.then(() => true), late]);
  end.abort();
  return isDone;
}

/** What cannot be pushed now is left to the end of the pass, which says why. */
async function pushEarly(
  analyzer: Analyzer,
  before: Progress,
  planned: readonly Planned[],
): Promise<Progress> {
  const { repository, delivery } = analyzer;
  let progress = before;
  for (let attempt = 0; attempt < MAX_CONFLICTS; attempt++) {
    // A release that somebody else has moved meanwhile is decided again.
    const units = wantedUnits(analyzer, planned).filter((it) =>
      stands(it, before.trees, progress.trees),
    );
    const done = await delivery.deliver(repository, progress.parent, units);
    switch (done.kind) {
      case 'nothing':
      case 'refused':
        return progress;
      case 'there': {
        const moved = done.made.flatMap((it) => it.unit.planned);
        const sent = told(analyzer, [...moved, ...bystanders(planned, moved)], done);
        return { ...progress, parent: done.tip, sent: [...progress.sent, ...sent] };
      }
      case 'moved': {
        const snapshot = await repository.fetch();
        const trees = await repository.list(snapshot);
        const conflicts = progress.conflicts + 1;
        progress = { ...progress, snapshot, trees, parent: snapshot.run, conflicts };
        break;
      }
      default:
        return done satisfies never;
    }
  }
  return progress;
}

/** Members that stay where they are while their group rolls back: that is decided, too. */
function bystanders(all: readonly Planned[], moved: readonly Planned[]): readonly Planned[] {
  const groups = new Set(moved.flatMap((it) => it.group ?? []));
  return all.filter((it) => !moved.includes(it) && it.group !== undefined && groups.has(it.group));
}

function stands(
  { planned }: Unit,
  before: readonly ReleaseTrees[],
  now: readonly ReleaseTrees[],
): boolean {
  if (before === now) return true;
  return planned.every(({ trees }) => now.some((it) => it.id === trees.id && isSame(it, trees)));
}

async function pushRest(
  scene: Stage,
  early: Progress,
  decided: readonly Planned[],
): Promise<TickReport> {
  const { analyzer } = scene;
  const { repository, delivery } = analyzer;
  const isSent = new Set(early.sent.map((it) => it.trees.id));
  let planned: readonly Planned[] = decided.filter((it) => !isSent.has(it.trees.id));
  let { snapshot, trees, parent } = early;
  if (trees !== scene.all) planned = await again(scene, early, planned, scene.all);
  for (let { conflicts } = early; ; conflicts++) {
    const idle = trees.filter(isIdle).length;
    const done = await delivery.deliver(repository, parent, wantedUnits(analyzer, planned));
    planned = planned.map((it) => done.failed.get(it.trees.id) ?? it);
    const report = reportOf({ idle, conflicts }, early.sent, planned);
    switch (done.kind) {
      case 'nothing':
        return report;
      case 'there':
        return reportOf(report, early.sent, told(analyzer, planned, done));
      case 'refused': {
        const { units, reason } = done;
        return await pushApart(analyzer, parent, { planned, units }, (all, refusals) => ({
          ...reportOf(report, early.sent, all),
          refused: refusals || reason,
        }));
      }
      case 'moved': {
        if (conflicts >= MAX_CONFLICTS) return report;
        const before = trees;
        snapshot = await repository.fetch();
        trees = await repository.list(snapshot);
        parent = snapshot.run;
        planned = await again(scene, { ...early, snapshot, trees }, planned, before);
        break;
      }
      default:
        return done satisfies never;
    }
  }
}

/** Decides again about what somebody else has moved. */
async function again(
  scene: Scene,
  { snapshot, trees, sent }: Pick<Progress, 'snapshot' | 'trees' | 'sent'>,
  planned: readonly Planned[],
  before: readonly ReleaseTrees[],
): Promise<readonly Planned[]> {
  return replan({ ...scene, snapshot, all: trees, sent }, planned, before);
}

/** Whoever is told to end takes back what must roll back, and begins nothing. */
function wantedUnits({ patience }: Analyzer, planned: readonly Planned[]): readonly Unit[] {
  const units = unitsOf(planned);
  return patience?.leaving?.aborted ? units.filter(isBack) : units;
}

function reportOf(
  { idle, conflicts }: Pick<TickReport, 'idle' | 'conflicts'>,
  sent: readonly Planned[],
  planned: readonly Planned[],
): TickReport {
  const all = [...sent, ...planned].map((it) => it.outcome);
  const outcomes = all.toSorted((one, other) => (one.release < other.release ? -1 : 1));
  return { idle, outcomes, conflicts };
}

/** So many refusals and nothing pushed: the server takes nothing at all. */
const MAX_REFUSALS = 3;

/**
 * A server that refuses a push may mind one release alone, as a hook that guards a path does: each is pushed
 * again by itself, those on their rollback first, so that no release holds up another.
 */
async function pushApart(
  analyzer: Analyzer,
  run: string | undefined,
  { planned, units }: { readonly planned: readonly Planned[]; readonly units: readonly Unit[] },
  report: (planned: readonly Planned[], refusals: string) => TickReport,
): Promise<TickReport> {
  if (units.length < 2) return report(planned, '');
  const { repository, delivery } = analyzer;
  let all = planned;
  const refusals: string[] = [];
  let parent = run;
  for (const it of backFirst(units)) {
    if (parent === run && refusals.length >= MAX_REFUSALS) break;
    const done = await delivery.deliver(repository, parent, [it]);
    all = all.map((one) => done.failed.get(one.trees.id) ?? one);
    switch (done.kind) {
      // Its change could not be committed, which is told.
      case 'nothing':
        break;
      case 'refused':
        refusals.push(`${(it.change.members ?? [it.change.release]).join(', ')}: ${done.reason}`);
        break;
      case 'there':
        parent = done.tip;
        all = told(analyzer, all, done);
        break;
      // Somebody else is ahead: the next tick looks again.
      case 'moved':
        return report(all, refusals.join('; '));
      default:
        return done satisfies never;
    }
  }
  return report(all, refusals.join('; '));
}

/** What is pushed is said of each release; hooks whose start it records are called by whoever pushed it first. */
function told(
  { hooks, pushed }: Analyzer,
  planned: readonly Planned[],
  { made, isOurs }: { readonly made: readonly Made[]; readonly isOurs: boolean },
): readonly Planned[] {
  const commits = new Map<string, string>();
  for (const { unit, commit } of made)
    for (const it of unit.planned) {
      commits.set(it.trees.id, commit);
      const call = isOurs ? callOf(it) : undefined;
      if (call !== undefined) hooks?.start(...call);
    }
  const all = planned.map((it) => {
    const commit = commits.get(it.trees.id);
    return commit === undefined ? it : { ...it, outcome: { ...it.outcome, commit } };
  });
  pushed?.(all.filter((it) => commits.has(it.trees.id)).map((it) => it.outcome));
  return all;
}

function callOf({ outcome }: Planned): Parameters<HookCalls['start']> | undefined {
  const { decision, observation, status, after } = outcome;
  const { plan } = observation.situation;
  if (decision.kind !== 'move' || decision.calls === undefined || plan.kind !== 'known')
    return undefined;
  const [hook] = hooksNamed(plan.value.plan, [decision.calls]);
  if (hook === undefined) return undefined;
  const { phase } = status;
  const state = after?.state.kind === 'known' ? after.state.value : undefined;
  return [{ release: outcome.release, plan: plan.value.plan, state, phase }, hook];
}
