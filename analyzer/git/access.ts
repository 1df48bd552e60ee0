import type { GitCommand } from './command.ts';
import { type CommitObject, parseCommit } from './commit-object.ts';
import type { LastChanges } from './last-changes.ts';
import type { ObjectStore } from './objects.ts';
import { missingObject, type TreeReader } from './release-trees.ts';

/** What tells of releases at a commit needs no more than objects. */
export interface ObjectAccess {
  readonly objects: ObjectStore;
  readonly trees: TreeReader;
}

/** What the parts of a reader share. */
export interface ReadAccess extends ObjectAccess {
  readonly git: GitCommand;
  readonly lastChanges: LastChanges;
  /** Where git keeps the cuts of a shallow clone. */
  readonly shallowFile: string;
}

/** The commits of these ids, in order. @throws GitError for a missing one */
export async function readCommits(
  objects: ObjectStore,
  oids: readonly string[],
): Promise<readonly CommitObject[]> {
  const found = await objects.read(oids);
  return found.map((object, index) => {
    if (object?.kind !== 'commit') throw missingObject('commit', oids[index] ?? '', object);
    return parseCommit(object.content);
  });
}
