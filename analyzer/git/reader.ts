import { type ReadAccess, readCommits } from './access.ts';
import { readChangedPaths } from './changed-paths.ts';
import { type GitCommand, runGit } from './command.ts';
import { GitError } from './git-error.ts';
import { readHistory, readLastChange, readReleaseTrees } from './history.ts';
import { findLastChanges } from './last-changes.ts';
import type { ObjectStore } from './objects.ts';
import { assertOid, assertReleaseId, pathFault } from './path.ts';
import { missingObject, readTrees, type TreeReader } from './release-trees.ts';
import type { Reader, ReleaseTrees, Snapshot } from './repository.ts';
import { readSignature } from './signers.ts';
import { wasSource } from './source.ts';
import { entryOid, type TreeEntry } from './tree.ts';

/** A reader of the repository that `git` points to. Its `resolve` knows what that repository knows. */
export function openReader(parts: Omit<ReadAccess, 'trees' | 'lastChanges'>): Reader {
  const { git, objects } = parts;
  const lastChanges = findLastChanges(git, (commit) => releasesIn(access, commit));
  const access: ReadAccess = { ...parts, trees: readTrees(objects), lastChanges };
  return {
    resolve: (revision) => resolveRevision(git, revision),
    list: (at) => listReleases(access, at),
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

async function resolveRevision(git: GitCommand, revision: string): Promise<string | undefined> {
  const output = await runGit(git, {
    arguments: ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`],
  });
  const oid = output.stdout.trim();
  return output.exitCode === 0 && oid !== '' ? oid : undefined;
}

async function listReleases(access: ReadAccess, at: Snapshot): Promise<readonly ReleaseTrees[]> {
  const [source, run] = await readRoots(access, [at.source, at.run]);
  const [dist, live, rollouts] = await Promise.all([
    readFolder(access.trees, source, 'dist'),
    readFolder(access.trees, run, 'live'),
    readFolder(access.trees, run, 'rollouts'),
  ]);
  const found = await access.trees.rollouts([...rollouts.values()]);
  const parts = new Map([...rollouts.keys()].map((id, index) => [id, found[index]]));
  const started = new Set([...rollouts.keys(), ...live.keys()]);
  const ids = new Set([...started, ...(await unstarted(access, dist, started))]);
  return [...ids].sort().map((id) => ({
    id,
    dist: dist.get(id),
    live: live.get(id),
    ...parts.get(id),
  }));
}

/** Folders of dist/ that were never started, but for those of plain manifests, which are no releases. */
async function unstarted(
  access: ReadAccess,
  dist: ReadonlyMap<string, string>,
  started: ReadonlySet<string>,
): Promise<readonly string[]> {
  const fresh = [...dist].filter(([id]) => !started.has(id));
  const entries = await access.trees.entries(fresh.map(([, tree]) => tree));
  return fresh.filter((_, index) => !isManifests(entries[index] ?? [])).map(([id]) => id);
}

function isManifests(folder: readonly TreeEntry[]): boolean {
  const has = (name: string) => entryOid(folder, name, 'blob') !== undefined;
  return has('kustomization.yaml') && !has('plan.yaml');
}

/** Ids of the releases that a run commit has. */
async function releasesIn(access: ReadAccess, commit: string): Promise<ReadonlySet<string>> {
  const [root] = await readRoots(access, [commit]);
  const folders = ['live', 'rollouts'].map((it) => readFolder(access.trees, root, it));
  return new Set((await Promise.all(folders)).flatMap((it) => [...it.keys()]));
}

/** The entries of each commit's root tree; none for a commit that is undefined. */
async function readRoots(
  access: ReadAccess,
  commits: readonly (string | undefined)[],
): Promise<readonly (readonly TreeEntry[])[]> {
  const known = [...new Set(commits.filter((commit) => commit !== undefined))];
  known.forEach(assertOid);
  const roots = (await readCommits(access.objects, known)).map((commit) => commit.tree);
  const entries = await access.trees.entries(roots);
  const byCommit = new Map(known.map((commit, index) => [commit, entries[index] ?? []]));
  return commits.map((commit) => (commit === undefined ? [] : (byCommit.get(commit) ?? [])));
}

/** Tree id by name for the folders in `folder`. */
async function readFolder(
  trees: TreeReader,
  root: readonly TreeEntry[] | undefined,
  folder: string,
): Promise<ReadonlyMap<string, string>> {
  const oid = entryOid(root ?? [], folder, 'tree');
  if (oid === undefined) return new Map();
  const [entries = []] = await trees.entries([oid]);
  return new Map(
    entries
      // Folders with names that no release can have, such as `..`, are nobody's: their paths are refused everywhere.
      .filter(({ kind, name }) => kind === 'tree' && pathFault(name) === undefined)
      .map((entry) => [entry.name, entry.oid]),
  );
}

async function listFiles(trees: TreeReader, tree: string): Promise<ReadonlyMap<string, string>> {
  const files: [string, string][] = [];
  let level: { readonly prefix: string; readonly oid: string }[] = [{ prefix: '', oid: tree }];
  while (level.length > 0) {
    const entries = await trees.entries(level.map((folder) => folder.oid));
    const below: typeof level = [];
    for (const [index, folder] of level.entries()) {
      for (const entry of entries[index] ?? []) {
        const path = `${folder.prefix}${entry.name}`;
        if (entry.kind === 'tree') below.push({ prefix: `${path}/`, oid: entry.oid });
        else files.push([path, fileOid(entry)]);
      }
    }
    level = below;
  }
  return new Map(files.sort(([left], [right]) => (left < right ? -1 : 1)));
}

function fileOid(entry: TreeEntry): string {
  if (entry.kind === 'blob') return entry.oid;
  return `${entry.kind === 'link' ? '120000' : '160000'}:${entry.oid}`;
}

async function readTexts(
  objects: ObjectStore,
  blobs: readonly string[],
): Promise<readonly string[]> {
  blobs.forEach(assertOid);
  // One blob may be asked for many times: the files of a plan's steps repeat.
  const distinct = [...new Set(blobs)];
  const found = await objects.read(distinct);
  const texts = new Map<string, string>();
  for (const [index, oid] of distinct.entries()) {
    const object = found[index];
    if (object?.kind !== 'blob') throw missingObject('blob', oid, object);
    texts.set(oid, object.content.toString('utf8'));
  }
  return blobs.map((oid) => {
    const text = texts.get(oid);
    if (text === undefined) throw new GitError(`blob ${oid} is missing`, { retryable: true });
    return text;
  });
}
