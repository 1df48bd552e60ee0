import type { ReadAccess } from './access.ts';
import { readChangedPaths } from './changed-paths.ts';
import { type GitCommand, mustGit, runGit } from './command.ts';
import { listFiles } from './file-list.ts';
import { GitError } from './git-error.ts';
import { readHistory, readLastChange, readReleaseTrees } from './history.ts';
import { findLastChanges } from './last-changes.ts';
import type { GitObject, ObjectStore } from './objects.ts';
import { assertOid, assertReleaseId } from './path.ts';
import { missingObject, readTrees } from './release-trees.ts';
import { listReleases, listStrays, releasesIn } from './releases.ts';
import type { Reader } from './repository.ts';
import { readSignature } from './signers.ts';
import { wasSource } from './source.ts';

/** A reader of the repository that `git` points to. Its `resolve` knows what that repository knows. */
export function openReader(parts: Omit<ReadAccess, 'trees' | 'lastChanges'>): Reader {
  const { git, objects } = parts;
  const lastChanges = findLastChanges(git, (commit) => releasesIn(access, commit));
  const access: ReadAccess = { ...parts, trees: readTrees(objects), lastChanges };
  return {
    resolve: (revision) => resolveRevision(git, revision),
    commitsBeginning: (tip, digits) => commitsBeginning(git, tip, digits),
    async follows(commit, ancestor) {
      assertOid(commit);
      assertOid(ancestor);
      return isAncestor(git, ancestor, commit);
    },
    list: (at) => listReleases(access, at),
    strays: (at) => listStrays(access, at),
    async files(tree) {
      assertOid(tree);
      return listFiles(access.trees, tree);
    },
    texts: (blobs) => readTexts(objects, blobs),
    async lastChange(commit, id) {
      assertOid(commit);
      assertReleaseId(id);
      return readLastChange(access, commit, id);
    },
    async treesAt(commit, id) {
      assertOid(commit);
      assertReleaseId(id);
      const [trees = { id }] = await readReleaseTrees(access, [commit], id);
      return trees;
    },
    async history(commit, id) {
      assertOid(commit);
      assertReleaseId(id);
      return readHistory(access, commit, id);
    },
    async wasSource(source, id, tree) {
      assertOid(source);
      assertReleaseId(id);
      return wasSource(access, { source, id, tree });
    },
    async signature(source, id, allowedSigners) {
      assertOid(source);
      assertReleaseId(id);
      return readSignature(access, { source, id, allowedSigners });
    },
    async changedPaths(commits) {
      commits.forEach(assertOid);
      return readChangedPaths(git, commits);
    },
    async close() {
      objects.close();
    },
  };
}

/** The commit that a revision names in a repository. @param folder where that is @default - the one of `git` */
export async function resolveRevision(
  git: GitCommand,
  revision: string,
  folder?: string,
): Promise<string | undefined> {
  const output = await runGit(git, {
    arguments: ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`],
    folder,
  });
  const oid = output.stdout.trim();
  return output.exitCode === 0 && oid !== '' ? oid : undefined;
}

/** Git itself knows none of less than four digits, and takes those of other branches into account. */
async function commitsBeginning(
  git: GitCommand,
  tip: string,
  digits: string,
): Promise<readonly string[]> {
  assertOid(tip);
  const all = await mustGit(git, { arguments: ['rev-list', tip, '--'] });
  return all.split('\n').filter((it) => it.startsWith(digits));
}

/** Also no where one of them is not in the clone. */
async function isAncestor(git: GitCommand, ancestor: string, commit: string): Promise<boolean> {
  if (ancestor === commit) return true;
  const output = await runGit(git, {
    arguments: ['merge-base', '--is-ancestor', ancestor, commit],
  });
  return output.exitCode === 0;
}

async function readTexts(
  objects: ObjectStore,
  blobs: readonly string[],
): Promise<readonly string[]> {
  blobs.forEach(assertOid);
  // One blob may be asked for many times: the files of a plan's steps repeat.
  const distinct = [...new Set(blobs)];
  assertBlobs(distinct, await objects.heads(distinct));
  const found = await objects.read(distinct);
  assertBlobs(distinct, found);
  const texts = new Map(found.map((it) => [it?.oid, it?.content.toString('utf8')]));
  return blobs.map((oid) => {
    const text = texts.get(oid);
    if (text === undefined) throw new GitError(`blob ${oid} is missing`, { retryable: true });
    return text;
  });
}

function assertBlobs(oids: readonly string[], found: readonly (GitObject | undefined)[]): void {
  for (const [index, oid] of oids.entries()) {
    const object = found[index];
    if (object?.kind !== 'blob') throw missingObject('blob', oid, object);
  }
}
