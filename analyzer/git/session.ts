import type { Clone } from './clone.ts';
import { type GitCommand, runGit } from './command.ts';
import { GitError } from './git-error.ts';
import { type ObjectStore, openObjects } from './objects.ts';
import { type Followed, followRefs, type TrackedRef } from './refs.ts';
import type { Snapshot } from './repository.ts';

/** A clone in use: it is made when it is first needed, and again when it turns out to be broken. */
export interface Session {
  readonly objects: ObjectStore;
  /** @throws GitError where the run branch is not there, or a remote cannot be asked */
  readonly fetch: () => Promise<Snapshot>;
  /**
   * Does something with the clone; once more where only the lock of a git that was killed was in the way, or where the
   * clone was broken and is mended.
   */
  readonly work: <T>(run: () => Promise<T>) => Promise<T>;
  readonly close: () => Promise<void>;
}

/** What a session is of. */
export interface SessionParts {
  readonly git: GitCommand;
  readonly clone: Clone;
  readonly tracked: { readonly run: TrackedRef; readonly source: TrackedRef };
}

/** Makes the clone where there is none, and nothing more. @throws Error of the file system */
export async function openSession({ git, clone, tracked }: SessionParts): Promise<Session> {
  const store = openObjects(git);
  let doubt: Doubt = 'none';
  let fetches = 0;
  const objects = doubtful(store, (found) => {
    if (doubt !== 'broken') doubt = found;
  });

  async function update(): Promise<Snapshot | GitError> {
    await clone.shareCuts();
    const found = await follow(git, tracked);
    if (found instanceof GitError) return found;
    const tips = [found.run, found.source].filter((tip) => tip !== undefined);
    await assertReadable(objects, tips);
    return found;
  }

  async function remake(): Promise<void> {
    store.restart();
    await clone.make();
    doubt = 'none';
  }

  /** Either the remote failed, or the clone did: only the second can be mended here. */
  async function mend(error: unknown): Promise<Snapshot | GitError> {
    const wasLocked = isLeftLocked(git, error);
    await clone.clean();
    const sound = await isSound(git);
    if (sound && !wasLocked) throw error;
    if (!sound) await remake();
    return update();
  }

  async function isBroken(): Promise<boolean> {
    return doubt === 'broken' || (doubt === 'maybe' && !(await isSound(git)));
  }

  if (await clone.isThere()) await clone.clean();
  else await remake();
  return {
    objects,
    async fetch() {
      await clone.assertHeld();
      fetches += 1;
      if (fetches % FETCHES_PER_TIDYING === 0) await tidy(git);
      if (await isBroken()) await remake();
      doubt = 'none';
      const found = await update().catch(mend);
      if (found instanceof GitError) throw found;
      return found;
    },
    async work(run) {
      try {
        return await run();
      } catch (error) {
        const found = await mend(error);
        if (found instanceof GitError) throw found;
        return run();
      }
    },
    async close() {
      store.close();
      // The next process has no memory of what this one saw.
      if (clone.stays && (await isBroken())) await clone.make().catch(() => undefined);
      // A folder that goes away needs no tidying.
      if (clone.stays) await tidy(git).catch(() => undefined);
      await clone.dispose();
    },
  };
}

/** Every few hours for an analyzer that looks twice a minute. */
const FETCHES_PER_TIDYING = 500;

/** Packs loose objects where git finds that there are too many; most often it does nothing. */
async function tidy(git: GitCommand): Promise<void> {
  await runGit(git, { arguments: ['gc', '--auto', '--quiet'] });
}

/**
 * Follows both refs. Without the run branch nothing is known; no error, as the clone is as sound as before. A source that is not there or
 * cannot be asked is an answer: the rollback must not depend on it, and no release counts as gone.
 */
async function follow(
  git: GitCommand,
  { run, source }: SessionParts['tracked'],
): Promise<Snapshot | GitError> {
  const together = run !== source && run.remote === source.remote;
  const [mine, both] = await followRefs(git, together ? [run, source] : [run]);
  if (mine === undefined) throw new Error('nothing was followed');
  if (mine.kind === 'absent') return mine.failure;
  if (run === source) return { run: mine.commit, source: mine.commit };
  const theirs = both ?? (await followSource(git, source));
  if (theirs.kind === 'tip') return { run: mine.commit, source: theirs.commit };
  return { run: mine.commit, source: undefined, sourceFailure: theirs.failure };
}

async function followSource(git: GitCommand, source: TrackedRef): Promise<Followed> {
  try {
    const [followed] = await followRefs(git, [source]);
    return followed ?? Promise.reject(new Error('nothing was followed'));
  } catch (error) {
    if (error instanceof GitError) return { kind: 'absent', failure: error };
    throw error;
  }
}

async function assertReadable(objects: ObjectStore, tips: readonly string[]): Promise<void> {
  const found = await objects.read(tips.flatMap((tip) => [tip, `${tip}^{tree}`]));
  if (!found.includes(undefined)) return;
  throw new GitError(`commit ${tips.join(' or ')} is missing in the clone`, { retryable: true });
}

/** Whether everything that the refs need is there and can be read. */
async function isSound(git: GitCommand): Promise<boolean> {
  const walk = await runGit(git, { arguments: ['rev-list', '--objects', '--quiet', '--all'] });
  return walk.exitCode === 0;
}

/** Whether a process that was killed left a lock file in the clone; the clone is used by one at a time. */
function isLeftLocked(git: GitCommand, error: unknown): boolean {
  if (!(error instanceof GitError)) return false;
  return error.stderr.includes(git.gitDir) && /\.lock'?: File exists/.test(error.stderr);
}

/** What was seen of the clone: an object that is missing may have been asked for in vain. */
type Doubt = 'none' | 'maybe' | 'broken';

/** The same store, telling when an object is missing or broken. */
function doubtful(store: ObjectStore, tell: (doubt: Doubt) => void): ObjectStore {
  const watched = (ask: ObjectStore['read']) => async (names: readonly string[]) => {
    try {
      const found = await ask(names);
      if (names.some((name, at) => !name.includes(':') && found[at] === undefined)) {
        tell('maybe');
      }
      return found;
    } catch (error) {
      tell('broken');
      throw error;
    }
  };
  return { ...store, read: watched(store.read), heads: watched(store.heads) };
}
