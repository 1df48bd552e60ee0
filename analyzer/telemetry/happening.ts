import { plain } from '../../lib/plan/plain.ts';
import type { Plan } from '../../lib/plan/plan.ts';
import type { ClusterEvent } from '../cluster/events.ts';
import type { ObjectRef } from '../core/cluster/reading.ts';
import { subjectOf } from '../core/message.ts';
import { stepOf } from '../core/position.ts';
import { contextOf } from '../core/rules/decide.ts';
import type { Move } from '../core/rules/decision.ts';
import { inconclusiveSince } from '../core/rules/must-go-back.ts';
import type { Situation } from '../core/situation.ts';
import type { Note } from '../core/state.ts';
import type { ToldFailure } from '../tell/failures.ts';
import type { Outcome } from '../tick/outcome.ts';
import { situationOf } from './figures.ts';

/** What an outcome has to tell, at the primary workload of its release: a pushed transition, or a hold that needs a person or an answer. */
export function happeningOf(it: Outcome): ClusterEvent | undefined {
  const regarding = primaryOf(situationOf(it));
  const told = regarding === undefined ? undefined : (movedOf(it) ?? heldOf(it));
  return regarding === undefined || told === undefined
    ? undefined
    : { ...told, note: plain(told.note), regarding, at: it.at };
}

/** What a failed check point has to tell there. */
export function failureEvent(it: ToldFailure): ClusterEvent | undefined {
  const regarding = primaryIn(it.plan);
  if (regarding === undefined) return undefined;
  return {
    regarding,
    type: 'Warning',
    reason: 'CheckFailed',
    action: 'hold',
    note: plain(`${it.release}: ${it.text}`),
    key: it.key,
    at: it.at,
  };
}

type Told = Omit<ClusterEvent, 'regarding' | 'at'>;

function movedOf(it: Outcome): Told | undefined {
  const { decision, commit, message, observation } = it;
  if (decision.kind !== 'move' || commit === undefined || message === undefined) return undefined;
  const after = situationOf(it);
  return {
    type: decision.verdict === 'fail' || decision.verdict === 'inconclusive' ? 'Warning' : 'Normal',
    reason: reasonOf(decision, observation.situation, planOf(after)),
    action: decision.transition,
    note: `${subjectOf(message)}: ${decision.reason}`,
    key: `${it.release} ${transitionOf(after)}`,
  };
}

function heldOf({ release, decision, status, observation, at }: Outcome): Told | undefined {
  if (decision.kind !== 'hold') return undefined;
  const { situation } = observation;
  const held = { type: 'Warning', action: 'hold', note: `${release}: ${decision.reason}` } as const;
  const key = `${release} ${transitionOf(situation)}`;
  if (status.phase === 'Paused')
    return { ...held, reason: 'Paused', key: `${key} paused ${decision.reason}` };
  if (decision.overdue === true) return { ...held, reason: 'Overdue', key: `${key} overdue` };
  const rollout = situation.rollout;
  if (rollout.kind !== 'known') return undefined;
  const since = inconclusiveSince(contextOf(observation, rollout.value, at));
  if (since === undefined) return undefined;
  return { ...held, reason: 'Inconclusive', key: `${key} inconclusive ${since}` };
}

function reasonOf(move: Move, before: Situation, plan: Plan | undefined): string {
  const initialized = before.state.kind === 'known' && before.state.value.position.kind === 'init';
  switch (move.transition) {
    case 'start':
      return move.to.kind === 'init' ? 'Initializing' : 'RolloutStarted';
    case 'next':
      return plan !== undefined && stepOf(plan, move.to)?.phase === 'Promoting'
        ? 'Promoting'
        : 'WeightChanged';
    case 'complete':
      return initialized ? 'Initialized' : 'Promoted';
    case 'back':
      return move.to.kind === 'stable' ? 'RolledBack' : 'RollingBack';
    case 'adopt':
    case 'configure':
      return 'ConfigurationChanged';
    case 'note':
      return NOTE_REASONS[move.note?.kind ?? 'resumed'] ?? 'Noted';
    case 'resume':
      return 'Resumed';
    case 'undo':
      return 'Undoing';
  }
}

/** By kind of note; of any other it is said that there was one. */
const NOTE_REASONS: Readonly<Partial<Record<Note['kind'], string>>> = {
  paused: 'Paused',
  hookCalled: 'HookCalled',
  hookEnded: 'HookEnded',
};

function primaryOf(situation: Situation): ObjectRef | undefined {
  return primaryIn(planOf(situation));
}

function primaryIn(plan: Plan | undefined): ObjectRef | undefined {
  const workload = plan?.workloads.primary?.file;
  const file = workload === undefined ? undefined : plan?.files[workload];
  if (file === undefined) return undefined;
  const { apiVersion, kind, namespace, name } = file;
  return { apiVersion, kind, namespace, name };
}

function planOf({ plan }: Situation): Plan | undefined {
  return plan.kind === 'known' ? plan.value.plan : undefined;
}

function transitionOf({ state }: Situation): number {
  return state.kind === 'known' ? state.value.transition : 0;
}
