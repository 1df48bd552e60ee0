import type { Loaded, Rollout, Situation } from './observation.ts';
import { difference, files, type Position, samePosition, wayBack } from './position.ts';

/**
 * What is under way, or stands, for a release: its state with the plans that the state needs.
 * Absent where the release never started; broken where Git holds something that cannot be read.
 */
export function rolloutOf(situation: Situation): Loaded<Rollout> {
  const { state, plan, stable } = situation;
  if (state.kind === 'broken') return state;
  if (state.kind === 'absent') return leftovers(situation);
  if (plan.kind === 'broken') return plan;
  if (plan.kind === 'absent')
    return {
      kind: 'broken',
      reason: `rollouts/${situation.id}/plan is missing; restore it from history`,
    };
  if (stable.kind === 'broken') return stable;
  const way = stable.kind === 'known' ? stable.value : undefined;
  try {
    const set = files(state.value.position, plan.value, way);
    return {
      kind: 'known',
      value: { state: state.value, plan: plan.value, stable: way, files: set },
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { kind: 'broken', reason };
  }
}

/**
 * The next position on the way back; those that change no byte of `live/` are skipped.
 *
 * @throws Error when a position has no way back
 */
export function nextBack(rollout: Rollout): Position {
  const { position } = rollout.state;
  if (position.kind !== 'step' && position.kind !== 'back')
    throw new Error(`release ${rollout.state.release}: there is no way back from ${position.kind}`);
  const way = wayBack(rollout.plan.plan, position.step);
  const here = way.findIndex((it) => samePosition(it, position));
  const left = way.slice(here + 1);
  const changing = left.find((it) => {
    const { changed, removed } = difference(rollout.files, files(it, rollout.plan, rollout.stable));
    return changed.length + removed.length > 0;
  });
  return changing ?? { kind: 'stable' };
}

/** Files without a state are somebody's hand work: nothing of it may be overwritten silently. */
function leftovers(situation: Situation): Loaded<Rollout> {
  if (situation.live.size === 0 && situation.plan.kind === 'absent') return { kind: 'absent' };
  const { id } = situation;
  return {
    kind: 'broken',
    reason:
      `rollouts/${id}/state.yaml is missing, but live/${id} or rollouts/${id} holds files: ` +
      `restore it from history (git log -- rollouts/${id}), or remove the folders to start anew`,
  };
}
