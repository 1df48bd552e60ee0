import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Cli, openCli } from './commands/cli.ts';
import { openPerch } from './commands/in-process.ts';
import { plan } from './core/fixture.ts';
import { openField } from './field.ts';
import { bare } from './git/fixture.ts';

let perch: Cli;

beforeAll(async () => {
  perch = await openPerch();
});

/** Every variable that the sources name. */
async function variables(): Promise<readonly string[]> {
  const root = new URL('../../analyzer', import.meta.url).pathname;
  const files = await readdir(root, { recursive: true });
  const texts = await Promise.all(
    files.filter((it) => it.endsWith('.ts')).map((it) => readFile(join(root, it), 'utf8')),
  );
  return [...new Set(texts.flatMap((it) => it.match(/PERCH_[A-Z_]+/g) ?? []))].sort();
}

describe.concurrent('perch', () => {
  test('--help lists the commands and the exit codes', async () => {
    const { code, stdout } = await perch('--help');
    expect(code).toBe(0);
    for (const it of [
      'plan',
      'status',
      'verify',
      'history',
      'replay',
      'diff',
      'wait',
      'analyze',
      'pause',
      'resume',
      'promote',
      'abort',
      'undo',
      'retry',
      'remove',
    ])
      expect(stdout).toMatch(new RegExp(`^  ${it} `, 'm'));
    for (const it of [0, 1, 2, 3, 4]) expect(stdout).toMatch(new RegExp(`^  ${it}  \\S`, 'm'));
  });

  test('analyze --help lists every PERCH_* variable', async () => {
    const { code, stdout } = await perch('analyze', '--help');
    const all = await variables();
    expect(code).toBe(0);
    expect(all.length).toBeGreaterThan(10);
    const flat = stdout.replace(/\s+/g, ' ');
    expect(all.filter((it) => !flat.includes(it))).toEqual([]);
  });

  test.each([
    [['--nope'], /unknown option '--nope'/],
    [['nope'], /unknown command 'nope'/],
    [['status', '--nope'], /unknown option '--nope'/],
    [['status', 'too', 'many'], /too many arguments/],
    [[], /Usage: perch/],
  ])('%j is wrong usage', async (args, expected) => {
    expect(await perch(...args)).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(expected),
    });
  });

  test('a folder without a repository is told in plain words', async () => {
    const { code, stdout, stderr } = await perch('status', '--repo', '/');
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringMatching(/^perch: .*repository/)]);
  });

  test('its process ends with the code that the command says', async () => {
    const cli = await openCli();
    expect(await cli('--help')).toEqual(await perch('--help'));
    expect(await cli()).toEqual(await perch());
    const { folder } = await bare();
    await (await openField(folder)).release({ app: plan('v1') });
    for (const [code, ...args] of [
      [1, 'pause', 'app', '--identity', 'Robin <robin@example.com>', '--repo', folder],
      [2, 'analyze', '--watch', '--listen', '192.0.2.1:9090', '--repo', folder],
      [2, 'status', '--repo', '/'],
      [3, 'wait', 'app', '--for=failed', '--timeout=1s', '--repo=http://127.0.0.1:9/x.git'],
    ] as const)
      expect(await cli(...args)).toMatchObject({ code });
  });
});
