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
      { retryable: false },
    );
  }
}
