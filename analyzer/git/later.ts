import { GitError, worldError } from './git-error.ts';
import type { Repository } from './repository.ts';

/**
 * A repository that is opened by the first question, and again by the next one where that failed: whoever looks
 * again and again gets over a remote, a disk or a file that is not there yet.
 */
export function openLater(open: () => Promise<Repository>): Repository {
  let opening: Promise<Repository> | undefined;
  let closed = false;

  /** @throws GitError, also for what the file system says no to */
  async function ask<T>(question: (it: Repository) => Promise<T>): Promise<T> {
    if (closed) throw new GitError('the repository is closed', { retryable: false });
    opening ??= open().catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    try {
      return await question(await opening);
    } catch (error) {
      throw worldError(error);
    }
  }

  return {
    fetch: () => ask((it) => it.fetch()),
    commit: (parent, changes) => ask((it) => it.commit(parent, changes)),
    push: (commit) => ask((it) => it.push(commit)),
    resolve: (revision) => ask((it) => it.resolve(revision)),
    commitsBeginning: (tip, digits) => ask((it) => it.commitsBeginning(tip, digits)),
    list: (at) => ask((it) => it.list(at)),
    strays: (at) => ask((it) => it.strays(at)),
    follows: (commit, ancestor) => ask((it) => it.follows(commit, ancestor)),
    files: (tree) => ask((it) => it.files(tree)),
    texts: (blobs) => ask((it) => it.texts(blobs)),
    lastChange: (commit, id) => ask((it) => it.lastChange(commit, id)),
    treesAt: (commit, id) => ask((it) => it.treesAt(commit, id)),
    history: (commit, id) => ask((it) => it.history(commit, id)),
    wasSource: (source, id, tree) => ask((it) => it.wasSource(source, id, tree)),
    signature: (source, id, signers) => ask((it) => it.signature(source, id, signers)),
    changedPaths: (commits) => ask((it) => it.changedPaths(commits)),
    async close() {
      closed = true;
      const opened = await opening?.catch(() => undefined);
      // What is left of a clone is removed by the next start.
      await opened?.close().catch(() => undefined);
    },
  };
}
