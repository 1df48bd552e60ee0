import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Cli, openCli } from '../../analyzer/commands/cli.ts';
import { plan } from '../../analyzer/core/fixture.ts';
import { inStepOfGit, openField, untilRest } from '../../analyzer/field.ts';
import { bare, git } from '../../analyzer/git/fixture.ts';

let perch: Cli;

beforeAll(async () => {
  perch = await openCli({ PERCH_IDENTITY: 'Robin <robin@example.com>' });
});

describe.concurrent('perch', () => {
  test('pause and resume print their commit, and say who and why in it', async () => {
    const { field } = await inStepOfGit('02-weight-20');
    const paused = await perch('pause', 'app', '-m', 'lunch', '--repo', field.folder);
    const tip = git(field.folder, 'rev-parse', 'main');
    expect(paused).toEqual({ code: 0, stdout: `${tip.slice(0, 10)} app: paused\n`, stderr: '' });
    expect(git(field.folder, 'log', '-1', '--format=%an <%ae>%n%b', 'main')).toMatch(
      /^Robin <robin@example\.com>\nLunch\.\nBy Robin <robin@example\.com>\.\n/,
    );
    const again = await perch('pause', 'app', '--repo', field.folder);
    expect(again).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^perch: app is paused already: lunch/),
    });
    const resumed = await perch('resume', 'app', '--json', '--repo', field.folder);
    expect(JSON.parse(resumed.stdout)).toEqual({
      release: 'app',
      verb: 'resume',
      commit: git(field.folder, 'rev-parse', 'main'),
      subject: 'app: resumed',
    });
  });

  test('abort rolls back, and retry is refused until it is back', async () => {
    const { field, analyzer } = await inStepOfGit('02-weight-20');
    const aborted = await perch('abort', 'app', '-m', 'ugly', '--repo', field.folder);
    expect(aborted).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/ app: roll back: weight 20 → 0\n$/),
    });
    const early = await perch('retry', 'app', '--repo', field.folder);
    expect(early).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/retry it after its rollback/),
    });
    await untilRest(field, analyzer);
    const late = await perch('retry', 'app', '--repo', field.folder);
    expect(late).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/ app: retry [0-9a-f]{10}\n$/),
    });
  });

  test('a dry run prints the commit and the files of live/, and pushes nothing', async () => {
    const { field } = await inStepOfGit('02-weight-20');
    const tip = git(field.folder, 'rev-parse', 'main');
    const args = ['abort', 'app', '-m', 'ugly', '--dry-run', '--repo', field.folder];
    const { code, stdout } = await perch(...args);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^app: roll back: weight 20 → 0\n\nAborted by Robin <robin@example\.com>: ugly\./,
    );
    expect(stdout).toMatch(
      /\nNothing was pushed\.\nIn live\/:\n {2}write {2}live\/app\/service-app\.yaml\n {2}write {2}live\/app\/virtualservice-app\.yaml\n$/,
    );
    const json = await perch(...args, '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({
      release: 'app',
      verb: 'abort',
      dryRun: true,
      subject: 'app: roll back: weight 20 → 0',
      live: [{ kind: 'write' }, { kind: 'write', path: 'live/app/virtualservice-app.yaml' }],
    });
    const quiet = await perch('pause', 'app', '--dry-run', '--repo', field.folder);
    expect(quiet.stdout).toMatch(/\nlive\/ stays as it is\n$/);
    expect(git(field.folder, 'rev-parse', 'main')).toBe(tip);
  });

  test('promote --full and undo --to know their flags, and no other verb does', async () => {
    const { field } = await inStepOfGit('02-weight-20');
    const full = await perch('promote', 'app', '--full', '-m', 'urgent', '--repo', field.folder);
    expect(full).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/ app: promoted by a person/),
    });
    expect(await perch('undo', 'app', '--to', 'abcd', '--repo', field.folder)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^perch: app is not complete \(02-weight-20\)/),
    });
    expect(await perch('pause', 'app', '--full')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/unknown option '--full'/),
    });
  });

  test('a push that the server refuses may be tried again', async () => {
    const { field } = await inStepOfGit('02-weight-20');
    await mkdir(join(field.folder, 'hooks'), { recursive: true });
    const hook = join(field.folder, 'hooks', 'pre-receive');
    await writeFile(hook, '#!/bin/sh\necho protected >&2\nexit 1\n');
    await chmod(hook, 0o755);
    expect(await perch('pause', 'app', '--repo', field.folder)).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/^perch: the push was refused: /),
    });
  });

  test('remove says what Flux and Argo CD do with an emptied path', async () => {
    const field = await openField((await bare()).folder);
    await field.release({ app: plan('v1'), web: plan('v1') });
    await untilRest(field, await field.analyzer());
    const early = await perch('remove', 'app', '--repo', field.folder);
    expect(early).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^perch: app is still in dist\//),
    });
    await field.edit({}, ['dist/app']);
    const { code, stdout } = await perch('remove', 'app', '--repo', field.folder);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^[0-9a-f]{10} app: removed\nThe folder live\/app is gone/);
    expect(stdout).toMatch(
      /Flux +a Kustomization whose path is missing fails and deletes nothing: delete the Kustomization/,
    );
    expect(stdout).toMatch(
      /Argo CD +an Application whose path is missing shows a ComparisonError and deletes nothing/,
    );
    expect(stdout).toContain('syncPolicy.automated allowEmpty: true');
  });

  test('names the known releases for an unknown one', async () => {
    const { field } = await inStepOfGit('02-weight-20');
    expect(await perch('abort', 'nope', '--repo', field.folder)).toEqual({
      code: 2,
      stdout: '',
      stderr: 'perch: there is no release "nope"; there are: app\n',
    });
  });

  test('wants to know who is asking', async () => {
    const { field } = await inStepOfGit('02-weight-20');
    const nobody = await openCli({ GIT_CONFIG_GLOBAL: '/dev/null' });
    expect(await nobody('pause', 'app', '--repo', field.folder)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^perch: git does not know who you are/),
    });
  });

  test('wants to know which release', async () => {
    expect(await perch('pause')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/missing required argument 'release'/),
    });
  });
});
