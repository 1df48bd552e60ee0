import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { devNull } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Git sees neither this machine's configuration nor its proxies. */
export const GIT_ENVIRONMENT: Readonly<Record<string, string>> = {
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: devNull,
  GIT_TERMINAL_PROMPT: '0',
  NO_PROXY: '127.0.0.1',
  no_proxy: '127.0.0.1',
  LC_ALL: 'C',
  TZ: 'UTC',
};

/** Runs git as anybody on this machine would. @throws Error with what git said */
export async function git(folder: string, ...args: readonly string[]): Promise<string> {
  return (await gitWith(folder, {}, args)).trimEnd();
}

/** A person with a clone, who releases by merging what synth wrote. */
export interface Author {
  /** Replaces folders of the repository, and pushes that as one commit. @returns its id */
  push(order: AuthorCommit): Promise<string>;
}

/** A commit of a person. */
export interface AuthorCommit {
  readonly subject: string;
  /** Unix seconds. */
  readonly at: number;
  /** Folders whose old files go away. */
  readonly replaces: readonly string[];
  /** Text by path. */
  readonly files: ReadonlyMap<string, string>;
}

/** Clones `remote` into `folder`, which must not exist. */
export async function cloneAsAuthor(remote: string, folder: string): Promise<Author> {
  await git('.', 'clone', '--quiet', remote, folder);
  return {
    async push({ subject, at, replaces, files }) {
      await git(folder, 'fetch', '--quiet', 'origin');
      // Nothing to reset to before the very first commit.
      if ((await git(folder, 'branch', '--remotes')) !== '')
        await git(folder, 'reset', '--quiet', '--hard', 'origin/main');
      for (const path of replaces) await rm(join(folder, path), { recursive: true, force: true });
      for (const [path, text] of files) await write(join(folder, path), text);
      await git(folder, 'add', '--all');
      await gitWith(folder, identity(at), ['commit', '--quiet', '--message', subject]);
      await git(folder, 'push', '--quiet', 'origin', 'HEAD:main');
      return git(folder, 'rev-parse', 'HEAD');
    },
  };
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

function identity(at: number): Record<string, string> {
  const who = { NAME: 'Robin', EMAIL: 'robin@example.com', DATE: `@${at} +0000` };
  const roles = ['AUTHOR', 'COMMITTER'];
  return Object.fromEntries(
    roles.flatMap((role) => Object.entries(who).map(([key, it]) => [`GIT_${role}_${key}`, it])),
  );
}

async function gitWith(
  folder: string,
  environment: Readonly<Record<string, string>>,
  args: readonly string[],
): Promise<string> {
  const env = { ...process.env, ...GIT_ENVIRONMENT, ...environment };
  const { stdout } = await run('git', ['-C', folder, ...args], { env, maxBuffer: 64 * 1024 ** 2 });
  return stdout;
}
