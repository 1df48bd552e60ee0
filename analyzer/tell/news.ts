import { subjectOf } from '../core/message.ts';
import { phaseOf } from '../core/phase.ts';
import type { Outcome } from '../tick/outcome.ts';
import type { ToldTransition } from './hooks.ts';

/** What hooks are told of a pass: each transition that was pushed. */
export function newsOf(outcomes: readonly Outcome[]): readonly ToldTransition[] {
  return outcomes.flatMap(({ decision, observation, commit, message, after, at }) => {
    if (decision.kind !== 'move' || commit === undefined) return [];
    if (message === undefined || after === undefined) return [];
    const { dist, plan } = observation.situation;
    const pinned = decision.pins ? dist : plan;
    if (pinned.kind !== 'known') return [];
    const bad = decision.transition === 'back' || decision.transition === 'undo';
    const ends = decision.transition === 'complete' || after.position.kind === 'stable';
    return [
      {
        plan: pinned.value.plan,
        phase: phaseOf(after, pinned.value, dist),
        subject: subjectOf(message),
        type: bad || decision.paused !== undefined ? 'Warning' : 'Normal',
        // A note at rest ends nothing.
        ends: ends && (decision.transition === 'complete' || decision.transition === 'back'),
        at,
      },
    ];
  });
}
