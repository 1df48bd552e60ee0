import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseState, stateText } from '../../../analyzer/core/state.ts';
import { openLocal, type Reader } from '../../../analyzer/git/index.ts';
import {
  lastGood,
  unaccounted,
  type Verification,
  verify,
  walk,
} from '../../../analyzer/history/history.ts';
import { newReadMemory } from '../../../analyzer/situation/situation.ts';
import { plan } from '../core/fixture.ts';
import { type GitField, openField, untilRest } from '../field.ts';
import { bare, git, scratch } from '../git/fixture.ts';

/** One release: initialized, promoted, then edited by hand. What is asked of it changes nothing. */

const [V1, V2] = [plan('v1'), plan('v2')];
let field: GitField;
let reader: Reader;
/** The last commit before the edit, and the edit. */
let clean: string;
let edited: string;

beforeAll(async () => {
  field = await openField((await bare()).folder);
  const analyzer = await field.analyzer();
  await field.release({ app: V1 });
  await untilRest(field, analyzer);
  await field.release({ app: V2 });
  await untilRest(field, analyzer);
  clean = git(field.folder, 'rev-parse', 'main');
  edited = await field.edit({ 'live/app/service-app.yaml': '{}\n' });
  reader = await openLocal({ folder: field.folder });
});

async function proof(
  run: string,
  source: string | undefined = run,
  of = reader,
): Promise<Verification> {
  const [it] = await verify(of, { run, source });
  if (it === undefined) throw new Error('nothing to verify');
  return it;
}

/** Commits a change of files on top of `parent`, beside the branch. */
function forge(parent: string, files: Readonly<Record<string, string>>): string {
  const index = join(field.folder, `index-${Math.abs(hash(JSON.stringify([parent, files])))}`);
  const env = {
    ...process.env,
    GIT_INDEX_FILE: index,
    GIT_AUTHOR_NAME: 'M',
    GIT_AUTHOR_EMAIL: 'm@x',
    GIT_COMMITTER_NAME: 'M',
    GIT_COMMITTER_EMAIL: 'm@x',
  };
  const run = (input: string, ...args: string[]) =>
    execFileSync('git', ['-C', field.folder, ...args], { env, input, encoding: 'utf8' }).trim();
  run('', 'read-tree', parent);
  for (const [path, text] of Object.entries(files)) {
    const blob = run(text, 'hash-object', '-w', '--stdin');
    run('', 'update-index', '--add', '--cacheinfo', `100644,${blob},${path}`);
  }
  return run('', 'commit-tree', run('', 'write-tree'), '-p', parent, '-m', 'forged');
}

function hash(text: string): number {
  return [...text].reduce((sum, it) => (sum * 31 + it.charCodeAt(0)) | 0, 0);
}

describe('a commit that carries out a transition', () => {
  test('and changes something else is told, with the path', async () => {
    const tree = git(field.folder, 'rev-parse', `${clean}^{tree}`);
    const message = git(field.folder, 'log', '-1', '--format=%B', clean);
    const beside = forge(clean, { 'dist/app/PLAN.md': 'x', 'live/web/a.yaml': 'x' });
    const both = git(field.folder, 'rev-parse', `${beside}^{tree}`);
    const made = (of: string) =>
      git(field.folder, 'commit-tree', of, '-p', `${clean}^`, '-m', message);
    expect(await proof(made(tree))).toMatchObject({ ownPaths: 8, problems: [] });
    const stray = made(both);
    expect((await proof(stray)).problems).toContainEqual(
      `"dist/app/PLAN.md" and 1 more changed beside the transition (in commit ${stray.slice(0, 10)})`,
    );
  });
});

describe('a revision', () => {
  test('in which all is as it must be is verified, with its history and its source', async () => {
    // Two for the first release, six for the second.
    expect(await proof(clean)).toEqual({
      release: 'app',
      transitions: 8,
      complete: true,
      ownPaths: 8,
      source: 'found',
      problems: [],
    });
  });

  test.each([1, 2, 3, 4, 5, 6])('is verified %i commits before, too', async (back) => {
    expect((await proof(`${git(field.folder, 'rev-parse', `${clean}~${back}`)}`)).problems).toEqual(
      [],
    );
  });

  test('that was edited by hand names the file once', async () => {
    const { problems } = await proof(edited);
    expect(problems[0]).toBe('live/app/service-app.yaml');
    expect(problems.filter((it) => it.startsWith('live/app/service-app.yaml'))).toHaveLength(1);
  });

  test('after an edit that was taken back in silence still names the commits', async () => {
    const text = git(field.folder, 'show', `${clean}:live/app/service-app.yaml`);
    const { problems } = await proof(forge(edited, { 'live/app/service-app.yaml': text }));
    expect(problems).toContainEqual(`live/app/service-app.yaml (in commit ${edited.slice(0, 10)})`);
  });

  test('with a plan that never was in the source is not proved', async () => {
    const elsewhere = forge(clean, { 'README.md': 'x' });
    const orphan = git(field.folder, 'rev-list', '--max-parents=0', elsewhere);
    const { problems, source } = await proof(clean, orphan);
    expect(source).toBe('absent');
    expect(problems).toContainEqual(
      `rollouts/app: plan ${git(field.folder, 'rev-parse', `${clean}:rollouts/app/plan`).slice(0, 10)} never was dist/app in the source`,
    );
  });

  test('without a source says so, and proves the rest', async () => {
    expect(await verify(reader, { run: clean, source: undefined })).toMatchObject([
      { source: 'unknown', problems: [] },
    ]);
  });

  test('on which nothing has started has nothing to verify', async () => {
    const first = git(field.folder, 'rev-list', '--max-parents=0', clean);
    expect(await verify(reader, { run: first, source: first })).toEqual([]);
  });
});

