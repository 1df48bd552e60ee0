import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { GitCommand, GitEvent } from '../../../analyzer/git/command.ts';
import { findLastChanges } from '../../../analyzer/git/last-changes.ts';

const RELEASES = Array.from({ length: 12 }, (_, index) => `app-${index}`);
const events: GitEvent[] = [];
let folder: string;
let git: GitCommand;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perch-last-changes-'));
  execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', folder]);
  const log = (it: GitEvent) => void events.push(it);
  git = {
    gitDir: folder,
    config: [],
    environment: {},
    networkTimeoutMs: 10_000,
    localTimeoutMs: 10_000,
    log,
  };
  // Twice around, live/ and rollouts/ in turns; the last two releases move together.
  const commits = [...RELEASES, ...RELEASES.slice(0, 6)].map((id, index) =>
    commitOf(index, [index % 2 === 0 ? `live/${id}/a.yaml` : `rollouts/${id}/strange "ä`]),
  );
  const last = commitOf(99, ['live/app-10/b', 'live/app-11/b', 'dist/app-1/b', 'other/app-2/b']);
  execFileSync('git', ['--git-dir', folder, 'fast-import', '--quiet'], {
    input: [...commits, last].join(''),
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function commitOf(index: number, paths: readonly string[]): string {
  const person = `Robin <robin@example.com> ${1_700_000_000 + index} +0000`;
  const files = paths.map(
    (it) => `M 100644 inline ${JSON.stringify(it)}\ndata <<END\n${index}\nEND\n`,
  );
  return `commit refs/heads/main\ncommitter ${person}\ndata 1\n.\n${files.join('')}\n`;
}

test('one walk over all releases finds what a walk for each finds', async () => {
  const tip = execFileSync('git', ['--git-dir', folder, 'rev-parse', 'main'], { encoding: 'utf8' });
  const commit = tip.trim();
  const changes = findLastChanges(git, async () => new Set(RELEASES));
  const wanted = [...RELEASES, ...RELEASES, 'unknown'];
  const found = await Promise.all(wanted.map((id) => changes.find(commit, id)));
  const each = await Promise.all(
    wanted.map((id) => findLastChanges(git, async () => new Set()).find(commit, id)),
  );
  expect(found).toEqual(each);
  expect(new Set(found).size).toBe(12);
  expect(found.at(-1)).toBeUndefined();
});

test('few releases are asked for one by one, and another commit starts anew', async () => {
  const changes = findLastChanges(git, () => Promise.reject(new Error('not asked')));
  for (const revision of ['main', 'main~3', 'main', 'main~1'])
    for (const id of RELEASES.slice(0, 8)) await changes.find(revision, id);
});
