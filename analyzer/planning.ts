import pLimit from 'p-limit';
import type { Group } from '../lib/plan/plan.ts';
import { type AdmissionMemory, type Gate, withRefusals } from './admission.ts';
import { decideAsking } from './asking.ts';
import { type Change, change, outcome as outcomeOf } from './core/change.ts';
import { decide } from './core/decide.ts';
import type { Decision, Move } from './core/decision.ts';
import { groupOf, oneChange, together } from './core/group.ts';
import { disagreement } from './core/integrity.ts';
import type { Observation, Situation } from './core/observation.ts';
import { type Phase, phaseForOthers, type Status, status } from './core/phase.ts';
import { policyWith } from './core/policy.ts';
import { limited } from './core/queue.ts';
import { nextBack, rolloutOf } from './core/rollout.ts';
import type { State } from './core/state.ts';
import { GitError } from './git/git-error.ts';
import type { ReleaseTrees, Repository, Snapshot } from './git/repository.ts';
import { mended, unaccounted, walk } from './history.ts';
import type { HookCalls } from './hooks/calls.ts';
import { observe, type Sources } from './observe.ts';
import { isIdle, loadSituation, type PlanMemory, unreadable, withLastCommit } from './situation.ts';

/** What the analyzer works with. */
export interface Analyzer extends Omit<Sources, 'reader' | 'targets' | 'shown' | 'arrived'> {
  readonly repository: Repository;
  /** What plans must pass before they are pinned. @default - the kinds of every release, and no signature */
  readonly gate?: Gate | undefined;
  /** Calls hooks. @default - none can be called, and nothing is known of them */
  readonly hooks?: HookCalls | undefined;
  /** Most rollouts that may be under way at once. @default - any number */
  readonly mostRollouts?: number | undefined;
  /** What is kept between ticks; a restart with none decides the same. */
  readonly memory: Memory;
}

/** Kept between ticks to save reads; never needed to decide right. */
export interface Memory {
  readonly plans: PlanMemory;
  readonly admissions: AdmissionMemory;
  readonly targets: Sources['targets'];
  readonly shown: NonNullable<Sources['shown']>;
  readonly arrived: NonNullable<Sources['arrived']>;
  /** When a release's sources were first found unreachable by this process; Unix seconds. */
  readonly unreachable: Map<string, number>;
  /** Since when this process has waited for the cluster to show a release's step, or for its pods; Unix seconds. */
  readonly stuck: Map<string, number>;
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
  /** The state that it writes. */
  readonly after?: State | undefined;
}

/** The memory of an analyzer that has just started. */
export function newMemory(): Memory {
  return {
    plans: new Map(),
    admissions: new Map(),
    targets: new Map(),
    shown: new Map(),
    arrived: new Set(),
    unreachable: new Map(),
    stuck: new Map(),
  };
}

const OPEN_GATE: Gate = { policy: policyWith() };
const RELEASES_AT_ONCE = 8;
const MAX_TARGETS = 10_000;

/** What is to be done about one release. */
export interface Planned {
  readonly trees: ReleaseTrees;
  readonly outcome: Outcome;
  /** Absent where it does not move. */
  readonly change?: Change | undefined;
  /** Name of the group that it moves with. */
  readonly group?: string | undefined;
}

/** Changes to be made, each one commit: of a release, or of a group whose releases move as one. */
export interface Unit {
  readonly planned: readonly Planned[];
  readonly change: Change;
}

/** Decides about every release that is not idle. @param only those to decide about @default - all */
export async function planAll(
  analyzer: Analyzer,
  snapshot: Snapshot,
  all: readonly ReleaseTrees[],
  only = all,
): Promise<readonly Planned[]> {
  const active = only.filter((it) => !isIdle(it));
  forget(analyzer.memory, active);
  const pass: Pass = { analyzer, snapshot, all };
  const decided = await decideAll(pass, active);
  const groups = new Set(decided.flatMap((it) => it.group?.members ?? []));
  const known = new Set(active.map((it) => it.id));
  const idle = all.filter((it) => groups.has(it.id) && !known.has(it.id));
  const whole = [...decided, ...(await decideAll(pass, idle))];
  const final = limits(analyzer, groupDecisions(whole, analyzer.clock()));
  const planned = await Promise.all(final.map((it) => finish(pass, it)));
  // An idle member that stays where it is was only looked at.
  return planned.filter((it) => it.change !== undefined || known.has(it.trees.id));
}

