import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { GitError } from './git-error.ts';

/** Author and committer of the analyzer's commits. */
export interface Identity {
  readonly name: string;
  readonly email: string;
}

/** Refuses what a commit cannot hold. @throws GitError */
export function assertIdentity({ name, email }: Identity): void {
  for (const [part, value] of Object.entries({ name, email })) {
    const wrong = value.trim() === '' || [...value].some((one) => one < ' ' || '<>'.includes(one));
    if (!wrong) continue;
    throw new GitError(
      `identity ${part} ${JSON.stringify(value)} is empty or contains <, > or a control character: allowed is for example perch <perch@example.com>`,
      { retryable: false, usage: true },
    );
  }
}

/**
 * Who git says the person at this terminal is: from its environment variables, else its configuration.
 *
 * @throws GitError where it does not know
 */
export async function personIdentity(): Promise<Identity> {
  const name = process.env.GIT_AUTHOR_NAME ?? (await setting('user.name'));
  const email = process.env.GIT_AUTHOR_EMAIL ?? (await setting('user.email'));
  if (name !== undefined && email !== undefined) return { name, email };
  throw new GitError(
    'git does not know who you are, and every transition names its author: give --identity "Name <address>", ' +
      'or set user.name and user.email with `git config --global`',
    { retryable: false, usage: true },
  );
}

/** The address of remote `origin` of the clone in a folder; undefined where there is none. */
export function originOf(folder: string): Promise<string | undefined> {
  return setting('remote.origin.url', ['-C', folder]);
}

async function setting(key: string, place: readonly string[] = []): Promise<string | undefined> {
  const output = await promisify(execFile)('git', [...place, 'config', '--get', key], {
    timeout: 10_000,
  }).catch(() => undefined);
  const value = output?.stdout.trim();
  return value === '' ? undefined : value;
}
