import { GitError } from './git-error.ts';
import { calledAs, type Remote } from './remote.ts';

/** A branch that is looked for. */
interface Wanted {
  readonly remote: Remote;
  readonly branch: string;
  /** What it is for. */
  readonly role: 'run' | 'source' | 'both';
}

/** What is known besides. */
interface Known {
  /** The branches that there are; undefined where nobody could say. */
  readonly heads: readonly string[] | undefined;
  /** The last commit that this clone saw on the branch. */
  readonly last: string | undefined;
}

/**
 * The error for a branch that the remote does not have. It is never taken for an empty branch: every release would
 * begin anew, and a sync tool would remove what runs.
 */
export function absentBranch(wanted: Wanted, { heads, last }: Known): GitError {
  const { branch, remote, role } = wanted;
  const place = `branch ${branch} of ${remote.address}`;
  const what = last === undefined ? `there is no ${place}` : `${place} is gone; it was at ${last}`;
  const remedy = last === undefined ? REMEDIES[role] : restore(wanted, last);
  // An empty answer may pass: a proxy or a login page in between gives it, too.
  return new GitError(`${what} (${said(heads)}): nothing is done until it is there; ${remedy}`, {
    absent: true,
    retryable: heads === undefined || heads.length === 0,
  });
}

const REMEDIES: Readonly<Record<Wanted['role'], string>> = {
  run: 'name the right one with --branch, or make a first one with `perch init-branch`',
  source: 'name the right one with --source-branch, or push it',
  both: 'name the right one with --branch, or push it with your releases in dist/',
};

function restore({ branch, remote, role }: Wanted, last: string): string {
  const flag = role === 'source' ? '--source-branch' : '--branch';
  return `put it back with \`git push ${calledAs(remote).name} ${last}:refs/heads/${branch}\`, or name the right one with ${flag}`;
}

const MOST_NAMED = 5;

function said(heads: readonly string[] | undefined): string {
  if (heads === undefined) return 'its branches cannot be listed';
  if (heads.length === 0)
    return 'the answer names no branch at all: the repository is empty, or something else answers in its place';
  const more = heads.length > MOST_NAMED ? ` and ${heads.length - MOST_NAMED} more` : '';
  return `there are: ${heads.slice(0, MOST_NAMED).join(', ')}${more}`;
}
