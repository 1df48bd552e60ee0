import { describe } from 'vitest';
import { repositoryContract } from '../../contract/repository.ts';
import { person } from '../field.ts';
import { bare, open } from './fixture.ts';

describe('a repository of git', () => {
  repositoryContract(async () => {
    const { folder } = await bare();
    const { write } = person(folder);
    return {
      repository: await open(folder),
      edit: async (files, removes = []) =>
        write({ subject: 'by hand', at: 1_700_000_000, removes, files: Object.entries(files) }),
    };
  });
});
