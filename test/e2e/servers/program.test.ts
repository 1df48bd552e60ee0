import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isAlive, processId } from '../stack/process-id.ts';
import { until } from '../stack/until.ts';
import { isMissing } from './missing.ts';
import { findOnPath } from './program.ts';

const missing =
  findOnPath('setpriv') === undefined ? 'setpriv (util-linux) is not on PATH.' : undefined;
describe('a server of a process that is ended by force', { skip: isMissing(missing) }, () => {
  let folder: string;
  let owner: ChildProcess;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'perch-program-'));
  });
  afterEach(async () => {
    owner.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  test('ends with it', async () => {
    const module = new URL('program.ts', import.meta.url).href;
    const options = JSON.stringify({ path: 'sleep', args: ['600'], folder });
    const script = `import { startProgram } from '${module}';
      console.log(startProgram(${options}).pid);`;
    const node = ['--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', script];
    owner = spawn(process.execPath, node, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [pid] = (await once(owner.stdout ?? owner, 'data')) as [Buffer];
    const server = processId(Number(pid.toString()));
    if (server === undefined) throw new Error(`no process ${pid}`);
    owner.kill('SIGKILL');
    await until(async () => !isAlive(server), 5);
    expect(isAlive(server)).toBe(false);
  });
});
