import { stat } from 'node:fs/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  type Identity,
  openLocal,
  openRepository,
  type Reader,
  type Repository,
  type RepositoryOptions,
  type Snapshot,
} from '../git/index.ts';
import { CREDENTIALS_LINE } from '../redact.ts';

/** Flags that say which repository, and as whom. */
export interface RepositoryFlags {
  readonly repo: string;
  readonly branch: string;
  readonly sourceRepo?: string;
  readonly sourceBranch?: string;
  readonly identity?: Identity;
  readonly signingKey?: string;
  readonly gitCredentials?: string;
  readonly cache?: string;
  readonly json: boolean;
}

/** What a flag names cannot be used: a file that is not there, or says nothing that is understood. */
export class UsageError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UsageError';
  }
}

/** Author of the analyzer's own commits, where none is given. */
const ANALYZER: Identity = { name: 'Perch', email: 'perch@localhost' };

/** Adds the flags that every command has. */
export function addRepositoryFlags(command: Command): Command {
  return command
    .addOption(
      flag(
        '--repo <folder|url>',
        'repository: a folder, or a URL that git can push to',
        'PERCH_REPO',
      ).default('.'),
    )
    .addOption(
      flag('--branch <name>', 'run branch, with live/ and rollouts/', 'PERCH_BRANCH').default(
        'main',
      ),
    )
    .addOption(
      flag(
        '--source-repo <folder|url>',
        'repository with dist/ (default: the same)',
        'PERCH_SOURCE_REPO',
      ),
    )
    .addOption(
      flag(
        '--source-branch <name>',
        'branch with dist/ (default: the run branch)',
        'PERCH_SOURCE_BRANCH',
      ),
    )
    .addOption(
      flag(
        '--identity <name-and-address>',
        'author of commits: Name <address> (default: Perch for the analyzer, your git identity for you)',
        'PERCH_IDENTITY',
      ).argParser(parseIdentity),
    )
    .addOption(
      flag(
        '--signing-key <file|id>',
        'ssh key file or OpenPGP key id to sign commits with',
        'PERCH_SIGNING_KEY',
      ),
    )
    .addOption(
      flag(
        '--git-credentials <file>',
        `file with lines ${CREDENTIALS_LINE}`,
        'PERCH_GIT_CREDENTIALS',
      ),
    )
    .addOption(
      flag(
        '--cache <folder>',
        'keep the bare clone here between runs (default: a temporary one)',
        'PERCH_CACHE_FOLDER',
      ),
    )
    .addOption(new Option('--json', 'print JSON for machines').default(false));
}

/** A flag that can also come from the environment, and says so in --help. */
export function flag(flags: string, description: string, variable: string): Option {
  return new Option(flags, description).env(variable);
}

/** @throws InvalidArgumentError with the allowed range */
export function parsePositive(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0)
    throw new InvalidArgumentError('expected a number above 0');
  return value;
}

/** @throws InvalidArgumentError for anything but a whole number above 0 */
export function parseCount(text: string): number {
  const value = parsePositive(text);
  if (!Number.isInteger(value)) throw new InvalidArgumentError('expected a whole number above 0');
  return value;
}

/** Opens the repository for commits. @throws GitError */
export function openForWriting(
  flags: RepositoryFlags,
  identity: Identity = flags.identity ?? ANALYZER,
): Promise<Repository> {
  return openRepository(repositoryOptions(flags, identity));
}

/** Which repository, and as whom, in the words of the git family. */
export function repositoryOptions(flags: RepositoryFlags, identity: Identity): RepositoryOptions {
  return {
    run: { remote: flags.repo, branch: flags.branch },
    source: {
      remote: flags.sourceRepo ?? flags.repo,
      branch: flags.sourceBranch ?? flags.branch,
    },
    identity,
    signingKey: flags.signingKey,
    credentialsFile: flags.gitCredentials,
    cacheFolder: flags.cache,
  };
}

/**
 * Runs `use` on a repository opened for reading: a local folder is read where it is, without a clone or the
 * network; anything else is fetched.
 *
 * @param revision instead of the tip of the run branch
 * @throws Error when a branch or revision does not exist
 */
export async function withReader<T>(
  flags: RepositoryFlags,
  revision: string | undefined,
  use: (reader: Reader, at: Snapshot) => Promise<T>,
): Promise<T> {
  const local = flags.sourceRepo === undefined && (await isFolder(flags.repo));
  return local ? withLocal(flags, revision, use) : withFetched(flags, revision, use);
}

type Use<T> = (reader: Reader, at: Snapshot) => Promise<T>;

async function withLocal<T>(
  flags: RepositoryFlags,
  revision: string | undefined,
  use: Use<T>,
): Promise<T> {
  const reader = await openLocal({ folder: flags.repo });
  try {
    const run = await resolve(reader, revision ?? flags.branch);
    if (run === undefined) throw missing(revision ?? flags.branch);
    const own = flags.sourceBranch === undefined;
    const source = own ? run : await resolve(reader, flags.sourceBranch ?? flags.branch);
    return await use(reader, { run, source });
  } finally {
    await reader.close();
  }
}

async function withFetched<T>(
  flags: RepositoryFlags,
  revision: string | undefined,
  use: Use<T>,
): Promise<T> {
  const repository = await openForWriting(flags);
  try {
    const at = await repository.fetch();
    const run = revision === undefined ? at.run : await resolve(repository, revision);
    if (run === undefined) throw missing(revision ?? flags.branch);
    return await use(repository, { ...at, run });
  } finally {
    await repository.close();
  }
}

function missing(revision: string): Error {
  return new Error(
    `there is no branch or revision "${revision}" in the repository; name one with --branch, or make a first run branch with \`perch init-branch\``,
  );
}

/** In a folder's own repository a branch may be known from its remote alone. */
async function resolve(reader: Reader, revision: string): Promise<string | undefined> {
  return (await reader.resolve(revision)) ?? reader.resolve(`origin/${revision}`);
}

/** Whether `--repo` names a folder of this machine. */
export async function isFolder(repo: string): Promise<boolean> {
  return stat(repo).then(
    (it) => it.isDirectory(),
    () => false,
  );
}

function parseIdentity(text: string): Identity {
  const match = /^\s*([^<>\n]+?)\s*<([^<>\s]+)>\s*$/.exec(text);
  if (match?.[1] === undefined || match[2] === undefined)
    throw new InvalidArgumentError('expected "Name <address>"');
  return { name: match[1], email: match[2] };
}
