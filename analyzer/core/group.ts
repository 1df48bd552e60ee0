import { type Group, identityOf } from '../../lib/plan/plan.ts';
import type { Change } from './change.ts';
import { failureOf } from './failure.ts';
import { subjectOf } from './message.ts';
import type { Observation } from './observation.ts';
import { atRest, type Position, positionText } from './position.ts';
import { contextOf } from './rules/decide.ts';
import type { Decision, Move } from './rules/decision.ts';
import { wayBackMove } from './rules/must-go-back.ts';

/** One release of a group, and what it would do alone. */
export interface Member {
  readonly id: string;
  readonly observation: Observation;
  readonly decision: Decision;
}

/** The group that a release moves with: that of its rollout, or at rest that of its newest plan. */
export function groupOf({ situation }: Observation): Group | undefined {
  const rollout = situation.rollout;
  const running = rollout.kind === 'known' && !atRest(rollout.value.state.position);
  if (running) return rollout.value.plan.plan.group;
  return situation.dist.kind === 'known' ? situation.dist.value.plan.group : undefined;
}

/**
 * What the releases of a group do together: all take a step or none does, and when one must roll back all do.
 * Pauses, hook runs and configuration are each release's own.
 *
 * @param members of one group, in the order in which they are answered
 */
export function together(
  group: Group,
  members: readonly Member[],
  now: number,
): readonly Decision[] {
  const forced = members.map((it) => forcedBack(it, members, now) ?? it.decision);
  return forced.map((decision, index) => {
    const own = members[index];
    if (decision.kind !== 'move' || own === undefined || isOwn(decision)) return decision;
    const all = members.map((member, at) => ({ member, decision: forced[at] ?? member.decision }));
    // Where only some have a newer plan, the group may be another one for each.
    const its = groupOf(own.observation) ?? group;
    const reason =
      decision.transition === 'back'
        ? behindOnWayBack(own, decision, all)
        : (missing(its, members) ?? laggard(its, own, decision, all));
    return reason === undefined
      ? decision
      : { kind: 'hold', reason: `ready to go on, and waits for its group: ${reason}` };
  });
}

/** Transitions that change no position, or leave the group. */
function isOwn({ transition }: Move): boolean {
  return transition === 'note' || transition === 'configure' || transition === 'resume';
}

/** A member that is in a step when another one of its candidate rolls back. */
function forcedBack(member: Member, members: readonly Member[], now: number): Decision | undefined {
  const rollout = member.observation.situation.rollout;
  if (rollout.kind !== 'known' || rollout.value.state.position.kind !== 'step') return undefined;
  if (isBack(member.decision)) return undefined;
  const cause = members.find(
    (it) => it.id !== member.id && isGoingBack(it, identityOf(rollout.value.plan.plan)),
  );
  if (cause === undefined) return undefined;
  const { state } = rollout.value;
  const said = cause.decision.reason;
  const reason = `${cause.id} of its group rolls back: ${said}`;
  const move = wayBackMove(contextOf(member.observation, rollout.value, now), reason);
  const blamed = cause.decision.kind === 'move' ? cause.decision.failed : undefined;
  const failed = blamed ?? failedIn(cause);
  if (failed?.candidate !== state.candidate) return move;
  const step = state.position.kind === 'step' ? state.position.step : failed.step;
  return { ...move, verdict: 'fail', failed: failureOf(rollout.value.plan.plan, step, reason) };
}

function failedIn({ observation: { situation } }: Member): Move['failed'] {
  return situation.state.kind === 'known' ? situation.state.value.failed : undefined;
}

/** Whether a member takes the group's candidate back now, is on its way, or has arrived. */
function isGoingBack({ observation, decision }: Member, candidate: string | undefined): boolean {
  const rollout = observation.situation.rollout;
  if (rollout.kind !== 'known' || rollout.value.state.candidate !== candidate) return false;
  const { kind } = rollout.value.state.position;
  return isBack(decision) || kind === 'back' || kind === 'stable';
}

