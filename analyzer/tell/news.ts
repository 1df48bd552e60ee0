import type { Plan } from '../../lib/plan/plan.ts';
import { subjectOf } from '../core/message.ts';
import { phaseOf } from '../core/phase.ts';
import type { Outcome } from '../tick/outcome.ts';
import type { ToldFailure } from './failures.ts';

/** A transition that was pushed, or a check that failed, as far as hooks are told of it. */
export interface News {
  /** The plan whose hooks are told. */
  readonly plan: Plan;
  /** The release's phase after it. */
  readonly phase: string;
  /** The first line of its commit message, or what failed. */
  readonly subject: string;
  /** Whether it is good or bad news. */
  readonly type: 'Normal' | 'Warning';
  /** Whether the rollout is over with it, promoted or taken back. */
  readonly ends: boolean;
  /** Unix seconds. */
  readonly at: number;
}

/** What hooks are told of a pass: each check point that failed, and each transition that was pushed. */
export function newsOf(
  outcomes: readonly Outcome[],
  failures: readonly ToldFailure[],
): readonly News[] {
  return [...failures.map(failed), ...pushed(outcomes)];
}

function failed({ release, plan, phase, text, at }: ToldFailure): News {
  return { plan, phase, subject: `${release}: ${text}`, type: 'Warning', ends: false, at };
}

function pushed(outcomes: readonly Outcome[]): readonly News[] {
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
