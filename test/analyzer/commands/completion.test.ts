import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, inject, test } from 'vitest';
import { openCli } from './cli.ts';

describe('perch completion', () => {
  test('prints a script that bash understands, and refuses a shell that it does not know', async () => {
    const perch = await openCli();
    const { code, stdout } = await perch('completion', 'bash');
    expect(code).toBe(0);
    await promisify(execFile)('bash', ['-n', '-c', stdout]);
    expect(await perch('completion', 'tcsh')).toMatchObject({ code: 2, stdout: '' });
  });

  test('completes commands and flags', async () => {
    const perch = await openCli();
    const { stdout: commands } = await perch('complete', '--', 'pr');
    expect(commands.split('\n').map((it) => it.split('\t')[0])).toContain('promote');
    const { stdout: flags } = await perch('complete', '--', 'wait', '--ti');
    expect(flags).toContain('--timeout');
  });
});

test('a pipe that is closed ends the command quietly', async () => {
  const child = spawn(
    'bash',
    ['-o', 'pipefail', '-c', `"$0" "$1" --help | true`, process.execPath, inject('bundle')],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let stderr = '';
  child.stderr.on('data', (it) => {
    stderr += String(it);
  });
  const code = await new Promise((done) => child.once('close', done));
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});
