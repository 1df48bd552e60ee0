import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { claim } from '../../../analyzer/git/owner.ts';
import { afterFile } from '../../cleanups.ts';
import { bare, change, open, scratch, write } from './fixture.ts';

const OWNER = 'perch-owner.json';

interface Owner {
  readonly pid: number;
  readonly started: string;
  readonly world: string;
}

/** What this process writes of itself. */
async function own(): Promise<Owner> {
  const file = join(await scratch(), OWNER);
  const held = await claim({ file, waitMs: 0 });
  const text = await readFile(file, 'utf8');
  await held.release();
  return JSON.parse(text) as Owner;
}

/** A process that has ended. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await once(child, 'close');
  return child.pid ?? 0;
}

describe('a cache folder', () => {
  test('that another process uses is told of after a bounded time, and taken once it is free', async () => {
    const { url } = await bare();
    const cacheFolder = await scratch();
    const first = await open(url, { cacheFolder });
    await write(first, change({ 'live/a/b.yaml': 'x' }));
    const second = await open(url, { cacheFolder, cacheWaitSeconds: 0 });
    await expect(second.fetch()).rejects.toMatchObject({
      retryable: true,
      message: expect.stringMatching(
        `cache folder is in use by process ${process.pid} .*one process at a time.*--cache of its own`,
      ),
    });
    await first.close();
    expect((await second.fetch()).run).toBeDefined();
  });

  test.each<[string, (it: Owner) => Promise<Owner | string>]>([
    ['was killed', async (it) => ({ ...it, pid: await deadPid() })],
    ['had the id that another process has now', async (it) => ({ ...it, started: '1' })],
  ])('of a process that %s is taken over', async (_, other) => {
    const { url } = await bare();
    const cacheFolder = await scratch();
    await writeFile(join(cacheFolder, OWNER), JSON.stringify(await other(await own())));
    const repository = await open(url, { cacheFolder, cacheWaitSeconds: 0 });
    await write(repository, change({ 'live/a/b.yaml': 'x' }));
  });

  test.each<[string, (it: Owner) => string]>([
    ['a process in another container', (it) => JSON.stringify({ ...it, world: 'elsewhere' })],
    ['half a file, as a full disk leaves it', () => '{"pid":'],
  ])('of %s is taken over once it was silent for a minute', async (_, text) => {
    const { url } = await bare();
    const cacheFolder = await scratch();
    const file = join(cacheFolder, OWNER);
    await writeFile(file, text(await own()));
    const repository = await open(url, { cacheFolder, cacheWaitSeconds: 0 });
    await expect(repository.fetch()).rejects.toThrow(/is in use by/);
    const silent = new Date(Date.now() - 61_000);
    await utimes(file, silent, silent);
    await write(repository, change({ 'live/a/b.yaml': 'x' }));
  });

  test('that was taken over meanwhile is not used any more', async () => {
    const { url } = await bare();
    const cacheFolder = await scratch();
    const repository = await open(url, { cacheFolder });
    await write(repository, change({ 'live/a/b.yaml': 'x' }));
    await writeFile(join(cacheFolder, OWNER), JSON.stringify({ ...(await own()), pid: 1 }));
    await expect(repository.fetch()).rejects.toThrow(/another process, which took it over/);
  });
});

test('temporary clones of processes that were killed go at the next start, and those of others stay', async () => {
  const temporary = await scratch();
  vi.stubEnv('TMPDIR', temporary);
  afterFile(() => void vi.unstubAllEnvs());
  const owners: Readonly<Record<string, Owner | undefined>> = {
    'perch-killed': { ...(await own()), pid: await deadPid() },
    'perch-living': await own(),
    'perch-abroad': { ...(await own()), world: 'elsewhere' },
    'perch-nobody': undefined,
    'other-killed': { ...(await own()), pid: await deadPid() },
  };
  for (const [name, owner] of Object.entries(owners)) {
    await mkdir(join(temporary, name, 'clone.git'), { recursive: true });
    if (owner !== undefined) await writeFile(join(temporary, name, OWNER), JSON.stringify(owner));
  }
  const before = await readdir(temporary);
  const repository = await open((await bare()).url);
  await write(repository, change({ 'live/a/b.yaml': 'x' }));
  await repository.close();
  const left = await readdir(temporary);
  expect(before.filter((it) => !left.includes(it))).toEqual(['perch-killed']);
  vi.unstubAllEnvs();
});

test.each(['refs/perch/next.lock', 'refs/perch/run.lock', 'packed-refs.lock', 'config.lock'])(
  'the lock %s of a git that was killed under way does not stop the next commit',
  async (name) => {
    const { url, folder } = await bare();
    const cacheFolder = await scratch();
    const repository = await open(url, { cacheFolder });
    await write(repository, change({ 'live/a/b.yaml': 'x' }));
    const lock = join(cacheFolder, 'clone.git', name);
    await writeFile(lock, '');
    const tip = await write(repository, change({ 'live/a/b.yaml': 'y' }));
    expect((await (await open(folder)).fetch()).run).toBe(tip);
    await repository.close();
    // What a start finds is cleaned before it is in the way.
    await writeFile(lock, '');
    const next = await open(url, { cacheFolder });
    await next.fetch();
    expect(existsSync(lock)).toBe(false);
  },
);

test('a folder that cannot be made is told of, and made once it can be', async () => {
  const { url } = await bare();
  const file = join(await scratch(), 'file');
  await writeFile(file, '');
  const repository = await open(url, { cacheFolder: join(file, 'cache') });
  await expect(repository.fetch()).rejects.toMatchObject({
    name: 'GitError',
    retryable: true,
    message: expect.stringMatching(/^the clone cannot be kept: ENOTDIR.*may write/),
  });
  await rm(file);
  await write(repository, change({ 'live/a/b.yaml': 'x' }));
});
