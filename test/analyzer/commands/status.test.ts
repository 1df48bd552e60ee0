import { beforeAll, describe, expect, test } from 'vitest';
import { detailText } from '../../../analyzer/commands/status-detail.ts';
import { detailOf } from '../../../analyzer/core/detail.ts';
import { openLocal } from '../../../analyzer/git/index.ts';
import { loadSituation, newReadMemory } from '../../../analyzer/situation/situation.ts';
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
        '02-weight-20 (2/6)',
        expect.stringMatching(/^\d+[smhd]/),
        expect.stringMatching(/^baking since 2027-.*: 3 passing points of success-rate$/),
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
        reason: expect.stringMatching(/^baking since 2027-.*: 3 passing points of success-rate$/),
      },
      expect.objectContaining({ release: 'web', phase: 'Initializing', step: null, since: null }),
    ]);
  });

  test('names what belongs to no release beside the rows, in letters that a terminal only shows', async () => {
    const { field: other } = await inStepOfGit('02-weight-20');
    await other.edit({ '"live/My \\033[2J\\302\\233App/a.yaml"': 'x' });
    const { code, stdout, stderr } = await perch('status', '--json', '--repo', other.folder);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject([{ release: 'app', phase: 'Progressing' }]);
    expect(stderr).toBe(
      'perch: "live/My \\u001b[2J\\u009bApp" belongs to no release: nothing is done about it, take it away\n',
    );
  });

  test('filters by namespace and phase', async () => {
    const only = async (...flags: readonly string[]) => {
      const { stdout } = await perch('status', '--json', '--repo', field.folder, ...flags);
      return (JSON.parse(stdout) as readonly { readonly release: string }[]).map(
        (it) => it.release,
      );
    };
    expect(await only('--namespace', 'web')).toEqual(['web']);
    expect(await only('--phase', 'Progressing')).toEqual(['app']);
    expect(await only('--namespace', 'web', '--phase', 'Progressing')).toEqual([]);
    expect(await perch('status', '--phase', 'Moving', '--repo', field.folder)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Allowed choices are'),
    });
    const none = await perch('status', '--namespace', 'nowhere', '--repo', field.folder);
    expect(none.stdout).toBe('no release is in that namespace and phase\n');
  });

  test('of one release prints all that Git knows of it', async () => {
    const { code, stdout } = await perch('status', 'app', '--repo', field.folder);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^release {4}app\n/);
    expect(stdout).toMatch(/^step {7}02-weight-20 \(2 of 6\)\nnext {7}03-weight-50$/m);
    expect(stdout).toMatch(/^waits for {2}baking since 2027-/m);
    expect(stdout).toMatch(/^came here {2}live and ready$/m);
    expect(stdout).toMatch(/^left {7}01-canary-up at 2027-\S+, with 0 failed checks$/m);
    const machine = await perch('status', 'app', '--json', '--repo', field.folder);
    expect(JSON.parse(machine.stdout)).toMatchObject({
      release: 'app',
      stepName: '02-weight-20',
      stable: plan('v1').plan.candidate,
      newest: null,
      entered: 'live and ready',
      failedChecks: 0,
      next: '03-weight-50',
    });
    expect(await perch('status', 'app2', '--repo', field.folder)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is no release "app2"; there are: app, web'),
    });
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

test('one release in full wraps to the width of the terminal, beside the names', async () => {
  const { field: of } = await inStepOfGit('02-weight-20');
  const reader = await openLocal({ folder: of.folder });
  const run = await reader.resolve('main');
  const [trees] = await reader.list({ run, source: run });
  if (trees === undefined) throw new Error('there is one release');
  const detail = detailOf(await loadSituation(reader, trees, newReadMemory(), { source: run }));
  await reader.close();
  const lines = detailText(detail, of.now, 40).split('\n');
  expect(lines.filter((it) => it.length > 40)).toEqual([]);
  const first = lines.findIndex((it) => it.startsWith('waits for'));
  expect(lines[first + 1]).toMatch(/^ {11}\S/);
  expect(detailText(detail, of.now).split('\n').length).toBeLessThan(lines.length);
});
