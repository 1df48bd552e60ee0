import { redact } from '../redact.ts';

/** What is known of a failure besides its message. */
export interface GitFailure {
  /** Whether the same call may succeed later without anybody changing anything. */
  readonly retryable: boolean;
  /** Whether the options can never work, so that nothing but another command line helps. @default false */
  readonly usage?: boolean | undefined;
  /** Whether the remote answered, and has no such branch. @default false */
  readonly absent?: boolean | undefined;
  /** What git printed; credentials in it are blacked out. @default '' */
  readonly stderr?: string | undefined;
  readonly cause?: unknown;
}

/** Git, or the world behind it, failed. Never holds credentials. */
export class GitError extends Error {
  readonly retryable: boolean;
  readonly usage: boolean;
  readonly absent: boolean;
  readonly stderr: string;

  constructor(message: string, failure: GitFailure) {
    super(redact(message), failure.cause === undefined ? {} : { cause: failure.cause });
    this.name = 'GitError';
    this.retryable = failure.retryable;
    this.usage = failure.usage ?? false;
    this.absent = failure.absent ?? false;
    this.stderr = redact(failure.stderr ?? '');
  }
}

/**
 * What a folder of ours said no to, as an error of the world: a disk that is full or may not be written is no bug.
 *
 * @returns any other error as it is
 */
export function worldError(error: unknown): unknown {
  if (error instanceof GitError || !(error instanceof Error) || !('code' in error)) return error;
  const remedy = REMEDIES[String(error.code)];
  if (remedy === undefined) return error;
  return new GitError(`the clone cannot be kept: ${error.message}: ${remedy}`, {
    retryable: true,
    cause: error,
  });
}

const WRITABLE = 'give --cache, or TMPDIR, a folder that this process may write';
const HANDLES = 'the machine has no file handle to spare';

const REMEDIES: Readonly<Record<string, string>> = {
  EACCES: WRITABLE,
  EPERM: WRITABLE,
  EROFS: WRITABLE,
  ENOENT: WRITABLE,
  ENOTDIR: WRITABLE,
  EEXIST: WRITABLE,
  EISDIR: WRITABLE,
  ENOTEMPTY: 'something else writes into it',
  EBUSY: 'something else uses it',
  EIO: 'the disk fails',
  ENOSPC: 'the disk is full: make room',
  EDQUOT: 'the quota of the disk is used up: make room',
  EMFILE: HANDLES,
  ENFILE: HANDLES,
  ENOMEM: 'the machine has no memory to spare',
  EAGAIN: 'the machine has no process to spare',
};
