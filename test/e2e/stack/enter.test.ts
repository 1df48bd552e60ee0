import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { isAlive, type ProcessId, processId } from './process-id.ts';
import { until } from './until.ts';

const ENTER = fileURLToPath(new URL('enter.ts', import.meta.url));

/** A command that starts a server, says both their numbers, and ends with the server still up. */
const LEAVES_A_SERVER = 'sleep 600 & echo $$ $!; read -r line; exit 3';

let entered: ChildProcess;
afterEach(() => {
  entered.kill('SIGKILL');
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const)(
  'a command that is stopped by %s ends, and the servers that it started',
  async (signal) => {
    const ids = await enter();
    entered.kill(signal);
    await until(async () => !ids.some(isAlive), 5);
    expect(ids.filter(isAlive)).toEqual([]);
  },
);

test('servers that a command leaves behind end with it, and its exit code is kept', async () => {
  const ids = await enter();
  const ended = once(entered, 'exit');
  entered.stdin?.end('\n');
  expect(await ended).toEqual([3, null]);
  await until(async () => !ids.some(isAlive), 5);
  expect(ids.filter(isAlive)).toEqual([]);
});

/** The command and its server, both running. */
async function enter(): Promise<readonly ProcessId[]> {
  const args = ['--import', import.meta.resolve('tsx'), ENTER, 'sh', '-c', LEAVES_A_SERVER];
  entered = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const [said] = (await once(entered.stdout ?? entered, 'data')) as [Buffer];
  return said
    .toString()
    .trim()
    .split(' ')
    .map((it) => {
      const id = processId(Number(it));
      if (id === undefined) throw new Error(`there is no process ${it}`);
      return id;
    });
}
