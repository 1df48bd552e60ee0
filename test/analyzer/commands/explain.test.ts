import { beforeAll, describe, expect, test } from 'vitest';
import { type GitField, inStepOfGit } from '../field.ts';
import { git } from '../git/fixture.ts';
import type { Cli } from './cli.ts';
import { openPerch } from './in-process.ts';

let perch: Cli;
let field: GitField;

beforeAll(async () => {
  perch = await openPerch();
  ({ field } = await inStepOfGit('02-weight-20'));
});

/** Nobody listens there; the cluster is an empty one. */
const METRICS = ['--metrics', 'http://127.0.0.1:1'];

describe('perch explain', () => {
  test('prints what is asked and what follows, and writes nothing', async () => {
    const before = git(field.folder, 'rev-parse', 'main');
    const { code, stdout } = await perch('explain', 'app', '--repo', field.folder, ...METRICS);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^app stays: 02-weight-20 is not live yet: /);
    expect(stdout).toMatch(/^cluster\n {2}not live: /m);
    expect(stdout).toMatch(/^ {2}wrong {2}Deployment app\/app-canary does not exist yet$/m);
    expect(stdout).toMatch(/^checks\n {2}0 of 3 passing points, 0 of 3 failed checks$/m);
    expect(git(field.folder, 'rev-parse', 'main')).toBe(before);
  });

  test('prints the same as JSON', async () => {
    const line = ['explain', 'app', '--json', '--repo', field.folder, ...METRICS];
    const { code, stdout } = await perch(...line);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      release: 'app',
      phase: 'Progressing',
      decision: { kind: 'stays', to: null },
      cluster: { live: false, objects: expect.arrayContaining([]) },
      checks: [{ name: 'success-rate', bounds: '≥ 99' }],
      hooks: [],
      gates: [],
    });
  });

  test('of a release that is not there is wrong usage', async () => {
    expect(await perch('explain', 'web', '--repo', field.folder, ...METRICS)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is no release "web"; there are: app'),
    });
  });
});
