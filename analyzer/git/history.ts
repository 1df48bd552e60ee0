import { readFile } from 'node:fs/promises';
import { type ObjectAccess, type ReadAccess, readCommits } from './access.ts';
import { mustGit } from './command.ts';
import type { History, ReleaseCommit, ReleaseTrees } from './repository.ts';

/** The last commit that touched the release; see `Reader.lastChange`. */
export async function readLastChange(
  access: ReadAccess,
  commit: string,
  id: string,
): Promise<ReleaseCommit | undefined> {
  // A merge that made something new is seen all the same: what it shows is not what the last commit made.
  const oid = await access.lastChanges.find(commit, id);
  const listed = oid === undefined ? [] : [oid];
  const last = (await withTip(access, commit, await readReleaseCommits(access, listed, id))).at(-1);
  // At the cut of a shallow clone everything looks new.
  return last !== undefined && (await isCutAt(access, last.oid)) ? undefined : last;
}

/** All commits that touched the release; see `Reader.history`. */
export async function readHistory(
  access: ReadAccess,
  commit: string,
  id: string,
): Promise<History> {
  const listed = await listTouching(access, ['--topo-order', '--reverse', commit], id);
  const commits = await withoutTakeovers(access, await readReleaseCommits(access, listed, id));
  return {
    commits: await withTip(access, commit, commits),
    complete: !(await isCut(access, commit)),
  };
}

/**
 * Commits that touched the release. Every line of history is followed: with git's default a merge that takes one
 * side whole would hide what the other side did.
 */
async function listTouching(
  access: ReadAccess,
  limits: readonly string[],
  id: string,
): Promise<readonly string[]> {
  const output = await mustGit(access.git, {
    arguments: ['rev-list', '--full-history', ...limits, '--', `live/${id}`, `rollouts/${id}`],
  });
  return output.split('\n').filter((line) => line !== '');
}

/** Leaves out merges that took the release from one of their parents as it was: each pull request makes one. */
async function withoutTakeovers(
  access: ReadAccess,
  commits: readonly ReleaseCommit[],
): Promise<readonly ReleaseCommit[]> {
  const merges = commits.filter(({ parents }) => parents.length > 1);
  const takeovers = new Set<string>();
  for (const { oid, parents, trees } of merges) {
    const before = await readReleaseTrees(access, parents, trees.id);
    if (before.some((parent) => sameRelease(parent, trees))) takeovers.add(oid);
  }
  return commits.filter(({ oid }) => !takeovers.has(oid));
}

/** Adds the commit that was asked for, where the last one does not explain what it shows: a merge undid it. */
async function withTip(
  access: ReadAccess,
  commit: string,
  commits: readonly ReleaseCommit[],
): Promise<readonly ReleaseCommit[]> {
  const last = commits.at(-1);
  if (last === undefined || last.oid === commit) return commits;
  const [tip] = await readReleaseCommits(access, [commit], last.trees.id);
  return tip === undefined || sameRelease(last.trees, tip.trees) ? commits : [...commits, tip];
}

function sameRelease(left: ReleaseTrees, right: ReleaseTrees): boolean {
  return (['plan', 'stable', 'state', 'live'] as const).every((part) => left[part] === right[part]);
}

async function readReleaseCommits(
  access: ReadAccess,
  oids: readonly string[],
  id: string,
): Promise<readonly ReleaseCommit[]> {
  const commits = await readCommits(access.objects, oids);
  const trees = await readReleaseTrees(access, oids, id);
  return commits.map(({ parents, at, author, message }, index) => ({
    oid: oids[index] ?? '',
    parents,
    at,
    author,
    message,
    trees: trees[index] ?? { id },
  }));
}

/** The release's trees in each commit. */
export async function readReleaseTrees(
  access: ObjectAccess,
  oids: readonly string[],
  id: string,
): Promise<readonly ReleaseTrees[]> {
  const folders = ['dist', 'live', 'rollouts'];
  const found = await access.objects.read(
    oids.flatMap((oid) => folders.map((folder) => `${oid}:${folder}/${id}`)),
  );
  const trees = found.map((object) => (object?.kind === 'tree' ? object.oid : undefined));
  const rollouts = trees.filter((_, index) => index % 3 === 2);
  const known = rollouts.filter((tree) => tree !== undefined);
  const parts = await access.trees.rollouts(known);
  const byTree = new Map(known.map((tree, index) => [tree, parts[index]]));
  return oids.map((_, index) => {
    const rollout = rollouts[index];
    return {
      id,
      dist: trees[index * 3],
      live: trees[index * 3 + 1],
      ...(rollout === undefined ? {} : byTree.get(rollout)),
    };
  });
}

/** Whether a cut of a shallow clone is reachable from `commit`. @throws GitError for a missing commit */
export async function isCut(access: ReadAccess, commit: string): Promise<boolean> {
  const cuts = await shallowCuts(access);
  if (cuts.size === 0) return false;
  // A commit at the cut has lost its parents, so it counts as a root here.
  const roots = await mustGit(access.git, { arguments: ['rev-list', '--max-parents=0', commit] });
  return roots.split('\n').some((oid) => cuts.has(oid));
}

/** Whether a shallow clone was cut off at this commit: its parents are not there. */
export async function isCutAt(access: ReadAccess, commit: string): Promise<boolean> {
  return (await shallowCuts(access)).has(commit);
}

/** The commits at which a shallow clone was cut off: git keeps them in the file `shallow`. */
async function shallowCuts(access: ReadAccess): Promise<ReadonlySet<string>> {
  const file = await readFile(access.shallowFile, 'utf8').catch(() => '');
  return new Set(file.split('\n').filter((line) => line !== ''));
}
