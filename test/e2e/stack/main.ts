import { spawn } from 'node:child_process';
import { existsSync, openSync, readFileSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Kept } from './keep.ts';
import { isAlive, type ProcessId } from './process-id.ts';

/**
 * One whole stack for a person to play with.
 *
 *     npm run stack                       starts it in the background, and says how to reach it
 *     npm run stack -- --down             ends it and removes its data
 *     npm run stack -- --folder FOLDER    keeps its data, logs and process ids there
 */
const { values } = parseArgs({
  options: { down: { type: 'boolean', default: false }, folder: { type: 'string' } },
});
const folder = values.folder ?? join(tmpdir(), `perch-stack-${process.getuid?.() ?? 0}`);
const log = join(folder, 'keep.log');
const ready = join(folder, 'ready.txt');

if (values.down) await down();
else await up();

async function up(): Promise<void> {
  const before = kept();
  if (before !== undefined && isAlive(before.keeper)) {
    console.info(existsSync(ready) ? readFileSync(ready, 'utf8') : `It is starting: ${log}`);
    return;
  }
  await down();
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // It is removed in the end, so nothing of anybody else may be in it.
  if ((await readdir(folder)).length > 0) throw new Error(`${folder} is not empty; choose another`);
  const keeper = spawn(
    process.execPath,
    [...script('enter'), process.execPath, ...script('keep'), folder],
    {
      detached: true,
      stdio: ['ignore', openSync(log, 'a'), openSync(log, 'a')],
    },
  );
  let printed = 0;
  while (!existsSync(ready) && keeper.exitCode === null) {
    await sleep(200);
    const text = readFileSync(log, 'utf8');
    process.stdout.write(text.slice(printed));
    printed = text.length;
  }
  keeper.unref();
  if (existsSync(ready)) console.info(readFileSync(ready, 'utf8'));
  else process.exitCode = 1;
}

/** How Node runs a script beside this one. */
function script(name: string): readonly string[] {
  const path = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  return ['--import', import.meta.resolve('tsx'), path];
}

function kept(): Kept | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'processes.json'), 'utf8')) as Kept;
  } catch {
    return undefined;
  }
}

async function down(): Promise<void> {
  const before = kept();
  if (before === undefined) return;
  await end(before.keeper, 'SIGTERM');
  // Only what a keeper left that was itself ended by force.
  for (const server of before.servers) await end(server, 'SIGKILL');
  await rm(folder, { recursive: true, force: true });
}

async function end(id: ProcessId, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (!isAlive(id)) return;
  process.kill(id.pid, signal);
  const deadline = performance.now() + 60_000;
  while (isAlive(id)) {
    if (performance.now() > deadline) throw new Error(`process ${id.pid} does not end; see ${log}`);
    await sleep(100);
  }
}
