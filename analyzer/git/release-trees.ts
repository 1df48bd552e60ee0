import { GitError } from './git-error.ts';
import type { GitObject, ObjectStore } from './objects.ts';
import type { ReleaseTrees } from './repository.ts';
import { entryOid, lastFolderOid, parseTree, type TreeEntry } from './tree.ts';

/** What rollouts/<id> holds. */
export type RolloutTrees = Pick<ReleaseTrees, 'plan' | 'stable' | 'state' | 'complete'>;

/** Reads trees, and remembers what rollouts/<id> trees held: an idle release costs nothing the second time. */
export interface TreeReader {
  /** The entries of each tree, in order. @throws GitError for a missing one */
  entries(trees: readonly string[]): Promise<readonly (readonly TreeEntry[])[]>;
  /** What each rollouts/<id> tree holds. @throws GitError for a missing one */
  rollouts(trees: readonly string[]): Promise<readonly RolloutTrees[]>;
}

/**
 * One round of requests, whatever the number of releases: git itself walks to a plan's steps. When it still took
 * three, 1,000 releases of 12 steps took 35 ms, against 80 ms for `ls-tree -r -d` and parsing the 44,000 lines
 * that it prints.
 */
export function readTrees(objects: ObjectStore): TreeReader {
  const rollouts = new Map<string, RolloutTrees>();

  async function entries(trees: readonly string[]): Promise<readonly (readonly TreeEntry[])[]> {
    const found = await objects.read(trees);
    return found.map((object, index) => treeEntries(trees[index] ?? '', object));
  }

  async function learnRollouts(unknown: readonly string[]): Promise<void> {
    const names = unknown.flatMap((tree) => [tree, `${tree}:plan/steps`]);
    const found = await objects.read(names);
    for (const [index, tree] of unknown.entries())
      rollouts.set(tree, rolloutOf(tree, found[2 * index], found[2 * index + 1]));
  }

  return {
    entries,
    async rollouts(trees) {
      if (rollouts.size > REMEMBERED) rollouts.clear();
      await learnRollouts([...new Set(trees)].filter((tree) => !rollouts.has(tree)));
      return trees.map((tree) => rollouts.get(tree) ?? {});
    },
  };
}

/**
 * What is no file, or cannot be read, is a state that cannot be read: an absent one would mean that the release never
 * began. The tree's own id stands for it, as no file has it.
 */
function rolloutOf(
  tree: string,
  object: GitObject | undefined,
  steps: GitObject | undefined,
): RolloutTrees {
  if (object?.kind.startsWith('tree of over')) return { state: tree };
  const children = treeEntries(tree, object);
  const isNamed = children.some(({ name }) => name === 'state.yaml');
  return {
    plan: entryOid(children, 'plan', 'tree'),
    stable: entryOid(children, 'stable', 'tree'),
    state: entryOid(children, 'state.yaml', 'blob') ?? (isNamed ? tree : undefined),
    complete: steps?.kind === 'tree' ? lastFolder(steps) : undefined,
  };
}

/** So many trees are remembered before the memory starts anew: some MB. */
const REMEMBERED = 20_000;

/** The entries of `object`. @throws GitError where it is missing or no tree */
export function treeEntries(name: string, object: GitObject | undefined): readonly TreeEntry[] {
  if (object?.kind === 'tree') return parseTree(object.content, object.oid.length / 2);
  throw missingObject('tree', name, object);
}

function lastFolder(steps: GitObject): string | undefined {
  return lastFolderOid(steps.content, steps.oid.length / 2);
}

/** The error for an object that is not there, or is something else. */
export function missingObject(kind: string, name: string, found: GitObject | undefined): GitError {
  const reason = found === undefined ? 'is missing' : `is a ${found.kind}`;
  return new GitError(`${kind} ${name} ${reason}`, { retryable: found === undefined });
}
