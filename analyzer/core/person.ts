import type { Change } from './change.ts';
import { type Move, noteMove } from './decision.ts';
import { plain } from './explain.ts';
import { disagreement } from './integrity.ts';
import type { Rollout, Situation } from './observation.ts';
import { atRest, canBeRemoved, positionText } from './position.ts';
import { nextBack, rolloutOf } from './rollout.ts';

/** What a person asks for, and why. */
export interface Request {
  /** Name and address of the person. */
  readonly by: string;
  readonly reason: string;
}

/** Stops a rollout where it is. Only a necessary way back still happens. @throws Error when paused already */
export function pause(situation: Situation, { by, reason }: Request): Move {
  const { state } = unedited(situation);
  if (state.position.kind === 'back')
    throw new Error(
      `${situation.id} is going back (${positionText(state.position)}), which is never left half done`,
    );
  if (state.paused !== undefined)
    throw new Error(
      `${situation.id} is paused already: ${state.paused.reason}. \`perch resume\` goes on`,
    );
  return { ...noteOf(situation, reason), paused: { reason, by } };
}

/**
 * Goes on after a pause, and after an edit of Git by hand: a revert that left everything consistent is kept,
 * anything else is written over with the files of the position.
 *
 * @param situation with the plans that its state names, even where the folders were edited
 * @throws Error when there is nothing to resume
 */
export function resume(situation: Situation, { reason }: Request): Move {
  const { state } = running(situation);
  const edited = disagreement(situation, running(situation)) !== undefined;
  if (state.paused === undefined && !edited)
    throw new Error(`${situation.id} is neither paused nor edited: nothing to resume`);
  // Deadlines start again after a pause that the analyzer itself asked for, or it would pause at once.
  const again = edited || state.paused?.by === undefined;
  const move = noteOf(situation, reason);
  return again ? { ...move, transition: 'resume', to: state.position } : move;
}

/** Gives a failed candidate another chance. @throws Error when no candidate failed */
export function retry(situation: Situation, { reason }: Request): Move {
  const { state } = unedited(situation);
  if (state.failed === undefined)
    throw new Error(`${situation.id}: no candidate failed, there is nothing to retry`);
  if (!atRest(state.position))
    throw new Error(
      `${situation.id} is still on its way (${positionText(state.position)}): retry when it is back`,
    );
  return { ...noteOf(situation, reason), failed: undefined };
}

/** Takes a running candidate back and remembers it as failed. @throws Error when none is running */
export function abort(situation: Situation, { by, reason }: Request): Move {
  const rollout = running(situation);
  const { state } = rollout;
  if (state.position.kind === 'back')
    throw new Error(`${situation.id} is going back already: ${positionText(state.position)}`);
  if (state.position.kind !== 'step')
    throw new Error(
      `${situation.id} has no rollout to abort: it is ${positionText(state.position)}`,
    );
  return {
    ...noteOf(situation, `aborted by ${by}: ${reason}`),
    transition: 'back',
    to: nextBack(rollout),
    verdict: 'fail',
    failed: { candidate: state.candidate, step: state.position.step, reason: `aborted: ${reason}` },
  };
}

/**
 * Deletes a release from the run ref; the GitOps tool then deletes it from the cluster.
 *
 * @param now Unix seconds
 * @throws Error while the release is in dist/ or a rollout is under way
 */
export function remove(situation: Situation, { by, reason }: Request, now: number): Change {
  const { id } = situation;
  if (situation.dist.kind === 'broken')
    throw new Error(`${situation.dist.reason}; is ${id} gone from it?`);
  if (situation.dist.kind === 'known')
    throw new Error(
      `${id} is still in dist/: delete it from apps/, run \`npm run synth\`, merge, then remove it`,
    );
  const rollout = rolloutOf(situation);
  if (rollout.kind === 'absent')
    throw new Error(`${id} is not on the run branch: nothing to remove`);
  if (rollout.kind === 'known' && !canBeRemoved(rollout.value.state.position))
    throw new Error(
      `${id} is under way (${positionText(rollout.value.state.position)}): let it go back first`,
    );
  const message = [
    `${id}: removed`,
    '',
    plain(reason),
    plain(`By ${by}.`),
    '',
    `Perch-Release: ${id}`,
    'Perch-Step: removed',
    '',
  ];
  return {
    release: id,
    message: message.join('\n'),
    at: Math.floor(now),
    writes: [
      { kind: 'delete', path: `live/${id}` },
      { kind: 'delete', path: `rollouts/${id}` },
    ],
  };
}

function running(situation: Situation): Rollout {
  const rollout = rolloutOf(situation);
  if (rollout.kind === 'known') return rollout.value;
  if (rollout.kind === 'broken') throw new Error(rollout.reason);
  throw new Error(
    `${situation.id} has not started: there is no rollouts/${situation.id}/state.yaml`,
  );
}

/** What an edit by hand left must not be written over in passing. @throws Error while one stands */
function unedited(situation: Situation): Rollout {
  const it = running(situation);
  const differs = disagreement(situation, it);
  if (differs === undefined) return it;
  throw new Error(`${situation.id} was edited by hand: ${differs}. \`perch resume\` it first`);
}

function noteOf(situation: Situation, reason: string): Move {
  return noteMove(running(situation).state, reason);
}
