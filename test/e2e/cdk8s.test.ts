import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { filesBelow, fromProject } from '../../lib/files.ts';
import { temporaryFolder } from '../cleanups.ts';

function bytesBelow(folder: string): Map<string, string> {
  return new Map(
    [...filesBelow(folder)].sort().map((it) => [it, readFileSync(join(folder, it), 'latin1')]),
  );
}

test('dist/ is the same from `npx cdk8s synth`, another folder, time zone and language', () => {
  const output = temporaryFolder();
  const env = {
    ...process.env,
    TZ: 'Pacific/Chatham',
    LANG: 'tr_TR.UTF-8',
    CDK8S_DISABLE_SORT: '1',
  };
  const root = fromProject('.');
  const [direct, cli] = [join(output, 'direct'), join(output, 'cli')];
  execFileSync(process.execPath, ['--import', 'tsx', '../apps/main.ts'], {
    cwd: join(root, 'test'),
    env: { ...env, CDK8S_OUTDIR: direct },
  });
  execFileSync('npx', ['cdk8s', 'synth', '--output', cli, '--check-upgrade=false'], {
    cwd: root,
    env,
    stdio: 'pipe',
  });
  const expected = Object.fromEntries(bytesBelow(fromProject('dist/examples')));
  expect(Object.fromEntries(bytesBelow(direct))).toEqual(expected);
  expect(Object.fromEntries(bytesBelow(cli))).toEqual(expected);
});
