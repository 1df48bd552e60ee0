import { disagreement } from '../../analyzer/core/integrity.ts';
import {
  abort,
  pause,
  promote,
  promoteFull,
  resume,
  retry,
  undo,
} from '../../analyzer/core/person.ts';
import type { PlanTree } from '../../analyzer/core/position.ts';
import type { Move } from '../../analyzer/core/rules/decision.ts';
import type { Situation } from '../../analyzer/core/situation.ts';
import { identityOf } from '../../lib/plan/plan.ts';

/** What a person asks for at some moment. */
export interface PersonEvent {
  readonly kind: 'promote' | 'full' | 'undo' | 'abort' | 'pause' | 'resume' | 'retry';
  readonly at: number;
}

const REQUEST = { by: 'Robin', reason: 'the story says so' };

/**
 * What becomes of a person's word, through the same core as on the command line; undefined where it makes no sense,
 * which a person would be told.
 */
export function personMove(
  situation: Situation,
  { kind }: PersonEvent,
  { promoted }: { readonly promoted: readonly PlanTree[] },
): Move | undefined {
  const rollout = situation.rollout;
  // What was edited by hand needs `perch resume`, which looks into history.
  if (rollout.kind !== 'known' || disagreement(situation, rollout.value) !== undefined)
    return undefined;
  const present = identityOf(rollout.value.plan.plan);
  const earlier = promoted.find((it) => identityOf(it.plan) !== present);
  try {
    switch (kind) {
      case 'promote':
        return promote(situation, REQUEST);
      case 'full':
        return promoteFull(situation, REQUEST);
      case 'undo':
        return earlier && undo(situation, REQUEST, () => earlier);
      case 'abort':
        return abort(situation, REQUEST);
      case 'pause':
        return pause(situation, REQUEST);
      case 'resume':
        return resume(situation, REQUEST);
      case 'retry':
        return retry(situation, REQUEST);
    }
  } catch (error) {
    // What makes no sense is said in an Error; anything more special is a bug.
    if (error instanceof Error && error.constructor === Error) return undefined;
    throw error;
  }
}
