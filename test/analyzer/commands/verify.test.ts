import { beforeAll, describe, expect, test } from 'vitest';
import { type GitField, inStepOfGit } from '../field.ts';
import { git } from '../git/fixture.ts';
import type { Cli } from './cli.ts';
import { openPerch } from './in-process.ts';

let perch: Cli;
let field: GitField;
let clean: string;

beforeAll(async () => {
  perch = await openPerch();
  ({ field } = await inStepOfGit('02-weight-20'));
  clean = git(field.folder, 'rev-parse', 'main');
  await field.edit({ 'live/app/service-app.yaml': '{}\n' });
});

describe('perch verify', () => {
  test('of a clean revision exits 0', async () => {
    expect(await perch('verify', clean, '--repo', field.folder)).toEqual({
      code: 0,
      stdout:
        'app: verified, 4 transitions, 4 commits checked for other paths, plans found in the source\n',
      stderr: '',
    });
  });

  test('of an edited branch exits 1 with the files', async () => {
    const { code, stdout } = await perch('verify', '--repo', field.folder);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^app: DIFFERS, .*\n {2}live\/app\/service-app\.yaml\n/);
  });

  test('prints JSON for machines, with the same exit code', async () => {
    const { code, stdout } = await perch('verify', '--json', '--repo', field.folder);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject([
      {
        release: 'app',
        complete: true,
        problems: expect.arrayContaining(['live/app/service-app.yaml']),
      },
    ]);
  });

  test('of a revision that does not exist exits 2, and says so', async () => {
    const { code, stderr } = await perch('verify', 'nowhere', '--repo', field.folder);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/no revision "nowhere"/)]);
  });

  test('takes how the id of a commit of the run branch begins, also less of it than git takes', async () => {
    const all = git(field.folder, 'rev-list', 'main').split('\n');
    const short = Array.from({ length: 39 }, (_, index) => clean.slice(0, index + 1)).find(
      (it) => all.filter((one) => one.startsWith(it)).length === 1,
    );
    for (const it of [short ?? '', clean.slice(0, 7)])
      expect(await perch('verify', it, '--repo', field.folder)).toMatchObject({ code: 0 });
  });

  test('of a beginning that several commits have names them', async () => {
    // A commit of another branch takes no part in it.
    const tree = `${clean}^{tree}`;
    let tip = git(field.folder, 'rev-parse', 'main');
    const made = new Set(
      git(field.folder, 'rev-list', 'main')
        .split('\n')
        .map((it) => it[0]),
    );
    // There are sixteen digits, so one soon comes again.
    for (let isNew = true; isNew; made.add(tip[0])) {
      tip = git(field.folder, 'commit-tree', tree, '-p', tip, '-m', String(made.size));
      isNew = !made.has(tip[0]);
    }
    const digit = tip[0] ?? '';
    git(field.folder, 'branch', '--force', 'many', tip);
    const { code, stderr } = await perch(
      'verify',
      digit,
      '--repo',
      field.folder,
      '--branch',
      'many',
    );
    expect(code).toBe(2);
    expect(stderr).toMatch(new RegExp(`^perch: "${digit}" is how several names begin, ${digit}`));
  });

  test('where nothing has started says so', async () => {
    const first = git(field.folder, 'rev-list', '--max-parents=0', 'main');
    expect(await perch('verify', first, '--repo', field.folder)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^nothing to verify/),
    });
  });
});
