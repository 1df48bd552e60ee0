import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeTextfile } from '../../../analyzer/telemetry/textfile.ts';
import { scratch } from '../git/fixture.ts';

test('the file is replaced whole, readable by others, and nothing is left beside it', async () => {
  const folder = await scratch();
  const file = join(folder, 'perch.prom');
  await writeFile(file, 'old');
  const before = await stat(file);
  await writeTextfile(file, 'new');
  expect(await readFile(file, 'utf8')).toBe('new');
  const after = await stat(file);
  // Another file under the same name: whoever reads the old one reads it to its end.
  expect(after.ino).not.toBe(before.ino);
  expect(after.mode & 0o444).toBe(0o444);
  expect(await readdir(folder)).toEqual(['perch.prom']);
});

test('a folder that is not there is an error, and a failed rename leaves nothing', async () => {
  const folder = await scratch();
  await expect(writeTextfile(join(folder, 'no', 'perch.prom'), 'x')).rejects.toThrow('ENOENT');
  await mkdir(join(folder, 'perch.prom', 'inside'), { recursive: true });
  await expect(writeTextfile(join(folder, 'perch.prom'), 'x')).rejects.toThrow();
  expect(await readdir(folder)).toEqual(['perch.prom']);
});
