import { createInterface } from 'node:readline';
import { type GitCommand, mustGit, startGit } from './command.ts';
import { signalGroup } from './running.ts';

/** Finds the last commits that touched releases, of one commit's history at a time. */
export interface LastChanges {
  /** The id of the last commit that touched the release, without merges; undefined where none did. */
  find(commit: string, id: string): Promise<string | undefined>;
}

/** For so many releases one walk for each is faster than one that looks at all of them. */
const FEW = 8;

/**
 * Asks git for each release as long as there are few of them, since most often one or two move. Where many
 * move at once, one walk finds them all: a walk for each took 80 ms, over a minute for a thousand.
 *
 * @param present the releases that a commit has, which is how the walk knows when to end
 */
export function findLastChanges(
  git: GitCommand,
  present: (commit: string) => Promise<ReadonlySet<string>>,
): LastChanges {
  let current: { readonly commit: string; asked: number; all?: Promise<Found> } | undefined;
  return {
    async find(commit, id) {
      if (current?.commit !== commit) current = { commit, asked: 0 };
      current.asked += 1;
      if (current.asked <= FEW) return findOne(git, commit, id);
      current.all ??= present(commit).then((ids) => findAll(git, commit, ids));
      return (await current.all).get(id) ?? findOne(git, commit, id);
    },
  };
}

type Found = ReadonlyMap<string, string>;

/** Every line of history is followed; a merge that made something new is seen by what it shows. */
const WALK = ['--full-history', '--no-merges'];

async function findOne(git: GitCommand, commit: string, id: string): Promise<string | undefined> {
  const output = await mustGit(git, {
    arguments: ['rev-list', ...WALK, '--max-count=1', commit, '--', `live/${id}`, `rollouts/${id}`],
  });
  const oid = output.trim();
  return oid === '' ? undefined : oid;
}

/** In the order of `findOne`: the same walk, with names instead of a limit. */
async function findAll(git: GitCommand, commit: string, ids: ReadonlySet<string>): Promise<Found> {
  const found = new Map<string, string>();
  const missing = new Set(ids);
  const child = startGit(git, {
    arguments: [
      'log',
      ...WALK,
      '--format=commit %H',
      '--name-only',
      '--no-renames',
      commit,
      ...BELOW,
    ],
  });
  child.stderr.resume();
  const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), git.localTimeoutMs);
  let oid = '';
  let lines = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('commit ')) oid = line.slice('commit '.length);
    const [, id] = PATH.exec(line) ?? [];
    if (id === undefined || found.has(id)) continue;
    found.set(id, oid);
    missing.delete(id);
    lines += 1;
    if (missing.size === 0 || lines > MOST_LINES) break;
  }
  clearTimeout(timer);
  signalGroup(child, 'SIGKILL');
  return found;
}

/** Whoever is not found by then is asked for alone: a commit may change more paths than anybody can read. */
const MOST_LINES = 500_000;

const BELOW = ['--', 'live', 'rollouts'];

/** Git quotes unusual names of files; those of releases are usual. */
const PATH = /^"?(?:live|rollouts)\/([^/"]+)\//;
