import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseDuration } from '../../../analyzer/commands/wait.ts';
import { intervene } from '../../../analyzer/intervene.ts';
import { plan } from '../core/fixture.ts';
import { type GitField, inStepOfGit, untilRest } from '../field.ts';
import type { Cli } from './cli.ts';
import { openPerch } from './in-process.ts';

let perch: Cli;
const { candidate } = plan('v2').plan;

beforeAll(async () => {
  perch = await openPerch();
});

function wait(field: GitField, ...args: readonly string[]) {
  return perch('wait', 'app', '--interval', '0.3', '--repo', field.folder, ...args);
}

describe.concurrent('perch wait', () => {
  test('follows the candidate until it is promoted, a line for each change', async () => {
    const { field, analyzer } = await inStepOfGit('03-weight-50');
    const ended = wait(field, '--for', 'promoted', '--timeout', '1m');
    await untilRest(field, analyzer);
    const { code, stdout, stderr } = await ended;
    expect([code, stderr]).toEqual([0, '']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.at(-2)).toMatch(/^\S+Z app Succeeded: /);
    expect(lines.at(-1)).toBe(`app: ${candidate} promoted`);
    expect(stdout).not.toContain('\u001B');
  });

  test('ends with 1 when the candidate fails instead, and with 0 when that was asked for', async () => {
    const { field, analyzer } = await inStepOfGit('02-weight-20');
    const [promoted, failed] = [
      wait(field, '--for', 'promoted', '--json'),
      wait(field, '--for', 'failed', '--candidate', candidate.slice(0, 4)),
    ];
    const robin = { by: 'Robin <robin@example.com>', reason: 'ugly' };
    await intervene(
      analyzer.repository,
      { id: 'app', verb: 'abort', request: robin },
      () => field.now,
    );
    // What is rolled back may still have traffic: it has failed when the routes are back.
    expect(await Promise.race([promoted, failed, sleep(1500)])).toBe(undefined);
    await untilRest(field, analyzer);
    expect(await failed).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/app: [0-9a-f]{10} failed: 02-weight-20: aborted: ugly\n$/),
    });
    const { code, stdout } = await promoted;
    expect(code).toBe(1);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((it) => JSON.parse(it));
    expect(lines.map((it) => it.phase)).toContain('RollingBack');
    expect(lines.at(-2)).toMatchObject({ release: 'app', phase: 'Failed', step: null, weight: 0 });
    expect(lines.at(-1)).toEqual({
      release: 'app',
      candidate,
      outcome: 'failed',
      reason: '02-weight-20: aborted: ugly',
    });
  });

  test('ends with 3 when time is up', async () => {
    const { field } = await inStepOfGit('02-weight-20');
    expect(await wait(field, '--for', 'promoted', '--timeout', '1s')).toMatchObject({
      code: 3,
      stdout: expect.stringMatching(/app: [0-9a-f]{10} timeout: not promoted within 1s\n$/),
    });
  });

  test('tries again while the repository cannot be reached, and says so once', async () => {
    const ended = perch(
      ...['wait', 'app', '--for', 'failed', '--timeout', '1s', '--interval', '0.3'],
      ...['--repo', 'http://127.0.0.1:9/none.git'],
    );
    const { code, stdout, stderr } = await ended;
    expect(code).toBe(3);
    expect(stdout).toMatch(
      /^app: its candidate timeout: not failed within 1s; the repository cannot be reached: /,
    );
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  test('of an unknown release lists those that are there', async () => {
    const { field } = await inStepOfGit('02-weight-20');
    expect(await perch('wait', 'nope', '--for', 'failed', '--repo', field.folder)).toEqual({
      code: 2,
      stdout: '',
      stderr: 'perch: there is no release "nope"; there are: app\n',
    });
  });

  test('of a candidate that nothing begins lists those that there are', async () => {
    const { field } = await inStepOfGit('02-weight-20');
    expect(await wait(field, '--candidate', 'v2')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /^perch: app: no candidate begins with "v2"; there are: [0-9a-f]{10}, /,
      ),
    });
  });

  test.each([
    [['wait', 'app', '--for', 'luck'], /Allowed choices are promoted, failed/],
    [['wait', 'app', '--for', 'failed', '--timeout', 'soon'], /expected a duration such as 90s/],
  ])('%j is wrong usage', async (args, expected) => {
    expect(await perch(...args)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(expected),
    });
  });
});

test.each([
  ['90s', 90],
  ['30m', 1800],
  ['1h30m', 5400],
])('%s is a duration of %i s', (text, seconds) => expect(parseDuration(text)).toBe(seconds));

test.each(['', '0s', '5', '-1s', '1m1h'])('"%s" is no duration', (text) => {
  expect(() => parseDuration(text)).toThrow(/expected a duration/);
});
