import { existsSync } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { GitError, openLocal } from '../../../analyzer/git/index.ts';
import { bare, begin, change, git, merge, open, plan, scratch, serve, write } from './fixture.ts';

describe('one branch over smart HTTP', () => {
  test('an empty remote is an error, and not an empty branch', async () => {
    const server = await serve();
    const repository = await open(server.url);
    await expect(repository.fetch()).rejects.toThrow(/there is no branch main of/);
    const first = begin(server.folder);
    const there = await repository.fetch();
    expect(there).toEqual({ run: first, source: first });
    expect(await repository.list(there)).toEqual([]);
  });

  test('lists the trees of each release, with the last step as the complete set', async () => {
    const server = await serve();
    const repository = await open(server.url);
    const commit = merge(server.folder, {
      ...plan('dist/podinfo', '2'),
      ...plan('rollouts/podinfo/plan', '2'),
      ...plan('rollouts/podinfo/stable', '1'),
      'rollouts/podinfo/state.yaml': 'transition: 1\n',
      'live/podinfo/service.yaml': 's\n',
      'dist/nginx/plan.yaml': 'n\n',
      'live/orphan/service.yaml': 'o\n',
      'dist/README.md': 'not a release\n',
    });
    const tree = (path: string) => git(server.folder, 'rev-parse', `${commit}:${path}`);
    const snapshot = await repository.fetch();
    const releases = await repository.list(snapshot);
    expect(releases).toEqual([
      { id: 'nginx', dist: tree('dist/nginx') },
      { id: 'orphan', live: tree('live/orphan') },
      {
        id: 'podinfo',
        dist: tree('dist/podinfo'),
        plan: tree('dist/podinfo'),
        stable: tree('rollouts/podinfo/stable'),
        state: tree('rollouts/podinfo/state.yaml'),
        live: tree('live/podinfo'),
        complete: tree('dist/podinfo/steps/02-complete'),
      },
    ]);
    const podinfo = releases[2];
    const files = await repository.files(podinfo?.plan ?? '');
    expect([...files.keys()]).toEqual([
      'PLAN.md',
      'plan.yaml',
      'steps/01-canary-up/deployment-podinfo-canary.yaml',
      'steps/02-complete/deployment-podinfo-primary.yaml',
    ]);
    const blobs = [
      files.get('plan.yaml') ?? '',
      podinfo?.state ?? '',
      files.get('plan.yaml') ?? '',
    ];
    expect(await repository.texts(blobs)).toEqual([
      'version: 2\n',
      'transition: 1\n',
      'version: 2\n',
    ]);
  });

  test('an unchanged remote is asked once, and a second list reads no rollout again', async () => {
    const server = await serve();
    const commands: string[] = [];
    const repository = await open(server.url, { log: (event) => commands.push(event.command) });
    await write(repository, change({ ...plan('rollouts/podinfo/plan', '1') }));
    const first = await repository.list(await repository.fetch());
    commands.length = 0;
    const second = await repository.list(await repository.fetch());
    expect(second).toEqual(first);
    expect(commands).toContain('ls-remote');
    expect(commands).not.toContain('fetch');
  });

  test('a second writer comes first: moved, and after a fetch the next commit is on top of theirs', async () => {
    const server = await serve();
    const [ours, theirs] = [await open(server.url), await open(server.url)];
    const base = await write(ours, change({ 'live/podinfo/a.yaml': '1' }));
    await theirs.fetch();

    const [lost = ''] = await ours.commit(base, [change({ 'live/podinfo/a.yaml': 'ours' })]);
    const other = await write(theirs, change({ 'live/nginx/a.yaml': 'theirs' }));
    expect(await ours.push(lost)).toEqual({ kind: 'moved' });
    expect(git(server.folder, 'rev-parse', 'main')).toBe(other);

    expect(await ours.fetch()).toEqual({ run: other, source: other });
    const [again = ''] = await ours.commit(other, [change({ 'live/podinfo/a.yaml': 'ours' })]);
    expect(await ours.push(again)).toEqual({ kind: 'pushed' });
    expect(git(server.folder, 'log', '--format=%H', 'main').split('\n')).toEqual([
      again,
      other,
      base,
    ]);
    expect(git(server.folder, 'fsck', '--strict')).toBe('');
  });

  test('the same changes on the same parent have the same ids', async () => {
    const server = await bare();
    const [one, two] = [await open(server.url), await open(server.url)];
    const changes = [change({ 'live/a/b.yaml': 'x' }), change({ 'live/a/b.yaml': 'y' })];
    expect(await one.commit(undefined, changes)).toEqual(await two.commit(undefined, changes));
  });

  test('many changes are as many commits and one push', async () => {
    const server = await bare();
    const repository = await open(server.url);
    const ids = Array.from({ length: 200 }, (_, index) => `release-${index}`);
    await write(
      repository,
      ...ids.map((id) => change({ [`live/${id}/a.yaml`]: id }, { release: id })),
    );
    expect(git(server.folder, 'rev-list', '--count', 'main')).toBe('200');
  });

  test('resolves branches of the remote, ids and what is relative to them', async () => {
    const server = await bare();
    const repository = await open(server.url);
    const first = await write(repository, change({ 'live/a/b.yaml': 'x' }));
    const second = await write(repository, change({ 'live/a/b.yaml': 'y' }));
    expect(await repository.resolve('main')).toBe(second);
    expect(await repository.resolve('main~1')).toBe(first);
    expect(await repository.resolve('HEAD')).toBe(second);
    expect(await repository.resolve(first.slice(0, 10))).toBe(first);
    expect(await repository.resolve('nothing')).toBeUndefined();
    expect(await repository.resolve('--all')).toBeUndefined();
  });
});

