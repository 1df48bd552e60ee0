import type { Loaded } from './answer.ts';
import type { ClusterView } from './cluster/reading.ts';
import {
  difference,
  type FileSet,
  files,
  hasPromoted,
  isShrunk,
  type PlanTree,
  type Position,
  samePosition,
  stepBefore,
  wayBack,
} from './position.ts';
import type { Contents, Rollout, Situation } from './situation.ts';

/** A release's situation: what Git holds of it, and the rollout that this makes. */
export function withRollout(contents: Contents): Situation {
  return { ...contents, rollout: rolloutOf(contents) };
}

/** The situation in which a rollout is all that Git holds: that of a release right after a move. */
export function situationAfter({ id, dist, refused }: Situation, rollout: Rollout): Situation {
  const { state, plan, stable, files: set } = rollout;
  const known = <T>(value: T): Loaded<T> => ({ kind: 'known', value });
  return {
    id,
    state: known(state),
    plan: known(plan),
    stable: stable === undefined ? { kind: 'absent' } : known(stable),
    dist,
    refused,
    live: new Map([...set].map(([name, file]) => [name, file.oid])),
    lastCommit: undefined,
    rollout: known(rollout),
  };
}

function rolloutOf(contents: Contents): Loaded<Rollout> {
  const { id, state, plan, stable } = contents;
  if (state.kind === 'broken') return state;
  if (state.kind === 'absent') return leftovers(contents);
  if (plan.kind === 'broken') return plan;
  if (plan.kind === 'absent')
    return {
      kind: 'broken',
      reason: `rollouts/${id}/plan is missing; restore it from history`,
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
 * The next position of a rollback; those that change no byte of `live/` are skipped.
 *
 * @param cluster what was seen of it: a step of which it shows nothing is left out @default - it was not asked
 * @throws Error when a position cannot be rolled back
 */
export function nextBack(rollout: Rollout, cluster?: ClusterView): Position {
  const { position } = rollout.state;
  if (position.kind === 'back') return nextOf(rollout, position.step, position.shown);
  if (position.kind === 'step')
    return nextOf(rollout, position.step, lastShown(rollout, position.step, cluster));
  throw new Error(`release ${rollout.state.release}: there is no rollback from ${position.kind}`);
}

/** Every first position of a rollback from a step: it depends on what the cluster has shown of that step. */
export function firstBacks(rollout: Rollout): readonly Position[] {
  const { position } = rollout.state;
  if (position.kind !== 'step') return [];
  const { step } = position;
  const shown = [step, stepBefore(rollout.plan.plan, step), undefined];
  return shown.map((it) => nextOf(rollout, step, it));
}

/**
 * The last step whose objects the cluster has shown: the one where the release is, or the one before, which was
 * live when it was left. What cannot be told counts as not shown: a rollback without it can always be applied.
 */
function lastShown(
  rollout: Rollout,
  step: string,
  cluster: ClusterView | undefined,
): string | undefined {
  if (cluster?.live.kind === 'live') return step;
  // A plan that was adopted here has brought files to the steps before that nobody has applied.
  const isNew = rollout.state.adopted === step;
  const before = isNew ? undefined : stepBefore(rollout.plan.plan, step);
  const { changed, removed } = difference(
    keptBack(rollout, step, before),
    keptBack(rollout, step, step),
  );
  const isShown = (name: string) => isSeen(rollout, name, cluster);
  return [...changed, ...removed].every(isShown) ? step : before;
}

/** What the first part of a rollback from a step holds, where the cluster has shown another step, or none. */
function keptBack(
  { plan, stable }: Pick<Rollout, 'plan' | 'stable'>,
  step: string,
  shown: string | undefined,
): FileSet {
  const isLess = hasPromoted(plan.plan, step) || isShrunk(plan.plan, step);
  return files({ kind: 'back', step, part: isLess ? 'primary' : 'routes', shown }, plan, stable);
}

/**
 * Whether a plan that is adopted in a step has, for the rollback to the step before, something that the plan in use
 * has not: what it says of that step was never applied then. Else the rollback keeps what it kept.
 */
export function bringsUnshown(rollout: Rollout, next: PlanTree, step: string): boolean {
  if (rollout.state.adopted === step) return true;
  const { plan, stable } = rollout;
  const [had, has] = [plan, next].map((it) =>
    keptBack({ plan: it, stable }, step, stepBefore(it.plan, step)),
  );
  if (had === undefined || has === undefined) return true;
  return difference(had, has).changed.length > 0;
}

/** Of an object that is never asked for, what its commit brought with it tells. */
function isSeen({ files: set, state }: Rollout, name: string, cluster?: ClusterView): boolean {
  const unseen = cluster?.unseen;
  if (unseen === undefined) return false;
  const asked = set.get(name)?.info.asked === true;
  return asked ? !unseen.has(name) : !state.changed.some((it) => unseen.has(it));
}

function nextOf(rollout: Rollout, step: string, shown: string | undefined): Position {
  const { position } = rollout.state;
  const way = wayBack(rollout.plan.plan, step, shown);
  const here = way.findIndex((it) => samePosition(it, position));
  const left = way.slice(here + 1);
  const changing = left.find((it) => {
    const { changed, removed } = difference(rollout.files, files(it, rollout.plan, rollout.stable));
    return changed.length + removed.length > 0;
  });
  return changing ?? { kind: 'stable' };
}

/** Files without a state are somebody's hand work: nothing of it may be overwritten silently. */
function leftovers({ id, live, plan }: Contents): Loaded<Rollout> {
  if (live.size === 0 && plan.kind === 'absent') return { kind: 'absent' };
  return {
    kind: 'broken',
    reason:
      `rollouts/${id}/state.yaml is missing, but live/${id} or rollouts/${id} holds files: ` +
      `restore it from history (git log -- rollouts/${id}), or remove the folders to start anew`,
  };
}
