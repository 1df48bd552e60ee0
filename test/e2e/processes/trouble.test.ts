import { describe, expect, test } from 'vitest';
import type { Change } from '../../../analyzer/core/change.ts';
import { GitError } from '../../../analyzer/git/git-error.ts';
import type { Repository } from '../../../analyzer/git/index.ts';
import { tick } from '../../../analyzer/tick/tick.ts';
import { plan } from '../../analyzer/core/fixture.ts';
import { inStepOfGit, openField } from '../../analyzer/field.ts';
import { bare, git } from '../../analyzer/git/fixture.ts';

/** What is wrong with one release stays its own. */

const V1 = plan('v1');

async function two() {
  const field = await openField((await bare()).folder);
  await field.release({ bad: V1, good: V1 });
  return field;
}

/** What git really refuses: a file whose content is nowhere. */
function withMissingBlob(release: string): (it: Repository) => Repository {
  const spoil = (it: Change): Change =>
    it.release === release && it.writes.length > 0
      ? {
          ...it,
          writes: [
            ...it.writes,
            { kind: 'blob', path: `live/${release}/x.yaml`, oid: '1'.repeat(40) },
          ],
        }
      : it;
  return (it) => ({
    ...it,
    commit: (parent, changes) => it.commit(parent, changes.map(spoil)),
  });
}

describe.concurrent('what is wrong with one release', () => {
  test('an object of it that Git has lost: the others go on', async () => {
    const field = await two();
    const first = await field.analyzer();
    await tick(first);
    field.now += 70;
    await field.world.sync();
    const lost = git(field.folder, 'rev-parse', 'main:live/bad');
    const analyzer = await field.analyzer((it) => ({
      ...it,
      files: async (tree) => {
        if (tree === lost) throw new GitError(`tree ${tree} is missing`, { retryable: true });
        return it.files(tree);
      },
    }));
    // Both plans are the same, and so are the trees of both: only one of them is lost.
    await field.edit({ 'live/good/more.yaml': '{}\n' });
    const { outcomes } = await tick(analyzer);
    expect(outcomes).toMatchObject([
      {
        release: 'bad',
        decision: {
          kind: 'hold',
          reason: expect.stringMatching(/^what Git holds of it cannot be used: tree .* missing$/),
        },
      },
      { release: 'good', decision: { reason: expect.not.stringMatching(/cannot be used/) } },
    ]);
  });

  test('a change that git refuses to commit: the others are pushed, and it says why', async () => {
    const field = await two();
    const report = await tick(await field.analyzer(withMissingBlob('bad')));
    expect(report.refused).toBeUndefined();
    expect(report.outcomes).toMatchObject([
      {
        release: 'bad',
        decision: {
          kind: 'hold',
          reason: expect.stringMatching(
            /^it should move .* cannot be committed: commits could not/,
          ),
        },
      },
      { release: 'good', commit: git(field.folder, 'rev-parse', 'main') },
    ]);
    expect(report.outcomes[0]?.commit).toBeUndefined();
  });

  test('a change that git refuses, alone in its pass, does not end the analyzer', async () => {
    const field = await two();
    await field.edit({}, ['dist/good']);
    const report = await tick(await field.analyzer(withMissingBlob('bad')));
    expect(report.outcomes).toMatchObject([{ release: 'bad', decision: { kind: 'hold' } }]);
  });

  test('a repository that takes no commit at all is trouble of all', async () => {
    const field = await two();
    const analyzer = await field.analyzer((it) => ({
      ...it,
      commit: async () => {
        throw new GitError('commits could not be made: disk full', { retryable: false });
      },
    }));
    await expect(tick(analyzer)).rejects.toThrow('disk full');
  });

  test('files of its newest plan that cannot be read now stop no rollback', async () => {
    const { field } = await inStepOfGit('02-weight-20');
    await field.release({ app: plan('v3') });
    const analyzer = await field.analyzer((it) => ({
      ...it,
      texts: async (blobs) => {
        // The newest plan's manifests, one by one, are what only the gate reads.
        if (blobs.length === 1 && lost.has(blobs[0] ?? ''))
          throw new GitError(`blob ${blobs[0]} is missing`, { retryable: true });
        return it.texts(blobs);
      },
    }));
    const tree = git(field.folder, 'ls-tree', '-r', 'main:dist/app/steps').split('\n');
    const known = git(field.folder, 'ls-tree', '-r', 'main:rollouts/app');
    const lost = new Set(
      tree.map((it) => it.split(/\s/)[2] ?? '').filter((it) => !known.includes(it)),
    );
    expect(lost.size).toBeGreaterThan(0);
    field.world.value = () => 80;
    field.now += 70;
    const { outcomes } = await tick(analyzer);
    expect(outcomes).toMatchObject([{ decision: { kind: 'move', transition: 'back' } }]);
  });
});