function candidateOf({ situation }: Observation): string | undefined {
  return situation.state.kind === 'known' ? situation.state.value.candidate : undefined;
}

function isBack(decision: Decision): boolean {
  return decision.kind === 'move' && decision.transition === 'back';
}

/** A member, and what it is to do as things stand. */
interface Planned {
  readonly member: Member;
  readonly decision: Decision;
}

function missing({ name, members }: Group, found: readonly Member[]): string | undefined {
  const gone = members.filter((id) => !found.some((it) => it.id === id));
  return gone.length === 0 ? undefined : `${gone.join(', ')} of group ${name} cannot be found`;
}

/**
 * The rollback from bad traffic waits for nobody: a member that cannot move must not keep users of another one on
 * what is bad. Only its end, where all traffic is safe, is one for all that are on it.
 */
function behindOnWayBack(
  { observation }: Member,
  move: Move,
  all: readonly Planned[],
): string | undefined {
  const position = positionOf(observation);
  if (position?.kind !== 'back' || move.to.kind !== 'stable') return undefined;
  const behind = all.find(({ member, decision }) => {
    const to = destination(decision) ?? positionOf(member.observation);
    return to?.kind === 'back' && isGoingBack(member, candidateOf(observation));
  });
  return behind && `${behind.member.id}: ${behind.decision.reason}`;
}

/** Why the group is not together where the move leads; undefined where every member is, or goes there too. */
function laggard(
  group: Group,
  { observation }: Member,
  move: Move,
  all: readonly Planned[],
): string | undefined {
  const isFirst = move.to.kind === 'init' || positionOf(observation)?.kind === 'init';
  for (const { member, decision } of all) {
    const here = positionOf(member.observation);
    // Whoever has joined the group is initialized first: those that run already wait for it, and not it for them.
    if (isFirst && here !== undefined && here.kind !== 'init') continue;
    const to = destination(decision) ?? here;
    const same = isSame(group, member, decision.kind === 'move' && decision.pins);
    if (to !== undefined && same && isForward(to) && rank(to) >= rank(move.to)) continue;
    const other = same ? '' : ` has no plan of candidate ${group.candidate}`;
    return `${member.id}${other}: ${decision.reason}`;
  }
  return undefined;
}

/** Where a decision leads the group; a note leads nowhere. */
function destination(decision: Decision): Position | undefined {
  return decision.kind === 'move' && !isOwn(decision) ? decision.to : undefined;
}

/** A member whose newest plan is of another candidate of the group is not yet merged, or already replaced. */
function isSame(group: Group, { observation: { situation } }: Member, pins: boolean): boolean {
  const loaded = pins ? situation.dist : situation.plan;
  return loaded.kind === 'known' && loaded.value.plan.group?.candidate === group.candidate;
}

function positionOf({ situation }: Observation): Position | undefined {
  return situation.state.kind === 'known' ? situation.state.value.position : undefined;
}

function isForward({ kind }: Position): boolean {
  return kind !== 'back' && kind !== 'stable';
}

/** How far a position is on its way forward; whoever is complete is ahead of every step. */
function rank(position: Position): number {
  if (position.kind === 'init') return -1;
  return position.kind === 'step' ? Number(position.step.slice(0, 2)) : Number.POSITIVE_INFINITY;
}

/** The changes of a group's members as one commit: all of it is there, or nothing. */
export function oneChange(group: string, changes: readonly Change[], to: Position): Change {
  const [first] = changes;
  if (first === undefined) throw new Error(`group ${group}: there is nothing to commit`);
  const releases = changes.map((it) => it.release);
  const messages = changes.map((it) => it.message);
  const [said = '', ...others] = new Set(messages.map((it) => it.headline));
  return {
    release: first.release,
    members: releases,
    message: {
      topic: `${group} (${releases.join(', ')})`,
      headline: others.length === 0 ? said : `to ${positionText(to)}`,
      body: messages.map((it) => [subjectOf(it), ...it.body.flat()]),
      trailers: messages.flatMap((it) => it.trailers),
    },
    at: first.at,
    writes: changes.flatMap((it) => it.writes),
  };
}
