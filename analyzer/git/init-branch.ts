import { mustGit } from './command.ts';
import { type OpenClone, openClone, type RepositoryOptions } from './open.ts';
import { pushCommit } from './push.ts';
import { askHeads, fetchHeads } from './refs.ts';
import { isThere } from './repository.ts';
import { signCommit } from './signature.ts';

/** What became of a new run branch. */
export type InitResult =
  | { readonly kind: 'made'; readonly commit: string }
  | { readonly kind: 'refused'; readonly reason: string };

/** What a new run branch needs to know. */
export interface InitOptions extends Omit<RepositoryOptions, 'cacheFolder'> {
  /** Unix seconds. */
  readonly now: number;
  /** Whether another branch with rollouts/ in it is meant to stay beside it. */
  readonly beside: boolean;
}

/**
 * Makes the run branch, with one commit that holds no file. Only a person asks for it: an analyzer that made a missing
 * branch itself would begin every release anew where somebody renamed the branch.
 *
 * @throws GitError when the repository cannot be reached, Error of the file system
 */
export async function initBranch(options: InitOptions): Promise<InitResult> {
  const clone = await openClone({ ...options, cacheFolder: undefined });
  try {
    const reason = await refusal(clone, options);
    if (reason !== undefined) return { kind: 'refused', reason };
    return await makeBranch(clone, options);
  } finally {
    await clone.session.close();
  }
}

async function refusal(
  { git, tracked, session }: OpenClone,
  { beside }: InitOptions,
): Promise<string | undefined> {
  const { run, source } = tracked;
  const { address } = run.remote;
  if (run === source)
    return `run and source are one branch, ${run.branch}: push it with your releases in dist/, or name a source with --source-branch or --source-repo`;
  const heads = await askHeads(git, run.remote);
  if (heads.has(run.branch))
    return `${address} has branch ${run.branch} already: nothing is to be done`;
  if (beside || heads.size === 0) return undefined;
  await fetchHeads(git, run.remote);
  const found = await session.objects.read([...heads.values()].map((tip) => `${tip}:rollouts`));
  const other = [...heads.keys()].find((_, index) => found[index] !== undefined);
  if (other === undefined) return undefined;
  return `branch ${other} of ${address} has rollouts/ already, and a new run branch begins every release anew: name that one with --branch, or give --beside where both are meant`;
}

async function makeBranch(clone: OpenClone, options: InitOptions): Promise<InitResult> {
  const { git, tracked } = clone;
  const { branch, remote } = tracked.run;
  const { identity, now, signingKey } = options;
  const tree = await mustGit(git, {
    arguments: ['hash-object', '-t', 'tree', '-w', '--stdin'],
  });
  const commit = await signCommit(
    git,
    { tree: tree.trim(), parent: undefined, message: MESSAGE, at: Math.floor(now), identity },
    signingKey,
  );
  const onto = { parent: undefined };
  const result = await pushCommit(git, { commit, onto, branch, remote });
  if (isThere(result)) return { kind: 'made', commit };
  const reason = result.kind === 'moved' ? `somebody else made branch ${branch}` : result.reason;
  return { kind: 'refused', reason };
}

const MESSAGE = `Begin the run branch

The analyzer commits live/ and rollouts/ here. Nobody else writes to it.
`;
