import { constants } from 'node:fs';
import { access, mkdtemp, readFile, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';

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
  const folder = await mkdtemp(join(MEMORY, 'perch-tests-'));
  process.env.TMPDIR = folder;
  return async () => {
    delete process.env.TMPDIR;
    await rm(folder, { recursive: true, force: true });
  };
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
