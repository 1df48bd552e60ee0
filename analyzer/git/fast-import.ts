import type { Change, FileWrite } from '../core/change.ts';
import { type GitCommand, lastLines, runGit } from './command.ts';
import { GitError } from './git-error.ts';
import type { Identity } from './identity.ts';
import { messageText } from './message.ts';
import { quotePath } from './names.ts';
import { assertOid, assertOwnPath, assertOwnRemoval } from './path.ts';

/** Commits to be made. */
export interface CommitOrder {
  readonly parent: string | undefined;
  readonly changes: readonly Change[];
  readonly identity: Identity;
}

/** Makes one commit for each change in one `git fast-import`, and returns their ids. */
export async function fastImport(git: GitCommand, order: CommitOrder): Promise<readonly string[]> {
  if (order.parent !== undefined) assertOid(order.parent);
  const output = await runGit(git, {
    // Forced is only the local ref that keeps the new commits; the last ones may have been in vain.
    arguments: ['fast-import', '--quiet', '--done', '--force', '--date-format=raw'],
    input: importStream(order),
  });
  const oids = output.stdout.split('\n').filter((line) => line !== '');
  if (output.exitCode === 0 && oids.length === order.changes.length) return oids;
  throw new GitError(`commits could not be made: ${lastLines(output.stderr)}`, {
    // A full disk or the lock of a git that was killed passes.
    retryable: true,
    stderr: output.stderr,
  });
}

/** See `git help fast-import`. Nothing in it depends on anything but the order, so neither do the ids. */
function importStream(order: CommitOrder): Buffer {
  const parts: Buffer[] = [];
  const line = (text: string) => parts.push(Buffer.from(`${text}\n`));
  const data = (text: string) => {
    const bytes = Buffer.from(text);
    line(`data ${bytes.length}`);
    parts.push(bytes, Buffer.from('\n'));
  };
  line(`reset ${NEXT_REF}`);
  if (order.parent !== undefined) line(`from ${order.parent}`);
  line('');
  for (const [index, change] of order.changes.entries()) {
    const person = `${order.identity.name} <${order.identity.email}> ${change.at} +0000`;
    line(`commit ${NEXT_REF}`);
    line(`mark :${index + 1}`);
    line(`author ${person}`);
    line(`committer ${person}`);
    data(messageText(change.message));
    for (const write of change.writes) {
      line(writeCommand(change.members ?? [change.release], write));
      if (write.kind === 'text') data(write.text);
    }
    line('');
    line(`get-mark :${index + 1}`);
  }
  line('done');
  return Buffer.concat(parts);
}

/** Keeps the newest commits from `git gc` until they are pushed. */
const NEXT_REF = 'refs/perch/next';

function writeCommand(releases: readonly string[], write: FileWrite): string {
  if (write.kind === 'delete') assertOwnRemoval(releases, write.path);
  else assertOwnPath(releases, write.path);
  const path = quotePath(write.path);
  switch (write.kind) {
    case 'delete':
      return `D ${path}`;
    case 'tree':
      assertOid(write.oid);
      return `M 040000 ${write.oid} ${path}`;
    case 'blob':
      assertOid(write.oid);
      return `M 100644 ${write.oid} ${path}`;
    case 'text':
      return `M 100644 inline ${path}`;
  }
}
