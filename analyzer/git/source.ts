import type { ReadAccess } from './access.ts';
import { mustGit } from './command.ts';
import { isCut } from './history.ts';
import type { SourceAnswer } from './repository.ts';

/** The question whether a plan was ever merged. */
export interface SourceQuestion {
  /** Tip of the source ref. */
  readonly source: string;
  readonly id: string;
  /** The tree in question. */
  readonly tree: string;
}

/** Looks for a commit reachable from `source` that had `tree` as dist/<id>. */
export async function wasSource(
  access: ReadAccess,
  question: SourceQuestion,
): Promise<SourceAnswer> {
  const { source, id, tree } = question;
  // Most often it is the tip's, and no history has to be walked.
  if (await anyHas(access, [source], question)) return 'found';
  const output = await mustGit(access.git, {
    arguments: ['rev-list', '--full-history', source, '--', `dist/${id}`],
  });
  const commits = output.split('\n').filter((line) => line !== '');
  for (let start = 0; start < commits.length; start += AT_ONCE) {
    const some = commits.slice(start, start + AT_ONCE);
    if (await anyHas(access, some, { source, id, tree })) return 'found';
  }
  return (await isCut(access, source)) ? 'cutOff' : 'absent';
}

/** A compromise between round trips and trees read in vain. */
const AT_ONCE = 100;

async function anyHas(
  access: ReadAccess,
  commits: readonly string[],
  { id, tree }: SourceQuestion,
): Promise<boolean> {
  const found = await access.objects.read(commits.map((commit) => `${commit}:dist/${id}`));
  return found.some((object) => object?.kind === 'tree' && object.oid === tree);
}
