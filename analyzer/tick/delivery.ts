import { isThere, type Repository } from '../git/repository.ts';
import { type Commits, commitAll, type Made } from './committing.ts';
import type { Unit } from './planned.ts';

/** How moves are brought to Git. */
export interface Delivery {
  /** Commits moves on top of `parent`. @throws GitError where git makes no commits at all, or takes none */
  deliver(
    repository: Pick<Repository, 'commit' | 'push'>,
    parent: string | undefined,
    units: readonly Unit[],
  ): Promise<Delivered>;
}

/** What became of moves. */
export type Delivered = Pick<Commits, 'failed'> &
  (
    | { readonly kind: 'nothing' }
    /** All that could be committed is in the run ref, which is at `tip` now. */
    | {
        readonly kind: 'there';
        readonly made: readonly Made[];
        readonly tip: string;
        /** Whether this process brought it there, and no other one that made the same commits. */
        readonly isOurs: boolean;
      }
    | {
        readonly kind: 'refused';
        readonly reason: string;
        /** What would have been there. */
        readonly units: readonly Unit[];
      }
    /** Somebody else is ahead. */
    | { readonly kind: 'moved' }
  );

/** Pushes them to the run ref. */
export const pushing: Delivery = {
  async deliver(repository, parent, units) {
    const { made, failed } = await commitAll(repository, parent, units);
    const tip = made.at(-1)?.commit;
    if (tip === undefined) return { kind: 'nothing', failed };
    const result = await repository.push(tip);
    if (isThere(result))
      return { kind: 'there', made, tip, failed, isOurs: result.kind === 'pushed' };
    if (result.kind === 'moved') return { kind: 'moved', failed };
    return { kind: 'refused', reason: result.reason, units: made.map((it) => it.unit), failed };
  },
};
