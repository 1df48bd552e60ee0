import { resolve } from 'node:path';
import { locateClone } from './clone.ts';
import { type GitCommand, type GitEvent, mustGit, runGit } from './command.ts';
import { credentialConfig } from './credentials.ts';
import { type CommitOrder, fastImport } from './fast-import.ts';
import { assertIdentity, type Identity } from './identity.ts';
import { openLater } from './later.ts';
import { type ObjectStore, openObjects } from './objects.ts';
import { pushCommit } from './push.ts';
import { openReader, resolveRevision } from './reader.ts';
import type { TrackedRef } from './refs.ts';
import {
  assertAddress,
  assertBranch,
  locateRemote,
  notRepository,
  type RemoteBranch,
  wrongFolder,
} from './remote.ts';
import { isThere, type Reader, type Repository } from './repository.ts';
import { openSession, type Session } from './session.ts';
import { signCommits } from './signature.ts';
import { sshEnvironment } from './ssh.ts';

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
  /** How long to wait for another process that uses the cache folder. @default 10 */
  readonly cacheWaitSeconds?: number | undefined;
  /** After how long fetch, push and signing give up. @default 60 */
  readonly networkTimeoutSeconds?: number | undefined;
  /** After how long any other git call gives up. @default 600 */
  readonly localTimeoutSeconds?: number | undefined;
  /** Called after each git call. @default - nothing is logged */
  readonly log?: ((event: GitEvent) => void) | undefined;
}

/** What `openLocal` needs to know. */
export type LocalOptions = Pick<RepositoryOptions, 'environment' | 'log'> & {
  /** A folder in a repository, bare or not, also a shallow clone. */
  readonly folder: string;
};

/**
 * Opens a bare clone of the run and source branches. Nothing is made before the first question, and a local folder is
 * shared, never copied. @throws GitError for options that can never work
 */
export async function openRepository(options: RepositoryOptions): Promise<Repository> {
  assertIdentity(options.identity);
  for (const { remote, branch, named } of [options.run, options.source]) {
    assertBranch(branch);
    // What stands in somebody's own configuration is not ours to refuse.
    if (named === undefined) assertAddress(remote);
  }
  return openLater(() => openNow(options));
}

async function openNow(options: RepositoryOptions): Promise<Repository> {
  const { git, tracked, session } = await openClone(options);
  const { objects } = session;
  const reader = openReader({ git, objects, shallowFile: `${git.gitDir}/shallow` });
  /** What each newest commit of ours was made on: a push expects to find just that. */
  const made = new Map<string, string | undefined>();
  return {
    ...reader,
    fetch: session.fetch,
    async resolve(revision) {
      const own = translateBranch(tracked, revision);
      const { named } = tracked.run.remote;
      // Any other name means what it means to the person in the clone.
      if (own !== revision || named === undefined) return reader.resolve(own);
      return resolveRevision(git, revision, named.folder);
    },
    async commit(parent, changes) {
      if (changes.length === 0) return [];
      const order: CommitOrder = { parent, changes, identity: options.identity };
      const commits = await session.work(() => makeCommits(git, objects, order, options));
      if (made.size > MOST_MADE) made.clear();
      made.set(commits.at(-1) ?? '', parent);
      return commits;
    },
    async push(commit) {
      const { remote, branch } = tracked.run;
      const onto = made.has(commit) ? { parent: made.get(commit) } : undefined;
      const order = { commit, onto, remote, branch };
      const result = await session.work(() => pushCommit(git, order));
      // What is pushed is pushed: a ref that cannot be written follows at the next fetch.
      if (isThere(result))
        await runGit(git, { arguments: ['update-ref', tracked.run.ref, commit] }).catch(
          () => undefined,
        );
      return result;
    },
    close: session.close,
  };
}

/** So many commits are remembered before the memory starts anew. */
const MOST_MADE = 1000;

