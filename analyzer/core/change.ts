import { identityOf } from '../../lib/plan/plan.ts';
import { FORMAT } from '../../lib/plan/versions.ts';
import { explain } from './explain.ts';
import { judgedIn } from './judge/judged.ts';
import { recordOf } from './judge/weighing.ts';
import type { Message } from './message.ts';
import { atRest, difference, type FileSet, files, type PlanTree } from './position.ts';
import { bringsUnshown, situationAfter } from './rollout.ts';
import type { Move } from './rules/decision.ts';
import type { Rollout, Situation } from './situation.ts';
import { isoTime, type State, type StepRecord, stateText } from './state.ts';

/** One write below the root of the run ref; writes are applied in order. */
export type FileWrite =
  | { readonly kind: 'delete'; readonly path: string }
  /** An existing Git tree, by its object id. */
  | { readonly kind: 'tree'; readonly path: string; readonly oid: string }
  /** An existing blob, by its object id. */
  | { readonly kind: 'blob'; readonly path: string; readonly oid: string }
  | { readonly kind: 'text'; readonly path: string; readonly text: string };

/** One commit to be made: pure data, made by the core and carried out by `git/`. */
export interface Change {
  readonly release: string;
  /** Ids of all releases that it moves, where they move as one. @default - `release` alone */
  readonly members?: readonly string[] | undefined;
  readonly message: Message;
  /** Commit time in Unix seconds. */
  readonly at: number;
  readonly writes: readonly FileWrite[];
}

/** What a transition says beyond its move. */
export interface Authorship {
  /** The person who asked for it. */
  readonly by?: string | undefined;
  /** Commits by hand that the transition accepts or undoes. */
  readonly accepts: readonly string[];
}

/** The commit that carries out a move. @param now Unix seconds @throws Error when the move pins what cannot be read */
export function change(situation: Situation, move: Move, now: number, person?: Authorship): Change {
  return carryOut(situation, move, now, person).change;
}

/** A move that is carried out. */
export interface Carried {
  readonly change: Change;
  /** What Git says of the release once it holds the change. */
  readonly after: Situation;
}

/**
 * Carries out a move: a commit of the new state and the files of its position, and the situation that it makes.
 *
 * @param now Unix seconds
 * @throws Error when the move pins a dist that cannot be read
 */
export function carryOut(
  situation: Situation,
  move: Move,
  now: number,
  person?: Authorship,
): Carried {
  const next = outcome(situation, move, now, person);
  const { id } = situation;
  const { plan, state } = next;
  const made: Change = {
    release: id,
    message: explain({ id, move, plan: plan.plan, state, from: before(situation) }),
    at: Math.floor(now),
    writes: [
      ...liveWrites(id, situation, next.files),
      ...pinWrites(situation, move, next),
      { kind: 'text', path: `rollouts/${id}/state.yaml`, text: stateText(state) },
    ],
  };
  return { change: made, after: situationAfter(situation, next) };
}

function pinWrites({ id, stable }: Situation, move: Move, next: Rollout): readonly FileWrite[] {
  // What accepts or undoes edits by hand writes over whatever they left in these folders.
  const over = move.transition === 'resume' || next.state.accepts !== undefined;
  const pinned: FileWrite[] = [];
  if (move.pins || over)
    pinned.push({ kind: 'tree', path: `rollouts/${id}/plan`, oid: next.plan.tree });
  if (next.stable !== undefined && (over || next.stable.tree !== treeOf(stable)))
    pinned.push({ kind: 'tree', path: `rollouts/${id}/stable`, oid: next.stable.tree });
  return pinned;
}

