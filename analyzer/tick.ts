import pLimit from 'p-limit';
import { type AdmissionMemory, type Gate, withRefusals } from './admission.ts';
import { type Change, change } from './core/change.ts';
import { decide } from './core/decide.ts';
import type { Decision, Move } from './core/decision.ts';
import { disagreement } from './core/integrity.ts';
import type { Observation, Situation } from './core/observation.ts';
import { type Status, status } from './core/phase.ts';
import { policyWith } from './core/policy.ts';
import { nextBack, rolloutOf } from './core/rollout.ts';
import { GitError } from './git/git-error.ts';
import type { ReleaseTrees, Repository, Snapshot } from './git/repository.ts';
import { mended, unaccounted, walk } from './history.ts';
import { hasUnreachable, observe, type Sources } from './observe.ts';
import { isIdle, loadSituation, type PlanMemory, unreadable, withLastCommit } from './situation.ts';

/** What the analyzer works with. */
export interface Analyzer extends Omit<Sources, 'reader' | 'targets' | 'shown'> {
  readonly repository: Repository;
  /** What plans must pass before they are pinned. @default - the kinds of every release, and no signature */
  readonly gate?: Gate | undefined;
  /** What is kept between ticks; a restart with none decides the same. */
  readonly memory: Memory;
}

/** Kept between ticks to save reads; never needed to decide right. */
export interface Memory {
  readonly plans: PlanMemory;
  readonly admissions: AdmissionMemory;
  readonly targets: Sources['targets'];
  readonly shown: NonNullable<Sources['shown']>;
  /** When a release's sources were first found unreachable by this process; Unix seconds. */
  readonly unreachable: Map<string, number>;
}

/** What a tick did about one release that was not idle. */
export interface Outcome {
  readonly release: string;
  readonly decision: Decision;
  /** For when it was decided; Unix seconds. */
  readonly at: number;
  /** As Git said before the decision. */
  readonly status: Status;
  readonly observation: Observation;
  /** The commit that carried out a move; absent when somebody else moved first. */
  readonly commit?: string | undefined;
  /** Its message. */
  readonly message?: string | undefined;
}

/** What became of one tick. */
export interface TickReport {
  /** Releases at rest that were not even read. */
  readonly idle: number;
  readonly outcomes: readonly Outcome[];
  /** Why commits could not be pushed: a server that said no. */
  readonly refused?: string | undefined;
  /** Pushes that somebody else was ahead of. */
  readonly conflicts: number;
}

const MAX_CONFLICTS = 5;
const OPEN_GATE: Gate = { policy: policyWith() };
const RELEASES_AT_ONCE = 8;
const MAX_TARGETS = 10_000;

/** The memory of an analyzer that has just started. */
export function newMemory(): Memory {
  return {
    plans: new Map(),
    admissions: new Map(),
    targets: new Map(),
    shown: new Map(),
    unreachable: new Map(),
  };
}

/** Whether every release is at rest: then nothing happens until a new plan comes. */
export function atRest(report: TickReport): boolean {
  return report.refused === undefined && report.outcomes.every((it) => it.decision.kind === 'rest');
}

/**
 * One pass over all releases: read, decide, one commit for each release that moves, one push. When somebody
 * else pushed first, only releases whose trees moved are looked at again.
 *
 * @throws GitError when the repository cannot be reached
 */
export async function tick(analyzer: Analyzer): Promise<TickReport> {
  const { repository } = analyzer;
  let snapshot = await repository.fetch();
  let trees = await repository.list(snapshot);
  let planned = await planAll(analyzer, snapshot, trees);
  for (let conflicts = 0; ; conflicts++) {
    const idle = trees.filter(isIdle).length;
    const changes = planned.flatMap((it) => it.change ?? []);
    if (changes.length === 0) return report(idle, planned, [], conflicts);
    const commits = await repository.commit(snapshot.run, changes);
    const tip = commits.at(-1);
    if (tip === undefined) throw new Error('git made no commit');
    const result = await repository.push(tip);
    if (result.kind === 'pushed') return report(idle, planned, commits, conflicts);
    if (result.kind === 'refused')
      return await pushApart(repository, snapshot.run, planned, {
        ...report(idle, planned, [], conflicts),
        refused: result.reason,
      });
    if (conflicts >= MAX_CONFLICTS) return report(idle, planned, [], conflicts);
    snapshot = await repository.fetch();
    const moved = await repository.list(snapshot);
    planned = await replan(analyzer, snapshot, planned, trees, moved);
    trees = moved;
  }
}

/** So many refusals and nothing pushed: the server takes nothing at all. */
const MAX_REFUSALS = 3;

/**
 * A server that refuses a push may mind one release alone, as a hook that guards a path does: each is pushed
 * again by itself, those on their way back first, so that no release holds up another.
 */
async function pushApart(
  repository: Repository,
  run: string | undefined,
  planned: readonly Planned[],
  refused: TickReport,
): Promise<TickReport> {
  const moves = planned.filter((it) => it.change !== undefined);
  if (moves.length < 2) return refused;
  const isBack = ({ outcome: { decision } }: Planned) =>
    decision.kind === 'move' && decision.transition === 'back';
  const pushed = new Map<string, string>();
  const refusals: string[] = [];
  let parent = run;
  for (const it of [...moves.filter(isBack), ...moves.filter((one) => !isBack(one))]) {
    if (pushed.size === 0 && refusals.length >= MAX_REFUSALS) break;
    const [commit] = await repository.commit(parent, it.change === undefined ? [] : [it.change]);
    if (commit === undefined) throw new Error('git made no commit');
    const result = await repository.push(commit);
    // Somebody else is ahead: the next tick looks again.
    if (result.kind === 'moved') break;
    if (result.kind === 'refused') {
      refusals.push(`${it.trees.id}: ${result.reason}`);
      continue;
    }
    parent = commit;
    pushed.set(it.trees.id, commit);
  }
  const outcomes = refused.outcomes.map((it) => ({ ...it, commit: pushed.get(it.release) }));
  return { ...refused, outcomes, refused: refusals.join('; ') || refused.refused };
}

