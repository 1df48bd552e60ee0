import type { Loaded, Rollout, Situation } from './observation.ts';
import { files } from './position.ts';

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
    return { kind: 'broken', reason: `rollouts/${situation.id}/plan is missing; restore it from history` };
  if (stable.kind === 'broken') return stable;
  const way = stable.kind === 'known' ? stable.value : undefined;
  try {
    const set = files(state.value.position, plan.value, way);
    return { kind: 'known', value: { state: state.value, plan: plan.value, stable: way, files: set } };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { kind: 'broken', reason };
  }
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
