import { access, constants } from 'node:fs/promises';
import { resolve } from 'node:path';
import { locateClone } from './clone.ts';
import { type GitCommand, type GitEvent, mustGit } from './command.ts';
import { type CommitOrder, fastImport } from './fast-import.ts';
import { GitError } from './git-error.ts';
import { assertIdentity, type Identity } from './identity.ts';
import { openObjects } from './objects.ts';
import { pushCommit } from './push.ts';
import { openReader } from './reader.ts';
import type { TrackedRef } from './refs.ts';
import { assertBranch, locateRemote, notRepository, type RemoteBranch } from './remote.ts';
import type { Reader, Repository } from './repository.ts';
import { openSession } from './session.ts';
import { signCommits } from './signature.ts';

/** What `openRepository` needs to know. */
export interface RepositoryOptions {
  /** Where live/ and rollouts/ are: read and pushed to. */
  readonly run: RemoteBranch;
  /** Where dist/ is: read only. May be the same branch. */
  readonly source: RemoteBranch;
  /** Author and committer of the commits. */
  readonly identity: Identity;
  /** Keeps the clone for the next start; for one process at a time. @default a private temporary folder */
  readonly cacheFolder?: string | undefined;
  /** Path of an ssh key, or id of an OpenPGP key. @default commits are not signed */
  readonly signingKey?: string | undefined;
  /** Lines `https://user:token@host`, read at each use. @default git's own credential helpers */
  readonly credentialsFile?: string | undefined;
  /** Variables for git, over those of the process. @default none */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** After how long fetch and push give up. @default 60 */
  readonly networkTimeoutSeconds?: number | undefined;
  /** Called after each git call. @default - nothing is logged */
  readonly log?: ((event: GitEvent) => void) | undefined;
}

/** What `openLocal` needs to know. */
export type LocalOptions = Pick<RepositoryOptions, 'environment' | 'log'> & {
  /** A folder in a repository, bare or not, also a shallow clone. */
  readonly folder: string;
};

/**
 * Opens a bare clone of the run and source branches. Nothing is fetched before `fetch`, and a local folder is
 * shared, never copied. @throws GitError for options that cannot work
 */
export async function openRepository(options: RepositoryOptions): Promise<Repository> {
  assertIdentity(options.identity);
  const config = await credentialConfig(options.credentialsFile);
  const start = gitCommand(options, { gitDir: '', config });
  const tracked = await trackRefs(start, options);
  const clone = await locateClone(options.cacheFolder);
  const git = { ...start, gitDir: clone.gitDir };
  const session = await openSession({ git, clone, tracked }).catch(async (error: unknown) => {
    await clone.dispose();
    throw error;
  });
  const { objects } = session;
  const reader = openReader({ git, objects, shallowFile: `${clone.gitDir}/shallow` });
  return {
    ...reader,
    fetch: session.fetch,
    resolve: (revision) => reader.resolve(translateBranch(tracked, revision)),
    async commit(parent, changes) {
      if (changes.length === 0) return [];
      const order: CommitOrder = { parent, changes, identity: options.identity };
      const unsigned = await fastImport(git, order);
      if (options.signingKey === undefined) return unsigned;
      return signCommits(git, objects, { order, unsigned, key: options.signingKey });
    },
    async push(commit) {
      const address = tracked.run.remote.address;
      const result = await pushCommit(git, { commit, address, branch: tracked.run.branch });
      if (result.kind === 'pushed') {
        await mustGit(git, { arguments: ['update-ref', tracked.run.ref, commit] });
      }
      return result;
    },
    async close() {
      await reader.close();
      await session.close();
    },
  };
}

/** Opens the repository of a folder for reading only: no clone, no network. @throws GitError where there is none */
export async function openLocal(options: LocalOptions): Promise<Reader> {
  const start = gitCommand(options, { gitDir: '', config: [] });
  const folder = resolve(options.folder);
  const paths = await mustGit(start, {
    arguments: ['rev-parse', '--path-format=absolute', '--git-dir', '--git-path', 'shallow'],
    folder,
  }).catch((cause: unknown) => {
    throw notRepository(folder, cause);
  });
  const [gitDir = '', shallowFile = ''] = paths.split('\n');
  const git = { ...start, gitDir };
  return openReader({ git, objects: openObjects(git), shallowFile });
}

interface Tracked {
  readonly run: TrackedRef;
  readonly source: TrackedRef;
}

async function trackRefs(git: GitCommand, { run, source }: RepositoryOptions): Promise<Tracked> {
  assertBranch(run.branch);
  assertBranch(source.branch);
  const runRemote = await locateRemote(git, run.remote);
  const one = { remote: runRemote, branch: run.branch, ref: 'refs/perch/run' };
  if (source.remote === run.remote && source.branch === run.branch)
    return { run: one, source: one };
  const sourceRemote =
    source.remote === run.remote ? runRemote : await locateRemote(git, source.remote);
  return {
    run: one,
    source: { remote: sourceRemote, branch: source.branch, ref: 'refs/perch/source' },
  };
}

/** The branch names of the remote, as the refs of the clone: `main~3` is `refs/perch/run~3`. */
function translateBranch({ run, source }: Tracked, revision: string): string {
  const [branch = ''] = /^[^~^@:]+/.exec(revision) ?? [];
  const found = [run, source].find((tracked) => tracked.branch === branch);
  return found === undefined ? revision : `${found.ref}${revision.slice(branch.length)}`;
}

function gitCommand(
  options: Pick<RepositoryOptions, 'environment' | 'log' | 'networkTimeoutSeconds'>,
  fixed: Pick<GitCommand, 'gitDir' | 'config'>,
): GitCommand {
  return {
    ...fixed,
    environment: options.environment ?? {},
    networkTimeoutMs: (options.networkTimeoutSeconds ?? 60) * 1000,
    log: options.log ?? (() => undefined),
  };
}

/**
 * A helper that only ever reads the file: git's own `store` would erase a line from it when a server refuses it
 * once. The empty first entry turns the user's helpers off, so that only this file counts.
 */
async function credentialConfig(file: string | undefined): Promise<readonly string[]> {
  if (file === undefined) return [];
  const path = resolve(file);
  await access(path, constants.R_OK).catch((cause: unknown) => {
    throw new GitError(
      `credentials file ${path} cannot be read: it must hold a line https://user:token@host`,
      { retryable: false, cause },
    );
  });
  const quoted = `'${path.replaceAll("'", "'\\''")}'`;
  const helper = `!f() { test "$1" = get && git credential-store --file ${quoted} get; }; f`;
  return ['credential.helper=', `credential.helper=${helper}`];
}
