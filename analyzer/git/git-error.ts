/** What is known of a failure besides its message. */
export interface GitFailure {
  /** Whether the same call may succeed later without anybody changing anything. */
  readonly retryable: boolean;
  /** What git printed; credentials in it are blacked out. @default '' */
  readonly stderr?: string | undefined;
  readonly cause?: unknown;
}

/** Git, or the world behind it, failed. Never holds credentials. */
export class GitError extends Error {
  readonly retryable: boolean;
  readonly stderr: string;

  constructor(message: string, failure: GitFailure) {
    super(redact(message), failure.cause === undefined ? {} : { cause: failure.cause });
    this.name = 'GitError';
    this.retryable = failure.retryable;
    this.stderr = redact(failure.stderr ?? '');
  }
}

/** `text` without the user part of any URL, and without authorization headers. */
export function redact(text: string): string {
  // Greedy up to the last @ before a slash or blank: passwords may contain an @ themselves.
  return text
    .replace(/\/\/[^/\s'"]*@/g, '//***@')
    .replace(/(authorization:\s*)(?:(?:basic|bearer|token)\s+)?\S+/gi, '$1***');
}
