import { beforeAll, describe, expect, test } from 'vitest';
import { plan } from '../core/fixture.ts';
import { type GitField, inStepOfGit } from '../field.ts';
import { bare, git } from '../git/fixture.ts';
import type { Cli } from './cli.ts';
import { openPerch } from './in-process.ts';

let perch: Cli;
let field: GitField;

beforeAll(async () => {
  perch = await openPerch();
  ({ field } = await inStepOfGit('02-weight-20'));
  await field.release({ web: plan('v1') });
});

describe('perch status', () => {
  test('prints every release, as `kubectl get canaries` does', async () => {
    const { code, stdout, stderr } = await perch('status', '--repo', field.folder);
    expect([code, stderr]).toEqual([0, '']);
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((it) => it.split(/ {2,}/));
    expect(rows).toEqual([
      ['NAMESPACE', 'NAME', 'PHASE', 'WEIGHT', 'STEP', 'SINCE', 'REASON'],
      [
        'app',
        'app',
        'Progressing',
        '20',
        '2/6',
        expect.stringMatching(/^\d+[smhd]/),
        'live and ready',
      ],
      ['web', 'web', 'Initializing', '0', '-', '-', 'not started yet'],
    ]);
  });

  test('prints an array for machines, with every key in every row', async () => {
    const { code, stdout } = await perch('status', '--json', '--repo', field.folder);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual([
      {
        release: 'app',
        namespace: 'app',
        name: 'app',
        phase: 'Progressing',
        weight: 20,
        step: 2,
        steps: 6,
        stepName: '02-weight-20',
        candidate: plan('v2').plan.candidate,
        since: expect.stringMatching(/^2027-/),
        reason: 'live and ready',
      },
      expect.objectContaining({ release: 'web', phase: 'Initializing', step: null, since: null }),
    ]);
  });

  test('names what belongs to no release beside the rows, in letters that a terminal only shows', async () => {
    const { field: other } = await inStepOfGit('02-weight-20');
    await other.edit({ '"live/My \\033[2J\\302\\233App/a.yaml"': 'x' });
    const { code, stdout, stderr } = await perch('status', '--json', '--repo', other.folder);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject([{ release: 'app', reason: 'live and ready' }]);
    expect(stderr).toBe(
      'perch: "live/My \\u001b[2J\\u009bApp" belongs to no release: nothing is done about it, take it away\n',
    );
  });

  test('of a run branch that is not there is an error with the remedy', async () => {
    const flags = ['--repo', field.folder, '--branch', 'mian', '--source-branch', 'main'];
    expect(await perch('status', ...flags)).toMatchObject({
      code: 3,
      stdout: '',
      stderr: expect.stringMatching(/no branch mian .*--branch.*perch init-branch/),
    });
  });

  test('prints an empty array where there is nothing', async () => {
    const { folder } = await bare();
    git(
      folder,
      'update-ref',
      'refs/heads/main',
      git(folder, 'commit-tree', git(folder, 'mktree'), '-m', 'x'),
    );
    expect(await perch('status', '--json', '--repo', folder)).toMatchObject({
      code: 0,
      stdout: '[]\n',
    });
    expect((await perch('status', '--repo', folder)).stdout).toMatch(/^no releases: /);
  });

  test('shows a reverted transition as paused', async () => {
    const { field: it } = await inStepOfGit('02-weight-20');
    const commit = git(it.folder, 'commit-tree', 'main~1^{tree}', '-p', 'main', '-m', 'Revert');
    git(it.folder, 'update-ref', 'refs/heads/main', commit);
    const { stdout } = await perch('status', '--json', '--repo', it.folder);
    expect(JSON.parse(stdout)).toMatchObject([
      {
        phase: 'Paused',
        stepName: '01-canary-up',
        reason: expect.stringMatching(/without a transition/),
      },
    ]);
  });

  test('has neither colour nor control characters, whatever a reason holds', async () => {
    const { field: it } = await inStepOfGit('02-weight-20');
    const evil = 'red \u001b[31m\nevil  Succeeded';
    await perch('pause', 'app', '-m', evil, '--repo', it.folder);
    const { stdout } = await perch('status', '--repo', it.folder);
    expect(stdout.trimEnd().split('\n')).toHaveLength(2);
    expect(stdout).not.toContain('\u001b');
  });
});
