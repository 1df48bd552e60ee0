import { access, constants } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CREDENTIALS_LINE } from '../redact.ts';
import { GitError } from './git-error.ts';

/**
 * A helper that only ever reads the file: git's own `store` would erase a line from it when a server refuses it
 * once. The empty first entry turns the user's helpers off, so that only this file counts.
 */
export async function credentialConfig(file: string | undefined): Promise<readonly string[]> {
  if (file === undefined) return [];
  const path = resolve(file);
  await access(path, constants.R_OK).catch((cause: unknown) => {
    throw new GitError(
      `credentials file ${path} cannot be read: it must hold a line ${CREDENTIALS_LINE}`,
      { retryable: true, cause },
    );
  });
  const quoted = `'${path.replaceAll("'", "'\\''")}'`;
  const helper = `!f() { test "$1" = get && git credential-store --file ${quoted} get; }; f`;
  return ['credential.helper=', `credential.helper=${helper}`];
}
