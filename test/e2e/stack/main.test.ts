import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isMissing } from '../servers/missing.ts';
import { startProgram } from '../servers/program.ts';
import type { Kept } from './keep.ts';
import { isAlive, type ProcessId, processId } from './process-id.ts';
import { missingStack } from './stack.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

const missing = await missingStack({ sync: ['flux', 'argo-cd'], gateway: true, prometheus: true });
describe('npm run stack', { skip: isMissing(missing), timeout: 180_000 }, () => {
  let folder: string;

  beforeEach(async () => {
    folder = join(await mkdtemp(join(tmpdir(), 'perch-stack-main-')), 'stack');
  });
  afterEach(async () => {
    await stack('--down');
    await rm(join(folder, '..'), { recursive: true, force: true });
  });

  test('leaves a stack up, which --down ends', async () => {
    expect(await stack()).toMatch(/The stack is up.*nsenter.*KUBECONFIG=.*curl/s);
    const { keeper, servers } = kept();
    expect(servers.length).toBeGreaterThan(12);
    expect([keeper, ...servers].filter(isAlive)).toEqual([keeper, ...servers]);
    // A second one says how to reach the first.
    expect(await stack()).toContain('The stack is up');
    expect(kept().keeper).toEqual(keeper);
    await stack('--down');
    expect([keeper, ...servers].filter(isAlive)).toEqual([]);
    expect(existsSync(folder)).toBe(false);
  });

  test('--down ends what a keeper left that was ended by force, and nobody else', async () => {
    const server = startProgram({ path: 'sleep', args: ['600'], folder: join(folder, '..') });
    const stranger = startProgram({ path: 'sleep', args: ['600'], folder: join(folder, '..') });
    try {
      const [left, other] = [idOf(server.pid), idOf(stranger.pid)];
      // The number of a server that ended is a stranger's now.
      const servers = [left, { ...other, startedAt: '1' }];
      await mkdir(folder);
      const keeper = { ...other, startedAt: '2' };
      await writeFile(join(folder, 'processes.json'), JSON.stringify({ keeper, servers }));
      await stack('--down');
      expect([left, other].filter(isAlive)).toEqual([other]);
    } finally {
      await server.stop();
      await stranger.stop();
    }
  });

  async function stack(...args: readonly string[]): Promise<string> {
    const node = ['--import', import.meta.resolve('tsx'), MAIN, '--folder', folder, ...args];
    return (await promisify(execFile)(process.execPath, node)).stdout;
  }

  function kept(): Kept {
    return JSON.parse(readFileSync(join(folder, 'processes.json'), 'utf8')) as Kept;
  }
});

function idOf(pid: number | undefined): ProcessId {
  const id = pid === undefined ? undefined : processId(pid);
  if (id === undefined) throw new Error(`there is no process ${pid}`);
  return id;
}
