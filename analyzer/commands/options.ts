import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Identity } from '../git/index.ts';
import { CREDENTIALS_LINE } from '../redact.ts';

/** Flags that say which repository, and as whom. */
export interface RepositoryFlags {
  /** @default - the remote that the run branch follows in the work tree here */
  readonly repo?: string;
  readonly branch: string;
  readonly sourceRepo?: string;
  readonly sourceBranch?: string;
  readonly identity?: Identity;
  readonly signingKey?: string;
  readonly gitCredentials?: string;
  readonly cache?: string;
  readonly json: boolean;
}

/** Adds the flags that every command has. */
export function addRepositoryFlags(command: Command): Command {
  return command
    .addOption(
      flag(
        '--repo <folder|url>',
        'repository: a folder, or a URL that git can push to (default: the remote that the run branch follows in the clone here, else the folder)',
        'PERCH_REPO',
      ),
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

/** @throws InvalidArgumentError for anything but a percent of some requests and not of all */
export function parsePercent(text: string): number {
  const value = parsePositive(text);
  if (value >= 100) throw new InvalidArgumentError('expected a percent between 0 and 100');
  return value;
}

function parseIdentity(text: string): Identity {
  const match = /^\s*([^<>\n]+?)\s*<([^<>\s]+)>\s*$/.exec(text);
  if (match?.[1] === undefined || match[2] === undefined)
    throw new InvalidArgumentError('expected "Name <address>"');
  return { name: match[1], email: match[2] };
}
