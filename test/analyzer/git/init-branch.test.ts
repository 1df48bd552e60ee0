import { describe, expect, test } from 'vitest';
import { initBranch } from '../../../analyzer/git/index.ts';
import { bare, git, IDENTITY, merge, open, START, serve } from './fixture.ts';

const more = { identity: IDENTITY, now: START, beside: false };

describe('a new run branch', () => {
  test('has one commit without a file, and is made once', async () => {
    const server = await serve();
    merge(server.folder, { 'dist/app/plan.yaml': 'x\n' });
    const run = { remote: server.url, branch: 'live' };
    const source = { remote: server.url, branch: 'main' };
    const made = await initBranch({ ...more, run, source });
    const tip = git(server.folder, 'rev-parse', 'live');
    expect(made).toEqual({ kind: 'made', commit: tip });
    expect(git(server.folder, 'ls-tree', '-r', 'live')).toBe('');
    expect(git(server.folder, 'log', '--format=%an %at %s', 'live')).toBe(
      `Perch Test ${START} Begin the run branch`,
    );
    expect(await initBranch({ ...more, run, source })).toMatchObject({
      kind: 'refused',
      reason: expect.stringMatching(/has branch live already/),
    });
    expect(git(server.folder, 'rev-parse', 'live')).toBe(tip);
    const repository = await open(server.url, { run, source });
    expect((await repository.fetch()).run).toBe(tip);
  });

  test('in an empty repository of its own', async () => {
    const [runs, sources] = [await bare(), await bare()];
    const run = { remote: runs.url, branch: 'main' };
    const source = { remote: sources.url, branch: 'main' };
    expect(await initBranch({ ...more, run, source })).toMatchObject({ kind: 'made' });
  });

  test('is refused where source and run are one branch', async () => {
    const at = { remote: (await bare()).url, branch: 'main' };
    expect(await initBranch({ ...more, run: at, source: at })).toMatchObject({
      kind: 'refused',
      reason: expect.stringMatching(/push it with your releases in dist/),
    });
  });

  test.each(['over smart HTTP', 'in a folder'])(
    'is refused beside one that is in use, as after a typo, %s',
    async (where) => {
      const server = await serve();
      merge(server.folder, { 'dist/app/plan.yaml': 'x\n', 'rollouts/app/state.yaml': 'x\n' });
      const remote = where === 'in a folder' ? server.folder : server.url;
      const run = { remote, branch: 'mian' };
      const source = { remote, branch: 'other' };
      expect(await initBranch({ ...more, run, source })).toMatchObject({
        kind: 'refused',
        reason: expect.stringMatching(/branch main of .* has rollouts\/ already.*--beside/),
      });
      expect(git(server.folder, 'for-each-ref', '--format=%(refname)')).toBe('refs/heads/main');
      expect(await initBranch({ ...more, beside: true, run, source })).toMatchObject({
        kind: 'made',
      });
    },
  );
});