describe('a forged transition', () => {
  test.each<[string, (state: string) => string, RegExp]>([
    [
      'that skips a number',
      (it) => it.replace(/^transition: \d+/, 'transition: 99'),
      /transition went from 8 to 99/,
    ],
    [
      'to a step',
      (it) =>
        it
          .replace(/^transition: 8/, 'transition: 9')
          .replace('position:\n  kind: complete', 'position:\n  kind: step\n  step: 03-weight-50'),
      /no legal transition|live\/app/,
    ],
    [
      'that is no transition',
      (it) => it.replace(/^transition: 8/, 'transition: 9').replace('kind: complete', 'kind: next'),
      /next from complete to complete is not a legal transition/,
    ],
    [
      'of another release',
      (it) => it.replace(/^transition: 8/, 'transition: 9').replace('release: app', 'release: web'),
      /is of release web/,
    ],
  ])('%s is found', async (_, change, expected) => {
    const path = 'rollouts/app/state.yaml';
    const state = `${git(field.folder, 'show', `${clean}:${path}`)}\n`;
    expect(change(state)).not.toBe(state);
    const { problems } = await proof(forge(clean, { [path]: change(state) }), clean);
    expect(problems.join('\n')).toMatch(expected);
  });
});

describe('a forged undo', () => {
  /** An undo of the tip to a plan, by somebody who knows how: trees, files and state agree. */
  function undoTo(tree: string): string {
    const text = git(field.folder, 'show', `${clean}:rollouts/app/state.yaml`);
    const state = parseState(text, 'state.yaml');
    const position = { kind: 'back', step: '06-complete', part: 'primary' } as const;
    const forged = stateText({
      ...state,
      transition: state.transition + 1,
      kind: 'undo',
      position,
      stable: tree,
      failed: { candidate: state.candidate, step: '06-complete', reason: 'undone' },
    });
    const files: Record<string, string> = { 'rollouts/app/state.yaml': `${forged}\n` };
    for (const path of git(field.folder, 'ls-tree', '-r', '--name-only', tree).split('\n'))
      files[`rollouts/app/stable/${path}`] = git(field.folder, 'show', `${tree}:${path}`);
    return forge(clean, files);
  }

  test('to a plan that was in dist/ and never complete is found', async () => {
    await field.release({ app: plan('v3') });
    const never = git(field.folder, 'rev-parse', 'main:dist/app');
    git(field.folder, 'update-ref', 'refs/heads/main', edited);
    expect((await proof(undoTo(never))).problems.join('\n')).toMatch(
      new RegExp(`undo to plan ${never.slice(0, 10)}, which never was complete`),
    );
  });

  test('to one that was complete is held against its files alone', async () => {
    const first = git(field.folder, 'rev-list', '--max-parents=0', clean);
    const v1 = git(field.folder, 'rev-parse', `${first}:dist/app`);
    expect((await proof(undoTo(v1))).problems.join('\n')).not.toMatch(/never was complete/);
  });
});

describe('a walk', () => {
  test('visits each commit that touched the release, oldest first', async () => {
    const { visits, complete } = await walk(reader, edited, 'app', newReadMemory());
    expect(complete).toBe(true);
    expect(visits.map((it) => it.commit.oid)).toEqual(
      git(
        field.folder,
        'log',
        '--reverse',
        '--format=%H',
        edited,
        '--',
        'live/app',
        'rollouts/app',
      ).split('\n'),
    );
    expect(visits.map((it) => it.problems.length > 0)).toEqual([...Array(8).fill(false), true]);
  });

  test('knows what nobody has accepted, and what was good last', async () => {
    const found = await walk(reader, edited, 'app', newReadMemory());
    expect(unaccounted(found)).toEqual([edited]);
    expect(lastGood(found)?.state).toMatchObject({ value: { transition: 8, kind: 'complete' } });
    expect(unaccounted(await walk(reader, clean, 'app', newReadMemory()))).toEqual([]);
  });

  test('of a release that is not there finds nothing', async () => {
    expect(await walk(reader, edited, 'web', newReadMemory())).toEqual({
      visits: [],
      complete: true,
    });
  });
});

describe('a shallow clone', () => {
  async function shallow(depth: number): Promise<Reader> {
    const folder = join(await scratch(), 'clone');
    git(field.folder, 'branch', '--force', 'clean', clean);
    execFileSync('git', [
      'clone',
      '--quiet',
      '--bare',
      `--depth=${depth}`,
      '--branch=clean',
      `file://${field.folder}`,
      folder,
    ]);
    return openLocal({ folder });
  }

  test.each([1, 3])(
    'of depth %i proves the revision, and says that its history is cut off',
    async (depth) => {
      const of = await shallow(depth);
      const it = await proof(clean, clean, of);
      expect(it).toMatchObject({ complete: false, problems: [] });
      expect(it.transitions).toBeLessThan(8);
      await of.close();
    },
  );

  test('of depth 1 still finds what is wrong in the revision', async () => {
    const folder = join(await scratch(), 'clone');
    execFileSync('git', [
      'clone',
      '--quiet',
      '--bare',
      '--depth=1',
      `file://${field.folder}`,
      folder,
    ]);
    const of = await openLocal({ folder });
    expect((await proof(edited, edited, of)).problems).toEqual(['live/app/service-app.yaml']);
    await of.close();
  });
});
