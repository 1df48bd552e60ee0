import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { initBranch } from '../../../analyzer/git/index.ts';
import { bare, begin, change, git, IDENTITY, open, START, serve, write } from './fixture.ts';

async function hook(folder: string, name: string, text: string): Promise<void> {
  await mkdir(join(folder, 'hooks'), { recursive: true });
  await writeFile(join(folder, 'hooks', name), `#!/bin/sh\n${text}\n`);
  await chmod(join(folder, 'hooks', name), 0o755);
}

test('a protected branch refuses, and its reason comes along', async () => {
  const server = await serve();
  const repository = await open(server.url);
  const base = await write(repository, change({ 'live/a/b.yaml': 'x' }));
  await hook(
    server.folder,
    'pre-receive',
    'echo "main is protected: see http://me:pw@wiki" >&2; exit 1',
  );
  const [next = ''] = await repository.commit(base, [change({ 'live/a/b.yaml': 'y' })]);
  const result = await repository.push(next);
  expect(result).toEqual({
    kind: 'refused',
    reason: '[remote rejected] (pre-receive hook declined): main is protected: see http://***@wiki',
  });
  expect(await repository.fetch()).toEqual({ run: base, source: base });
});

test('a branch that another writer holds locked counts as moved', async () => {
  const server = await serve();
  const repository = await open(server.url);
  const base = await write(repository, change({ 'live/a/b.yaml': 'x' }));
  await writeFile(join(server.folder, 'refs', 'heads', 'main.lock'), '');
  const [next = ''] = await repository.commit(base, [change({ 'live/a/b.yaml': 'y' })]);
  expect(await repository.push(next)).toEqual({ kind: 'moved' });
});

test('a branch that moves while the server is receiving counts as moved', async () => {
  const server = await serve();
  const repository = await open(server.url);
  const base = await write(repository, change({ 'live/a/b.yaml': 'x' }));
  const tree = git(server.folder, 'rev-parse', `${base}^{tree}`);
  const other = git(server.folder, 'commit-tree', '-p', base, '-m', 'other', tree);
  // In pre-receive the objects are there, and the ref is not locked yet.
  await hook(
    server.folder,
    'pre-receive',
    `unset GIT_QUARANTINE_PATH; git update-ref refs/heads/main ${other}`,
  );
  const [next = ''] = await repository.commit(base, [change({ 'live/a/b.yaml': 'y' })]);
  expect(await repository.push(next)).toEqual({ kind: 'moved' });
  expect(git(server.folder, 'rev-parse', 'main')).toBe(other);
});

test('a branch that can never be, because a branch is where its folder would be, is refused', async () => {
  const server = await bare();
  begin(server.folder);
  const run = { remote: server.url, branch: 'main/run' };
  const source = { remote: server.url, branch: 'main' };
  const options = { run, source, identity: IDENTITY, now: START, beside: false };
  expect(await initBranch(options)).toMatchObject({ kind: 'refused' });
});

test('pushing what is there already is no failure', async () => {
  const server = await bare();
  const repository = await open(server.url);
  const base = await write(repository, change({ 'live/a/b.yaml': 'x' }));
  expect(await repository.push(base)).toEqual({ kind: 'alreadyThere' });
});

test('hooks and push options of the machine play no part', async () => {
  const server = await bare();
  const repository = await open(server.url, {
    environment: {
      GIT_CONFIG_COUNT: '2',
      GIT_CONFIG_KEY_0: 'push.gpgSign',
      GIT_CONFIG_VALUE_0: 'true',
      GIT_CONFIG_KEY_1: 'push.followTags',
      GIT_CONFIG_VALUE_1: 'true',
    },
  });
  await write(repository, change({ 'live/a/b.yaml': 'x' }));
  expect(git(server.folder, 'for-each-ref', '--format=%(refname)')).toBe('refs/heads/main');
});
