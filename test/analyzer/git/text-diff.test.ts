import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { textDiff } from '../../../analyzer/git/text-diff.ts';

const side = (texts: Readonly<Record<string, string>>) => new Map(Object.entries(texts));

test('files that change, come and go, with names that git apply takes', async () => {
  const before = side({ 'live/app/a.yaml': 'x: 1\n', 'live/app/old.yaml': 'o: 1\n' });
  const after = side({ 'live/app/a.yaml': 'x: 2\n', 'live/app/új.yaml': 'n: 1\n' });
  const diff = await textDiff({ before, after });
  expect(diff.split('\n').filter((it) => /^(---|\+\+\+|[-+] ?\w)/.test(it))).toEqual([
    '--- a/live/app/a.yaml',
    '+++ b/live/app/a.yaml',
    '-x: 1',
    '+x: 2',
    '--- a/live/app/old.yaml',
    '+++ /dev/null',
    '-o: 1',
    '--- /dev/null',
    '+++ b/live/app/új.yaml',
    '+n: 1',
  ]);
});

test('nothing where nothing changes', async () => {
  const same = side({ 'live/app/a.yaml': 'x: 1\n' });
  expect(await textDiff({ before: same, after: same })).toBe('');
});

test('a path that leaves its folder is refused, and nothing is left behind', async () => {
  const left = async () => (await readdir(tmpdir())).filter((it) => it.startsWith('perch-diff-'));
  const before = await left();
  const after = side({ '../../x': '1\n' });
  await expect(textDiff({ before: new Map(), after })).rejects.toThrow(/leaves its folder/);
  expect((await left()).filter((it) => !before.includes(it))).toEqual([]);
});
