import { GitError } from '../git/git-error.ts';
import { isThere, type Repository, type Snapshot } from '../git/repository.ts';
import { stateIn } from './situation.ts';

/** What a guard tells of; each once, until it changes. */
export type Finding =
  /** Paths that belong to no release; none where the last of them is gone. */
  | { readonly kind: 'strays'; readonly paths: readonly string[] }
  /** The run branch does not follow on what it was, and still has every release as far as it was. */
  | { readonly kind: 'rewritten'; readonly from: string; readonly to: string };

/**
 * The same repository, which tells of what nobody should have pushed. A run branch that was pushed by force counts as
 * unreachable where a release is gone from it, or has fewer transitions than before: a failure would be forgotten, and
 * the candidate that failed would start again. It counts again once the branch has what it had.
 */
export function guarded(repository: Repository, tell: (finding: Finding) => void): Repository {
  let trusted: string | undefined;
  let looked = '';
  let strays = '';
  return {
    ...repository,
    async fetch() {
      const snapshot = await repository.fetch();
      const { run } = snapshot;
      if (run === undefined || run === trusted) return snapshot;
      if (trusted !== undefined && !(await repository.follows(run, trusted))) {
        await assertKept(repository, trusted, run);
        tell({ kind: 'rewritten', from: trusted, to: run });
      }
      trusted = run;
      return snapshot;
    },
    async push(commit) {
      const result = await repository.push(commit);
      if (isThere(result)) trusted = commit;
      return result;
    },
    async list(at) {
      const key = `${at.run} ${at.source}`;
      if (key !== looked) {
        const paths = await repository.strays(at);
        if (paths.join('\0') !== strays) tell({ kind: 'strays', paths });
        strays = paths.join('\0');
        looked = key;
      }
      return repository.list(at);
    },
  };
}

/** @throws GitError where a release has lost transitions */
async function assertKept(repository: Repository, from: string, to: string): Promise<void> {
  const [before, after] = [
    await transitionsAt(repository, from),
    await transitionsAt(repository, to),
  ];
  const lost = [...before].filter(([id, count]) => (after.get(id) ?? 0) < count);
  const [first] = lost;
  if (first === undefined) return;
  const [id, count] = first;
  const more = lost.length > 1 ? `, and ${lost.length - 1} more` : '';
  throw new GitError(
    `the run branch was pushed by force, from ${from} to ${to}: ${id} was at transition ${count} and is at ${after.get(id) ?? 'none'}${more}; ` +
      `nothing is done until the branch has ${from} again; to go on from what is there, restart the analyzer`,
    { retryable: false },
  );
}

/** The number of its last transition, by release. */
async function transitionsAt(
  repository: Repository,
  commit: string,
): Promise<ReadonlyMap<string, number>> {
  const at: Snapshot = { run: commit, source: undefined };
  const counts = new Map<string, number>();
  for (const trees of await repository.list(at)) {
    const state = await stateIn(repository, { trees });
    if (state !== undefined) counts.set(trees.id, state.transition);
  }
  return counts;
}
