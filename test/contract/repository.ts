import { expect, test } from 'vitest';
import type { Change, FileWrite } from '../../analyzer/core/change.ts';
import type { Message } from '../../analyzer/core/message.ts';
import { GitError, type Repository } from '../../analyzer/git/index.ts';

/** A repository with one branch, main, that is not born yet, and another person who pushes to it. */
export interface OpenedRepository {
  readonly repository: Repository;
  /** The person's commit on top of main: files are written, and paths removed. @returns its id */
  readonly edit: (
    files: Readonly<Record<string, string>>,
    removes?: readonly string[],
  ) => Promise<string>;
}

const AT = 1_700_000_000;

const MESSAGE: Message = {
  topic: 'app',
  headline: 'start',
  body: [['body']],
  trailers: [[{ name: 'Key', value: 'value' }]],
};

/** A plan with a step, as a person merges it. */
function dist(id: string, version: string): Readonly<Record<string, string>> {
  return {
    [`dist/${id}/plan.yaml`]: `version: ${version}\n`,
    [`dist/${id}/steps/01-complete/service.yaml`]: `name: ${version}\n`,
  };
}

/**
 * What every `Repository` must do. Its commits are by `Perch Test <perch@example.com>`, so that their ids are known.
 * Call it in a test file of its own.
 */