describe('two refs', () => {
  test('two branches of one repository', async () => {
    const server = await bare();
    const source = merge(server.folder, plan('dist/podinfo', '1'));
    const repository = await open(server.url, {
      run: { remote: server.url, branch: 'run' },
      source: { remote: server.url, branch: 'main' },
    });
    const first = begin(server.folder, 'run');
    expect(await repository.fetch()).toEqual({ run: first, source });
    const dist = git(server.folder, 'rev-parse', 'main:dist/podinfo');
    const pin = { kind: 'tree', path: 'rollouts/podinfo/plan', oid: dist } as const;
    const [run = ''] = await repository.commit(first, [change({}, { writes: [pin] })]);
    expect(await repository.push(run)).toEqual({ kind: 'pushed' });
    const [podinfo] = await repository.list(await repository.fetch());
    expect(podinfo).toMatchObject({ dist, plan: dist });
    expect(git(server.folder, 'rev-parse', 'main')).toBe(source);
  });

  test('two repositories, of which only the run repository is written to', async () => {
    const [sources, runs] = [await serve(), await serve()];
    const source = merge(sources.folder, plan('dist/podinfo', '1'));
    begin(runs.folder);
    const repository = await open(runs.url, { source: { remote: sources.url, branch: 'main' } });
    const dist = git(sources.folder, 'rev-parse', 'main:dist/podinfo');
    const pin = { kind: 'tree', path: 'rollouts/podinfo/plan', oid: dist } as const;
    const run = await write(repository, change({}, { writes: [pin] }));
    expect(await repository.fetch()).toEqual({ run, source });
    expect(git(runs.folder, 'rev-parse', 'main:rollouts/podinfo/plan')).toBe(dist);
    expect(await repository.wasSource(source, 'podinfo', dist)).toBe('found');

    await sources.stop();
    const alone = await repository.fetch();
    expect(alone).toMatchObject({ run, source: undefined });
    expect(alone.sourceFailure).toMatchObject({ retryable: true });
  });

  test('a branch that is moved back is followed', async () => {
    const server = await bare();
    const repository = await open(server.url);
    const first = await write(repository, change({ 'live/a/b.yaml': 'x' }));
    await write(repository, change({ 'live/a/b.yaml': 'y' }));
    git(server.folder, 'update-ref', 'refs/heads/main', first);
    expect((await repository.fetch()).run).toBe(first);
  });
});

