import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openLocal } from '../../../analyzer/git/index.ts';
import { git, scratch } from './fixture.ts';

test('names are given as they are, also those that look like commits or fields', async () => {
  const folder = await scratch();
  git(folder, 'init', '--quiet', '--initial-branch=main');
  const commit = (...names: string[]) => {
    for (const it of names) writeFileSync(join(folder, it), `${names}`);
    git(folder, 'add', '--all');
    git(folder, 'commit', '--quiet', '--allow-empty', '-m', 'x');
    return git(folder, 'rev-parse', 'HEAD');
  };
  const first = commit('a', 'b\nc');
  const empty = commit();
  const odd = commit(first, ':100644 100644');
  git(folder, 'checkout', '--quiet', '-b', 'side', first);
  const side = commit('side');
  git(folder, 'checkout', '--quiet', 'main');
  git(folder, 'merge', '--quiet', '-m', 'merge', 'side');
  const merge = git(folder, 'rev-parse', 'HEAD');
  const reader = await openLocal({ folder });
  expect(await reader.changedPaths([odd, first, empty, side, merge])).toEqual([
    [first, ':100644 100644'].sort(),
    ['a', 'b\nc'],
    [],
    ['side'],
    ['side'],
  ]);
  expect(await reader.changedPaths([])).toEqual([]);
  await reader.close();
});
