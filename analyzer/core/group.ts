import { type Group, identityOf, type Plan } from '../../lib/plan/plan.ts';
import type { Change } from './change.ts';
import { contextOf } from './decide.ts';
import type { Decision, Move } from './decision.ts';
import type { Observation } from './observation.ts';
import { atRest, type Position, positionText } from './position.ts';
import { rolloutOf } from './rollout.ts';
import { wayBackMove } from './rules/must-go-back.ts';

/** One release of a group, and what it would do alone. */
export interface Member {
  readonly id: string;
  readonly observation: Observation;
  readonly decision: Decision;
}

/** The group that a release moves with: that of its rollout, or at rest that of its newest plan. */
export function groupOf({ situation }: Observation): Group | undefined {
  const rollout = rolloutOf(situation);
  const running = rollout.kind === 'known' && !atRest(rollout.value.state.position);
  if (running) return rollout.value.plan.plan.group;
  return situation.dist.kind === 'known' ? situation.dist.value.plan.group : undefined;
}

/**
 * What the releases of a group do together: all take a step or none does, and when one must go back all do.
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
  const missing = group.members.filter((id) => !members.some((it) => it.id === id));
  return forced.map((decision, index) => {
    const own = members[index];
    if (decision.kind !== 'move' || own === undefined || isOwn(decision)) return decision;
    const reason =
      missing.length > 0 && decision.transition !== 'back'
        ? `${missing.join(', ')} of group ${group.name} cannot be found`
        : laggard(group, decision, members, forced);
    return reason === undefined
      ? decision
      : { kind: 'hold', reason: `ready to go on, and waits for its group: ${reason}` };
  });
}

/** Transitions that change no position, or leave the group. */
function isOwn({ transition }: Move): boolean {
  return transition === 'note' || transition === 'configure' || transition === 'resume';
}

/** A member that is in a step when another one of its candidate goes back. */
function forcedBack(member: Member, members: readonly Member[], now: number): Decision | undefined {
  const rollout = rolloutOf(member.observation.situation);
  if (rollout.kind !== 'known' || rollout.value.state.position.kind !== 'step') return undefined;
  if (isBack(member.decision)) return undefined;
  const cause = members.find(
    (it) => it.id !== member.id && isGoingBack(it, rollout.value.plan.plan),
  );
  if (cause === undefined) return undefined;
  const { state } = rollout.value;
  const said = cause.decision.reason;
  const reason = `${cause.id} of its group goes back: ${said}`;
  const move = wayBackMove(contextOf(member.observation, rollout.value, now), reason);
  const blamed = cause.decision.kind === 'move' ? cause.decision.failed : undefined;
  const failed = blamed ?? failedIn(cause);
  if (failed?.candidate !== state.candidate) return move;
  const step = state.position.kind === 'step' ? state.position.step : failed.step;
  return { ...move, verdict: 'fail', failed: { candidate: state.candidate, step, reason } };
}

function failedIn({ observation: { situation } }: Member): Move['failed'] {
  return situation.state.kind === 'known' ? situation.state.value.failed : undefined;
}

/** Whether a member takes the group's candidate back now, or is on its way. */
function isGoingBack({ observation, decision }: Member, plan: Plan): boolean {
  const rollout = rolloutOf(observation.situation);
  if (rollout.kind !== 'known') return false;
  if (rollout.value.state.candidate !== identityOf(plan)) return false;
  return isBack(decision) || rollout.value.state.position.kind === 'back';
}

function isBack(decision: Decision): boolean {
  return decision.kind === 'move' && decision.transition === 'back';
}

/** Why the group is not together where the move leads; undefined where every member is, or goes there too. */
function laggard(
  group: Group,
  move: Move,
  members: readonly Member[],
  decisions: readonly Decision[],
): string | undefined {
  for (const [index, member] of members.entries()) {
    const decision = decisions[index];
    const moves = decision?.kind === 'move' && !isOwn(decision) ? decision : undefined;
    const to = moves?.to ?? positionOf(member);
    const same = isSame(group, member, moves?.pins === true);
    if (to !== undefined && rank(to) >= rank(move.to) && kindOf(to) === kindOf(move.to) && same)
      continue;
    // Who has already arrived on the way back waits for nobody; who is behind is waited for.
    if (move.transition === 'back' && to !== undefined && rank(to) >= rank(move.to)) continue;
    return `${member.id}: ${decision?.reason ?? 'nothing is known of it'}`;
  }
  return undefined;
}

/** A member whose newest plan is of another candidate of the group is not yet merged, or already replaced. */
function isSame(group: Group, { observation: { situation } }: Member, pins: boolean): boolean {
  const loaded = pins ? situation.dist : situation.plan;
  return loaded.kind === 'known' && loaded.value.plan.group?.candidate === group.candidate;
}

function positionOf({ observation: { situation } }: Member): Position | undefined {
  return situation.state.kind === 'known' ? situation.state.value.position : undefined;
}

function kindOf(position: Position): string {
  return position.kind === 'back' || position.kind === 'stable' ? 'back' : position.kind;
}

/** How far a position is on its way: steps by their number, parts of the way back by their order. */
function rank(position: Position): number {
  switch (position.kind) {
    case 'init':
      return -1;
    case 'step':
      return Number(position.step.slice(0, 2));
    case 'complete':
      return 100;
    case 'back':
      return position.part === 'primary' ? 101 : 102;
    case 'stable':
      return 103;
  }
}

/** The changes of a group's members as one commit: all of it is there, or nothing. */
export function oneChange(group: string, changes: readonly Change[], to: Position): Change {
  const [first] = changes;
  if (first === undefined) throw new Error(`group ${group}: there is nothing to commit`);
  const subjects = changes.map((it) => it.message.split('\n', 1)[0] ?? '');
  const releases = changes.map((it) => it.release);
  const title = `${group}: ${releases.join(', ')} to ${positionText(to)}`;
  const bodies = changes.map((it, index) => [subjects[index], ...bodyOf(it.message)].join('\n'));
  const trailers = changes.map((it) => trailersOf(it.message)).join('\n');
  return {
    release: first.release,
    members: releases,
    message: `${title}\n\n${bodies.join('\n\n')}\n\n${trailers}\n`,
    at: first.at,
    writes: changes.flatMap((it) => it.writes),
  };
}

function bodyOf(message: string): readonly string[] {
  const parts = message.trimEnd().split('\n\n');
  return parts.slice(1, -1);
}

function trailersOf(message: string): string {
  return message.trimEnd().split('\n\n').at(-1) ?? '';
}
