import { lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Claim, claim, isAbandoned } from './owner.ts';
import type { TrackedRef } from './refs.ts';
import type { Remote } from './remote.ts';

/** The bare clone that a repository works in; this process alone uses it. */
export interface Clone {
  readonly gitDir: string;
  /** Whether it outlives this process. */
  readonly stays: boolean;
  /** @throws GitError where another process has taken it over */
  readonly assertHeld: () => Promise<void>;
  /** Makes an empty clone, also over a broken one. */
  readonly make: () => Promise<void>;
  /** Takes over where shared repositories are cut off: a fetch that finds all objects here does not. */
  readonly shareCuts: () => Promise<void>;
  /** Whether a clone of these branches is there already. It may still be broken. */
  readonly isThere: () => Promise<boolean>;
  /** Removes what a git that was killed left: its locks, and files that it had not finished. */
  readonly clean: () => Promise<void>;
  /** Removes a clone that was made for this process only, and lets others have one that stays. */
  readonly dispose: () => Promise<void>;
}

/** Where a clone is to be, and of what. */
export interface ClonePlace {
  /** @default - a private temporary folder */
  readonly cacheFolder: string | undefined;
  /** How long to wait for another process that uses the cache folder. */
  readonly waitMs: number;
  readonly tracked: readonly TrackedRef[];
}

/**
 * A clone in `cacheFolder`, which stays, or in a private temporary folder.
 *
 * @throws GitError where another process uses the cache folder, Error of the file system
 */
export async function locateClone({ cacheFolder, waitMs, tracked }: ClonePlace): Promise<Clone> {
  if (cacheFolder === undefined) await removeAbandoned();
  else await mkdir(cacheFolder, { recursive: true });
  const parent = cacheFolder ?? (await mkdtemp(join(tmpdir(), 'perch-')));
  const held = await claim({ file: join(parent, OWNER), waitMs });
  // A folder of our own inside: whatever else lies in a wrongly named cache folder is never removed.
  const gitDir = join(parent, 'clone.git');
  return {
    ...cloneIn(gitDir, tracked),
    stays: cacheFolder !== undefined,
    assertHeld: held.assertHeld,
    dispose: () => disposed(parent, cacheFolder !== undefined, held),
  };
}

/** Names the process that uses the folder. */
const OWNER = 'perch-owner.json';

async function disposed(parent: string, stays: boolean, held: Claim): Promise<void> {
  if (!stays) await rm(parent, { recursive: true, force: true });
  await held.release();
}

function cloneIn(
  gitDir: string,
  tracked: readonly TrackedRef[],
): Omit<Clone, 'stays' | 'assertHeld' | 'dispose'> {
  const marker = join(gitDir, 'perch.json');
  const remotes = [...new Set(tracked.map(({ remote }) => remote))];
  return {
    gitDir,
    async make() {
      await rm(gitDir, { recursive: true, force: true });
      await mkdir(gitDir, { mode: 0o700 });
      for (const folder of ['objects/info', 'refs/heads', 'refs/tags'])
        await mkdir(join(gitDir, folder), { recursive: true });
      await writeFile(join(gitDir, 'config'), CONFIG);
      await writeFile(join(gitDir, 'HEAD'), 'ref: refs/perch/run\n');
      const shared = remotes.flatMap((remote) => remote.shared?.objects ?? []);
      await writeFile(join(gitDir, 'objects', 'info', 'alternates'), shared.map(line).join(''));
      await writeFile(marker, markerText(tracked));
    },
    shareCuts: () => copyCuts(gitDir, remotes),
    async isThere() {
      const text = await readFile(marker, 'utf8').catch(() => undefined);
      return text === markerText(tracked);
    },
    clean: () => removeRemains(gitDir),
  };
}

async function copyCuts(gitDir: string, remotes: readonly Remote[]): Promise<void> {
  const files = remotes.flatMap((remote) => remote.shared?.shallowFile ?? []);
  if (files.length === 0) return;
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  const cuts = texts.join('');
  const own = join(gitDir, 'shallow');
  if (cuts === '') await rm(own, { force: true });
  else await writeFile(own, cuts);
}

async function removeRemains(gitDir: string): Promise<void> {
  const all = await readdir(gitDir, { recursive: true }).catch(() => []);
  const remains = all.filter((path) => REMAINS.test(path));
  for (const path of remains) await rm(join(gitDir, path), { force: true });
}

/** Locks, and packs and objects that were never finished. */
const REMAINS = /\.lock$|^gc\.pid$|^fast_import_crash_|^objects\/(?:.*\/)?(?:tmp_|\.tmp-)[^/]*$/;

/** A process in another container that said nothing for so long is taken for dead. */
const SILENCE_MS = 10 * 60_000;

/** Removes the temporary clones of processes that were killed; never one of a process that lives. */
async function removeAbandoned(): Promise<void> {
  const names = await readdir(tmpdir()).catch(() => []);
  for (const name of names.filter((it) => /^perch-[A-Za-z0-9]{6}$/.test(it))) {
    const folder = join(tmpdir(), name);
    const found = await lstat(folder).catch(() => undefined);
    // Anybody may put a folder of this name there.
    if (found?.isDirectory() !== true || found.uid !== process.getuid?.()) continue;
    if (!(await isAbandoned(join(folder, OWNER), SILENCE_MS))) continue;
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}

/**
 * What makes a bare repository (`git help repository-layout`), as `git init` would write it: nothing of the
 * machine's templates or defaults, and a fresh clone starts two processes earlier.
 */
const CONFIG = '[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n';

/** What the clone is of: another version, address or branch needs another clone. */
function markerText(tracked: readonly TrackedRef[]): string {
  return `${JSON.stringify({ version: 2, tracked })}\n`;
}

function line(path: string): string {
  return `${path}\n`;
}
