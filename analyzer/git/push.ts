import { type GitCommand, lastLines, mustGit, runGit } from './command.ts';
import { assertOid } from './path.ts';
import { calledAs, isForbidden, type Remote, remoteFailure } from './remote.ts';
import type { PushResult } from './repository.ts';

/** What goes where. */
export interface PushOrder {
  readonly commit: string;
  /** What the branch must be at: the commit that this one was made on, or no branch. @default - any older commit */
  readonly onto?: { readonly parent: string | undefined } | undefined;
  readonly remote: Remote;
  readonly branch: string;
}

/**
 * One push, never forced: a branch that moved meanwhile is left as it is, and one that is gone is not made again. The
 * lease takes nothing from anybody, as the commit follows on the one that is expected. @throws GitError
 */
export async function pushCommit(git: GitCommand, order: PushOrder): Promise<PushResult> {
  const { commit, onto, branch, remote } = order;
  const { folder, name } = calledAs(remote);
  assertOid(commit);
  const lease =
    onto === undefined ? [] : [`--force-with-lease=refs/heads/${branch}:${onto.parent ?? ''}`];
  if (folder !== undefined) await handOver(git, commit, folder);
  const output = await runGit(git, {
    arguments: [
      'push',
      '--porcelain',
      '--no-follow-tags',
      '--no-signed',
      '--recurse-submodules=no',
      ...lease,
      '--end-of-options',
      name,
      `${commit}:refs/heads/${branch}`,
    ],
    folder,
    waits: 'network',
  });
  // Another analyzer may have made the very same commit, and pushed it first.
  if (output.exitCode === 0) return { kind: /^=/m.test(output.stdout) ? 'alreadyThere' : 'pushed' };
  const summary = rejection(output.stdout);
  if (summary === undefined) {
    if (isForbidden(output.stderr)) return refused('missing rights', output.stderr);
    throw remoteFailure(remote.address, output);
  }
  if (LOST.test(summary)) throw remoteFailure(remote.address, output);
  if (MOVED.test(summary) && !CONFLICT.test(output.stderr)) return { kind: 'moved' };
  return refused(summary, output.stderr);
}

/**
 * A person's clone pushes what it has itself: git moves its remote-tracking ref after the push, and our own clone,
 * with the only copy of the commit, goes away.
 */
async function handOver(git: GitCommand, commit: string, folder: string): Promise<void> {
  await mustGit(git, { arguments: ['update-ref', PUSHED_REF, commit] });
  await mustGit(git, {
    arguments: [
      ...['fetch', '--quiet', '--no-tags', '--no-prune', '--no-write-fetch-head', '--refmap='],
      ...['--no-recurse-submodules', '--no-auto-maintenance', '--update-shallow'],
      ...['--end-of-options', git.gitDir, PUSHED_REF],
    ],
    folder,
  });
}

const PUSHED_REF = 'refs/perch/pushed';

/** The summary of the ref that was not updated: `!\t<from>:<to>\t[rejected] (fetch first)`. */
function rejection(stdout: string): string | undefined {
  const lines = stdout.split('\n').map((line) => line.split('\t'));
  return lines.find(([flag]) => flag === '!')?.[2];
}

/** Another writer came first: before us (the first three), or in the same moment. */
const MOVED =
  /fetch first|non-fast-forward|stale info|cannot lock ref|failed to (?:update|lock) ref|failed to lock|incorrect old value|reference already exists/i;

/** A branch `a` forbids a branch `a/b` for ever; so does a folder that may not be written. */
const CONFLICT = /exists; cannot create|permission denied|read-only file system/i;

/** The server failed half-way; whether it took the commit shows at the next fetch. */
const LOST = /remote failure|unpacker error|unpack failed/i;

function refused(summary: string, stderr: string): PushResult {
  const said = stderr
    .split('\n')
    .flatMap((line) => /^remote:\s*(\S.*)$/.exec(line.trimEnd())?.[1] ?? []);
  const remedy = REMEDIES.find(({ pattern }) => pattern.test(summary))?.remedy;
  const details = said.length > 0 ? said.slice(0, 6).join(' ') : lastLines(stderr);
  return { kind: 'refused', reason: [summary, remedy ?? details].filter(Boolean).join(': ') };
}

const REMEDIES: readonly { readonly pattern: RegExp; readonly remedy: string }[] = [
  {
    pattern: /currently checked out|refusing to update checked out/i,
    remedy:
      'the repository has a work tree on this branch, and git does not change a branch under it; give the URL of the bare remote that it pushes to instead',
  },
];
