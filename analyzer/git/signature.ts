import { readCommits } from './access.ts';
import { type GitCall, type GitCommand, mustGit } from './command.ts';
import type { CommitOrder } from './fast-import.ts';
import { GitError } from './git-error.ts';
import type { Identity } from './identity.ts';
import { messageText } from './message.ts';
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
  const { identity } = order;
  const signed: string[] = [];
  let { parent } = order;
  for (const [index, { at, message: said }] of order.changes.entries()) {
    const tree = trees[index] ?? '';
    const message = messageText(said);
    parent = await signCommit(git, { tree, parent, message, at, identity }, key);
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

/** One commit to be made. */
export interface SingleCommit {
  readonly tree: string;
  readonly parent: string | undefined;
  /** Its text, with an end of its last line. */
  readonly message: string;
  /** Commit time in Unix seconds. */
  readonly at: number;
  readonly identity: Identity;
}

/** Makes one commit, signed where there is a key, and returns its id. @throws GitError */
export async function signCommit(
  git: GitCommand,
  { tree, parent, message, at, identity }: SingleCommit,
  key: string | undefined,
): Promise<string> {
  const config = key === undefined ? git.config : [...git.config, ...signingConfig(key)];
  const parents = parent === undefined ? [] : ['-p', parent];
  const sign = key === undefined ? [] : ['-S'];
  const output = await mustSign(
    { ...git, config },
    {
      arguments: ['commit-tree', ...sign, ...parents, '-F', '-', tree],
      input: message,
      environment: personEnvironment(identity, at),
      waits: 'key',
    },
  );
  return output.trim();
}

async function mustSign(git: GitCommand, call: GitCall): Promise<string> {
  try {
    return await mustGit(git, call);
  } catch (error) {
    if (!(error instanceof GitError) || !call.arguments.includes('-S')) throw error;
    throw new GitError(
      `the commit cannot be signed: ${error.message}: nobody is asked for a passphrase, so give a key without one, or an agent that holds it open`,
      { retryable: true, stderr: error.stderr, cause: error },
    );
  }
}

function personEnvironment({ name, email }: Identity, at: number): Record<string, string> {
  const date = `@${at} +0000`;
  return {
    GIT_AUTHOR_NAME: name,
    GIT_AUTHOR_EMAIL: email,
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: name,
    GIT_COMMITTER_EMAIL: email,
    GIT_COMMITTER_DATE: date,
  };
}
