import type { Change } from '../core/change.ts';
import type { ReleaseTrees } from '../git/repository.ts';
import type { Outcome } from './outcome.ts';

/** What is to be done about one release. */
export interface Planned {
  readonly trees: ReleaseTrees;
  readonly outcome: Outcome;
  /** Absent where it does not move. */
  readonly change?: Change | undefined;
  /** Name of the group that it moves with. */
  readonly group?: string | undefined;
}

/** Changes to be made, each one commit: of a release, or of a group whose releases move as one. */
export interface Unit {
  readonly planned: readonly Planned[];
  readonly change: Change;
}

/** Whether a decision takes a release back. */
export function goesBack({ decision }: Pick<Outcome, 'decision'>): boolean {
  return decision.kind === 'move' && decision.transition === 'back';
}

/** Whether it takes a release back, or a group. */
export function isBack({ planned }: Unit): boolean {
  return planned.some((it) => goesBack(it.outcome));
}
