import { describe, expect, test } from 'vitest';
import { bare, git, IDENTITY } from '../analyzer/git/fixture.ts';
import { repositoryContract } from '../contract/repository.ts';
import { memoryRemote } from './git-memory.ts';

describe('a repository in memory', () => {
  repositoryContract(async () => {
    const remote = memoryRemote();
    return {
      repository: remote.open(IDENTITY),
      edit: async (files, removes = []) =>
        remote.write({
          subject: 'by hand',
          at: 1_700_000_000,
          removes,
          files: Object.entries(files),
        }),
    };
  });
});

test('what is written to a disk is the same for git', async () => {
  const remote = memoryRemote();
  const edit = { at: 1_700_000_000, removes: [] };
  remote.write({ ...edit, subject: 'one', files: [['dist/app/plan.yaml', 'ä\n']] });
  const tip = remote.write({ ...edit, subject: 'two', files: [['live/a.yaml', '']] });
  const { folder } = await bare();
  await remote.save(folder);
  git(folder, 'fsck', '--strict');
  expect(git(folder, 'log', '--format=%H %s', 'main')).toBe(
    `${tip} two\n${remote.id('main~1')} one`,
  );
  expect(git(folder, 'show', 'main:dist/app/plan.yaml')).toBe('ä');
});
