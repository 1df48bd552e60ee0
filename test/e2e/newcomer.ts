import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fromProject } from '../../lib/files.ts';
import { GIT_ENVIRONMENT } from '../demo/author.ts';

const run = promisify(execFile);

const IDENTITY = ['AUTHOR', 'COMMITTER'].flatMap((role) => [
  [`GIT_${role}_NAME`, 'Ann'],
  [`GIT_${role}_EMAIL`, 'ann@example.com'],
]);

/** How a command ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command as a newcomer types it: without variables of this project or its tools. */
export async function shell(folder: string, command: string): Promise<Ended> {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(PERCH_|GIT_|npm_|VITEST|NODE_ENV|NODE_OPTIONS)/.test(name),
  );
  const env = { ...Object.fromEntries([...own, ...IDENTITY]), ...GIT_ENVIRONMENT, NO_COLOR: '1' };
  return run('bash', ['-c', command], { cwd: folder, env, maxBuffer: 1e8 }).then(
    (it) => ({ code: 0, ...it }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
}

/** @returns what it prints @throws Error where it fails */
export async function succeed(folder: string, command: string): Promise<string> {
  const { code, stdout, stderr } = await shell(folder, command);
  if (code !== 0) throw new Error(`\`${command}\` ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}

/** Packs this project as `npm publish` would. @returns the tarball in that folder */
export async function packed(folder: string): Promise<string> {
  const told = await succeed(fromProject('.'), `npm pack --json --pack-destination ${folder}`);
  const [{ filename }] = JSON.parse(told.slice(told.indexOf('['))) as [{ filename: string }];
  return join(folder, filename);
}
