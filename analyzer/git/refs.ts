import { type GitCommand, mustGit, runGit } from './command.ts';
import { type Remote, remoteFailure } from './remote.ts';

/** One branch of a remote, and the ref of the clone that follows it. */
export interface TrackedRef {
  readonly remote: Remote;
  readonly branch: string;
  /** refs/perch/run or refs/perch/source */
  readonly ref: string;
}

/**
 * Makes the refs of the clone what the branches of one remote are; a ref whose branch is gone is removed. An
 * idle remote costs one question. @returns commit by ref @throws GitError when the remote cannot be reached
 */
export async function followRefs(
  git: GitCommand,
  tracked: readonly TrackedRef[],
): Promise<ReadonlyMap<string, string>> {
  const address = tracked[0]?.remote.address;
  if (address === undefined) return readRefs(git);
  const [there, here] = await Promise.all([askTips(git, address, tracked), readRefs(git)]);
  const gone = tracked.filter(({ ref, branch }) => here.has(ref) && !there.has(branch));
  for (const { ref } of gone) await mustGit(git, { arguments: ['update-ref', '-d', ref] });
  const changed = tracked.filter(({ ref, branch }) => here.get(ref) !== there.get(branch));
  const wanted = changed.filter(({ branch }) => there.has(branch));
  if (gone.length + wanted.length === 0) return here;
  if (tracked[0]?.remote.shared !== undefined) return pointRefs(git, here, { gone, wanted, there });
  await fetchRefs(git, address, wanted);
  // A fetch may have brought more than was there when the remote was asked.
  return readRefs(git);
}

interface Moves {
  readonly gone: readonly TrackedRef[];
  readonly wanted: readonly TrackedRef[];
  /** Tip by branch. */
  readonly there: ReadonlyMap<string, string>;
}

/** A folder's objects are shared with the clone, so there is nothing to bring. */
async function pointRefs(
  git: GitCommand,
  here: ReadonlyMap<string, string>,
  { gone, wanted, there }: Moves,
): Promise<ReadonlyMap<string, string>> {
  const refs = new Map(here);
  for (const { ref } of gone) refs.delete(ref);
  for (const { ref, branch } of wanted) {
    const tip = there.get(branch) ?? '';
    await mustGit(git, { arguments: ['update-ref', ref, tip] });
    refs.set(ref, tip);
  }
  return refs;
}

/** Commit by ref for refs/perch/. */
export async function readRefs(git: GitCommand): Promise<ReadonlyMap<string, string>> {
  const output = await mustGit(git, {
    arguments: ['for-each-ref', '--format=%(refname) %(objectname)', 'refs/perch/'],
  });
  return pairs(output.split('\n'), ' ');
}

/** Tip by branch, for the branches that exist. Asked first, because a fetch fails whole if one does not. */
async function askTips(
  git: GitCommand,
  address: string,
  tracked: readonly TrackedRef[],
): Promise<ReadonlyMap<string, string>> {
  const names = tracked.map(({ branch }) => `refs/heads/${branch}`);
  const output = await runGit(git, {
    arguments: ['ls-remote', '--end-of-options', address, ...names],
    network: true,
  });
  if (output.exitCode !== 0) throw remoteFailure(address, output);
  const tips = output.stdout.split('\n').map((line) => line.split('\t').reverse().join('\t'));
  const byName = pairs(tips, '\t');
  return new Map(
    tracked.flatMap(({ branch }) => {
      // Git matches the ends of names, so others may have come along.
      const tip = byName.get(`refs/heads/${branch}`);
      return tip === undefined ? [] : [[branch, tip]];
    }),
  );
}

async function fetchRefs(
  git: GitCommand,
  address: string,
  wanted: readonly TrackedRef[],
): Promise<void> {
  if (wanted.length === 0) return;
  const output = await runGit(git, {
    arguments: [
      'fetch',
      '--quiet',
      '--no-tags',
      '--no-prune',
      '--no-write-fetch-head',
      '--no-recurse-submodules',
      '--no-auto-maintenance',
      // A local folder may be a shallow clone itself.
      '--update-shallow',
      '--end-of-options',
      address,
      ...wanted.map(({ branch, ref }) => `+refs/heads/${branch}:${ref}`),
    ],
    network: true,
  });
  if (output.exitCode !== 0) throw remoteFailure(address, output);
}

function pairs(lines: readonly string[], separator: string): ReadonlyMap<string, string> {
  const split = lines.map((line) => line.split(separator));
  return new Map(
    split.flatMap(([name, value]) => (name && value ? [[name, value] as [string, string]] : [])),
  );
}
