import { readCommits } from './access.ts';
import { type GitCommand, mustGit } from './command.ts';
import { type CommitOrder, commitMessage } from './fast-import.ts';
import type { ObjectStore } from './objects.ts';

/** How commits are signed: the configuration that git needs for `key`, a path (ssh) or an OpenPGP key id. */
export function signingConfig(key: string): readonly string[] {
  const isSsh = key.includes('/') || key.startsWith('key::') || key.endsWith('.pub');
  return [`gpg.format=${isSsh ? 'ssh' : 'openpgp'}`, `user.signingKey=${key}`];
}

/** Makes the commits again, one by one and signed: fast-import cannot sign. */
export async function signCommits(
  git: GitCommand,
  objects: ObjectStore,
  { order, unsigned, key }: SigningOrder,
): Promise<readonly string[]> {
  const trees = (await readCommits(objects, unsigned)).map((commit) => commit.tree);
  const config = { ...git, config: [...git.config, ...signingConfig(key)] };
  const signed: string[] = [];
  let parent = order.parent;
  for (const [index, change] of order.changes.entries()) {
    const parents = parent === undefined ? [] : ['-p', parent];
    const output = await mustGit(config, {
      arguments: ['commit-tree', '-S', ...parents, '-F', '-', trees[index] ?? ''],
      input: commitMessage(change.message),
      environment: personEnvironment(order, change.at),
    });
    parent = output.trim();
    signed.push(parent);
  }
  return signed;
}

/** Commits that exist without signatures. */
export interface SigningOrder {
  readonly order: CommitOrder;
  /** Their ids, in the order of the changes. */
  readonly unsigned: readonly string[];
  readonly key: string;
}

function personEnvironment({ identity }: CommitOrder, at: number): Record<string, string> {
  const date = `@${at} +0000`;
  return {
    GIT_AUTHOR_NAME: identity.name,
    GIT_AUTHOR_EMAIL: identity.email,
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: identity.name,
    GIT_COMMITTER_EMAIL: identity.email,
    GIT_COMMITTER_DATE: date,
  };
}
