import { describe } from 'vitest';
import { IDENTITY } from '../analyzer/git/fixture.ts';
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
