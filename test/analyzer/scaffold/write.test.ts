import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { PackageParts } from '../../../analyzer/scaffold/project.ts';
import { writeFiles, writePackage } from '../../../analyzer/scaffold/write.ts';
import { temporaryFolder } from '../../cleanups.ts';

const PARTS: PackageParts = {
  type: 'module',
  scripts: { synth: 'ours' },
  dependencies: { perch: '0.1.0', cdk8s: '2.0.0' },
  devDependencies: { tsx: '4.0.0' },
  allowScripts: { backport: false, esbuild: false },
};

function packageIn(folder: string): unknown {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}

test('a file that is there is kept, whatever it says', async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'a.txt'), 'mine');
  const files = new Map([
    ['a.txt', 'ours'],
    ['deep/b.txt', 'ours'],
  ]);
  expect(await writeFiles(folder, files)).toEqual([
    { path: 'a.txt', outcome: 'kept' },
    { path: 'deep/b.txt', outcome: 'written' },
  ]);
  expect(readFileSync(join(folder, 'a.txt'), 'utf8')).toBe('mine');
  expect(readFileSync(join(folder, 'deep/b.txt'), 'utf8')).toBe('ours');
});

test('a package.json gets what it lacks, and nothing that it has changes', async () => {
  const folder = temporaryFolder();
  const own = {
    name: 'mine',
    scripts: { synth: 'mine', test: 'mine' },
    dependencies: { perch: 'file:../perch.tgz', tsx: '3.0.0' },
    allowScripts: { esbuild: true },
  };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(own));
  expect(await writePackage(folder, 'x', PARTS)).toEqual({
    path: 'package.json',
    outcome: 'extended',
  });
  const extended = {
    name: 'mine',
    scripts: { synth: 'mine', test: 'mine' },
    dependencies: { cdk8s: '2.0.0', perch: 'file:../perch.tgz', tsx: '3.0.0' },
    type: 'module',
    devDependencies: {},
    allowScripts: { backport: false, esbuild: true },
  };
  expect(packageIn(folder)).toEqual(extended);
  expect(await writePackage(folder, 'x', PARTS)).toEqual({ path: 'package.json', outcome: 'kept' });
});

test('a new package.json is private', async () => {
  const folder = temporaryFolder();
  expect(await writePackage(folder, 'shop', PARTS)).toMatchObject({ outcome: 'written' });
  expect(packageIn(folder)).toEqual({ name: 'shop', private: true, ...PARTS });
});

test('a package.json that cannot be read is left alone, and named', async () => {
  const folder = temporaryFolder();
  for (const text of ['{', '[]', '1']) {
    writeFileSync(join(folder, 'package.json'), text);
    await expect(writePackage(folder, 'x', PARTS)).rejects.toThrow(/package\.json is not .*JSON/);
    expect(readFileSync(join(folder, 'package.json'), 'utf8')).toBe(text);
  }
});
