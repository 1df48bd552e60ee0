import { stat } from 'node:fs/promises';
import {
  assertBranch,
  assertRepository,
  GitError,
  type Identity,
  lastFetched,
  openLocal,
  openRepository,
  type Reader,
  type RemoteBranch,
  type Repository,
  type RepositoryOptions,
  type Snapshot,
  upstreamOf,
} from '../git/index.ts';
import { oneNamed } from '../named.ts';
import { redactAddress } from '../redact.ts';
import { age } from '../table.ts';
import { UsageError } from '../usage-error.ts';
import type { RepositoryFlags } from './options.ts';
import { complain } from './terminal.ts';

/** Author of the analyzer's own commits, where none is given. */
const ANALYZER: Identity = { name: 'Perch', email: 'perch@localhost' };

/** The two branches that a command works with. */
export type Place = Pick<RepositoryOptions, 'run' | 'source'>;

/**
 * Finds the repository: the one that `--repo` names, else the remote that the run branch follows in the work tree
 * here, which a line on stderr names. The same request means the same in every clone that way.
 *
 * @throws UsageError where nothing says which remote is meant, GitError outside of any repository
 */
export async function locate(flags: RepositoryFlags): Promise<Place> {
  const { repo, branch, sourceRepo, sourceBranch = branch } = flags;
  for (const it of [branch, sourceBranch]) assertBranch(it);
  const run = repo === undefined ? await followed(branch) : { remote: repo, branch };
  return {
    run,
    source:
      sourceRepo === undefined
        ? { ...run, branch: sourceBranch }
        : { remote: sourceRepo, branch: sourceBranch },
  };
}

/** Finds the repository, which must be there now. @throws GitError for a folder of this machine that holds none */
export async function locateNow(flags: RepositoryFlags): Promise<Place> {
  const place = await locate(flags);
  await assertThere(place);
  return place;
}

async function assertThere({ run, source }: Place): Promise<void> {
  for (const { remote, named } of new Set([run, source]))
    if (named === undefined) await assertRepository(remote);
}

async function followed(branch: string): Promise<RemoteBranch> {
  const found = await upstreamOf('.', branch);
  switch (found.kind) {
    case 'folder':
      return { remote: '.', branch };
    case 'unclear':
      throw new UsageError(
        `this clone has the remotes ${found.names.join(', ')}, and branch ${branch} follows none of them: ` +
          'name the repository with --repo <url>',
      );
    case 'address':
      complain(`using branch ${branch} of ${redactAddress(found.address)}`);
      return { remote: found.address, branch };
    case 'remote': {
      const { address, remote: named } = found;
      complain(`using branch ${branch} of ${address} (remote ${named.name})`);
      return { remote: address, branch, named };
    }
  }
}

/** Opens the repository for commits. @throws GitError */
export function openForWriting(
  place: Place,
  flags: RepositoryFlags,
  identity: Identity = flags.identity ?? ANALYZER,
): Promise<Repository> {
  return openRepository(repositoryOptions(place, flags, identity));
}

/** Which repository, and as whom, in the words of the git family. */
export function repositoryOptions(
  place: Place,
  flags: RepositoryFlags,
  identity: Identity,
): RepositoryOptions {
  return {
    ...place,
    identity,
    signingKey: flags.signingKey,
    credentialsFile: flags.gitCredentials,
    cacheFolder: flags.cache,
  };
}

/** What is done with an open repository at one moment. */
type Use<T> = (reader: Reader, at: Snapshot) => Promise<T>;

/**
 * Runs `use` on a repository opened for reading: a local folder is read where it is, without a clone or the
 * network; anything else is fetched. Where the remote of a clone cannot be asked, what it fetched last is read, and
 * stderr says so.
 *
 * @param revision instead of the tip of the run branch
 * @throws UsageError for a revision that is none, GitError where the run branch is not there or cannot be asked
 */
export async function withReader<T>(
  flags: RepositoryFlags,
  revision: string | undefined,
  use: Use<T>,
): Promise<T> {
  const place = await locate(flags);
  const isLocal =
    place.run.named === undefined &&
    flags.sourceRepo === undefined &&
    (await isFolder(place.run.remote));
  if (isLocal) return withLocal(place, revision, use);
  await assertThere(place);
  const repository = await openForWriting(place, flags);
  try {
    const at = await repository.fetch().catch((error: unknown) => lastSeen(place, error));
    if (revision === undefined) return await use(repository, at);
    return await use(repository, { ...at, run: await commitOf(repository, at.run, revision) });
  } finally {
    await repository.close();
  }
}

async function withLocal<T>(
  { run: { remote: folder, branch }, source }: Place,
  revision: string | undefined,
  use: Use<T>,
): Promise<T> {
  const reader = await openLocal({ folder });
  try {
    const run =
      revision === undefined
        ? await tipOf(reader, branch)
        : await commitOf(reader, await headOf(reader, branch), revision);
    const same = source.branch === branch;
    return await use(reader, { run, source: same ? run : await headOf(reader, source.branch) });
  } finally {
    await reader.close();
  }
}

/**
 * What the clone fetched last, where the remote gives no answer. That it has no such branch is an answer: what was
 * there before is past.
 *
 * @throws the failure where nothing was fetched
 */
async function lastSeen({ run, source }: Place, failure: unknown): Promise<Snapshot> {
  if (!(failure instanceof GitError) || failure.absent || failure.usage) throw failure;
  const found = run.named === undefined ? undefined : await lastFetched(run.named, run.branch);
  if (found === undefined) throw failure;
  const now = Date.now() / 1000;
  const when = found.at === undefined ? 'last fetched' : `fetched ${age(now - found.at)} ago`;
  const made = `its newest commit is ${age(now - found.committedAt)} old`;
  complain(`${failure.message}: showing branch ${run.branch} as ${when}; ${made}`);
  if (source.named === undefined)
    return { run: found.commit, source: undefined, sourceFailure: failure };
  return { run: found.commit, source: (await lastFetched(source.named, source.branch))?.commit };
}

async function tipOf(reader: Reader, branch: string): Promise<string> {
  const tip = await headOf(reader, branch);
  if (tip !== undefined) return tip;
  throw new GitError(
    `there is no branch ${branch} in the repository: name the right one with --branch, or make a first one with \`perch init-branch\``,
    { retryable: false, absent: true },
  );
}

/** A branch, also where a tag has its name. */
async function headOf(reader: Reader, branch: string): Promise<string | undefined> {
  return reader.resolve(`refs/heads/${branch}`);
}

/** What git knows by this name, or the commit of the run branch whose id begins so. @throws UsageError */
export async function commitOf(
  reader: Reader,
  run: string | undefined,
  revision: string,
): Promise<string> {
  const commit = await reader.resolve(revision);
  if (commit !== undefined) return commit;
  const isBeginning = run !== undefined && /^[0-9a-f]{1,39}$/.test(revision);
  return oneNamed({
    given: revision,
    all: isBeginning ? await reader.commitsBeginning(run, revision) : [],
    namesOf: (it) => [it],
    none: `there is no revision "${revision}" in the repository: expected a branch, a tag, the id of a commit or how it begins, or one like main~3`,
  });
}

async function isFolder(repo: string): Promise<boolean> {
  return stat(repo).then(
    (it) => it.isDirectory(),
    () => false,
  );
}
