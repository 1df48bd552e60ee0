import { execFileSync } from 'node:child_process';
import { GIT_ENVIRONMENT } from './author.ts';

/** One commit on top of another that changes one file of it. */
export interface Forgery {
  readonly parent: string;
  readonly path: string;
  readonly content: Buffer;
}

/** Makes all of them in one `git fast-import`. @returns their ids, in order */
export function forge(folder: string, forgeries: readonly Forgery[]): readonly string[] {
  const parts: Buffer[] = [];
  const line = (text: string) => parts.push(Buffer.from(`${text}\n`));
  for (const [index, { parent, path, content }] of forgeries.entries()) {
    line(`commit refs/heads/forged\nmark :${index + 1}`);
    line('author F <f@example.com> 1767600000 +0000');
    line('committer F <f@example.com> 1767600000 +0000');
    line(`data 0\nfrom ${parent}\nM 100644 inline ${path}\ndata ${content.length}`);
    parts.push(content, Buffer.from('\n'));
    line(`get-mark :${index + 1}`);
  }
  line('done');
  const args = ['fast-import', '--quiet', '--done', '--force', '--date-format=raw'];
  const made = gitWith(folder, {}, Buffer.concat(parts), args);
  return made.split('\n');
}

/** The same bytes but for one bit in the middle. */
export function flipped(content: Buffer): Buffer {
  const copy = Buffer.from(content);
  const middle = Math.floor(copy.length / 2);
  copy[middle] = (copy[middle] ?? 0) ^ 1;
  return copy;
}

/** Content by path of every file of a revision below some folders. */
export function contents(
  folder: string,
  revision: string,
  below: readonly string[],
): ReadonlyMap<string, Buffer> {
  const listed = gitWith(folder, {}, '', ['ls-tree', '-r', revision, '--', ...below]);
  const entries = listed.split('\n').filter((it) => it !== '');
  const files = entries.map((entry) => {
    const [meta = '', path = ''] = entry.split('\t');
    return { path, oid: meta.split(' ')[2] ?? '' };
  });
  const found = blobs(folder, [...new Set(files.map((it) => it.oid))]);
  return new Map(files.map(({ path, oid }) => [path, found.get(oid) ?? Buffer.of()]));
}

/** Content by id, in one `git cat-file --batch`. */
function blobs(folder: string, oids: readonly string[]): ReadonlyMap<string, Buffer> {
  const output = run(folder, {}, oids.join('\n'), ['cat-file', '--batch']);
  const found = new Map<string, Buffer>();
  for (let start = 0; start < output.length; ) {
    const end = output.indexOf('\n', start);
    const [oid = '', , size] = output.toString('latin1', start, end).split(' ');
    found.set(oid, output.subarray(end + 1, end + 1 + Number(size)));
    start = end + 2 + Number(size);
  }
  return found;
}

/**
 * Commits a tree that differs from its parent's in these files, through an index of its own.
 *
 * @param files content by path; undefined removes the file
 * @returns its id
 */
export function commitTree(
  folder: string,
  parent: string,
  files: ReadonlyMap<string, Buffer | undefined>,
): string {
  const index = { GIT_INDEX_FILE: `${folder}/forged-index` };
  gitWith(folder, index, '', ['read-tree', parent]);
  const entries = [...files].map(([path, content]) => {
    if (content === undefined) return `0 ${'0'.repeat(40)}\t${path}\n`;
    const oid = gitWith(folder, {}, content, ['hash-object', '-w', '--stdin']);
    return `100644 ${oid}\t${path}\n`;
  });
  gitWith(folder, index, entries.join(''), ['update-index', '--index-info']);
  const tree = gitWith(folder, index, '', ['write-tree']);
  return gitWith(folder, {}, '', ['commit-tree', tree, '-p', parent, '-m', 'podinfo: forged']);
}

/** Runs git as a forger. */
export function gitWith(
  folder: string,
  environment: Readonly<Record<string, string>>,
  input: Buffer | string,
  args: readonly string[],
): string {
  return run(folder, environment, input, args).toString('utf8').trimEnd();
}

function run(
  folder: string,
  environment: Readonly<Record<string, string>>,
  input: Buffer | string,
  args: readonly string[],
): Buffer {
  const who = { NAME: 'F', EMAIL: 'f@example.com' };
  const roles = ['AUTHOR', 'COMMITTER'] as const;
  const identity = Object.fromEntries(
    roles.flatMap((role) => Object.entries(who).map(([key, it]) => [`GIT_${role}_${key}`, it])),
  );
  return execFileSync('git', ['-C', folder, ...args], {
    input,
    env: { ...process.env, ...GIT_ENVIRONMENT, ...identity, ...environment },
    maxBuffer: 64 * 1024 ** 2,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}
