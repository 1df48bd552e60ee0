import { carryOut } from '../../../analyzer/core/change.ts';
import { status } from '../../../analyzer/core/phase.ts';
import { decide } from '../../../analyzer/core/rules/decide.ts';
import type { Situation } from '../../../analyzer/core/situation.ts';
import type { Outcome } from '../../../analyzer/tick/outcome.ts';
import { observation, type Seen } from '../core/fixture.ts';

/** What a tick makes of a situation, pushed unless told otherwise. */
export function outcomeOf(of: Situation, at: number, seen: Seen = {}, pushed = true): Outcome {
  const seenThen = observation(of, at, seen);
  const decision = decide(seenThen, at);
  const done = decision.kind === 'move' ? carryOut(of, decision, at) : undefined;
  const commit = decision.kind === 'move' && pushed ? 'a'.repeat(40) : undefined;
  return {
    release: of.id,
    decision,
    at,
    status: status(of),
    observation: seenThen,
    commit,
    message: done?.change.message,
    after: done?.after,
  };
}
