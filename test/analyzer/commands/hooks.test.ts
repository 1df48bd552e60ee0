import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { addHookFlags, type HookFlags, hookClientOf } from '../../../analyzer/commands/hooks.ts';
import type { Hook } from '../../../lib/plan/plan.ts';
import { afterFile, temporaryFolder } from '../../cleanups.ts';
import { startHookServer } from '../../embedded/hook-server.ts';

async function clientOf(...args: readonly string[]) {
  const command = addHookFlags(new Command('analyze')).exitOverride();
  await command.action(() => undefined).parseAsync(args, { from: 'user' });
  return hookClientOf(command.opts<HookFlags>());
}

const payload = { name: 'shop', namespace: 'prod', phase: 'Waiting', checksum: '0123456789' };

describe('hookClientOf', () => {
  test('signs with the keys of the folder', async () => {
    const server = await startHookServer();
    afterFile(() => server.stop());
    const folder = temporaryFolder();
    await writeFile(join(folder, 'gate'), 'correct-horse-battery-staple');
    const url = `${server.url}/gate/approve`;
    const hook: Hook = {
      name: 'gate',
      type: 'confirm-rollout',
      url,
      timeoutSeconds: 5,
      retries: 0,
      key: 'gate',
    };
    const client = await clientOf('--hook-keys', folder);
    expect(await client.call(hook, payload)).toMatchObject({ passed: true });
    expect(server.calls.at(-1)?.headers['x-signature']).toMatch(/^sha256=[0-9a-f]{64}$/);
    expect(await (await clientOf()).call(hook, payload)).toMatchObject({ kind: 'unsent' });
  });

  test('of a folder that is not there, says so at once', async () => {
    const none = join(temporaryFolder(), 'none');
    await expect(clientOf('--hook-authorities', none)).rejects.toThrow(
      `--hook-authorities ${none} is not a folder: give the one that holds the files`,
    );
  });
});