/** The rollout after a move; the pure half of `change`, also what the simulation runs on. */
export function outcome(
  situation: Situation,
  move: Move,
  now: number,
  person?: Authorship,
): Rollout {
  const { rollout } = situation;
  const old = rollout.kind === 'known' ? rollout.value : undefined;
  const plan = move.pins ? known(situation.dist, `dist/${situation.id}`) : old?.plan;
  if (plan === undefined) throw new Error(`release ${situation.id}: there is no plan to move in`);
  if (move.pins && (situation.refused ?? []).length > 0)
    throw new Error(`release ${situation.id}: a refused plan is never pinned`);
  // A complete release is its own rollback from now on.
  const stable = move.to.kind === 'complete' ? plan : (move.stable ?? old?.stable);
  const set = files(move.to, plan, stable);
  const note = move.transition === 'note';
  const moved = note && old !== undefined ? old.state : written(old?.files, set);
  const state: State = {
    transition: nextTransition(situation),
    version: FORMAT,
    release: situation.id,
    kind: move.transition,
    ...(move.note === undefined ? {} : { note: move.note }),
    verdict: move.verdict,
    position: move.to,
    at: note && old !== undefined ? old.state.at : isoTime(now),
    // A note says why in its commit; the state keeps why the position was taken.
    reason: note && old !== undefined ? old.state.reason : move.reason,
    ...(person?.by === undefined ? {} : { by: person.by }),
    candidate: identityOf(plan.plan),
    plan: plan.tree,
    ...(stable === undefined ? {} : { stable: stable.tree }),
    ...(move.failed === undefined ? {} : { failed: move.failed }),
    ...(move.paused === undefined ? {} : { paused: move.paused }),
    ...kept(old?.state, move),
    ...adopted(old, plan, move),
    ...promoted(old?.state, plan, move),
    ...evidenceAfter(old?.state, move),
    ...judgedFor(move, now),
    steps: stepRecords(old?.state, move, now),
    changed: moved.changed,
    removed: moved.removed,
    ...(person === undefined || person.accepts.length === 0
      ? {}
      : { accepts: [...person.accepts] }),
  };
  return { state, plan, stable, files: set };
}

/** What belongs to one rollout ends with it; a start may bring its own. */
function kept(
  old: State | undefined,
  move: Move,
): Pick<State, 'hooks' | 'approved' | 'fast' | 'broken' | 'spared'> {
  const ends = atRest(move.to) && move.transition !== 'note';
  const hooks = 'hooks' in move ? move.hooks : ends || isStart(move) ? undefined : old?.hooks;
  const approved = 'approved' in move ? move.approved : ends ? undefined : old?.approved;
  const fast = 'fast' in move ? move.fast : ends || isStart(move) ? undefined : old?.fast;
  const broken = 'broken' in move ? move.broken : ends || isStart(move) ? undefined : old?.broken;
  const spared = move.to.kind === 'complete' ? undefined : (move.spared ?? old?.spared);
  return {
    ...(hooks === undefined || hooks.length === 0 ? {} : { hooks }),
    ...(approved === undefined || approved.length === 0 ? {} : { approved }),
    ...(fast === undefined ? {} : { fast }),
    ...(broken === undefined ? {} : { broken }),
    ...(spared === undefined ? {} : { spared }),
  };
}

/** Until the step is left, its plan is one of whose earlier steps a rollback would keep what was never applied. */
function adopted(
  old: Rollout | undefined,
  plan: PlanTree,
  { transition, to }: Move,
): Pick<State, 'adopted'> {
  if (to.kind !== 'step' || old === undefined) return {};
  if (transition === 'adopt') return bringsUnshown(old, plan, to.step) ? { adopted: to.step } : {};
  const stays = old.state.adopted === to.step && (transition === 'note' || transition === 'resume');
  return stays ? { adopted: to.step } : {};
}

function isStart({ transition }: Move): boolean {
  return transition === 'start';
}

/** As many as a rollback window can ask for. */
const MOST_PROMOTED = 20;

function promoted(old: State | undefined, { plan }: PlanTree, move: Move): Pick<State, 'promoted'> {
  const before = old?.promoted ?? [];
  const candidate = identityOf(plan);
  const all =
    move.transition === 'complete'
      ? [candidate, ...before.filter((it) => it !== candidate)].slice(0, MOST_PROMOTED)
      : // What was bad once is judged again, though it was promoted before.
        before.filter((it) => it !== move.failed?.candidate);
  return all.length === 0 ? {} : { promoted: all };
}

/** One above the highest transition that the release has seen, also where history was reverted by hand. */
function nextTransition({ state, lastCommit }: Situation): number {
  const current = state.kind === 'known' ? state.value.transition : 0;
  return 1 + Math.max(current, lastCommit?.transitionBefore ?? 0, lastCommit?.transitionAfter ?? 0);
}

