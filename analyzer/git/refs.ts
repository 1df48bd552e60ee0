import { absentBranch } from './absent-branch.ts';
import { type GitCommand, mustGit, runGit } from './command.ts';
import type { GitError } from './git-error.ts';
import { noteFetched } from './last-fetched.ts';
import { calledAs, type Remote, remoteFailure } from './remote.ts';

/** One branch of a remote, and the ref of the clone that follows it. */
export interface TrackedRef {
  readonly remote: Remote;
  readonly branch: string;
  /** refs/perch/run or refs/perch/source */
  readonly ref: string;
  /** What it is for; one branch may be both. */
  readonly role: 'run' | 'source' | 'both';
}

/** What became of one tracked branch: its tip, or why nobody knows one. */
export type Followed =
  | { readonly kind: 'tip'; readonly commit: string }
  | { readonly kind: 'absent'; readonly failure: GitError };

/**
 * Makes the refs of the clone what the branches of one remote are. An idle remote costs one question. A branch that
 * is not there keeps its ref, so that its last commit is known and stays in the clone.
 *
 * @returns in the order asked @throws GitError when the remote cannot be reached
 */
export async function followRefs(
  git: GitCommand,
  tracked: readonly TrackedRef[],
): Promise<readonly Followed[]> {
  const remote = tracked[0]?.remote;
  if (remote === undefined) return [];
  const [there, here] = await Promise.all([askTips(git, remote, tracked), readRefs(git)]);
  const wanted = tracked.filter(({ ref, branch }) => {
    const tip = there.get(branch);
    return tip !== undefined && here.get(ref) !== tip;
  });
  const refs = wanted.length === 0 ? here : await bring(git, remote, { wanted, there, here });
  await note(git, remote, tracked, there);
  const absent = tracked.filter(({ branch }) => !there.has(branch));
  const heads = absent.length === 0 ? undefined : await namesOf(git, remote);
  return tracked.map((one): Followed => {
    const commit = refs.get(one.ref);
    if (commit !== undefined && there.has(one.branch)) return { kind: 'tip', commit };
    return { kind: 'absent', failure: absentBranch(one, { heads, last: here.get(one.ref) }) };
  });
}

/** Whoever reads offline later is shown what was there now. */
async function note(
  git: GitCommand,
  { named, shared }: Remote,
  tracked: readonly TrackedRef[],
  there: ReadonlyMap<string, string>,
): Promise<void> {
  if (named === undefined || shared === undefined) return;
  const { common } = shared;
  for (const { branch } of tracked) {
    const tip = there.get(branch);
    if (tip !== undefined) await noteFetched(git, named, branch, { commit: tip, common });
  }
}

async function namesOf(git: GitCommand, remote: Remote): Promise<readonly string[] | undefined> {
  const heads = await askHeads(git, remote).catch(() => undefined);
  return heads === undefined ? undefined : [...heads.keys()];
}

interface Moves {
  readonly wanted: readonly TrackedRef[];
  /** Tip by branch. */
  readonly there: ReadonlyMap<string, string>;
  /** Commit by ref. */
  readonly here: ReadonlyMap<string, string>;
}

async function bring(
  git: GitCommand,
  remote: Remote,
  moves: Moves,
): Promise<ReadonlyMap<string, string>> {
  if (remote.named !== undefined)
    await fetchObjects(
      git,
      remote,
      moves.wanted.map(({ branch }) => branch),
    );
  if (remote.shared !== undefined) return pointRefs(git, moves);
  await fetchRefs(git, remote, moves.wanted);
  // A fetch may have brought more than was there when the remote was asked.
  return readRefs(git);
}

/** A folder's objects are shared with the clone, so there is nothing to bring. */
async function pointRefs(
  git: GitCommand,
  { wanted, there, here }: Moves,
): Promise<ReadonlyMap<string, string>> {
  const refs = new Map(here);
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
  remote: Remote,
  tracked: readonly TrackedRef[],
): Promise<ReadonlyMap<string, string>> {
  const names = tracked.map(({ branch }) => `refs/heads/${branch}`);
  const { folder, name } = calledAs(remote);
  const output = await runGit(git, {
    arguments: ['ls-remote', '--end-of-options', name, ...names],
    folder,
    waits: 'network',
  });
  if (output.exitCode !== 0) throw remoteFailure(remote.address, output);
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

/** Tip by branch, for all branches. @throws GitError when the remote cannot be reached */
export async function askHeads(
  git: GitCommand,
  remote: Remote,
): Promise<ReadonlyMap<string, string>> {
  const { folder, name } = calledAs(remote);
  const output = await runGit(git, {
    arguments: ['ls-remote', '--heads', '--end-of-options', name],
    folder,
    waits: 'network',
  });
  if (output.exitCode !== 0) throw remoteFailure(remote.address, output);
  const lines = output.stdout.split('\n').map((line) => line.split('\t'));
  return new Map(
    lines.flatMap(([tip, name]) =>
      tip && name?.startsWith(HEADS) ? [[name.slice(HEADS.length), tip]] : [],
    ),
  );
}

const HEADS = 'refs/heads/';

/** Brings the newest commit of every branch. @throws GitError when the remote cannot be reached */
export async function fetchHeads(git: GitCommand, remote: Remote): Promise<void> {
  if (remote.named !== undefined) await fetchObjects(git, remote, ['*']);
  else if (remote.shared === undefined)
    await fetchInto(git, remote, ['--depth=1', '+refs/heads/*:refs/perch/heads/*']);
}

/** Brings objects into the clone of a person, and touches none of its refs: `git fetch` by hand may run just now. */
async function fetchObjects(
  git: GitCommand,
  remote: Remote,
  branches: readonly string[],
): Promise<void> {
  await fetchInto(git, remote, ['--refmap=', ...branches.map((it) => `refs/heads/${it}`)]);
}

async function fetchRefs(
  git: GitCommand,
  remote: Remote,
  wanted: readonly TrackedRef[],
): Promise<void> {
  const specs = wanted.map(({ branch, ref }) => `+refs/heads/${branch}:${ref}`);
  // A local folder may be a shallow clone itself.
  await fetchInto(git, remote, ['--update-shallow', ...specs]);
}

async function fetchInto(git: GitCommand, remote: Remote, what: readonly string[]): Promise<void> {
  const { folder, name } = calledAs(remote);
  const options = what.filter((it) => it.startsWith('--'));
  const specs = what.filter((it) => !it.startsWith('--'));
  const output = await runGit(git, {
    arguments: [
      'fetch',
      '--quiet',
      '--no-tags',
      '--no-prune',
      '--no-write-fetch-head',
      '--no-recurse-submodules',
      '--no-auto-maintenance',
      ...options,
      '--end-of-options',
      name,
      ...specs,
    ],
    folder,
    waits: 'network',
  });
  if (output.exitCode !== 0) throw remoteFailure(remote.address, output);
}

function pairs(lines: readonly string[], separator: string): ReadonlyMap<string, string> {
  const split = lines.map((line) => line.split(separator));
  return new Map(
    split.flatMap(([name, value]) => (name && value ? [[name, value] as [string, string]] : [])),
  );
}
