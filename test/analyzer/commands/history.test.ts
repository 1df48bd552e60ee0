import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type GitField, inStepOfGit } from '../field.ts';
import { git, scratch } from '../git/fixture.ts';
import type { Cli } from './cli.ts';
import { openPerch } from './in-process.ts';

let perch: Cli;
let field: GitField;

beforeAll(async () => {
  perch = await openPerch();
  ({ field } = await inStepOfGit('03-weight-50'));
  await field.edit({ 'live/app/service-app.yaml': '{}\n' });
});

describe.concurrent('perch history', () => {
  test('prints each commit, the newest first', async () => {
    const { code, stdout } = await perch('history', 'app', '--repo', field.folder);
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^WHEN +COMMIT +NO +KIND +POSITION +VERDICT +BY +REASON$/);
    expect(
      lines
        .slice(1)
        .reverse()
        .map((it) => it.replaceAll(/ {2,}/g, ' ')),
    ).toEqual([
      expect.stringMatching(
        /^2027-01-15T\S+Z [0-9a-f]{7} 1 start init none analyzer first release of candidate/,
      ),
      expect.stringMatching(/ 2 complete complete none analyzer live and ready$/),
      expect.stringMatching(/ 3 start 01-canary-up none analyzer new candidate/),
      expect.stringMatching(/ 4 next 02-weight-20 none analyzer live and ready$/),
      expect.stringMatching(/ 5 next 03-weight-50 pass analyzer 3 of 3 checks passed$/),
      expect.stringMatching(
        / - edit 03-weight-50 - Robin <robin@example\.com> by hand \(wrong: live/,
      ),
    ]);
  });

  test('prints JSON with every key in every row', async () => {
    const { stdout } = await perch('history', 'app', '--json', '--repo', field.folder);
    const rows = JSON.parse(stdout) as Record<string, unknown>[];
    expect(new Set(rows.map((it) => Object.keys(it).sort().join()))).toEqual(
      new Set(['at,by,candidate,commit,kind,position,problems,reason,transition,verdict']),
    );
    expect(rows[0]).toMatchObject({ transition: null, verdict: null, kind: 'edit' });
  });

  test('of a shallow clone says where it is cut', async () => {
    const folder = join(await scratch(), 'clone');
    git(field.folder, 'clone', '--quiet', '--bare', '--depth=3', `file://${field.folder}`, folder);
    const { stdout } = await perch('history', 'app', '--repo', folder);
    expect(stdout.trimEnd().split('\n').at(-1)).toMatch(
      / - +cut +.* what came before is not in this shallow clone$/,
    );
  });

  test('of an unknown release lists those that are there', async () => {
    expect(await perch('history', 'nope', '--repo', field.folder)).toEqual({
      code: 2,
      stdout: '',
      stderr: 'perch: there is no release "nope"; there are: app\n',
    });
  });

  test('of a release that has not started says so', async () => {
    const first = git(field.folder, 'rev-list', '--max-parents=0', 'main');
    git(field.folder, 'branch', 'early', first);
    expect(
      await perch('history', 'app', '--repo', field.folder, '--branch', 'early'),
    ).toMatchObject({
      code: 0,
      stdout: 'no history: the release has not started on this branch\n',
    });
  });
});
