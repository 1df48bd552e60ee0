import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { type GitServer, type GitServerOptions, startGitServer } from './git-server.ts';

const servers: GitServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function start(options: GitServerOptions = {}): Promise<GitServer> {
  const server = await startGitServer(options);
  servers.push(server);
  return server;
}

async function git(folder: string, ...args: string[]): Promise<string> {
  const person = ['-c', 'user.name=Test', '-c', 'user.email=test@example.com'];
  const env = { ...process.env, GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_GLOBAL: '/dev/null' };
  const { stdout } = await promisify(execFile)('git', ['-C', folder, ...person, ...args], { env });
  return stdout.trim();
}

test('a work tree can be cloned, pushed and pulled, with bodies large enough to be chunked', async () => {
  const server = await start({ branch: 'trunk' });
  const folder = await mkdtemp(join(tmpdir(), 'git-server-test-'));
  await git(folder, 'clone', '--quiet', server.url, 'one');
  const one = join(folder, 'one');
  await writeFile(join(one, 'noise'), randomBytes(1_500_000));
  await git(one, 'add', '.');
  await git(one, 'commit', '--quiet', '--message=first');
  await git(one, 'push', '--quiet', 'origin', 'trunk');
  await git(folder, 'clone', '--quiet', server.url, 'two');
  const head = await git(one, 'rev-parse', 'HEAD');
  expect(await git(join(folder, 'two'), 'rev-parse', 'HEAD')).toBe(head);
  expect(await git(server.folder, 'symbolic-ref', 'HEAD')).toBe('refs/heads/trunk');
  await rm(folder, { recursive: true });
});

test('a zipped request body is understood, and the protocol version comes through', async () => {
  const server = await start();
  const response = await fetch(`${server.url}/git-upload-pack`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-git-upload-pack-request',
      'content-encoding': 'gzip',
      'git-protocol': 'version=2',
    },
    body: gzipSync('0014command=ls-refs\n00010015ref-prefix refs/\n0000'),
  });
  expect({ status: response.status, text: await response.text() }).toEqual({
    status: 200,
    text: '0000',
  });
});

test('a folder of the caller stays, and is served again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'git-server-test-'));
  const server = await startGitServer({ folder });
  await server.stop();
  expect(existsSync(join(folder, 'HEAD'))).toBe(true);
  const again = await start({ folder });
  expect(await git(folder, 'ls-remote', again.url)).toBe('');
  await again.stop();
  await rm(folder, { recursive: true });
});

test('its own folder goes away, and so does the port', async () => {
  const server = await startGitServer();
  await server.stop();
  expect(existsSync(server.folder)).toBe(false);
  await expect(fetch(server.url)).rejects.toThrow();
});

test('the Date header can be told', async () => {
  const server = await start({ clock: () => 1_700_000_000 });
  const response = await fetch(`${server.url}/info/refs?service=git-upload-pack`);
  expect(response.headers.get('date')).toBe('Tue, 14 Nov 2023 22:13:20 GMT');
});

describe('with users', () => {
  const users = [
    { name: 'writer', password: 'w', access: 'write' },
    { name: 'reader', password: 'r', access: 'read' },
  ] as const;
  const basic = (text: string) => ({
    authorization: `Basic ${Buffer.from(text).toString('base64')}`,
  });
  const read = '/info/refs?service=git-upload-pack';
  const push = '/info/refs?service=git-receive-pack';

  test.each([
    ['nobody', {}, read, 401],
    ['an empty user', basic(':'), read, 401],
    ['the text undefined', basic('undefined:undefined'), read, 401],
    ['a wrong password', basic('writer:r'), read, 401],
    ['another scheme', { authorization: 'Bearer w' }, read, 401],
    ['a reader who reads', basic('reader:r'), read, 200],
    ['a reader who pushes', basic('reader:r'), push, 403],
    ['a writer who pushes', basic('writer:w'), push, 200],
  ])('%s', async (_, headers, path, status) => {
    const server = await start({ users });
    const response = await fetch(`${server.url}${path}`, { headers });
    expect(response.status).toBe(status);
    await response.arrayBuffer();
  });

  test('an empty list lets nobody in', async () => {
    const server = await start({ users: [] });
    expect((await fetch(`${server.url}${read}`)).status).toBe(401);
  });
});

test.each([
  '/',
  '/other.git/info/refs?service=git-upload-pack',
  '/repository.git/../../etc/passwd',
])('nothing is at %s', async (path) => {
  const server = await start();
  const response = await fetch(new URL(path, server.url));
  expect(response.status).toBeGreaterThanOrEqual(400);
});