export function repositoryContract(open: () => Promise<OpenedRepository>): void {
  const write = (path: string, text: string): FileWrite => ({ kind: 'text', path, text });
  const change = (writes: readonly FileWrite[], more: Partial<Change> = {}): Change => ({
    ...{ release: 'app', message: MESSAGE, at: AT },
    writes,
    ...more,
  });

  async function pushed(repository: Repository, ...changes: readonly Change[]): Promise<string> {
    const { run } = await repository.fetch();
    const last = (await repository.commit(run, changes)).at(-1) ?? '';
    expect(await repository.push(last)).toEqual({ kind: 'pushed' });
    return last;
  }

  /** A release that runs what its plan says. */
  async function released({ repository, edit }: OpenedRepository): Promise<string> {
    await edit(dist('app', 'v1'));
    const { run = '' } = await repository.fetch();
    const trees = await repository.treesAt(run, 'app');
    const plan = trees.dist ?? '';
    return pushed(
      repository,
      change([
        { kind: 'tree', path: 'rollouts/app/plan', oid: plan },
        { kind: 'tree', path: 'rollouts/app/stable', oid: plan },
        write('rollouts/app/state.yaml', 'kind: complete\n'),
        write('live/app/service.yaml', 'name: v1\n'),
      ]),
    );
  }

  test('a branch that is not there is an error, and no empty repository', async () => {
    const { repository } = await open();
    await expect(repository.fetch()).rejects.toThrow(GitError);
    await expect(repository.fetch()).rejects.toThrow('there is no branch main');
  });

  test('objects have the ids that git gives them', async () => {
    const { repository } = await open();
    const writes = [
      write('live/app/a/b.yaml', 'b'),
      // A folder is ordered as if its name ended with a slash.
      write('live/app/a.yaml', 'ä\n'),
      write('live/app/a-b.yaml', ''),
    ];
    const [first = '', second = ''] = await repository.commit(undefined, [
      change(writes),
      change([{ kind: 'delete', path: 'live/app/a' }], {
        message: { ...MESSAGE, headline: 'next', body: [], trailers: [] },
      }),
    ]);
    expect([first, second]).toEqual([
      '0783ae0dc45659f05b44b33812a602dd7653ac1e',
      'ac0d85db4e6b3ec4a8d60580d657df51f67da415',
    ]);
  });

  test('a release is told by its trees', async () => {
    const opened = await open();
    const { repository } = opened;
    const run = await released(opened);
    const [app, ...others] = await repository.list({ run, source: run });
    expect(others).toEqual([]);
    expect(app).toEqual(await repository.treesAt(run, 'app'));
    expect([app?.plan, app?.stable]).toEqual([app?.dist, app?.dist]);
    expect(app?.complete).toBe(app?.live);
    expect(await repository.texts([app?.state ?? ''])).toEqual(['kind: complete\n']);
    const files = await repository.files(app?.plan ?? '');
    expect([...files.keys()]).toEqual(['plan.yaml', 'steps/01-complete/service.yaml']);
    expect(await repository.texts([...files.values()])).toEqual(['version: v1\n', 'name: v1\n']);
    await expect(repository.texts([app?.plan ?? ''])).rejects.toThrow(GitError);
    await expect(repository.files('f'.repeat(40))).rejects.toThrow(GitError);
  });

  test('plain manifests and folders of folders are no releases, and what belongs to none is told', async () => {
    const { repository, edit } = await open();
    const run = await edit({
      'dist/perch/kustomization.yaml': '',
      'dist/examples/podinfo/plan.yaml': '',
      'live/Odd_Name/service.yaml': '',
      'rollouts/readme.txt': '',
    });
    expect(await repository.fetch()).toEqual({ run, source: run });
    expect(await repository.list({ run, source: run })).toEqual([]);
    expect(await repository.strays({ run, source: run })).toEqual([
      'live/Odd_Name',
      'rollouts/readme.txt',
    ]);
  });

  test('what is written replaces what was there, and an empty folder is none', async () => {
    const opened = await open();
    const { repository } = opened;
    const before = await repository.treesAt(await released(opened), 'app');
    const run = await pushed(
      repository,
      change([
        { kind: 'delete', path: 'live/app/service.yaml' },
        { kind: 'delete', path: 'live/app/not-there.yaml' },
        { kind: 'blob', path: 'rollouts/app/plan/plan.yaml', oid: before.state ?? '' },
      ]),
    );
    const after = await repository.treesAt(run, 'app');
    expect(after).toMatchObject({ stable: before.stable, state: before.state });
    expect(after.live).toBeUndefined();
    expect((await repository.files(after.plan ?? '')).get('plan.yaml')).toBe(before.state);
  });

  test('nothing is written outside the release', async () => {
    const { repository } = await open();
    for (const path of ['dist/app/plan.yaml', 'live/web/a.yaml', 'live/app/../web/a.yaml'])
      await expect(repository.commit(undefined, [change([write(path, '')])])).rejects.toThrow(
        GitError,
      );
  });

  test('a revision is a branch, an id, or one so many commits before', async () => {
    const opened = await open();
    const { repository } = opened;
    const run = await released(opened);
    const first = await repository.resolve('main~1');
    expect(await repository.resolve('main')).toBe(run);
    expect(await repository.resolve(run)).toBe(run);
    expect(await repository.resolve(`${run}~1`)).toBe(first);
    for (const it of ['main~2', 'other', 'f'.repeat(40)])
      expect(await repository.resolve(it)).toBeUndefined();
    expect(await repository.follows(run, first ?? '')).toBe(true);
    expect(await repository.follows(first ?? '', run)).toBe(false);
    expect(await repository.follows(run, 'f'.repeat(40))).toBe(false);
  });

  test('history is what touched the release', async () => {
    const opened = await open();
    const { repository, edit } = opened;
    const made = await released(opened);
    await edit({ 'README.md': 'hello\n' });
    const byHand = await edit({ 'live/app/service.yaml': 'name: v2\n' });
    const tip = await edit(dist('app', 'v2'));
    await repository.fetch();
    const { commits, complete } = await repository.history(tip, 'app');
    expect(complete).toBe(true);
    expect(commits.map((it) => it.oid)).toEqual([made, byHand]);
    expect(commits[0]).toMatchObject({
      at: AT,
      author: 'Perch Test <perch@example.com>',
      message: 'app: start\n\nbody\n\nKey: value',
      parents: [await repository.resolve(`${made}~1`)],
      trees: await repository.treesAt(made, 'app'),
    });
    expect(await repository.lastChange(tip, 'app')).toEqual(commits[1]);
    expect(await repository.lastChange(made, 'app')).toEqual(commits[0]);
    expect(await repository.lastChange(tip, 'web')).toBeUndefined();
    expect(await repository.changedPaths([byHand, made])).toEqual([
      ['live/app/service.yaml'],
      [
        'live/app/service.yaml',
        'rollouts/app/plan/plan.yaml',
        'rollouts/app/plan/steps/01-complete/service.yaml',
        'rollouts/app/stable/plan.yaml',
        'rollouts/app/stable/steps/01-complete/service.yaml',
        'rollouts/app/state.yaml',
      ],
    ]);
  });

  test('a plan was merged, or never was', async () => {
    const opened = await open();
    const { repository, edit } = opened;
    const { dist: old = '', live = '' } = await repository.treesAt(await released(opened), 'app');
    const tip = await edit({}, ['dist/app']);
    await repository.fetch();
    expect(await repository.wasSource(tip, 'app', old)).toBe('found');
    expect(await repository.wasSource(tip, 'web', old)).toBe('absent');
    expect(await repository.wasSource(tip, 'app', live)).toBe('absent');
  });

  test('a push wins or loses, and never forces', async () => {
    const opened = await open();
    const { repository, edit } = opened;
    await released(opened);
    const { run } = await repository.fetch();
    const [mine = ''] = await repository.commit(run, [change([write('live/app/b.yaml', 'b')])]);
    const theirs = await edit({ 'README.md': 'first\n' });
    expect(await repository.push(mine)).toEqual({ kind: 'moved' });
    expect(await repository.fetch()).toEqual({ run: theirs, source: theirs });
    const [again = ''] = await repository.commit(theirs, [change([write('live/app/b.yaml', 'b')])]);
    expect(await repository.push(again)).toEqual({ kind: 'pushed' });
    expect(await repository.push(again)).toEqual({ kind: 'alreadyThere' });
    expect(await repository.fetch()).toEqual({ run: again, source: again });
  });
}
