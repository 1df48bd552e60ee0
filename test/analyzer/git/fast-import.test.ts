import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import type { FileWrite } from '../../../analyzer/core/change.ts';
import type { Repository } from '../../../analyzer/git/index.ts';
import { tries } from '../../tries.ts';
import { bare, change, git, IDENTITY, merge, open, START, said, write } from './fixture.ts';

let server: Awaited<ReturnType<typeof bare>>;
let repository: Repository;
beforeAll(async () => {
  server = await bare();
  repository = await open(server.url);
});

describe('only live/ and rollouts/ of its release is ever written', () => {
  test.each([
    'dist/podinfo/plan.yaml',
    'live/nginx/a.yaml',
    'rollouts/nginx/state.yaml',
    'live',
    'rollouts',
    'README.md',
    'Live/podinfo/a.yaml',
    'live/podinfo.yaml',
    '.github/workflows/ci.yaml',
  ])('%s is refused for podinfo, however it is written', async (path) => {
    const oid = '1'.repeat(40);
    const writes: readonly FileWrite[] = [
      { kind: 'text', path, text: 'x' },
      { kind: 'blob', path, oid },
      { kind: 'tree', path, oid },
      { kind: 'delete', path },
    ];
    for (const write of writes) {
      const made = repository.commit(undefined, [
        change({}, { release: 'podinfo', writes: [write] }),
      ]);
      await expect(made).rejects.toThrow(/nothing else is ever written/);
    }
  });

  test('a release whose id is no folder name writes nothing', async () => {
    for (const release of ['..', 'a/b', 'a\nb', '']) {
      const writes = [{ kind: 'text', path: `live/${release}/a`, text: 'x' } as const];
      const made = repository.commit(undefined, [change({}, { release, writes })]);
      await expect(made).rejects.toThrow(/^(?:path|release id) /);
    }
  });

  test('whatever is asked for, a commit that is made changes nothing else', async () => {
    const base = merge(server.folder, { 'dist/a/plan.yaml': '1', 'live/b/x.yaml': '1' });
    const part = fc.constantFrom(
      'live',
      'rollouts',
      'dist',
      'a',
      'b',
      'plan',
      '..',
      '.git',
      '"',
      ' ',
      '\n',
    );
    const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((it) => it.join('/'));
    await fc.assert(
      fc.asyncProperty(path, fc.boolean(), async (at, deletes) => {
        const write: FileWrite = deletes
          ? { kind: 'delete', path: at }
          : { kind: 'text', path: at, text: 'x' };
        const made = await repository
          .commit(base, [change({}, { release: 'a', writes: [write] })])
          .catch(() => []);
        for (const changed of (await repository.changedPaths(made)).flat())
          expect(changed).toMatch(/^(?:live|rollouts)\/a(?:\/|$)/);
      }),
      { numRuns: tries(60), seed: 1 },
    );
  });
});

describe('paths', () => {
  test.each([
    '../outside',
    'live/../../outside',
    '/etc/passwd',
    '',
    'live//a',
    'live/a/',
    './live',
    'live/a\nD dist',
    'live/\0',
    '.git/config',
    'live/.GIT/hooks',
    'live\\a',
  ])('%j is refused', async (path) => {
    const made = repository.commit(undefined, [change({ [path]: 'x' })]);
    await expect(made).rejects.toThrow(/^path /);
  });

  test.each([
    'live/a b.yaml',
    'live/"quoted"',
    'live/ümlaut/日本.yaml',
    'live/-rf',
    'live/:(glob)*',
  ])('%j is only a name', async (path) => {
    const commit = await write(repository, change({ [path]: 'text' }));
    const listed = git(server.folder, 'ls-tree', '-r', '-z', '--name-only', commit);
    expect(listed.split('\0')).toContain(path);
  });
});

test.each([
  ['what looks like commands', "data 3\nfrom refs/heads/x\ndone\n'$(touch x)`"],
  ['other scripts', 'weight 10 → 20 — ✓ 日本'],
  ['comments and blanks', '\n# not a comment\n   indented  \n'],
])('a message of %s comes back as it was', async (_, text) => {
  const [commit = ''] = await repository.commit(undefined, [
    change({ 'live/m/a': 'x' }, { message: said(text) }),
  ]);
  const last = await repository.lastChange(commit, 'm');
  expect(last?.message).toBe(`podinfo: ${text.replace(/\n$/, '')}`);
});

test('a NUL in a message does not cut it off', async () => {
  const [commit = ''] = await repository.commit(undefined, [
    change({ 'live/m/a': 'x' }, { message: said('before\0after') }),
  ]);
  expect((await repository.lastChange(commit, 'm'))?.message).toBe('podinfo: before\uFFFDafter');
});

test('author, committer and both times are those of the change, in UTC', async () => {
  const commit = await write(repository, change({ 'live/who/a': 'x' }, { at: START + 5 }));
  const raw = git(server.folder, 'cat-file', 'commit', commit);
  const person = `${IDENTITY.name} <${IDENTITY.email}> ${START + 5} +0000`;
  expect(raw).toContain(`author ${person}\ncommitter ${person}\n`);
});

test('writes are applied in their order: a folder is emptied, then filled from trees, blobs and texts', async () => {
  const base = merge(server.folder, {
    'live/o/old.yaml': 'old',
    'rollouts/o/plan/a.yaml': 'a',
    'dist/o/b/c.yaml': 'c',
  });
  const tree = git(server.folder, 'rev-parse', `${base}:dist/o`);
  const blob = git(server.folder, 'rev-parse', `${base}:rollouts/o/plan/a.yaml`);
  const writes: FileWrite[] = [
    { kind: 'delete', path: 'live/o' },
    { kind: 'delete', path: 'live/o/never-was' },
    { kind: 'tree', path: 'rollouts/o/plan', oid: tree },
    { kind: 'blob', path: 'live/o/copied.yaml', oid: blob },
    { kind: 'text', path: 'live/o/new.yaml', text: 'line without end' },
  ];
  const commit = await write(repository, change({}, { release: 'o', writes }));
  const podinfo = (await repository.list({ run: commit, source: commit })).find(
    ({ id }) => id === 'o',
  );
  expect(podinfo?.plan).toBe(tree);
  const live = await repository.files(podinfo?.live ?? '');
  expect([...live.keys()]).toEqual(['copied.yaml', 'new.yaml']);
  expect(await repository.texts([...live.values()])).toEqual(['a', 'line without end']);
});

test('an object or parent that does not exist is an error, and nothing is committed', async () => {
  const oid = '1'.repeat(40);
  const missing = { kind: 'tree', path: 'rollouts/x/plan', oid } as const;
  const made = repository.commit(undefined, [change({}, { release: 'x', writes: [missing] })]);
  await expect(made).rejects.toThrow(/commits could not be made/);
  await expect(repository.commit(oid, [change({ 'live/x/a': '' })])).rejects.toThrow(
    /commits could not/,
  );
  await expect(repository.commit('main', [change({ 'live/x/a': '' })])).rejects.toThrow(
    /not an object id/,
  );
});

test.each([
  { name: '', email: 'a@b' },
  { name: 'a\nb', email: 'a@b' },
  { name: 'a', email: 'a> 0 +0000\nx' },
])('the identity %j is refused', async (identity) => {
  await expect(open(server.url, { identity })).rejects.toThrow(/^identity /);
});

test('no change is no commit', async () => {
  expect(await repository.commit(undefined, [])).toEqual([]);
});
