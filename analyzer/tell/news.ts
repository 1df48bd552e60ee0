import type { Plan } from '../../lib/plan/plan.ts';
import { subjectOf } from '../core/message.ts';
import { phaseOf } from '../core/phase.ts';
import type { Outcome } from '../tick/outcome.ts';

/** A transition that was pushed, as far as hooks are told of it. */
export interface ToldTransition {
  /** The plan whose hooks are told. */
  readonly plan: Plan;
  /** The release's phase after it. */
  readonly phase: string;
  /** The first line of its commit message. */
  readonly subject: string;
  /** Whether it is good or bad news. */
  readonly type: 'Normal' | 'Warning';
  /** Whether the rollout is over with it, promoted or taken back. */
  readonly ends: boolean;
  /** Unix seconds. */
  readonly at: number;
}

/** What hooks are told of a pass: each transition that was pushed. */
export function newsOf(outcomes: readonly Outcome[]): readonly ToldTransition[] {
  return outcomes.flatMap(({ decision, commit, message, after, at }) => {
    if (decision.kind !== 'move' || commit === undefined) return [];
    if (message === undefined || after?.rollout.kind !== 'known') return [];
    const { state, plan } = after.rollout.value;
    const bad = decision.transition === 'back' || decision.transition === 'undo';
    const ends = decision.transition === 'complete' || state.position.kind === 'stable';
    return [
      {
        plan: plan.plan,
        phase: phaseOf(state, plan, after.dist),
        subject: subjectOf(message),
        type: bad || decision.paused !== undefined ? 'Warning' : 'Normal',
        // A note at rest ends nothing.
        ends: ends && (decision.transition === 'complete' || decision.transition === 'back'),
        at,
      },
    ];
  });
}
