import type { Clone } from './clone.ts';
import { type GitCommand, runGit } from './command.ts';
import { GitError } from './git-error.ts';
import { type ObjectStore, openObjects } from './objects.ts';
import { followRefs, type TrackedRef } from './refs.ts';
import type { Snapshot } from './repository.ts';

/** A clone in use: it is made when it is first needed, and again when it turns out to be broken. */
export interface Session {
  readonly objects: ObjectStore;
  readonly fetch: () => Promise<Snapshot>;
  readonly close: () => Promise<void>;
}

/** What a session is of. */
export interface SessionParts {
  readonly git: GitCommand;
  readonly clone: Clone;
  readonly tracked: { readonly run: TrackedRef; readonly source: TrackedRef };
}

/** Makes the clone where there is none, and nothing more. */
export async function openSession({ git, clone, tracked }: SessionParts): Promise<Session> {
  const { run, source } = tracked;
  const remotes = [...new Set([run.remote, source.remote])];
  const store = openObjects(git);
  let doubt: Doubt = 'none';
  let fetches = 0;
  const objects = doubtful(store, (found) => {
    if (doubt !== 'broken') doubt = found;
  });

  async function update(): Promise<Snapshot> {
    await clone.shareCuts(remotes);
    const { refs, sourceFailure } = await updateRefs(git, tracked);
    const snapshot = {
      run: refs.get(run.ref),
      source: sourceFailure === undefined ? refs.get(source.ref) : undefined,
    };
    const tips = [snapshot.run, snapshot.source].filter((tip) => tip !== undefined);
    await assertReadable(objects, tips);
    return sourceFailure === undefined ? snapshot : { ...snapshot, sourceFailure };
  }

  async function remake(): Promise<void> {
    store.restart();
    await clone.make(remotes);
    doubt = 'none';
  }

  if (!(await clone.isThere(remotes))) await remake();
  return {
    objects,
    async fetch() {
      fetches += 1;
      if (fetches % FETCHES_PER_TIDYING === 0) await tidy(git);
      if (doubt === 'broken' || (doubt === 'missing' && !(await isSound(git)))) await remake();
      doubt = 'none';
      try {
        return await update();
      } catch (error) {
        // Either the remote failed, or the clone did: only the second can be mended here.
        if (!isLeftLocked(git, error) && (await isSound(git))) throw error;
        await remake();
        return update();
      }
    },
    async close() {
      // A folder that goes away needs no tidying.
      if (clone.stays) await tidy(git);
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

interface UpdatedRefs {
  /** Commit by ref. */
  readonly refs: ReadonlyMap<string, string>;
  readonly sourceFailure?: GitError;
}

/** Follows both refs. A source of its own that fails is an answer: the way back must not depend on it. */
async function updateRefs(
  git: GitCommand,
  { run, source }: SessionParts['tracked'],
): Promise<UpdatedRefs> {
  const together = run.remote === source.remote;
  const refs = await followRefs(git, together && run !== source ? [run, source] : [run]);
  if (together) return { refs };
  try {
    return { refs: await followRefs(git, [source]) };
  } catch (error) {
    if (error instanceof GitError) return { refs, sourceFailure: error };
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

/** What was seen of the clone's objects: one that is missing may have been asked for in vain. */
type Doubt = 'none' | 'missing' | 'broken';

/** The same store, telling when an object is missing or broken. */
function doubtful(store: ObjectStore, tell: (doubt: Doubt) => void): ObjectStore {
  return {
    ...store,
    async read(names) {
      try {
        const found = await store.read(names);
        if (names.some((name, at) => !name.includes(':') && found[at] === undefined)) {
          tell('missing');
        }
        return found;
      } catch (error) {
        tell('broken');
        throw error;
      }
    },
  };
}
