import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { assetPath, missingAssets } from './assets.ts';
import { freePort } from './program.ts';
import { answers, type Server, startServer } from './server.ts';

/** A running Gitea that only this test uses. */
export interface Gitea {
  /** Where it is, without a slash at the end. */
  readonly url: string;
  readonly server: Server;
  /** An account with a token of its own, which may do all that an account may. */
  account(name: string): Promise<GiteaAccount>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/** Somebody who has an account. */
export interface GiteaAccount {
  readonly name: string;
  readonly token: string;
  /**
   * Asks its API as this account.
   *
   * @param path after `/api/v1`
   * @throws Error with the status and what it says
   */
  ask<T>(method: string, path: string, body?: unknown): Promise<T>;
}

/** Why this machine cannot run Gitea, and what to do; nothing when it can. */
export function missingGitea(): string | undefined {
  return missingAssets('Gitea', ['gitea', 'gitea-static']);
}

/**
 * Starts Gitea on a free loopback port, with its database in a temporary folder.
 *
 * @throws Error when it is missing or does not get ready
 */
export async function startGitea(): Promise<Gitea> {
  const missing = missingGitea();
  if (missing !== undefined) throw new Error(missing);
  const folder = await mkdtemp(join(tmpdir(), 'perch-gitea-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const configuration = join(folder, 'app.ini');
    await mkdir(join(folder, 'custom', 'conf'), { recursive: true });
    await writeFile(configuration, settings(folder, port));
    const gitea = assetPath('gitea');
    const server = await startServer({
      path: gitea,
      name: 'gitea',
      args: ['web', '--config', configuration],
      folder,
      isReady: () => answers(`${url}/api/healthz`),
    });
    const admin = async (...args: readonly string[]) => {
      const all = ['admin', 'user', ...args, '--config', configuration];
      const environment = { PATH: process.env.PATH, HOME: folder };
      return (await promisify(execFile)(gitea, all, { env: environment })).stdout.trim();
    };
    return {
      url,
      server,
      async account(name) {
        const word = randomBytes(16).toString('hex');
        const who = ['--username', name];
        const more = ['--email', `${name}@example.com`, '--must-change-password=false'];
        await admin('create', ...who, '--password', word, ...more);
        const said = await admin('generate-access-token', ...who, '--scopes', 'all', '--raw');
        // Before it there are warnings.
        const token = said.split('\n').at(-1) ?? '';
        return { name, token, ask: (...asked) => ask(url, token, ...asked) };
      },
      async stop() {
        await server.stop();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

function settings(folder: string, port: number): string {
  const sections: Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>> = {
    server: {
      HTTP_ADDR: '127.0.0.1',
      HTTP_PORT: port,
      ROOT_URL: `http://127.0.0.1:${port}/`,
      STATIC_ROOT_PATH: assetPath('gitea-static'),
      OFFLINE_MODE: true,
      DISABLE_SSH: true,
    },
    database: { DB_TYPE: 'sqlite3', PATH: join(folder, 'gitea.db') },
    security: { INSTALL_LOCK: true },
    repository: { DEFAULT_BRANCH: 'main' },
    service: { DISABLE_REGISTRATION: true },
    log: { LEVEL: 'warn' },
  };
  const lines = Object.entries(sections).flatMap(([name, values]) => [
    `[${name}]`,
    ...Object.entries(values).map(([key, value]) => `${key} = ${value}`),
  ]);
  // In a network namespace of a test everybody is root.
  const general = [
    'RUN_MODE = prod',
    `WORK_PATH = ${folder}`,
    'I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true',
  ];
  return [...general, ...lines, ''].join('\n');
}

async function ask<T>(
  url: string,
  token: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<T> {
  const response = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: { 'Content-Type': 'application/json', Authorization: `token ${token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 300)}`);
  return (text === '' ? undefined : JSON.parse(text)) as T;
}
