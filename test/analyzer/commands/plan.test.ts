import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { render } from '../../../lib/index.ts';
import { parsePlan } from '../../../lib/plan/parse.ts';
import { sample } from '../../lib/sample.ts';
import { plan } from '../core/fixture.ts';
import { openField } from '../field.ts';
import { bare, git, scratch } from '../git/fixture.ts';
import type { Cli } from './cli.ts';
import { openPerch, openPerchIn } from './in-process.ts';

let perch: Cli;
let folder: string;
let clone: string;

beforeAll(async () => {
  perch = await openPerch();
  folder = (await bare()).folder;
  const field = await openField(folder);
  await field.release({ app: plan('v1'), web: plan('v2') });
  clone = await scratch();
  git(folder, 'clone', '--quiet', folder, clone);
});

describe('perch plan', () => {
  test('prints the steps as a table, and the times', async () => {
    const { code, stdout, stderr } = await perch('plan', 'app', '--repo', folder);
    expect([code, stderr]).toEqual([0, '']);
    const lines = stdout.split('\n');
    expect(lines[0]).toMatch(/^app: app:v1 \(candidate [0-9a-f]{10}\), app\/app$/);
    expect(lines[2]).toMatch(/^STEP +WEIGHTS +WRITES +BAKE +GATE$/);
    expect(lines.slice(3, 10).map((it) => it.split(/ {2,}/).slice(0, 2))).toEqual([
      ['00-init', '100 / 0'],
      ['01-canary-up', '100 / 0'],
      ['02-weight-20', '80 / 20'],
      ['03-weight-50', '50 / 50'],
      ['04-promote', '50 / 50'],
      ['05-weight-0', '100 / 0'],
      ['06-complete', '100 / 0'],
    ]);
    expect(stdout).toMatch(
      /\nto promote: \S+ at least, \S+ at worst\nto roll back: \S+ at least, \S+ at worst\n$/,
    );
  });

  test('prints the plan as JSON', async () => {
    const { code, stdout } = await perch('plan', 'app', '--json', '--repo', folder);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(
      parsePlan(git(folder, 'show', 'main:dist/app/plan.yaml'), 'dist'),
    );
  });

  test('prints the work tree before it is committed', async () => {
    const { code, stdout } = await perch('plan', 'web', '--repo', clone);
    expect([code, stdout.split('\n')[0]]).toEqual([0, expect.stringMatching(/^web: app:v2 /)]);
  });

  test('finds the work tree from a folder below, and where cdk8s.yaml says that synth writes', async () => {
    const below = join(clone, 'apps', 'shop');
    mkdirSync(below, { recursive: true });
    const local = await openPerchIn({});
    expect(await local(below, 'plan', 'web')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^web: app:v2 /),
      stderr: '',
    });
    const elsewhere = join(clone, 'rendered', 'out', 'other');
    mkdirSync(elsewhere, { recursive: true });
    writeFileSync(
      join(elsewhere, 'plan.yaml'),
      git(folder, 'show', 'main:dist/web/plan.yaml').replaceAll('release: web', 'release: other'),
    );
    writeFileSync(join(clone, 'cdk8s.yaml'), 'language: typescript\noutput: rendered/out\n');
    expect(await local(below, 'plan', 'other')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^other: app:v2 /),
    });
    expect((await local(below, 'plan', 'web')).code).toBe(0);
  });

  test('of a release without any check says so', async () => {
    const { files } = await render(sample({ analysis: { checks: [] } }, 'unchecked'));
    mkdirSync(join(clone, 'dist', 'unchecked'), { recursive: true });
    writeFileSync(join(clone, 'dist', 'unchecked', 'plan.yaml'), files.get('plan.yaml') ?? '');
    const { stdout } = await perch('plan', 'unchecked', '--repo', clone);
    expect(stdout).toContain(
      '\n\nchecks: no check judges the candidate, only its readiness\nto promote: ',
    );
  });

  test('of an unknown release names the known ones', async () => {
    expect(await perch('plan', 'nope', '--repo', folder)).toEqual({
      code: 2,
      stdout: '',
      stderr: 'perch: there is no plan of "nope"; there are: app, web\n',
    });
  });
});
