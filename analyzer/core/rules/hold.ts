import { atRest } from '../position.ts';
import type { Context, Decision } from './decision.ts';

/** Somebody edited Git by hand: nothing is touched until a person has looked. */
export function handEdited(context: Context): Decision | undefined {
  const { disagreement: differs, rollout } = context;
  // A rollback is never left half done: what was edited is written over, and the commit says so.
  if (differs === undefined || rollout.state.position.kind === 'back') return undefined;
  return {
    // Where nothing is under way, nothing is waited for: an analyzer that runs until all is at rest may end.
    kind: atRest(rollout.state.position) ? 'rest' : 'hold',
    reason: `paused, Git was edited by hand: ${differs}. \`perch resume\` goes on`,
  };
}

/** A person, or an inconclusive deadline, has stopped the rollout. */
export function paused({ rollout }: Context): Decision | undefined {
  const { paused: pause, position } = rollout.state;
  if (pause === undefined) return undefined;
  // The rollback is never left half done.
  if (position.kind === 'back') return undefined;
  const reason = `paused${pause.by === undefined ? '' : ` by ${pause.by}`}: ${pause.reason}`;
  return { kind: atRest(position) ? 'rest' : 'hold', reason };
}
