import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { plan } from '../core/fixture.ts';
import { type GitField, inStepOfGit } from '../field.ts';
import { git, gitWith, scratch } from '../git/fixture.ts';
import type { Cli } from './cli.ts';
import { openPerch } from './in-process.ts';

let perch: Cli;
let field: GitField;

beforeAll(async () => {
  perch = await openPerch();
  ({ field } = await inStepOfGit('02-weight-20'));
});

describe.concurrent('perch diff', () => {
  test('prints each object that the next step changes, and a diff that git takes', async () => {
    const { code, stdout } = await perch('diff', 'app', '--repo', field.folder);
    expect(code).toBe(0);
    const { candidate } = plan('v2').plan;
    expect(stdout).toMatch(
      new RegExp(
        `^app: 02-weight-20 → 03-weight-50 \\(candidate ${candidate}\\); now: baking since .*\n\n`,
      ),
    );
    expect(stdout).toContain(
      '\n\nVirtualService app: changed\n\ndiff --git a/live/app/virtualservice-app.yaml ',
    );
    // Applied to live/ as it is, it makes live/ as the next step has it.
    const tree = join(await scratch(), 'tree');
    git(field.folder, 'worktree', 'add', '--quiet', '--detach', tree, 'main');
    gitWith({ folder: tree, input: stdout }, 'apply', '--index');
    expect(git(tree, 'rev-parse', ':live/app/virtualservice-app.yaml')).toBe(
      git(
        field.folder,
        'rev-parse',
        'main:rollouts/app/plan/steps/03-weight-50/virtualservice-app.yaml',
      ),
    );
  });

  test('up to a later step also names what comes and goes', async () => {
    const { stdout } = await perch('diff', 'app', '--to', 'complete', '--repo', field.folder);
    expect(stdout.split('\n').filter((it) => /: (added|changed|removed)$/.test(it))).toEqual([
      expect.stringMatching(/^ConfigMap app-[0-9a-f]{6}: removed$/),
      'Deployment app-canary: changed',
      'Deployment app-primary: changed',
      'HorizontalPodAutoscaler app-canary: removed',
      'VirtualService app: changed',
    ]);
    expect(stdout).toContain('\ndeleted file mode ');
  });

  test('prints whole texts as JSON', async () => {
    const { stdout } = await perch('diff', 'app', '--json', '--repo', field.folder);
    const it = JSON.parse(stdout);
    expect(it).toMatchObject({ release: 'app', from: '02-weight-20', to: '03-weight-50' });
    expect(it.files).toHaveLength(1);
    expect(it.files[0]).toMatchObject({
      path: 'live/app/virtualservice-app.yaml',
      object: 'VirtualService app',
      change: 'changed',
      before: expect.stringContaining('"weight":20'),
      after: expect.stringContaining('"weight":50'),
    });
  });

  test('of a name that does not lie ahead lists those that do', async () => {
    expect(await perch('diff', 'app', '--to', 'nope', '--repo', field.folder)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /^perch: app: "nope" does not lie ahead of 02-weight-20; there are: 03-weight-50, /,
      ),
    });
    expect(await perch('diff', 'nope', '--repo', field.folder)).toMatchObject({
      code: 2,
      stderr: 'perch: there is no release "nope"; there are: app\n',
    });
  });

  test('where nothing comes next says so, and why', async () => {
    const second = git(field.folder, 'rev-list', '--reverse', 'main').split('\n')[2] ?? '';
    git(field.folder, 'branch', 'rest', second);
    expect(await perch('diff', 'app', '--repo', field.folder, '--branch', 'rest')).toEqual({
      code: 0,
      stdout: `app: complete, and nothing comes next: at rest with candidate ${plan('v1').plan.candidate}\n`,
      stderr: '',
    });
  });
});