function stepRecords(old: State | undefined, move: Move, now: number): StepRecord[] {
  if (move.transition === 'start' || old === undefined) return [];
  // What a rollout counted that came to nothing says nothing about the configuration that follows it.
  if (move.transition === 'configure' && old.position.kind === 'stable') return [];
  if (move.transition === 'note' || old.position.kind !== 'step') return old.steps;
  const left: StepRecord = {
    name: old.position.step,
    at: old.at,
    ...(move.liveSince === undefined ? {} : { since: isoTime(move.liveSince) }),
    until: isoTime(now),
    failedChecks: move.judgement?.failedChecks ?? 0,
    ...failedByIn(move.judgement?.failedBy),
  };
  return [...old.steps, left];
}

function failedByIn(failedBy: ReadonlyMap<string, number> = new Map()): Partial<StepRecord> {
  const failed = [...failedBy].filter(([, count]) => count > 0);
  return failed.length === 0 ? {} : { failedBy: Object.fromEntries(failed) };
}

/** What tests have gathered in a step is kept when the step is left: its samples will be gone. */
function evidenceAfter(old: State | undefined, move: Move): Pick<State, 'evidence'> {
  const before = old?.evidence ?? [];
  const isOver = move.transition !== 'note' && (atRest(move.to) || isStart(move));
  if (isOver || old === undefined) return {};
  const weighed = move.transition === 'note' ? [] : (move.proof?.weighed ?? []);
  const gathered = weighed.map((it) => recordOf(it.weighing));
  const others = before.filter((it) => !gathered.some((one) => one.test === it.test));
  const evidence = [...others, ...gathered];
  return evidence.length === 0 ? {} : { evidence };
}

/** What no check or test was asked for rests on other things. */
function judgedFor(move: Move, now: number): Pick<State, 'judged'> {
  const judged = move.verdict === 'none' ? undefined : judgedIn(move, now);
  return judged === undefined ? {} : { judged };
}

function written(old: FileSet | undefined, set: FileSet): Pick<State, 'changed' | 'removed'> {
  const { changed, removed } = difference(old ?? new Map(), set);
  const gone = removed.flatMap((name) => {
    const info = old?.get(name)?.info;
    if (info === undefined || !info.asked) return [];
    const { apiVersion, kind, namespace } = info;
    return [
      { apiVersion, kind, ...(namespace === undefined ? {} : { namespace }), name: info.name },
    ];
  });
  return { changed: [...changed], removed: gone };
}

/**
 * Only what differs is written, so a commit's cost grows with its step and not with the release. Where a file has a
 * name that no plan gives, the whole folder is written anew: a name that somebody made up may be one that cannot be
 * removed alone.
 */
function liveWrites(id: string, { live }: Situation, set: FileSet): FileWrite[] {
  const gone = [...live.keys()].filter((name) => !set.has(name)).sort();
  const anew = gone.some((name) => !USUAL_NAME.test(name));
  const fresh = [...set].filter(([name, file]) => anew || live.get(name) !== file.oid);
  const removed = anew ? [`live/${id}`] : gone.map((name) => `live/${id}/${name}`);
  return [
    ...removed.map((path): FileWrite => ({ kind: 'delete', path })),
    ...fresh
      .map(
        ([name, file]): FileWrite => ({ kind: 'blob', path: `live/${id}/${name}`, oid: file.oid }),
      )
      .sort((a, b) => (a.path < b.path ? -1 : 1)),
  ];
}

/** How the names of a plan's files look, and most others. */
const USUAL_NAME = /^(?:(?:mesh|workload)\/)?[A-Za-z0-9][-A-Za-z0-9._]{0,250}$/;

function before(situation: Situation): State | undefined {
  return situation.state.kind === 'known' ? situation.state.value : undefined;
}

function treeOf(loaded: Situation['stable']): string | undefined {
  return loaded.kind === 'known' ? loaded.value.tree : undefined;
}

function known(loaded: Situation['dist'], place: string): PlanTree {
  if (loaded.kind === 'known') return loaded.value;
  throw new Error(`${place} ${loaded.kind === 'absent' ? 'is missing' : loaded.reason}`);
}
