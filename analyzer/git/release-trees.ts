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
 * Three rounds of requests (rollouts/<id>, plan, steps), whatever the number of releases. Measured on 1,000
 * releases of 12 steps: 35 ms, and 80 ms for `ls-tree -r -d` and parsing the 44,000 lines that it prints.
 */
export function readTrees(objects: ObjectStore): TreeReader {
  const rollouts = new Map<string, RolloutTrees>();
  const completes = new Map<string, string | undefined>();

  async function entries(trees: readonly string[]): Promise<readonly (readonly TreeEntry[])[]> {
    const found = await objects.read(trees);
    return found.map((object, index) => treeEntries(trees[index] ?? '', object));
  }

  async function learnRollouts(unknown: readonly string[]): Promise<void> {
    const found = await entries(unknown);
    const parts = found.map((children) => ({
      plan: entryOid(children, 'plan', 'tree'),
      stable: entryOid(children, 'stable', 'tree'),
      state: entryOid(children, 'state.yaml', 'blob'),
    }));
    const plans = parts.flatMap(({ plan }) => (plan === undefined ? [] : [plan]));
    await learnCompletes([...new Set(plans)].filter((plan) => !completes.has(plan)));
    for (const [index, part] of parts.entries()) {
      const complete = part.plan === undefined ? undefined : completes.get(part.plan);
      rollouts.set(unknown[index] ?? '', { ...part, complete });
    }
  }

  async function learnCompletes(plans: readonly string[]): Promise<void> {
    const found = await entries(plans);
    const steps = found.map((children) => entryOid(children, 'steps', 'tree'));
    const known = steps.filter((step) => step !== undefined);
    const folders = await objects.read(known);
    const last = new Map(
      known.map((step, index) => [step, lastFolder(step, folders[index])] as const),
    );
    for (const [index, plan] of plans.entries()) {
      const step = steps[index];
      completes.set(plan, step === undefined ? undefined : last.get(step));
    }
  }

  return {
    entries,
    async rollouts(trees) {
      if (rollouts.size > REMEMBERED) {
        rollouts.clear();
        completes.clear();
      }
      await learnRollouts([...new Set(trees)].filter((tree) => !rollouts.has(tree)));
      return trees.map((tree) => rollouts.get(tree) ?? {});
    },
  };
}

/** So many trees are remembered before the memory starts anew: some MB. */
const REMEMBERED = 20_000;

/** The entries of `object`. @throws GitError where it is missing or no tree */
export function treeEntries(name: string, object: GitObject | undefined): readonly TreeEntry[] {
  if (object?.kind === 'tree') return parseTree(object.content, object.oid.length / 2);
  throw missingObject('tree', name, object);
}

function lastFolder(name: string, object: GitObject | undefined): string | undefined {
  if (object?.kind === 'tree') return lastFolderOid(object.content, object.oid.length / 2);
  throw missingObject('tree', name, object);
}

/** The error for an object that is not there, or is something else. */
export function missingObject(kind: string, name: string, found: GitObject | undefined): GitError {
  const reason = found === undefined ? 'is missing' : `is a ${found.kind}`;
  return new GitError(`${kind} ${name} ${reason}`, { retryable: found === undefined });
}
