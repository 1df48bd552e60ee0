import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CREDENTIALS_LINE, credentialsFault, redact, redactAddress } from '../redact.ts';
import { FOLDER_GIT, type GitCommand, type GitOutput, lastLines, mustGit } from './command.ts';
import { GitError } from './git-error.ts';

/** A branch of a repository. */
export interface RemoteBranch {
  /** URL, `user@host:path`, or a folder. */
  readonly remote: string;
  readonly branch: string;
  /** How a person's clone knows it; then `remote` is only shown. @default - git is called with the address */
  readonly named?: NamedRemote | undefined;
}

/** A remote by the name that a person's clone has for it. */
export interface NamedRemote {
  /** The work tree. Git is called in it, so that all of its configuration counts as in a `git push` by hand. */
  readonly folder: string;
  readonly name: string;
}

/** A remote that git can be called with. */
export interface Remote {
  /** What git gets as the address, and what is shown; without credentials. */
  readonly address: string;
  readonly named: NamedRemote | undefined;
  /** What a local repository, or the clone that knows the remote, has to share instead of being copied. */
  readonly shared: SharedFiles | undefined;
}

/** Files of a local repository. */
export interface SharedFiles {
  /** The folder of the repository that all of its work trees share. */
  readonly common: string;
  /** Its folder of objects. */
  readonly objects: string;
  /** Where the cuts of a shallow clone would be. */
  readonly shallowFile: string;
}

/** Where a question to a remote is asked, and what the remote is called there. */
export function calledAs({ address, named }: Remote): {
  readonly folder: string | undefined;
  readonly name: string;
} {
  return { folder: named?.folder, name: named?.name ?? address };
}

/** Finds out what `remote` is. @throws GitError for a folder without repository */
export async function locateRemote(
  git: GitCommand,
  { remote, named }: Pick<RemoteBranch, 'remote' | 'named'>,
): Promise<Remote> {
  const folder = named?.folder ?? (await localFolder(remote));
  if (folder === undefined) return { address: remote, named, shared: undefined };
  const paths = await mustGit(git, {
    arguments: [
      ...['rev-parse', '--path-format=absolute', '--git-common-dir'],
      ...['--git-path', 'objects', '--git-path', 'shallow'],
    ],
    folder,
  }).catch((cause: unknown) => {
    throw notRepository(folder, cause);
  });
  const [common = '', objects = '', shallowFile = ''] = paths.split('\n');
  const address = named === undefined ? common : remote;
  return { address, named, shared: { common, objects, shallowFile } };
}

/**
 * Refuses an address of this machine where no repository is: as long as nobody makes one, every question to it is in vain.
 *
 * @throws GitError
 */
export async function assertRepository(remote: string): Promise<void> {
  assertAddress(remote);
  await locateRemote(FOLDER_GIT, { remote }).catch((error: unknown) => {
    throw wrongFolder(error);
  });
}

/** The same error as one of the command line, unless the folder holds a repository that belongs to somebody else. */
export function wrongFolder(error: unknown): unknown {
  if (!(error instanceof GitError) || error.retryable || OTHER_OWNER.test(error.stderr))
    return error;
  return new GitError(error.message, { retryable: false, usage: true, cause: error });
}

const OTHER_OWNER = /dubious ownership/;

/** The error for a folder that holds no repository that may be read. */
export function notRepository(folder: string, cause: unknown): unknown {
  if (!(cause instanceof GitError) || cause.stderr === '') return cause;
  const { stderr } = cause;
  const message = OTHER_OWNER.test(stderr)
    ? `the repository in ${folder} belongs to another user: run git config --global --add safe.directory ${folder}`
    : `${folder} is not a Git repository: ${lastLines(stderr)}`;
  return new GitError(message, { retryable: false, stderr, cause });
}

