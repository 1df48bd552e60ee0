import { identityOf } from '../../lib/plan/plan.ts';
import { isHeldBack } from './failure.ts';
import { differingLiveFiles } from './integrity.ts';
import {
  atRest,
  canBeRemoved,
  nextPosition,
  positionText,
  samePosition,
  undoPosition,
} from './position.ts';
import { firstBacks, nextBack } from './rollout.ts';
import type { Situation } from './situation.ts';
import type { State } from './state.ts';

/**
 * What is wrong with a release in one revision, from that revision alone: the pinned trees must be those that
 * state.yaml names, and `live/` must be files(position), byte for byte. Empty when all is as it must be.
 */
export function violations(situation: Situation): readonly string[] {
  const { id } = situation;
  const rollout = situation.rollout;
  if (rollout.kind === 'absent') return [];
  if (rollout.kind === 'broken') return [`rollouts/${id}: ${rollout.reason}`];
  const { state, plan, stable } = rollout.value;
  const trees = [
    ...mismatch(`rollouts/${id}/plan`, plan.tree, state.plan),
    ...mismatch(`rollouts/${id}/stable`, stable?.tree, state.stable),
    ...(state.release === id ? [] : [`rollouts/${id}/state.yaml is of release ${state.release}`]),
    ...(state.candidate === identityOf(plan.plan)
      ? []
      : [`rollouts/${id}/state.yaml names another candidate than its plan`]),
    ...(plan.plan.release === id ? [] : [`rollouts/${id}/plan is of release ${plan.plan.release}`]),
  ];
  return [
    ...trees,
    ...differingLiveFiles(situation, rollout.value).map((name) => `live/${id}/${name}`),
  ];
}

/**
 * Why the step from one revision of a release to the next was not a legal transition; undefined when it was.
 *
 * @param before undefined where the release did not exist
 * @param after undefined where it was removed
 */
export function illegal(
  before: Situation | undefined,
  after: Situation | undefined,
): string | undefined {
  const old = stateOf(before);
  const next = stateOf(after);
  if (next === undefined || after === undefined) {
    if (after !== undefined && after.state.kind === 'broken') return after.state.reason;
    return old === undefined || canBeRemoved(old.position)
      ? undefined
      : 'removed in the middle of a rollout';
  }
  if (old === undefined || before === undefined)
    return next.transition >= 1 && next.kind === 'start' && next.position.kind === 'init'
      ? undefined
      : `the first transition is ${next.kind} to ${positionText(next.position)}, expected start to init`;
  // What undoes or accepts edits by hand counts on from the highest transition that history has seen.
  const accepting = (next.accepts?.length ?? 0) > 0 && next.transition > old.transition;
  if (next.transition !== old.transition + 1 && !accepting)
    return `transition went from ${old.transition} to ${next.transition}`;
  return LEGAL[next.kind](old, next, before) ? startsFailed(old, next, after) : describe(old, next);
}

/** A candidate that failed starts again by `perch retry`, which forgets the failure first, or by a raised attempt. */
function startsFailed(old: State, next: State, { plan }: Situation): string | undefined {
  if (next.kind !== 'start' || plan.kind !== 'known') return undefined;
  const { failed } = old;
  if (!isHeldBack(failed, plan.value.plan)) return undefined;
  return `start of candidate ${failed.candidate}, which failed in ${failed.step}, without a higher attempt`;
}

type Test = (old: State, next: State, before: Situation) => boolean;

const LEGAL: Readonly<Record<State['kind'], Test>> = {
  start: (old, next) =>
    next.position.kind === 'init'
      ? old.position.kind === 'init'
      : atRest(old.position) &&
        next.position.kind === 'step' &&
        /^01-/.test(next.position.step) &&
        same(old, next, 'stable'),
  next: (old, next, before) => follows(old, next, before) && same(old, next, 'plan', 'stable'),
  complete: (old, next, before) =>
    follows(old, next, before) && same(old, next, 'plan') && next.stable === next.plan,
  adopt: (old, next) =>
    samePosition(old.position, next.position) && same(old, next, 'candidate', 'stable'),
  configure: (old, next, before) =>
    atRest(old.position) &&
    next.position.kind === 'complete' &&
    next.stable === next.plan &&
    before.stable.kind === 'known' &&
    next.candidate === identityOf(before.stable.value.plan),
  back: (old, next, before) => goesBack(old, next, before) && same(old, next, 'plan', 'stable'),
  note: (old, next) =>
    samePosition(old.position, next.position) &&
    same(old, next, 'plan', 'stable', 'at', 'candidate') &&
    JSON.stringify(old.steps) === JSON.stringify(next.steps),
  resume: (old, next) =>
    samePosition(old.position, next.position) && same(old, next, 'plan', 'stable'),
  undo: (old, next, before) =>
    old.position.kind === 'complete' &&
    before.plan.kind === 'known' &&
    samePosition(next.position, undoPosition(before.plan.value.plan)) &&
    same(old, next, 'plan', 'candidate') &&
    next.stable !== undefined &&
    next.stable !== old.stable &&
    next.failed?.candidate === old.candidate,
};

function follows(old: State, next: State, before: Situation): boolean {
  if (before.plan.kind !== 'known') return false;
  const expected = nextPosition(before.plan.value.plan, old.position);
  return expected !== undefined && samePosition(expected, next.position);
}

function goesBack(old: State, next: State, before: Situation): boolean {
  const rollout = before.rollout;
  if (rollout.kind !== 'known') return false;
  const { kind } = old.position;
  if (kind === 'step')
    return firstBacks(rollout.value).some((it) => samePosition(it, next.position));
  if (kind !== 'back') return false;
  // A part that does not arrive is skipped: what serves nobody holds up nothing.
  return next.position.kind === 'stable' || samePosition(nextBack(rollout.value), next.position);
}

function same(old: State, next: State, ...keys: readonly (keyof State)[]): boolean {
  return keys.every((key) => old[key] === next[key]);
}

function describe(old: State, next: State): string {
  return `${next.kind} from ${positionText(old.position)} to ${positionText(next.position)} is not a legal transition`;
}

function mismatch(
  place: string,
  actual: string | undefined,
  named: string | undefined,
): readonly string[] {
  if (actual === named) return [];
  return [`${place} is ${actual ?? 'absent'}, its state.yaml names ${named ?? 'none'}`];
}

function stateOf(situation: Situation | undefined): State | undefined {
  return situation?.state.kind === 'known' ? situation.state.value : undefined;
}
