import type { ReleaseTrees, Snapshot } from '../git/repository.ts';
import { isIdle } from '../situation/situation.ts';
import type { Decider } from './analyzer.ts';
import { decideEach } from './deciding.ts';
import type { Outcome } from './outcome.ts';
import { startTurn } from './patience.ts';
import { outcomeOf, startPlanning } from './planning.ts';

/** What is looked at. */
export interface View {
  readonly snapshot: Snapshot;
  readonly all: readonly ReleaseTrees[];
}

/**
 * Asks what a pass asks about one release, and decides as it does, together with its group. Nothing is committed or
 * pushed; hooks are called only where the decider has them.
 */
export async function lookAt(
  analyzer: Decider,
  { snapshot, all }: View,
  trees: ReleaseTrees,
): Promise<Outcome> {
  const turn = startTurn(analyzer.patience ?? {});
  const scene = { analyzer, snapshot, all, turn };
  try {
    // A pass does not look at one at rest; who asks for it wants to know what it would say.
    if (isIdle(trees)) {
      const [decided] = await Promise.all(decideEach(scene, [trees]));
      if (decided !== undefined) return outcomeOf(decided);
    }
    const planned = await startPlanning(scene, [trees]).done;
    const found = planned.find((it) => it.trees.id === trees.id);
    if (found === undefined) throw new Error(`release ${trees.id}: nothing was decided`);
    return found.outcome;
  } finally {
    turn.end();
  }
}
