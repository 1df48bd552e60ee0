import { beforeAll, expect, test } from 'vitest';
import { plan } from '../core/fixture.ts';
import { openField } from '../field.ts';
import { bare, git } from '../git/fixture.ts';
import type { Cli } from './cli.ts';
import { openPerch } from './in-process.ts';

let perch: Cli;

beforeAll(async () => {
  perch = await openPerch();
});

test('perch init-branch makes the run branch once, and then the analyzer starts', async () => {
  const { folder } = await bare();
  await (await openField(folder)).release({ app: plan('v1') });
  const flags = ['--repo', folder, '--branch', 'live', '--source-branch', 'main'];
  expect(await perch('analyze', '--once', ...flags)).toMatchObject({
    code: 3,
    stdout: '',
    stderr: expect.stringMatching(
      /^perch: there is no branch live of .* \(there are: main\).*perch init-branch/,
    ),
  });
  const identity = ['--identity', 'Robin <robin@example.com>'];
  const made = await perch('init-branch', ...flags, ...identity);
  const tip = git(folder, 'rev-parse', 'live');
  expect(made).toEqual({
    code: 0,
    stdout: `${tip.slice(0, 10)} begins branch live: the analyzer can start\n`,
    stderr: '',
  });
  expect(await perch('init-branch', ...flags, ...identity)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^perch: no branch was made: .* has branch live already/),
  });
  expect((await perch('analyze', '--once', ...flags)).stdout).toContain('initialize app:v1');
  expect(git(folder, 'rev-list', '--count', 'live')).toBe('2');
  expect(await perch('verify', ...flags)).toMatchObject({ code: 0 });
  // A second branch would begin every release anew.
  expect(await perch('init-branch', ...flags.with(3, 'lvie'), ...identity)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/branch live .* has rollouts\/ already/),
  });
});
