import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { openLocal, type Repository } from '../../../analyzer/git/index.ts';
import {
  bare,
  change,
  git,
  gitWith,
  IDENTITY,
  merge,
  open,
  plan,
  START,
  said,
  scratch,
  write,
} from './fixture.ts';

describe('a line of commits', () => {
  let server: Awaited<ReturnType<typeof bare>>;
  let repository: Repository;
  const commits: string[] = [];
  beforeAll(async () => {
    server = await bare();
    repository = await open(server.url);
    const files = [
      { ...plan('dist/podinfo', '1'), 'apps/podinfo.ts': '1' },
      { ...plan('rollouts/podinfo/plan', '1'), 'live/podinfo/a.yaml': '1' },
      { 'live/nginx/a.yaml': '1' },
      plan('dist/podinfo', '2'),
      { 'rollouts/podinfo/state.yaml': 'transition: 2\n' },
      { 'live/nginx/a.yaml': '2' },
    ];
    for (const [index, written] of files.entries()) {
      const at = START + index * 60;
      const message = `commit ${index}\n\nbody`;
      const isOwn = Object.keys(written).every((it) => /^(?:live|rollouts)\//.test(it));
      commits.push(
        isOwn
          ? await write(repository, change(written, { at, message: said(message) }))
          : merge(server.folder, written, { at, message }),
      );
    }
  });
  const tip = () => commits.at(-1) ?? '';

  test('shows those that touched live/ or rollouts/ of the release, with its trees in them', async () => {
    const { commits: found, complete } = await repository.history(tip(), 'podinfo');
    expect(complete).toBe(true);
    expect(found.map(({ oid }) => oid)).toEqual([commits[1], commits[4]]);
    const tree = (commit: string | undefined, path: string) =>
      git(server.folder, 'rev-parse', `${commit}:${path}`);
    expect(found[1]).toEqual({
      oid: commits[4],
      parents: [commits[3]],
      at: START + 240,
      author: `${IDENTITY.name} <${IDENTITY.email}>`,
      message: 'podinfo: commit 4\n\nbody',
      trees: {
        id: 'podinfo',
        dist: tree(commits[4], 'dist/podinfo'),
        live: tree(commits[4], 'live/podinfo'),
        plan: tree(commits[1], 'rollouts/podinfo/plan'),
        stable: undefined,
        state: tree(commits[4], 'rollouts/podinfo/state.yaml'),
        complete: tree(commits[1], 'rollouts/podinfo/plan/steps/02-complete'),
      },
    });
    expect(found[0]?.trees.state).toBeUndefined();
  });

  test('has a last change for each release, as seen from any commit', async () => {
    const last = async (commit: string | undefined, id: string) =>
      (await repository.lastChange(commit ?? '', id))?.oid;
    expect(await last(tip(), 'podinfo')).toBe(commits[4]);
    expect(await last(commits[3], 'podinfo')).toBe(commits[1]);
    expect(await last(tip(), 'nginx')).toBe(commits[5]);
    expect(await last(commits[0], 'nginx')).toBeUndefined();
    expect(await last(tip(), '*')).toBeUndefined();
    await expect(last(tip(), '../live')).rejects.toThrow(/release id|path/);
  });

  test('knows which trees were a plan of the source, once and now, and which never were', async () => {
    const tree = (commit: string | undefined) =>
      git(server.folder, 'rev-parse', `${commit}:dist/podinfo`);
    const [first, second] = [tree(commits[0]), tree(commits[3])];
    expect(await repository.wasSource(tip(), 'podinfo', first)).toBe('found');
    expect(await repository.wasSource(tip(), 'podinfo', second)).toBe('found');
    expect(await repository.wasSource(commits[2] ?? '', 'podinfo', second)).toBe('absent');
    expect(await repository.wasSource(tip(), 'nginx', first)).toBe('absent');
    expect(await repository.wasSource(tip(), 'podinfo', '1'.repeat(40))).toBe('absent');
  });

  test('is cut off in a shallow clone, which says so', async () => {
    const folder = await shallowClone(server.folder, 2);
    const reader = await openLocal({ folder });
    const found = await reader.history(tip(), 'podinfo');
    expect(found.complete).toBe(false);
    expect(found.commits.map(({ oid }) => oid)).toEqual([commits[4]]);
    // At the cut nobody knows what changed there.
    expect(await reader.lastChange(tip(), 'podinfo')).toBeUndefined();
    expect((await reader.lastChange(tip(), 'nginx'))?.oid).toBe(commits[5]);
    expect((await reader.list({ run: tip(), source: tip() })).map(({ id }) => id)).toEqual([
      'nginx',
      'podinfo',
    ]);
    await reader.close();

    const shared = await open(folder);
    expect(await shared.fetch()).toEqual({ run: tip(), source: tip() });
    expect((await shared.history(tip(), 'podinfo')).complete).toBe(false);
  });
});

async function shallowClone(from: string, depth: number): Promise<string> {
  const folder = join(await scratch(), 'shallow');
  const url = pathToFileURL(from).href;
  git('.', 'clone', '--quiet', '--bare', `--depth=${depth}`, '--branch=main', url, folder);
  return folder;
}

describe('merges', () => {
  test('that undo what the last commit did are not hidden', async () => {
    const server = await bare();
    const repository = await open(server.url);
    const first = await write(repository, change({ 'live/podinfo/a.yaml': '1' }));
    const second = await write(repository, change({ 'live/podinfo/a.yaml': '2' }));
    const side = commitTree(server.folder, `${first}^{tree}`, [first]);
    const undone = commitTree(server.folder, `${side}^{tree}`, [second, side]);
    git(server.folder, 'update-ref', 'refs/heads/main', undone);
    await repository.fetch();
    const { commits } = await repository.history(undone, 'podinfo');
    expect(commits.map(({ oid }) => oid)).toEqual([first, second, undone]);
    expect((await repository.lastChange(undone, 'podinfo'))?.oid).toBe(undone);
  });

  test('that only bring the branch into another line add nothing', async () => {
    const server = await bare();
    const repository = await open(server.url);
    const first = await write(repository, change({ 'live/podinfo/a.yaml': '1' }));
    const second = await write(repository, change({ 'live/podinfo/a.yaml': '2' }));
    const side = commitTree(server.folder, `${first}^{tree}`, [first]);
    // As `git pull` does it: the own line is the first parent.
    const merged = commitTree(server.folder, `${second}^{tree}`, [side, second]);
    git(server.folder, 'update-ref', 'refs/heads/main', merged);
    await repository.fetch();
    const { commits } = await repository.history(merged, 'podinfo');
    expect(commits.map(({ oid }) => oid)).toEqual([first, second]);
    expect((await repository.lastChange(merged, 'podinfo'))?.oid).toBe(second);
  });

  test('of a pull request are not changes of the releases that it does not touch', async () => {
    const server = await bare();
    const repository = await open(server.url);
    const first = await write(repository, change({ 'live/podinfo/a.yaml': '1' }));
    const forked = merge(server.folder, { 'apps/nginx.ts': '1' });
    git(server.folder, 'update-ref', 'refs/heads/main', first);
    const second = await write(repository, change({ 'live/podinfo/a.yaml': '2' }));
    const merged = commitTree(server.folder, `${second}^{tree}`, [second, forked]);
    git(server.folder, 'update-ref', 'refs/heads/main', merged);
    await repository.fetch();
    const { commits } = await repository.history(merged, 'podinfo');
    expect(commits.map(({ oid }) => oid)).toEqual([first, second]);
    expect((await repository.lastChange(merged, 'podinfo'))?.oid).toBe(second);
  });

  test('that made something new are changes', async () => {
    const server = await bare();
    const repository = await open(server.url);
    const first = await write(repository, change({ 'live/podinfo/a.yaml': '1' }));
    const second = await write(repository, change({ 'live/podinfo/a.yaml': '2' }));
    git(server.folder, 'update-ref', 'refs/heads/main', first);
    const other = await write(repository, change({ 'live/podinfo/b.yaml': '3' }));
    const merged = commitTree(server.folder, `${other}^{tree}`, [second, first]);
    git(server.folder, 'update-ref', 'refs/heads/main', merged);
    await repository.fetch();
    const { commits } = await repository.history(merged, 'podinfo');
    expect(commits.map(({ oid }) => oid)).toEqual([first, second, merged]);
    expect((await repository.lastChange(merged, 'podinfo'))?.oid).toBe(merged);
  });

  test('that took the other side do not hide a plan that was the source once', async () => {
    const server = await bare();
    const repository = await open(server.url);
    const first = merge(server.folder, plan('dist/podinfo', '1'));
    const second = merge(server.folder, plan('dist/podinfo', '2'));
    const tree = git(server.folder, 'rev-parse', `${second}:dist/podinfo`);
    const merged = commitTree(server.folder, `${first}^{tree}`, [second, first]);
    git(server.folder, 'update-ref', 'refs/heads/main', merged);
    await repository.fetch();
    expect(await repository.wasSource(merged, 'podinfo', tree)).toBe('found');
  });
});

function commitTree(folder: string, tree: string, parents: readonly string[]): string {
  const options = parents.flatMap((parent) => ['-p', parent]);
  return git(folder, 'commit-tree', ...options, '-m', 'merge', tree);
}

test('replace refs do not change what is read', async () => {
  const server = await bare();
  const repository = await open(server.url);
  const commit = await write(repository, change({ 'live/podinfo/a.yaml': 'true' }));
  const blob = git(server.folder, 'rev-parse', `${commit}:live/podinfo/a.yaml`);
  const forged = gitWith(
    { folder: server.folder, input: 'forged' },
    'hash-object',
    '-w',
    '--stdin',
  );
  git(server.folder, 'replace', blob, forged);
  const reader = await openLocal({ folder: server.folder });
  expect(await reader.texts([blob])).toEqual(['true']);
  await reader.close();
});

test('links are listed as what no file is', async () => {
  const server = await bare();
  const blob = gitWith({ folder: server.folder, input: 'target' }, 'hash-object', '-w', '--stdin');
  const absent = '1'.repeat(40);
  const input = `120000 blob ${blob}\tlink\n100755 blob ${blob}\tprogram\n160000 commit ${absent}\tmodule\n`;
  const tree = gitWith({ folder: server.folder, input }, 'mktree', '--missing');
  const reader = await openLocal({ folder: server.folder });
  const files = await reader.files(tree);
  expect(Object.fromEntries(files)).toEqual({
    link: `120000:${blob}`,
    module: `160000:${absent}`,
    program: blob,
  });
  await expect(reader.texts([`120000:${blob}`])).rejects.toThrow(/is not an object id/);
  await reader.close();
});
