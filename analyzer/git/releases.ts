import { type ObjectAccess, readCommits } from './access.ts';
import { GitError } from './git-error.ts';
import { assertOid, isReleaseId } from './path.ts';
import type { TreeReader } from './release-trees.ts';
import type { ReleaseTrees, Snapshot } from './repository.ts';
import { entryOid, type TreeEntry } from './tree.ts';

/** Every release that a snapshot has; see `Reader.list`. */
export async function listReleases(
  access: ObjectAccess,
  at: Snapshot,
): Promise<readonly ReleaseTrees[]> {
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

/** Folders of dist/ that were never started, but for those that are no releases: plain manifests, and folders of folders. */
async function unstarted(
  access: ObjectAccess,
  dist: ReadonlyMap<string, string>,
  started: ReadonlySet<string>,
): Promise<readonly string[]> {
  const fresh = [...dist].filter(([id]) => !started.has(id));
  const entries = await entriesOrNone(
    access.trees,
    fresh.map(([, tree]) => tree),
  );
  return fresh.filter((_, index) => !isOther(entries[index] ?? [])).map(([id]) => id);
}

/** One folder that is too large is broken, and must not keep the others from being listed. */
async function entriesOrNone(
  trees: TreeReader,
  oids: readonly string[],
): Promise<readonly (readonly TreeEntry[])[]> {
  try {
    return await trees.entries(oids);
  } catch (error) {
    if (!(error instanceof GitError) || error.retryable) throw error;
    if (oids.length === 1) return [[]];
    const each: (readonly TreeEntry[])[] = [];
    for (const oid of oids) each.push(...(await entriesOrNone(trees, [oid])));
    return each;
  }
}

function isOther(folder: readonly TreeEntry[]): boolean {
  const has = (name: string) => entryOid(folder, name, 'blob') !== undefined;
  return (has('kustomization.yaml') && !has('plan.yaml')) || holdsFolders(folder);
}

/** Such as dist/examples of this project: nothing in it is a release of the repository. */
function holdsFolders(folder: readonly TreeEntry[]): boolean {
  return folder.length > 0 && folder.every((it) => it.kind === 'tree' && it.name !== 'steps');
}

/** Ids of the releases that a run commit has. */
export async function releasesIn(
  access: ObjectAccess,
  commit: string,
): Promise<ReadonlySet<string>> {
  const [root] = await readRoots(access, [commit]);
  const folders = ['live', 'rollouts'].map((it) => readFolder(access.trees, root, it));
  return new Set((await Promise.all(folders)).flatMap((it) => [...it.keys()]));
}

/** The entries of each commit's root tree; none for a commit that is undefined. */
async function readRoots(
  access: ObjectAccess,
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
      // What no release can be called is nobody's: it is reported, and never looked into.
      .filter(({ kind, name }) => kind === 'tree' && isReleaseId(name))
      .map((entry) => [entry.name, entry.oid]),
  );
}

/** What lies in the folders of releases and belongs to none; see `Reader.strays`. */
export async function listStrays(access: ObjectAccess, at: Snapshot): Promise<readonly string[]> {
  const [source = [], run = []] = await readRoots(access, [at.source, at.run]);
  const folders = [
    { root: source, folder: 'dist' },
    { root: run, folder: 'live' },
    { root: run, folder: 'rollouts' },
  ];
  const found = await Promise.all(folders.map((it) => straysIn(access.trees, it)));
  return found.flat();
}

async function straysIn(
  trees: TreeReader,
  { root, folder }: { readonly root: readonly TreeEntry[]; readonly folder: string },
): Promise<readonly string[]> {
  const itself = root.find(({ name }) => name === folder);
  if (itself === undefined) return [];
  if (itself.kind !== 'tree') return [folder];
  const [entries = []] = await trees.entries([itself.oid]);
  return entries
    .filter(({ kind, name }) => {
      // The author's own files in dist/ disturb nobody.
      if (kind !== 'tree') return folder !== 'dist';
      return !isReleaseId(name);
    })
    .map(({ name }) => `${folder}/${name}`);
}