describe('a local folder', () => {
  test('is shared, not copied, and can be pushed to when it is bare', async () => {
    const server = await serve();
    const base = await write(await open(server.url), change({ 'live/a/b.yaml': 'x' }));
    const cacheFolder = await scratch();
    const repository = await open(server.folder, { cacheFolder });
    expect(await repository.fetch()).toEqual({ run: base, source: base });
    expect(git(join(cacheFolder, 'clone.git'), 'count-objects')).toMatch(/^0 objects/);
    const next = await write(repository, change({ 'live/a/b.yaml': 'y' }));
    expect(git(server.folder, 'rev-parse', 'main')).toBe(next);
  });

  test('with the branch checked out refuses a push, and says what to give instead', async () => {
    const folder = await scratch();
    git(folder, 'init', '--quiet', '--initial-branch=main');
    git(folder, 'commit', '--quiet', '--allow-empty', '--message=first');
    const repository = await open(folder);
    const { run } = await repository.fetch();
    const [next = ''] = await repository.commit(run, [change({ 'live/a/b.yaml': 'y' })]);
    const result = await repository.push(next);
    expect(result).toMatchObject({ kind: 'refused' });
    expect(result).toHaveProperty('reason', expect.stringContaining('URL of the bare remote'));
  });

  test('without a repository is told so', async () => {
    const folder = await scratch();
    const at = async (place: string) => (await open(place)).fetch();
    await expect(at(folder)).rejects.toThrow(/is not a Git repository/);
    await expect(at(join(folder, 'absent'))).rejects.toThrow(/is not a folder/);
    await expect(openLocal({ folder })).rejects.toThrow(/is not a Git repository/);
  });

  test('is read without clone by openLocal, also from a folder inside and from a linked work tree', async () => {
    const folder = await scratch();
    git(folder, 'init', '--quiet', '--initial-branch=main');
    await mkdir(join(folder, 'inside'));
    git(folder, 'commit', '--quiet', '--allow-empty', '--message=first');
    git(folder, 'worktree', 'add', '--quiet', '-b', 'other', join(folder, 'linked'));
    const head = git(folder, 'rev-parse', 'HEAD');
    for (const place of [folder, join(folder, 'inside'), join(folder, 'linked')]) {
      const reader = await openLocal({ folder: place });
      expect(await reader.resolve('HEAD')).toBe(head);
      expect(await reader.list({ run: head, source: head })).toEqual([]);
      await reader.close();
    }
    expect(existsSync(join(folder, '.git', 'refs', 'perch'))).toBe(false);
  });
});

test('a hook can run it: the variables that git gives to hooks point nowhere', async () => {
  const server = await bare();
  const repository = await open(server.url);
  vi.stubEnv('GIT_DIR', '/nowhere');
  vi.stubEnv('GIT_INDEX_FILE', '/nowhere/index');
  vi.stubEnv('GIT_OBJECT_DIRECTORY', '/nowhere/objects');
  const commit = await write(repository, change({ 'live/a/b.yaml': 'x' }));
  expect((await repository.list(await repository.fetch())).map(({ id }) => id)).toEqual(['a']);
  vi.unstubAllEnvs();
  expect(git(server.folder, 'rev-parse', 'main')).toBe(commit);
});

test('closing removes the private clone, and what is asked afterwards fails', async () => {
  const server = await serve();
  begin(server.folder);
  const temporary = await scratch();
  vi.stubEnv('TMPDIR', temporary);
  const repository = await open(server.url);
  await repository.fetch();
  const [clone = ''] = await readdir(temporary);
  expect((await stat(join(temporary, clone))).mode & 0o777).toBe(0o700);
  await repository.close();
  expect(await readdir(temporary)).toEqual([]);
  vi.unstubAllEnvs();
  await expect(repository.texts(['0'.repeat(40)])).rejects.toThrow(GitError);
});
