import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { verify } from '../../../analyzer/history/history.ts';
import { newMemory } from '../../../analyzer/tick/analyzer.ts';
import { tick } from '../../../analyzer/tick/tick.ts';
import { plan } from '../../analyzer/core/fixture.ts';
import { type GitField, openField, untilRest } from '../../analyzer/field.ts';
import { bare, git, gitWith, scratch } from '../../analyzer/git/fixture.ts';
import { pushRaw, type RawEntry, rawEntries, rawTree } from '../../analyzer/git/raw-tree.ts';

/** Files that a person, or whoever may push, leaves in the folders of releases. */

let template: GitField;

beforeAll(async () => {
  template = await openField((await bare()).folder);
  const analyzer = await template.analyzer();
  await template.release({ app: plan('v1'), web: plan('v1') });
  await untilRest(template, analyzer);
  await template.release({ app: plan('v2'), web: plan('v2') });
  for (let ticks = 0; ticks < 3; ticks++) {
    await tick(analyzer);
    await template.world.sync();
    template.now += 70;
  }
});

/** A copy of a field in which app and web both stand in a step of v2. */
async function inStepOfGit(): Promise<GitField> {
  const folder = join(await scratch(), 'repository.git');
  await cp(template.folder, folder, { recursive: true });
  const field = await openField(folder);
  field.now = template.now;
  await field.world.sync();
  field.now += 70;
  return field;
}

function blob(folder: string, text = 'x'): string {
  return gitWith({ folder, input: text }, 'hash-object', '-w', '--stdin');
}

type Entries = (folder: string, before: readonly RawEntry[]) => readonly RawEntry[];

const NAMES = [
  'notes\\old.yaml',
  'new\nline.yaml',
  'D live',
  'bell\x07.yaml',
  '"quoted".yaml',
  "it's",
  '.git',
  '.gitmodules',
  'git~1',
  '-rf',
  ':(glob)*',
  'x'.repeat(4000),
  'ü日本😀',
];

const odd: Entries = (folder, before) => {
  const oid = blob(folder);
  const bytes = [...NAMES.map((it) => Buffer.from(it)), Buffer.from([0xff, 0xfe, 0x5c])];
  return [...before, ...bytes.map((name) => ({ mode: '100644', name, oid }) as const)];
};

const otherKinds: Entries = (folder, before) => {
  const [first, second, third, ...rest] = before;
  if (first === undefined || second === undefined || third === undefined) throw new Error('few');
  const inner = rawTree(folder, [{ mode: '100644', name: Buffer.from('x'), oid: blob(folder) }]);
  return [
    { ...first, mode: '40000', oid: inner },
    { ...second, mode: '120000', oid: blob(folder, '/etc/passwd') },
    { ...third, mode: '160000', oid: git(folder, 'rev-parse', 'main') },
    ...rest.map((it) => ({ ...it, mode: '100755' }) as const),
  ];
};

const malformed: Entries = (folder, before) => {
  const oid = blob(folder);
  const names = ['a/b', '..', '../../dist', '.', '/'].map((it) => Buffer.from(it));
  return [...before, ...names.map((name) => ({ mode: '100644', name, oid }) as const)];
};

/** Few objects that stand for a thousand million files. */
const bomb: Entries = (folder, before) => {
  let oid = blob(folder);
  for (let level = 0; level < 9; level++) {
    const mode = level === 0 ? '100644' : '40000';
    const names = Array.from({ length: 10 }, (_, at) => Buffer.from(`f${at}`));
    oid = rawTree(
      folder,
      names.map((name) => ({ mode, name, oid }) as const),
    );
  }
  return [...before, { mode: '40000', name: Buffer.from('bomb'), oid }];
};

describe.concurrent('live/<id> with', () => {
  test.each([
    ['hostile names', odd],
    ['folders, links and submodules for files', otherKinds],
    ['names that git itself refuses', malformed],
    ['more files than anybody can list', bomb],
  ])('%s: the release holds alone, and its rollback removes them', async (_, entries) => {
    const field = await inStepOfGit();
    const { folder } = field;
    pushRaw(folder, 'live/app', (tree = '') => ({
      mode: '40000',
      oid: rawTree(folder, entries(folder, rawEntries(folder, tree))),
    }));
    const analyzer = await field.analyzer();
    const first = await tick(analyzer);
    expect(first.outcomes).toMatchObject([
      { release: 'app', decision: { kind: 'hold' }, status: { phase: 'Paused' } },
      { release: 'web', decision: { kind: 'move', transition: 'next' } },
    ]);
    // Git lists every path of a difference, so nobody can verify what more paths than that were removed from.
    await goesBack(field, entries !== bomb);
  });

  test('a file in its place: the release holds alone, and its rollback makes the folder', async () => {
    const field = await inStepOfGit();
    const oid = blob(field.folder);
    pushRaw(field.folder, 'live/app', () => ({ mode: '100644', oid }));
    const report = await tick(await field.analyzer());
    expect(report.outcomes).toMatchObject([
      { release: 'app', decision: { kind: 'hold' } },
      { release: 'web', decision: { kind: 'move' } },
    ]);
    await goesBack(field, true);
  });
});

