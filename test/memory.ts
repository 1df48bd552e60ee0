import { constants } from 'node:fs';
import { access, mkdtemp, readdir, readFile, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive, processId } from './e2e/stack/process-id.ts';

/** Where Linux keeps files in memory. */
const MEMORY = '/dev/shm';

/** Several times what the tests ever hold there; the default of a container is less. */
const ROOM_BYTES = 256 * 1024 ** 2;

/**
 * Has all temporary files of the tests kept in memory: they make and remove some hundred thousand small ones, for which
 * a disk's file system takes half of git's time. Where that cannot be, they stay where they were.
 */
export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (process.env.TMPDIR !== undefined || !(await isFit())) return undefined;
  await sweep(MEMORY);
  const { pid, startedAt } = processId(process.pid) ?? { pid: process.pid, startedAt: '0' };
  const folder = await mkdtemp(join(MEMORY, `perch-tests-${pid}-${startedAt}-`));
  process.env.TMPDIR = folder;
  return async () => {
    delete process.env.TMPDIR;
    await rm(folder, { recursive: true, force: true });
  };
}

/** Removes what runs left there that were killed: whoever made a folder stands in its name. */
export async function sweep(memory: string): Promise<void> {
  for (const name of await readdir(memory)) {
    const [, pid, startedAt] = /^perch-tests-(\d+)-(\d+)-/.exec(name) ?? [];
    if (pid === undefined || startedAt === undefined) continue;
    if (isAlive({ pid: Number(pid), startedAt })) continue;
    await rm(join(memory, name), { recursive: true, force: true });
  }
}

/** Whether it is there, has room, and lets the programs that tests write run. */
async function isFit(): Promise<boolean> {
  try {
    await access(MEMORY, constants.W_OK);
    const { bavail, bsize } = await statfs(MEMORY);
    const mounts = await readFile('/proc/mounts', 'utf8');
    const options = mounts
      .split('\n')
      .find((it) => it.split(' ')[1] === MEMORY)
      ?.split(' ')[3];
    return bavail * bsize >= ROOM_BYTES && options?.split(',').includes('noexec') === false;
  } catch {
    return false;
  }
}
