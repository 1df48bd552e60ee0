import type { LastCommit, Rollout, Situation } from './situation.ts';

/**
 * What in Git disagrees with the state: an edit of `live/`, `plan/` or `stable/` by hand, or a change that
 * came without its transition, such as a revert. Undefined when everything is as the state says.
 */
export function disagreement(situation: Situation, rollout: Rollout): string | undefined {
  return (
    treeDiffers('plan', rollout.state.plan, situation) ??
    treeDiffers('stable', rollout.state.stable, situation) ??
    liveDiffers(situation, rollout) ??
    commitWithoutTransition(situation.lastCommit, rollout)
  );
}

/** Names of files in `live/<id>` that are not what the position says, sorted. */
export function differingLiveFiles(situation: Situation, rollout: Rollout): readonly string[] {
  const names = new Set([...situation.live.keys(), ...rollout.files.keys()]);
  return [...names]
    .filter((name) => situation.live.get(name) !== rollout.files.get(name)?.oid)
    .sort();
}

function treeDiffers(
  folder: 'plan' | 'stable',
  wanted: string | undefined,
  situation: Situation,
): string | undefined {
  const loaded = situation[folder];
  const actual = loaded.kind === 'known' ? loaded.value.tree : undefined;
  if (actual === wanted) return undefined;
  return `rollouts/${situation.id}/${folder} is ${actual ?? 'absent'}, state.yaml names ${wanted ?? 'none'}`;
}

function liveDiffers(situation: Situation, rollout: Rollout): string | undefined {
  const names = differingLiveFiles(situation, rollout);
  if (names.length === 0) return undefined;
  const shown = names.slice(0, 5).join(', ');
  return `live/${situation.id} differs in ${shown}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`;
}

function commitWithoutTransition(
  last: LastCommit | undefined,
  rollout: Rollout,
): string | undefined {
  if (last === undefined) return undefined;
  const { transition, release } = rollout.state;
  const before = last.transitionBefore ?? 0;
  const counts = transition === before + 1 || (last.accepts.length > 0 && transition > before);
  if (last.transitionAfter === transition && counts) return undefined;
  return (
    `commit ${last.oid.slice(0, 10)} by ${last.author} changed ${release} without a transition ` +
    `(${last.transitionBefore ?? 'none'} → ${last.transitionAfter ?? 'none'})`
  );
}
