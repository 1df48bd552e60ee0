import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FOLDER_GIT, type GitCommand, mustGit, runGit } from './command.ts';
import type { NamedRemote } from './remote.ts';

/** What a person's clone knows of a branch of its remote. */
export interface LastFetched {
  readonly commit: string;
  /** When the branch is known to have been there, in Unix seconds; undefined where nothing says it. */
  readonly at: number | undefined;
  /** When that commit was made, in Unix seconds. */
  readonly committedAt: number;
}

/** Reads what was fetched last, by us or by anybody. @returns undefined where the branch was never fetched */
export async function lastFetched(
  remote: NamedRemote,
  branch: string,
): Promise<LastFetched | undefined> {
  const git = FOLDER_GIT;
  const { folder } = remote;
  const found = await runGit(git, {
    arguments: [
      'log',
      '-1',
      '--no-show-signature',
      '--format=%H %ct',
      trackingRef(remote, branch),
      '--',
    ],
    folder,
  });
  const [commit = '', committedAt = ''] = found.stdout.trim().split(' ');
  if (found.exitCode !== 0 || commit === '') return undefined;
  const files = await filesOf(git, folder);
  const times = [
    await timeOfMark(markFile(files.common, remote, branch), commit),
    await timeOfFetch(files.fetchHead, branch, commit),
    await timeInLog(git, folder, trackingRef(remote, branch)),
    // A fresh clone logs this one alone.
    await timeInLog(git, folder, `refs/remotes/${remote.name}/HEAD`),
  ].filter((it) => it !== undefined);
  return {
    commit,
    committedAt: Number(committedAt),
    at: times.length === 0 ? undefined : Math.max(...times),
  };
}

/**
 * Notes what a remote has just answered: its remote-tracking ref follows, as after a `git fetch`, and a file says when.
 * Both only help somebody who reads later: where they cannot be written, nothing is lost.
 *
 * @param seen the tip, and the folder that all work trees of the clone share
 */
export async function noteFetched(
  git: GitCommand,
  remote: NamedRemote,
  branch: string,
  seen: { readonly commit: string; readonly common: string },
): Promise<void> {
  await runGit(git, {
    arguments: ['update-ref', '-m', 'fetched by perch', trackingRef(remote, branch), seen.commit],
    folder: remote.folder,
  }).catch(() => undefined);
  try {
    const file = markFile(seen.common, remote, branch);
    await mkdir(join(file, '..'), { recursive: true });
    await writeFile(file, `${seen.commit}\n`);
  } catch {
    // A clone on a disk that is full or may not be written.
  }
}

function trackingRef({ name }: NamedRemote, branch: string): string {
  return `refs/remotes/${name}/${branch}`;
}

function markFile(common: string, remote: NamedRemote, branch: string): string {
  return join(common, 'perch', encodeURIComponent(`${remote.name}/${branch}`));
}

/** The folder that all work trees of a clone share, and where this one notes its fetches. */
async function filesOf(git: GitCommand, folder: string) {
  const output = await mustGit(git, {
    arguments: [
      ...['rev-parse', '--path-format=absolute'],
      ...['--git-common-dir', '--git-path', 'FETCH_HEAD'],
    ],
    folder,
  });
  const [common = '', fetchHead = ''] = output.split('\n');
  return { common, fetchHead };
}

/** When we saw this commit there last. */
async function timeOfMark(file: string, commit: string): Promise<number | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.trim() === commit ? changed(file) : undefined;
}

/** When a `git fetch` or `git pull` brought just this commit of the branch last. */
async function timeOfFetch(
  file: string,
  branch: string,
  commit: string,
): Promise<number | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const names = text
    .split('\n')
    .some((it) => it.startsWith(commit) && it.includes(`branch '${branch}' of `));
  return names ? changed(file) : undefined;
}

/** When a ref became what it is. */
async function timeInLog(
  git: GitCommand,
  folder: string,
  ref: string,
): Promise<number | undefined> {
  const { stdout } = await runGit(git, {
    arguments: ['reflog', 'show', '-1', '--date=unix', '--format=%gd', ref, '--'],
    folder,
  });
  const [, seconds] = /@\{(\d+)\}/.exec(stdout) ?? [];
  return seconds === undefined ? undefined : Number(seconds);
}

async function changed(file: string): Promise<number | undefined> {
  const found = await stat(file).catch(() => undefined);
  return found === undefined ? undefined : found.mtimeMs / 1000;
}