/** The commits that carry out what was decided. */
export function unitsOf(planned: readonly Planned[]): readonly Unit[] {
  const units = new Map<string, Planned[]>();
  for (const it of planned) {
    if (it.change === undefined) continue;
    const key = it.group === undefined ? `release ${it.trees.id}` : `group ${it.group}`;
    units.set(key, [...(units.get(key) ?? []), it]);
  }
  return [...units.values()].flatMap((members) => {
    const changes = members.flatMap((it) => it.change ?? []);
    const [first] = changes;
    const decision = members[0]?.outcome.decision;
    if (first === undefined || decision?.kind !== 'move') return [];
    const group = members[0]?.group;
    const whole =
      group === undefined || changes.length === 1 ? first : oneChange(group, changes, decision.to);
    return [{ planned: members, change: whole }];
  });
}

/** Keeps what was decided about releases whose trees stand as they were. */
export async function replan(
  analyzer: Analyzer,
  snapshot: Snapshot,
  planned: readonly Planned[],
  before: readonly ReleaseTrees[],
  after: readonly ReleaseTrees[],
): Promise<readonly Planned[]> {
  // What one release of a group does may follow from what another was.
  if (analyzer.mostRollouts !== undefined || planned.some((it) => it.group !== undefined))
    return planAll(analyzer, snapshot, after);
  const old = new Map(before.map((it) => [it.id, key(it)]));
  const kept = planned.filter((it) => after.some((now) => key(now) === key(it.trees)));
  const moved = after.filter((it) => old.get(it.id) !== key(it));
  return [...kept, ...(await planAll(analyzer, snapshot, after, moved))];
}

function key({ id, dist, plan, stable, state, live }: ReleaseTrees): string {
  return [id, dist, plan, stable, state, live].join(' ');
}

/** Drops plans that no active release uses, so that memory grows with what is under way. */
function forget({ plans, targets, shown, arrived }: Memory, active: readonly ReleaseTrees[]): void {
  if (targets.size > MAX_TARGETS) targets.clear();
  if (shown.size > MAX_TARGETS) shown.clear();
  if (arrived.size > MAX_TARGETS) arrived.clear();
  const used = new Set(active.flatMap((it) => [it.plan, it.stable, it.dist, it.state]));
  for (const tree of plans.keys()) if (!used.has(tree)) plans.delete(tree);
}

/** What one look at the repository works with. */
interface Pass {
  readonly analyzer: Analyzer;
  readonly snapshot: Snapshot;
  readonly all: readonly ReleaseTrees[];
}

/** A decision about one release, before it is held against those about others. */
interface Decided {
  readonly trees: ReleaseTrees;
  readonly observation: Observation;
  readonly decision: Decision;
  /** Unix seconds. */
  readonly now: number;
  readonly group?: Group | undefined;
}

async function decideAll(
  pass: Pass,
  releases: readonly ReleaseTrees[],
): Promise<readonly Decided[]> {
  const limit = pLimit(RELEASES_AT_ONCE);
  return Promise.all(releases.map((it) => limit(() => decideSafely(pass, it))));
}

/** A bug of ours in one release must not keep the others from going back; git's own trouble is everybody's. */
async function decideSafely(pass: Pass, trees: ReleaseTrees): Promise<Decided> {
  try {
    return await decideOne(pass, trees);
  } catch (error) {
    return bug(pass, trees, error);
  }
}

function bug({ analyzer }: Pass, trees: ReleaseTrees, error: unknown): Decided {
  if (error instanceof GitError || !(error instanceof Error)) throw error;
  const reason = `a bug in the analyzer: ${error.message}`;
  const situation = unreadable(trees.id, reason);
  const observation = { situation, series: [], skewSeconds: 0 };
  return { trees, observation, decision: { kind: 'hold', reason }, now: analyzer.clock() };
}

