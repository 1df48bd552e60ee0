import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { afterFile } from '../../cleanups.ts';
import { bare, begin, change, git, merge, open, plan, scratch, serve, write } from './fixture.ts';

const LIVE = { 'live/app/a.yaml': 'x' };

describe('a run branch that is not there is an error, and never an empty one', () => {
  test('deleted while it is followed: it says so, names the last commit, and goes on once it is back', async () => {
    const server = await serve();
    const repository = await open(server.url);
    const tip = await write(repository, change(LIVE));
    git(server.folder, 'update-ref', 'refs/heads/renamed', tip);
    git(server.folder, 'update-ref', '-d', 'refs/heads/main');
    for (const _ of [1, 2])
      await expect(repository.fetch()).rejects.toMatchObject({
        retryable: false,
        usage: false,
        message: expect.stringMatching(
          `branch main of \\S+ is gone; it was at ${tip} \\(there are: renamed\\).*git push .* ${tip}:refs/heads/main`,
        ),
      });
    git(server.folder, 'update-ref', 'refs/heads/main', tip);
    expect((await repository.fetch()).run).toBe(tip);
  });

  test('gone since the last start: the cache knows what there was', async () => {
    const server = await bare();
    const cacheFolder = await scratch();
    const first = await open(server.url, { cacheFolder });
    const tip = await write(first, change(LIVE));
    await first.close();
    git(server.folder, 'update-ref', '-d', 'refs/heads/main');
    const second = await open(server.url, { cacheFolder });
    await expect(second.fetch()).rejects.toThrow(`is gone; it was at ${tip}`);
  });

  test('a typo, with the cache of another branch: nothing is said to be gone', async () => {
    const server = await bare();
    const cacheFolder = await scratch();
    const first = await open(server.url, { cacheFolder });
    await write(first, change(LIVE));
    await first.close();
    const typo = { remote: server.url, branch: 'mian' };
    const second = await open(server.url, { cacheFolder, run: typo });
    await expect(second.fetch()).rejects.toThrow(
      /^there is no branch mian of \S+ \(there are: main\).*--branch.*perch init-branch/,
    );
  });

  test('deleted between look and push: the push does not make it again', async () => {
    const server = await serve();
    const repository = await open(server.url);
    const tip = await write(repository, change(LIVE));
    await repository.fetch();
    const [next = ''] = await repository.commit(tip, [change({ 'live/app/a.yaml': 'y' })]);
    git(server.folder, 'update-ref', '-d', 'refs/heads/main');
    expect(await repository.push(next)).toEqual({ kind: 'moved' });
    expect(git(server.folder, 'for-each-ref')).toBe('');
  });
});

describe('a source branch that is not there', () => {
  test.each([true, false])('is an answer, with both on one server: %s', async (together) => {
    const runs = await serve();
    const sources = together ? runs : await serve();
    const run = begin(runs.folder, 'live');
    const source = merge(sources.folder, plan('dist/app', '1'));
    const repository = await open(runs.url, {
      run: { remote: runs.url, branch: 'live' },
      source: { remote: sources.url, branch: 'main' },
    });
    expect(await repository.fetch()).toEqual({ run, source });
    git(sources.folder, 'update-ref', '-d', 'refs/heads/main');
    const alone = await repository.fetch();
    expect(alone).toMatchObject({ run, source: undefined });
    expect(alone.sourceFailure?.message).toContain(`is gone; it was at ${source}`);
  });
});

test.each([
  [
    'a login page',
    'text/html',
    '<!DOCTYPE html>\n<title>Sign in</title>\n',
    /not a Git repository/,
  ],
  ['a login page in one line', 'text/html', '<title>Sign in</title>', /names no branch at all/],
  ['an empty answer', 'text/plain', '', /the answer names no branch at all/],
  ['an empty object', 'application/json', '{}', /the answer names no branch at all/],
  ['a page that calls itself Git', GIT(), '<!DOCTYPE html>', /not a Git repository/],
  ['half an answer', GIT(), '', /cannot be reached|not a Git repository/],
  ['no refs', GIT(), '001e# service=git-upload-pack\n00000000', /names no branch at all/],
])('%s instead of the repository counts as unreachable', async (_, type, body, expected) => {
  const server = createServer((_, response) =>
    response.writeHead(200, { 'content-type': type }).end(body),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterFile(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const repository = await open(`http://127.0.0.1:${port}/x.git`);
  await expect(repository.fetch()).rejects.toMatchObject({
    retryable: true,
    message: expect.stringMatching(expected),
  });
});

function GIT(): string {
  return 'application/x-git-upload-pack-advertisement';
}
