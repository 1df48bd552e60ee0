import { type Decided, isDecision } from '../../analyzer/core/decided.ts';
import type { Move } from '../../analyzer/core/rules/decision.ts';
import type { Situation } from '../../analyzer/core/situation.ts';
import { type State, unix } from '../../analyzer/core/state.ts';
import { decidedAgain } from '../../analyzer/history/replays.ts';
import { Broken } from './broken.ts';
import type { World } from './world.ts';

/** The decisions of a run, to be made again when it is over. */
export interface Replays {
  /** Keeps a decision, where the stores told the truth about it. */
  note(before: Situation, after: State, move: Move, now: number): void;
  /** @throws Broken where one that metrics led to does not hold */
  check(now: number): Promise<void>;
}

export function createReplays({ metrics, isSilent, isMiscounted }: World): Replays {
  const all: Decided[] = [];
  return {
    note(before, after, { verdict, reason }, now) {
      const { rollout } = before;
      if (rollout.kind !== 'known' || !isDecision(rollout.value, after) || isSilent(now)) return;
      // What counters show late, or lost, reads otherwise afterwards, and replay says so.
      if (isMiscounted(unix(rollout.value.state.at), now)) return;
      all.push({ before, rollout: rollout.value, after, verdict, reason, at: now });
    },
    async check(now) {
      if (isSilent(now)) return;
      for (const it of all) {
        const { kind, reason, differences, lost } = await decidedAgain(
          { metrics, clock: () => now },
          it,
        );
        if (kind !== 'holds' && kind !== 'unjudged')
          throw new Broken(
            'replay',
            `${it.reason} at ${it.at} ${kind}: ${[reason, ...differences, ...lost].join('; ')}`,
          );
      }
    },
  };
}
