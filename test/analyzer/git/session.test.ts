import { spawnSync } from 'node:child_process';
import { chmod, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { begin, change, open, scratch, serve, write } from './fixture.ts';

test('a cache folder keeps the clone, and the next start fetches nothing again', async () => {
  const server = await serve();
  const cacheFolder = await scratch();
  const first = await open(server.url, { cacheFolder });
  const base = await write(first, change({ 'live/a/b.yaml': 'x' }));
  await first.close();
  const commands: string[] = [];
  const second = await open(server.url, {
    cacheFolder,
    log: (event) => commands.push(event.command),
  });
  expect((await second.fetch()).run).toBe(base);
  expect(commands).not.toContain('init');
  expect(commands).not.toContain('fetch');
});

test('a cache folder of another remote is made anew, and nothing else in it is touched', async () => {
  const cacheFolder = await scratch();
  await writeFile(join(cacheFolder, 'mine.txt'), 'mine');
  const [one, two] = [await serve(), await serve()];
  const first = await open(one.url, { cacheFolder });
  await write(first, change({ 'live/a/b.yaml': 'x' }));
  await first.close();
  const second = await open(two.url, { cacheFolder });
  const begun = begin(two.folder);
  expect((await second.fetch()).run).toBe(begun);
  expect(await readFile(join(cacheFolder, 'mine.txt'), 'utf8')).toBe('mine');
});

test.each([
  ['without HEAD', (clone: string) => rm(join(clone, 'HEAD'))],
  ['with garbage as its configuration', (clone: string) => writeFile(join(clone, 'config'), '[[[')],
  [
    'with garbage as its refs',
    (clone: string) => writeFile(join(clone, 'packed-refs'), 'garbage\n'),
  ],
  ['without objects', (clone: string) => rm(join(clone, 'objects'), { recursive: true })],
  ['without its newest pack or object', removeObjects],
  ['with the lock of a process that was killed', leaveLock],
])('a cached clone %s is made anew', async (_, damage) => {
  const server = await serve();
  const cacheFolder = await scratch();
  const first = await open(server.url, { cacheFolder });
  const base = await write(first, change({ 'live/a/b.yaml': 'x' }));
  await first.close();
  await damage(join(cacheFolder, 'clone.git'));
  const second = await open(server.url, { cacheFolder });
  const snapshot = await second.fetch();
  expect(snapshot.run).toBe(base);
  expect((await second.list(snapshot)).map(({ id }) => id)).toEqual(['a']);
});

test('an object that breaks under way is named, and the next fetch mends the clone', async () => {
  const server = await serve();
  const cacheFolder = await scratch();
  const writer = await open(server.url);
  await write(writer, change({ 'live/a/b.yaml': 'x' }));
  const repository = await open(server.url, { cacheFolder });
  const snapshot = await repository.fetch();
  const [release] = await repository.list(snapshot);
  const [blob = ''] = (await repository.files(release?.live ?? '')).values();
  await damageObject(join(cacheFolder, 'clone.git'), blob);
  const broken = repository.texts([blob]);
  await expect(broken).rejects.toThrow(new RegExp(`object ${blob} cannot be read`));
  await expect(broken).rejects.toMatchObject({ retryable: true });
  await repository.fetch();
  expect(await repository.texts([blob])).toEqual(['x']);
});

test.each(['', 'cut off', '0'.repeat(39)])(
  'a cached clone whose ref for new commits is broken makes them all the same: "%s"',
  async (text) => {
    const server = await serve();
    const cacheFolder = await scratch();
    const first = await open(server.url, { cacheFolder });
    await write(first, change({ 'live/a/b.yaml': 'x' }));
    await first.close();
    const second = await open(server.url, { cacheFolder });
    await second.fetch();
    await writeFile(join(cacheFolder, 'clone.git', 'refs', 'perch', 'next'), text);
    const base = await write(second, change({ 'live/a/b.yaml': 'y' }));
    expect((await second.fetch()).run).toBe(base);
  },
);

test('what one process finds broken in a cached clone, the next one does not find again', async () => {
  const server = await serve();
  const cacheFolder = await scratch();
  const first = await open(server.url, { cacheFolder });
  await write(first, change({ 'live/a/b.yaml': 'x' }));
  const snapshot = await first.fetch();
  const [release] = await first.list(snapshot);
  const [blob = ''] = (await first.files(release?.live ?? '')).values();
  await damageObject(join(cacheFolder, 'clone.git'), blob);
  await first.close();
  const second = await open(server.url, { cacheFolder });
  await second.fetch();
  await expect(second.texts([blob])).rejects.toThrow();
  await second.close();
  const third = await open(server.url, { cacheFolder });
  await third.fetch();
  expect(await third.texts([blob])).toEqual(['x']);
});

async function leaveLock(clone: string): Promise<void> {
  await rm(join(clone, 'refs', 'perch', 'run'));
  await writeFile(join(clone, 'refs', 'perch', 'run.lock'), '');
}

async function removeObjects(clone: string): Promise<void> {
  for (const name of await readdir(join(clone, 'objects'))) {
    if (name !== 'info') await rm(join(clone, 'objects', name), { recursive: true });
  }
}

async function damageObject(clone: string, oid: string): Promise<void> {
  const path = join(clone, 'objects', oid.slice(0, 2), oid.slice(2));
  await chmod(path, 0o644);
  const other = spawnSync('git', ['hash-object', '-w', '--stdin'], {
    input: 'forged',
    encoding: 'utf8',
    env: { ...process.env, GIT_DIR: clone },
  }).stdout.trim();
  // Well-formed, but another object: git itself would not notice.
  await writeFile(path, await readFile(join(clone, 'objects', other.slice(0, 2), other.slice(2))));
}