async function decideOne(pass: Pass, trees: ReleaseTrees): Promise<Decided> {
  const { analyzer, snapshot } = pass;
  const { repository: reader, clock, memory, gate = OPEN_GATE } = analyzer;
  const { targets, shown, arrived } = memory;
  const found = await loadSituation(reader, trees, memory.plans, snapshot);
  const loaded = await withRefusals(reader, snapshot.source, found, gate, memory.admissions);
  const now = clock();
  const seen = await observe({ ...analyzer, reader, targets, shown, arrived }, loaded, now);
  const others = await otherPhases(pass, loaded);
  const first = await decideAsking(analyzer, { ...seen, others }, now);
  const group = groupOf(first.observation);
  const { decision } = first;
  if (decision.kind !== 'move' && group === undefined) return { trees, now, ...first };
  // Only a release that is about to move pays for a look into its history.
  const situation = await withLastCommit(reader, snapshot.run, loaded);
  const checked = { ...first.observation, situation };
  return { trees, now, group, observation: checked, decision: decide(checked, now) };
}

async function otherPhases(
  { analyzer, snapshot, all }: Pass,
  { dist }: Situation,
): Promise<ReadonlyMap<string, Phase> | undefined> {
  const wanted = dist.kind === 'known' ? (dist.value.plan.dependsOn ?? []) : [];
  if (wanted.length === 0) return undefined;
  const phases = new Map<string, Phase>();
  for (const { release } of wanted) {
    const trees = all.find((it) => it.id === release);
    if (trees === undefined) continue;
    const { repository, memory } = analyzer;
    const situation = await loadSituation(repository, trees, memory.plans, snapshot);
    phases.set(release, phaseForOthers(situation));
  }
  return phases;
}

/** What the releases of each group do together. */
function groupDecisions(all: readonly Decided[], now: number): readonly Decided[] {
  const groups = new Map(
    all.flatMap((it) => (it.group ? [[it.group.name, it.group] as const] : [])),
  );
  const changed = new Map<string, Decision>();
  for (const group of groups.values()) {
    const own = all.filter((it) => it.group?.name === group.name);
    const members = own.map((it) => ({ ...it, id: it.trees.id }));
    const decisions = together(group, members, now);
    for (const [index, it] of members.entries())
      changed.set(it.id, decisions[index] ?? it.decision);
  }
  return all.map((it) => ({ ...it, decision: changed.get(it.trees.id) ?? it.decision }));
}

function limits({ mostRollouts }: Analyzer, all: readonly Decided[]): readonly Decided[] {
  if (mostRollouts === undefined) return all;
  const queue = all.map(({ trees, decision, observation, group }) => {
    const rollout = rolloutOf(observation.situation);
    const position = rollout.kind === 'known' ? rollout.value.state.position : undefined;
    const underWay = position?.kind === 'step' || position?.kind === 'back';
    return { id: trees.id, decision, underWay, group: group?.name };
  });
  const decisions = limited(queue, mostRollouts);
  return all.map((it, index) => ({ ...it, decision: decisions[index] ?? it.decision }));
}

async function finish(pass: Pass, decided: Decided): Promise<Planned> {
  const { trees, observation, decision, now, group } = decided;
  const done = outcome(observation, decision, now);
  if (decision.kind !== 'move') return { trees, outcome: done };
  try {
    const { situation } = observation;
    const { repository, memory } = pass.analyzer;
    const it = await changeOf(
      repository,
      pass.snapshot.run,
      situation,
      decision,
      now,
      memory.plans,
    );
    return {
      trees,
      outcome: {
        ...done,
        message: it.message,
        after: outcomeOf(situation, decision, now).state,
      },
      change: it,
      ...(group === undefined || decision.transition === 'note' ? {} : { group: group.name }),
    };
  } catch (error) {
    const wrong = bug(pass, trees, error);
    return { trees, outcome: outcome(wrong.observation, wrong.decision, now) };
  }
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