/** Refuses a branch name that git would refuse, or take for something else. @throws GitError */
export function assertBranch(branch: string): void {
  // The rules of `git help check-ref-format`.
  const wrong =
    branch === '' ||
    branch === '@' ||
    branch.startsWith('-') ||
    branch.endsWith('.') ||
    /\.\.|@\{|[ ~^:?*[\\]/.test(branch) ||
    [...branch].some((character) => character < ' ' || character === '\x7f') ||
    branch.split('/').some((part) => part === '' || part.startsWith('.') || part.endsWith('.lock'));
  if (!wrong) return;
  throw new GitError(`branch ${JSON.stringify(branch)} is not a branch name: try main`, {
    retryable: false,
    usage: true,
  });
}

/** The error for a call over the network that failed, with what can be done about it. */
export function remoteFailure(address: string, output: GitOutput): GitError {
  const { stderr, exitCode } = output;
  const known = FAILURES.find(({ pattern }) => pattern.test(stderr));
  const said = lastLines(stderr) || 'git said nothing';
  const { what, retryable } = known ?? { what: 'the remote cannot be used', retryable: true };
  return new GitError(`${redactAddress(address)}: ${what} (${said})`, {
    retryable,
    stderr,
    cause: new Error(redact(`git exited with ${exitCode}: ${said}`)),
  });
}

/** Whether the remote knows the caller, but does not let it do this. */
export function isForbidden(stderr: string): boolean {
  return FORBIDDEN.test(stderr);
}

const FORBIDDEN =
  /returned error: 403|permission to \S+ denied|denied to \S+|write access to repository not granted|repository .*(?:archived|read-only)/i;

/** First match wins. */
const FAILURES: readonly {
  readonly pattern: RegExp;
  readonly what: string;
  readonly retryable: boolean;
}[] = [
  {
    pattern: FORBIDDEN,
    what: 'the credentials lack the right: give them read and write access to this repository',
    retryable: false,
  },
  {
    pattern:
      /authentication failed|could not read (?:username|password)|terminal prompts disabled|permission denied \(|returned error: 401|invalid credentials/i,
    what: `authentication failed: name a credentials file with a line ${CREDENTIALS_LINE}, or set up a credential helper or an ssh key`,
    retryable: false,
  },
  {
    pattern: /host key verification failed/i,
    what: 'the host key is not known: add it to known_hosts, or set GIT_SSH_COMMAND',
    retryable: false,
  },
  {
    pattern: /dubious ownership/i,
    what: 'the folder belongs to another user: run git config --global --add safe.directory with it',
    retryable: false,
  },
  {
    pattern: /certificate|SSL peer/i,
    what: 'its certificate is not trusted: name the CA in git config http.sslCAInfo or GIT_SSL_CAINFO',
    retryable: false,
  },
  {
    // A login page or a proxy in between: it may pass.
    pattern: /not valid: is this a git repository|protocol error|invalid (?:server )?response/i,
    what: 'what answers there is not a Git repository, such as a login page or a proxy',
    retryable: true,
  },
  {
    pattern:
      /repository .*not found|returned error: 404|does not appear to be a git repository|does not exist|not a git repository/i,
    what: 'there is no such repository, or it is hidden from these credentials: check the address',
    retryable: false,
  },
  {
    pattern:
      /could not resolve|connection refused|couldn't connect|failed to connect|timed out|connection reset|unreachable|early EOF|hung up|returned error: (?:5\d\d|429)|unexpected disconnect|empty reply/i,
    what: 'the remote cannot be reached',
    retryable: true,
  },
];

/** Refuses what is no address, or holds a secret. @throws GitError */
export function assertAddress(remote: string): void {
  const fault = credentialsFault(remote);
  if (fault !== undefined) {
    throw new GitError(
      `the address ${redactAddress(remote)} ${fault}: take it out, and put a line ${CREDENTIALS_LINE} into a credentials file; an @ in a path is written as %40`,
      { retryable: false, usage: true },
    );
  }
  const wrong =
    remote.trim() === '' ||
    remote.startsWith('-') ||
    /^[a-z][a-z0-9]*::/i.test(remote) ||
    [...remote].some((character) => character < ' ');
  if (!wrong) return;
  throw new GitError(
    `remote ${JSON.stringify(redactAddress(remote))} is not a valid address: allowed are https://, ssh:// and file:// URLs, user@host:path and folders`,
    { retryable: false, usage: true },
  );
}

async function localFolder(remote: string): Promise<string | undefined> {
  if (remote.startsWith('file://')) return fileURLToPath(remote);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(remote)) return undefined;
  const folder = resolve(remote);
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory()) return folder;
  // A colon before any slash is ssh's short form.
  if (/^[^/]+:/.test(remote)) return undefined;
  const shown = remote.includes('@') ? redactAddress(remote) : folder;
  throw new GitError(`${shown} is not a folder: check the address of the repository`, {
    retryable: false,
  });
}
