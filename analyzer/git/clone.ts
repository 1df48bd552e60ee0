import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Remote } from './remote.ts';

/** The bare clone that a repository works in. */
export interface Clone {
  readonly gitDir: string;
  /** Whether it outlives this process. */
  readonly stays: boolean;
  /** Makes an empty clone, also over a broken one. */
  readonly make: (remotes: readonly Remote[]) => Promise<void>;
  /** Takes over where shared repositories are cut off: a fetch that finds all objects here does not. */
  readonly shareCuts: (remotes: readonly Remote[]) => Promise<void>;
  /** Whether a clone of these remotes is there already. It may still be broken. */
  readonly isThere: (remotes: readonly Remote[]) => Promise<boolean>;
  /** Removes a clone that was made for this process only. */
  readonly dispose: () => Promise<void>;
}

/** A clone in `cacheFolder`, which stays, or in a private temporary folder. */
export async function locateClone(cacheFolder: string | undefined): Promise<Clone> {
  const parent = cacheFolder ?? (await mkdtemp(join(tmpdir(), 'perch-')));
  // A folder of our own inside: whatever else lies in a wrongly named cache folder is never removed.
  const gitDir = join(parent, 'clone.git');
  const marker = join(gitDir, 'perch.json');
  return {
    gitDir,
    stays: cacheFolder !== undefined,
    async make(remotes) {
      await rm(gitDir, { recursive: true, force: true });
      await mkdir(parent, { recursive: true });
      await mkdir(gitDir, { mode: 0o700 });
      for (const folder of ['objects/info', 'refs/heads', 'refs/tags'])
        await mkdir(join(gitDir, folder), { recursive: true });
      await writeFile(join(gitDir, 'config'), CONFIG);
      await writeFile(join(gitDir, 'HEAD'), 'ref: refs/perch/run\n');
      const shared = remotes.flatMap((remote) => remote.shared?.objects ?? []);
      await writeFile(join(gitDir, 'objects', 'info', 'alternates'), shared.map(line).join(''));
      await writeFile(marker, markerText(remotes));
    },
    async shareCuts(remotes) {
      const files = remotes.flatMap((remote) => remote.shared?.shallowFile ?? []);
      if (files.length === 0) return;
      const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
      const cuts = texts.join('');
      const own = join(gitDir, 'shallow');
      if (cuts === '') await rm(own, { force: true });
      else await writeFile(own, cuts);
    },
    async isThere(remotes) {
      const text = await readFile(marker, 'utf8').catch(() => undefined);
      return text === markerText(remotes);
    },
    async dispose() {
      if (cacheFolder === undefined) await rm(parent, { recursive: true, force: true });
    },
  };
}

/**
 * What makes a bare repository (`git help repository-layout`), as `git init` would write it: nothing of the
 * machine's templates or defaults, and a fresh clone starts two processes earlier.
 */
const CONFIG = '[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n';

/** What the clone is of: another version or another address needs another clone. */
function markerText(remotes: readonly Remote[]): string {
  return `${JSON.stringify({ version: 1, remotes })}\n`;
}

function line(path: string): string {
  return `${path}\n`;
}