async function makeCommits(
  git: GitCommand,
  objects: ObjectStore,
  order: CommitOrder,
  { signingKey: key }: RepositoryOptions,
): Promise<readonly string[]> {
  const unsigned = await fastImport(git, order);
  return key === undefined ? unsigned : signCommits(git, objects, { order, unsigned, key });
}

/** A clone, and what it is of. */
export interface OpenClone {
  readonly git: GitCommand;
  readonly tracked: Tracked;
  readonly session: Session;
}

/** Opens the clone alone. @throws GitError, Error of the file system */
export async function openClone(options: RepositoryOptions): Promise<OpenClone> {
  const config = await credentialConfig(options.credentialsFile);
  const start = gitCommand(options, { gitDir: '', config });
  const tracked = await trackRefs(start, options);
  const ssh = await sshEnvironment(start, [tracked.run.remote, tracked.source.remote]);
  const clone = await locateClone({
    cacheFolder: options.cacheFolder,
    waitMs: (options.cacheWaitSeconds ?? 10) * 1000,
    tracked: tracked.run === tracked.source ? [tracked.run] : [tracked.run, tracked.source],
  });
  const environment = { ...start.environment, ...ssh };
  const git = { ...start, environment, gitDir: clone.gitDir };
  try {
    return { git, tracked, session: await openSession({ git, clone, tracked }) };
  } catch (error) {
    await clone.dispose().catch(() => undefined);
    throw error;
  }
}

/** Opens the repository of a folder for reading only: no clone, no network. @throws GitError where there is none */
export async function openLocal(options: LocalOptions): Promise<Reader> {
  const start = gitCommand(options, { gitDir: '', config: [] });
  const folder = resolve(options.folder);
  const paths = await mustGit(start, {
    arguments: ['rev-parse', '--path-format=absolute', '--git-dir', '--git-path', 'shallow'],
    folder,
  }).catch((cause: unknown) => {
    throw wrongFolder(notRepository(folder, cause));
  });
  const [gitDir = '', shallowFile = ''] = paths.split('\n');
  const git = { ...start, gitDir };
  return openReader({ git, objects: openObjects(git), shallowFile });
}

/** The refs of the clone. */
export interface Tracked {
  readonly run: TrackedRef;
  readonly source: TrackedRef;
}

async function trackRefs(git: GitCommand, { run, source }: RepositoryOptions): Promise<Tracked> {
  const runRemote = await locateRemote(git, run);
  const one = { remote: runRemote, branch: run.branch, ref: 'refs/perch/run' };
  if (source.remote === run.remote && source.branch === run.branch) {
    const both = { ...one, role: 'both' } as const;
    return { run: both, source: both };
  }
  const sourceRemote = source.remote === run.remote ? runRemote : await locateRemote(git, source);
  return {
    run: { ...one, role: 'run' },
    source: {
      ...{ remote: sourceRemote, branch: source.branch },
      ...{ ref: 'refs/perch/source', role: 'source' },
    },
  };
}

/** The branch names of the remote, as the refs of the clone: `main~3` is `refs/perch/run~3`. */
function translateBranch({ run, source }: Tracked, revision: string): string {
  const [branch = ''] = /^[^~^@:]+/.exec(revision) ?? [];
  const found = [run, source].find((tracked) => tracked.branch === branch);
  return found === undefined ? revision : `${found.ref}${revision.slice(branch.length)}`;
}

function gitCommand(
  options: Pick<
    RepositoryOptions,
    'environment' | 'log' | 'networkTimeoutSeconds' | 'localTimeoutSeconds'
  >,
  fixed: Pick<GitCommand, 'gitDir' | 'config'>,
): GitCommand {
  return {
    ...fixed,
    environment: options.environment ?? {},
    networkTimeoutMs: (options.networkTimeoutSeconds ?? 60) * 1000,
    localTimeoutMs: (options.localTimeoutSeconds ?? 600) * 1000,
    log: options.log ?? (() => undefined),
  };
}