/** Both go back to v1, and every byte is as it must be. */
async function goesBack(field: GitField, verifies: boolean): Promise<void> {
  const { folder } = field;
  field.world.value = () => 80;
  field.now += 70;
  // Only what is live can be applied: the cluster is as it was until app is on its rollback.
  const analyzer = { ...(await field.analyzer()), memory: newMemory() };
  expect((await tick(analyzer)).outcomes).toMatchObject([
    { release: 'app', decision: { kind: 'move', transition: 'back' } },
    { release: 'web', decision: { kind: 'move', transition: 'back' } },
  ]);
  await field.world.sync();
  await untilRest(field, analyzer);
  for (const id of ['app', 'web'])
    expect(git(folder, 'rev-parse', `main:live/${id}`)).toBe(
      git(folder, 'rev-parse', `main:rollouts/${id}/stable/steps/06-complete`),
    );
  if (!verifies) return;
  const { repository } = analyzer;
  const problems = (await verify(repository, await repository.fetch())).flatMap(
    (it) => it.problems,
  );
  expect(problems).toEqual([]);
}

describe.concurrent('rollouts/<id> with', () => {
  test.each([
    ['a folder', '40000'],
    ['a link', '120000'],
    ['a submodule', '160000'],
  ] as const)('%s for state.yaml holds, and never begins anew', async (_, mode) => {
    const field = await inStepOfGit();
    const { folder } = field;
    const oids = {
      '40000': git(folder, 'rev-parse', 'main:dist'),
      '120000': blob(folder, '/etc/passwd'),
      '160000': git(folder, 'rev-parse', 'main'),
    };
    pushRaw(folder, 'rollouts/app/state.yaml', () => ({ mode, oid: oids[mode] }));
    const report = await tick(await field.analyzer());
    expect(report.outcomes).toMatchObject([
      { release: 'app', decision: { kind: 'hold' } },
      { release: 'web', decision: { kind: 'move', transition: 'next' } },
    ]);
  });

  test('links for the files of the pinned plan holds alone', async () => {
    const field = await inStepOfGit();
    const { folder } = field;
    for (const step of ['01-canary-up', '02-weight-20'])
      pushRaw(folder, `rollouts/app/plan/steps/${step}`, (tree = '') => ({
        mode: '40000',
        oid: rawTree(
          folder,
          rawEntries(folder, tree).map((it) => ({ ...it, mode: '120000' }) as const),
        ),
      }));
    const report = await tick(await field.analyzer());
    expect(report.outcomes).toMatchObject([
      { release: 'app', decision: { kind: 'hold' } },
      { release: 'web', decision: { kind: 'move', transition: 'next' } },
    ]);
  });

  test('hostile names beside the plan disturbs nobody', async () => {
    const field = await inStepOfGit();
    const { folder } = field;
    pushRaw(folder, 'rollouts/app', (tree = '') => ({
      mode: '40000',
      oid: rawTree(folder, odd(folder, rawEntries(folder, tree))),
    }));
    const report = await tick(await field.analyzer());
    expect(report.outcomes.map((it) => it.release)).toEqual(['app', 'web']);
    expect(report.outcomes[1]).toMatchObject({ decision: { kind: 'move' } });
  });
});

test('dist/<id> with hostile names is refused, and the other release starts', async () => {
  const field = await openField((await bare()).folder);
  await field.release({ app: plan('v1'), web: plan('v1') });
  pushRaw(field.folder, 'dist/app', (tree = '') => ({
    mode: '40000',
    oid: rawTree(field.folder, odd(field.folder, rawEntries(field.folder, tree))),
  }));
  const report = await tick(await field.analyzer());
  expect(report.outcomes).toMatchObject([
    {
      release: 'app',
      decision: { kind: 'rest', reason: expect.stringMatching(/belongs to no step/) },
    },
    { release: 'web', decision: { kind: 'move', transition: 'start' } },
  ]);
});

test('names that no release can have are reported, and never obeyed', async () => {
  const field = await inStepOfGit();
  const { folder } = field;
  const app = git(folder, 'rev-parse', 'main:live/app');
  const rollout = git(folder, 'rev-parse', 'main:rollouts/app');
  const copies = ['My Release', '.hidden', 'a\\b', '..', 'x'.repeat(80)].map((it) =>
    Buffer.from(it),
  );
  for (const [place, oid] of [
    ['live', app],
    ['rollouts', rollout],
  ] as const)
    pushRaw(folder, place, (tree = '') => ({
      mode: '40000',
      oid: rawTree(folder, [
        ...rawEntries(folder, tree),
        ...copies.map((name) => ({ mode: '40000', name, oid }) as const),
        { mode: '100644', name: Buffer.from('README.md'), oid: blob(folder) },
      ]),
    }));
  const { repository, ...rest } = await field.analyzer();
  const snapshot = await repository.fetch();
  expect(await repository.strays(snapshot)).toEqual(
    ['live', 'rollouts'].flatMap((it) =>
      ['..', '.hidden', 'My Release', 'README.md', 'a\\b', 'x'.repeat(80)].map(
        (name) => `${it}/${name}`,
      ),
    ),
  );
  const report = await tick({ ...rest, repository });
  expect(report.outcomes.map((it) => [it.release, it.decision.kind])).toEqual([
    ['app', 'move'],
    ['web', 'move'],
  ]);
});