interface Planned {
  readonly trees: ReleaseTrees;
  readonly outcome: Outcome;
  readonly change?: Change | undefined;
}

async function planAll(
  analyzer: Analyzer,
  snapshot: Snapshot,
  all: readonly ReleaseTrees[],
): Promise<readonly Planned[]> {
  const limit = pLimit(RELEASES_AT_ONCE);
  const active = all.filter((it) => !isIdle(it));
  forget(analyzer.memory, active);
  return Promise.all(active.map((it) => limit(() => planSafely(analyzer, snapshot, it))));
}

/** Drops plans that no active release uses, so that memory grows with what is under way. */
function forget({ plans, targets, shown }: Memory, active: readonly ReleaseTrees[]): void {
  if (targets.size > MAX_TARGETS) targets.clear();
  if (shown.size > MAX_TARGETS) shown.clear();
  const used = new Set(active.flatMap((it) => [it.plan, it.stable, it.dist]));
  for (const tree of plans.keys()) if (!used.has(tree)) plans.delete(tree);
}

/** Keeps what was decided about releases whose trees stand as they were. */
async function replan(
  analyzer: Analyzer,
  snapshot: Snapshot,
  planned: readonly Planned[],
  before: readonly ReleaseTrees[],
  after: readonly ReleaseTrees[],
): Promise<readonly Planned[]> {
  const old = new Map(before.map((it) => [it.id, key(it)]));
  const kept = planned.filter((it) => after.some((now) => key(now) === key(it.trees)));
  const moved = after.filter((it) => old.get(it.id) !== key(it));
  return [...kept, ...(await planAll(analyzer, snapshot, moved))];
}

function key({ id, dist, plan, stable, state, live }: ReleaseTrees): string {
  return [id, dist, plan, stable, state, live].join(' ');
}

/** A bug of ours in one release must not keep the others from going back; git's own trouble is everybody's. */
async function planSafely(
  analyzer: Analyzer,
  snapshot: Snapshot,
  trees: ReleaseTrees,
): Promise<Planned> {
  try {
    return await planOne(analyzer, snapshot, trees);
  } catch (error) {
    if (error instanceof GitError || !(error instanceof Error)) throw error;
    const reason = `a bug in the analyzer: ${error.message}`;
    const situation = unreadable(trees.id, reason);
    const seen = { situation, series: [], skewSeconds: 0 };
    return { trees, outcome: outcome(seen, { kind: 'hold', reason }, analyzer.clock()) };
  }
}

async function planOne(
  analyzer: Analyzer,
  snapshot: Snapshot,
  trees: ReleaseTrees,
): Promise<Planned> {
  const { repository: reader, clock, memory, gate = OPEN_GATE } = analyzer;
  const { targets, shown } = memory;
  const found = await loadSituation(reader, trees, memory.plans, snapshot);
  const loaded = await withRefusals(reader, snapshot.source, found, gate, memory.admissions);
  const now = clock();
  const seen = await observe({ ...analyzer, reader, targets, shown }, loaded, now);
  const observation = remember(memory, seen, now);
  const first = decide(observation, now);
  if (first.kind !== 'move') return { trees, outcome: outcome(observation, first, now) };
  // Only a release that is about to move pays for a look into its history.
  const situation = await withLastCommit(reader, snapshot.run, loaded);
  const checked = { ...observation, situation };
  const decision = decide(checked, now);
  if (decision.kind !== 'move') return { trees, outcome: outcome(checked, decision, now) };
  const it = await changeOf(reader, snapshot.run, situation, decision, now, memory.plans);
  return {
    trees,
    outcome: { ...outcome(checked, decision, now), message: it.message },
    change: it,
  };
}

/**
 * A way back that is necessary in spite of an edit by hand goes to the sets that the state names, whatever was
 * edited, and says which commits it writes over.
 */
async function changeOf(
  reader: Repository,
  run: string | undefined,
  situation: Situation,
  move: Move,
  now: number,
  plans: PlanMemory,
): Promise<Change> {
  const rollout = rolloutOf(situation);
  const edited = rollout.kind === 'known' && disagreement(situation, rollout.value) !== undefined;
  if (run === undefined || !edited) return change(situation, move, now);
  const past = await walk(reader, run, situation.id, plans);
  const sound = await mended(reader, situation, past);
  const own = rolloutOf(sound);
  const to = own.kind === 'known' && move.transition === 'back' ? nextBack(own.value) : move.to;
  return change(sound, { ...move, to }, now, { accepts: unaccounted(past) });
}

function outcome(observation: Observation, decision: Decision, at: number): Outcome {
  const { situation } = observation;
  return { release: situation.id, decision, at, status: status(situation), observation };
}

function remember(
  memory: Memory,
  seen: Omit<Observation, 'unreachableSince'>,
  now: number,
): Observation {
  const { id } = seen.situation;
  if (!hasUnreachable(seen)) {
    memory.unreachable.delete(id);
    return seen;
  }
  const unreachableSince = memory.unreachable.get(id) ?? now;
  memory.unreachable.set(id, unreachableSince);
  return { ...seen, unreachableSince };
}

function report(
  idle: number,
  planned: readonly Planned[],
  commits: readonly string[],
  conflicts: number,
): TickReport {
  let next = 0;
  const outcomes = planned.map((it) =>
    it.change === undefined ? it.outcome : { ...it.outcome, commit: commits[next++] },
  );
  return { idle, outcomes, conflicts };
}
