import { existsSync, mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  filesBelow,
  fromProject,
  MANIFESTS_MARK,
  readText,
  writeFolders,
} from '../../lib/files.ts';
import { temporaryFolder } from '../cleanups.ts';

function folder(): string {
  return temporaryFolder();
}

function tree(entries: Readonly<Record<string, string | Uint8Array>>) {
  return new Map(Object.entries({ 'plan.yaml': 'plan', ...entries }));
}

test('writes what is new, and bytes as they are', () => {
  const root = join(folder(), 'deep', 'dist');
  const bytes = new Uint8Array([0, 255, 10]);
  expect(
    writeFolders(root, new Map([['shop', tree({ 'steps/00/a.yaml': 'a', b: bytes })]])),
  ).toEqual([{ id: 'shop', changed: 3, removed: 0 }]);
  expect(readFileSync(join(root, 'shop/b'))).toEqual(Buffer.from(bytes));
});

test('a second time touches nothing', () => {
  const root = folder();
  const releases = new Map([['shop', tree({ 'steps/00/a.yaml': 'a' })]]);
  writeFolders(root, releases);
  const path = join(root, 'shop/steps/00/a.yaml');
  utimesSync(path, 1000, 1000);
  expect(writeFolders(root, releases)).toEqual([{ id: 'shop', changed: 0, removed: 0 }]);
  expect(statSync(path).mtimeMs).toBe(1_000_000);
});

test('files and releases that are gone disappear, with their empty folders', () => {
  const root = folder();
  writeFolders(
    root,
    new Map([
      ['shop', tree({ 'steps/00/a.yaml': 'a' })],
      ['old', tree({})],
    ]),
  );
  expect(writeFolders(root, new Map([['shop', tree({ 'steps/01/b.yaml': 'b' })]]))).toEqual([
    { id: 'shop', changed: 1, removed: 1 },
    { id: 'old', changed: 0, removed: 1 },
  ]);
  expect([...filesBelow(root)].sort()).toEqual(['shop/plan.yaml', 'shop/steps/01/b.yaml']);
  expect(existsSync(join(root, 'shop/steps/00'))).toBe(false);
});

test('a folder of plain manifests disappears by its own mark, and may become a release', () => {
  const root = folder();
  const marked = new Map([[MANIFESTS_MARK, 'mark']]);
  writeFolders(
    root,
    new Map([
      ['tools', marked],
      ['old', marked],
    ]),
  );
  expect(writeFolders(root, new Map([['tools', tree({})]]))).toEqual([
    { id: 'tools', changed: 1, removed: 1 },
    { id: 'old', changed: 0, removed: 1 },
  ]);
  expect([...filesBelow(root)]).toEqual(['tools/plan.yaml']);
});

test('a file where a folder must be, and the reverse', () => {
  const root = folder();
  writeFolders(root, new Map([['shop', tree({ a: 'file', 'b/c': 'file' })]]));
  writeFolders(root, new Map([['shop', tree({ 'a/b': 'file', b: 'file' })]]));
  expect([...filesBelow(root)].sort()).toEqual(['shop/a/b', 'shop/b', 'shop/plan.yaml']);
});

test('what is no release of ours stays: the output folder may be anywhere', () => {
  const root = folder();
  mkdirSync(join(root, 'precious'));
  writeFileSync(join(root, 'precious', 'file'), 'x');
  writeFileSync(join(root, 'note'), 'x');
  writeFolders(root, new Map());
  expect([...filesBelow(root)].sort()).toEqual(['note', 'precious/file']);
});

test('relative paths count from the project, wherever the command runs', () => {
  const before = process.cwd();
  const root = fromProject('dist');
  try {
    process.chdir('test/lib');
    expect(fromProject('dist')).toBe(root);
  } finally {
    process.chdir(before);
  }
});

test('a file that is too large for a synth is named, and not read', () => {
  const path = join(folder(), 'large.yaml');
  writeFileSync(path, 'x'.repeat(5 * 1024 ** 2));
  expect(() => readText(path)).toThrow(
    `${path} has 5242880 bytes; at most 4194304 are read: make it smaller`,
  );
});
