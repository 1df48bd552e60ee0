import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { GitCommand } from '../../../analyzer/git/command.ts';
import { openObjects } from '../../../analyzer/git/objects.ts';
import { git, gitWith, scratch } from './fixture.ts';

let folder: string;
let small: string;
let large: string;
beforeAll(async () => {
  folder = await scratch();
  git(folder, 'init', '--quiet', '--bare');
  small = gitWith({ folder, input: 'small\n' }, 'hash-object', '-w', '--stdin');
  large = gitWith({ folder, input: 'large\n'.repeat(500_000) }, 'hash-object', '-w', '--stdin');
});

function command(environment: Record<string, string> = {}): GitCommand {
  return {
    gitDir: folder,
    config: [],
    environment,
    networkTimeoutMs: 1000,
    localTimeoutMs: 1000,
    log: () => undefined,
  };
}

test('objects come in the order asked, also across overlapping calls', async () => {
  const objects = openObjects(command());
  const [first, second] = await Promise.all([
    objects.read([small, large, 'absent', small]),
    objects.read([large, small]),
  ]);
  expect(first.map((object) => object?.content.length)).toEqual([6, 3_000_000, undefined, 6]);
  expect(second.map((object) => object?.content.length)).toEqual([3_000_000, 6]);
  expect(first[0]).toEqual({ oid: small, kind: 'blob', content: Buffer.from('small\n') });
  objects.close();
});

test('a corrupt object is named, and the next request is answered', async () => {
  const input = 'broken\n'.repeat(1000);
  const broken = gitWith({ folder, input }, 'hash-object', '-w', '--stdin');
  const path = join(folder, 'objects', broken.slice(0, 2), broken.slice(2));
  await chmod(path, 0o644);
  const bytes = await readFile(path);
  await writeFile(path, bytes.subarray(0, bytes.length / 2));
  const objects = openObjects(command());
  await expect(objects.read([small, broken, large])).rejects.toThrow(
    `object ${broken} cannot be read`,
  );
  expect((await objects.read([small]))[0]?.oid).toBe(small);
  objects.close();
});

test('a git without --batch-command is asked the older way', async () => {
  const wrappers = await scratch();
  const path = process.env.PATH ?? '';
  const refuse = `case "$*" in *--batch-command*) echo "error: unknown option" >&2; exit 129;; esac`;
  await writeFile(join(wrappers, 'git'), `#!/bin/sh\n${refuse}\nPATH='${path}' exec git "$@"\n`);
  await chmod(join(wrappers, 'git'), 0o755);
  const objects = openObjects(command({ PATH: `${wrappers}:${path}` }));
  const found = await objects.read([small, 'absent', small]);
  expect(found.map((object) => object?.oid)).toEqual([small, undefined, small]);
  objects.close();
});

test('a missing git and a missing repository are told', async () => {
  const nowhere = openObjects(command({ PATH: await scratch() }));
  await expect(nowhere.read([small])).rejects.toThrow(/ENOENT/);
  const gone = openObjects({ ...command(), gitDir: join(folder, 'absent') });
  await expect(gone.read([small])).rejects.toThrow(/not a git repository/);
});
