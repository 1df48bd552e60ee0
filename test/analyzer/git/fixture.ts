import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Change, FileWrite } from '../../../analyzer/core/change.ts';
import type { Message } from '../../../analyzer/core/message.ts';
import {
  GitError,
  openRepository,
  type Repository,
  type RepositoryOptions,
} from '../../../analyzer/git/index.ts';
import { afterFile } from '../../cleanups.ts';
import {
  type GitServer,
  type GitServerOptions,
  makeRepository,
  startGitServer,
} from '../../embedded/git-server.ts';

export const IDENTITY = { name: 'Perch Test', email: 'perch@example.com' };

/** Commit time of the first change in a test. */
export const START = 1_700_000_000;

/** A temporary folder that goes away after the tests of this file. */
export async function scratch(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'perch-test-'));
  afterFile(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A server that stops after the tests of this file. */
export async function serve(options: GitServerOptions = {}): Promise<GitServer> {
  const server = await startGitServer(options);
  afterFile(() => server.stop());
  return server;
}

/** An empty bare repository without a server: faster, where the way to it plays no part. */
export async function bare(): Promise<{ readonly url: string; readonly folder: string }> {
  const folder = await scratch();
  await makeRepository(folder, 'main');
  return { url: folder, folder };
}

/** A repository whose run and source are one branch, closed after the tests of this file. */
export async function open(
  remote: string,
  options: Partial<RepositoryOptions> = {},
): Promise<Repository> {
  const at = { remote, branch: 'main' };
  const repository = await openRepository({ run: at, source: at, identity: IDENTITY, ...options });
  afterFile(() => repository.close());
  return repository;
}

/** Runs git on a repository as another person would; no configuration of the machine is needed. */
export function git(folder: string, ...args: string[]): string {
  return gitWith({ folder }, ...args);
}

export function gitWith(
  {
    folder,
    input = '',
    env = {},
  }: { folder: string; input?: Buffer | string; env?: Record<string, string> },
  ...args: string[]
): string {
  return execFileSync('git', ['-C', folder, ...args], {
    encoding: 'utf8',
    input,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {
      ...process.env,
      GIT_AUTHOR_NAME: 'Somebody',
      GIT_AUTHOR_EMAIL: 'somebody@example.com',
      GIT_COMMITTER_NAME: 'Somebody',
      GIT_COMMITTER_EMAIL: 'somebody@example.com',
      GIT_AUTHOR_DATE: `@${START} +0000`,
      GIT_COMMITTER_DATE: `@${START} +0000`,
      ...env,
    },
  }).trim();
}

/** A change that writes these texts by path. */
export function change(
  files: Readonly<Record<string, string>>,
  more: Partial<Change> = {},
): Change {
  const writes = Object.entries(files).map(
    ([path, text]): FileWrite => ({ kind: 'text', path, text }),
  );
  const release = writes[0]?.path.split('/')[1] ?? 'podinfo';
  return { release, message: said('test'), at: START, writes, ...more };
}

/** What a commit says, `podinfo: ` and this text. */
export function said(headline: string): Message {
  return { topic: 'podinfo', headline, body: [], trailers: [] };
}

/** The files of a plan with two steps, below `folder`. */
export function plan(folder: string, version: string): Record<string, string> {
  return {
    [`${folder}/plan.yaml`]: `version: ${version}\n`,
    [`${folder}/PLAN.md`]: `# ${version}\n`,
    [`${folder}/steps/01-canary-up/deployment-podinfo-canary.yaml`]: `image: ${version}\n`,
    [`${folder}/steps/02-complete/deployment-podinfo-primary.yaml`]: `image: ${version}\n`,
  };
}

/** A person's commit on main of a bare repository, anywhere in it; one process, as tests make many. @returns its id */
export function merge(
  folder: string,
  files: Readonly<Record<string, string>>,
  {
    at = START,
    message = 'by hand',
    removes = [],
  }: { at?: number; message?: string; removes?: readonly string[] } = {},
): string {
  const data = (text: string) => `data ${Buffer.byteLength(text)}\n${text}\n`;
  const input = [
    'commit refs/heads/main\nmark :1\n',
    `committer Robin <robin@example.com> ${Math.floor(at)} +0000\n${data(message)}`,
    isBorn(folder) ? 'from refs/heads/main^0\n' : '',
    ...removes.map((path) => `D ${path}\n`),
    ...Object.entries(files).map(([path, text]) => `M 100644 inline ${path}\n${data(text)}`),
    'get-mark :1\n',
  ];
  return gitWith({ folder, input: input.join('') }, 'fast-import', '--quiet');
}

/** Git itself is asked only where the branch may stand among packed ones. */
function isBorn(folder: string): boolean {
  return (
    existsSync(join(folder, 'refs', 'heads', 'main')) ||
    git(folder, 'for-each-ref', 'refs/heads/main') !== ''
  );
}

/** The tip of main; none before the very first commit, which only tests make on nothing. */
async function tipOf(repository: Repository): Promise<string | undefined> {
  const snapshot = await repository.fetch().catch((error: unknown) => {
    if (error instanceof GitError && error.message.startsWith('there is no branch'))
      return undefined;
    throw error;
  });
  return snapshot?.run;
}

/** Begins a branch with a commit that holds no file, as `perch init-branch` does. */
export function begin(folder: string, branch = 'main'): string {
  const tree = git(folder, 'hash-object', '-t', 'tree', '-w', '--stdin');
  const commit = git(folder, 'commit-tree', '-m', 'first', tree);
  git(folder, 'update-ref', `refs/heads/${branch}`, commit);
  return commit;
}

/** Commits and pushes in one go, and returns the last commit. */
export async function write(repository: Repository, ...changes: Change[]): Promise<string> {
  const run = await tipOf(repository);
  const commits = await repository.commit(run, changes);
  const last = commits.at(-1) ?? '';
  const result = await repository.push(last);
  if (result.kind !== 'pushed') throw new Error(`push: ${JSON.stringify(result)}`);
  return last;
}
