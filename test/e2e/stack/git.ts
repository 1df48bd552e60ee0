import { randomBytes } from 'node:crypto';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type GitServer, type GitUser, startGitServer } from '../../embedded/git-server.ts';
import { freePort } from '../servers/program.ts';
import type { Server } from '../servers/server.ts';

/** Who may use the stack's repository. */
export type GitUserName = 'author' | 'analyzer' | 'sync';

/** One bare repository over smart HTTP, with Basic auth. */
export interface Git {
  readonly server: Server;
  /** Without anybody's password. */
  readonly url: string;
  /** The bare repository behind it, for looking into it without the server. */
  readonly folder: string;
  /** @default main */
  readonly branch: string;
  /** `author` and `analyzer` may write, `sync` may read. */
  readonly users: Readonly<Record<GitUserName, GitUser>>;
  /** The URL with a user's name and password in it. Not for command lines that others can read. */
  urlFor(user: GitUserName): string;
  /** A file of git's `store` credential helper that lets a user in. */
  credentialsFile(user: GitUserName): Promise<string>;
}

/** Starts the repository, empty. */
export async function startGit(folder: string): Promise<Git> {
  await mkdir(folder, { recursive: true });
  const repository = join(folder, 'repository.git');
  const users = {
    author: user('author', 'write'),
    analyzer: user('analyzer', 'write'),
    sync: user('sync', 'read'),
  };
  const options = { folder: repository, port: await freePort(), users: Object.values(users) };
  let running: GitServer | undefined;
  const server: Server = {
    name: 'git',
    pid: undefined,
    async start() {
      running ??= await startGitServer(options);
    },
    async stop() {
      await running?.stop();
      running = undefined;
    },
  };
  await server.start();
  const url = `http://127.0.0.1:${options.port}/repository.git`;
  const urlFor = (name: GitUserName) =>
    url.replace('//', `//${users[name].name}:${users[name].password}@`);
  return {
    server,
    url,
    folder: repository,
    branch: 'main',
    users,
    urlFor,
    async credentialsFile(name) {
      const path = join(folder, `${name}.credentials`);
      await writeFile(path, `${new URL(urlFor(name)).href.replace(/\/repository\.git$/, '')}\n`);
      await chmod(path, 0o600);
      return path;
    },
  };
}

function user(name: GitUserName, access: GitUser['access']): GitUser {
  return { name, password: randomBytes(16).toString('hex'), access };
}
