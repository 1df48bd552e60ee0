import { type GitCommand, mustGit } from './command.ts';

/** What each commit changed against its first parent; see `Reader.changedPaths`. */
export async function readChangedPaths(
  git: GitCommand,
  commits: readonly string[],
): Promise<readonly (readonly string[])[]> {
  if (commits.length === 0) return [];
  const output = await mustGit(git, {
    // Also what a merge changed in what its first parent had.
    arguments: [
      ...['diff-tree', '--stdin', '-r', '-z', '--root', '-m'],
      ...['--no-renames', '--raw', '--no-abbrev'],
    ],
    input: commits.map((it) => `${it}\n`).join(''),
  });
  const paths = new Map<string, string[]>();
  let current: string[] = [];
  const fields = output.split('\0').values();
  // A path follows its modes and ids, so that no name of a file is taken for a commit.
  for (const field of fields) {
    if (field.startsWith(':')) current.push(fields.next().value ?? '');
    else {
      current = [];
      // The parents of a merge come in their order, each under the merge's own id.
      if (!paths.has(field)) paths.set(field, current);
    }
  }
  return commits.map((it) => paths.get(it) ?? []);
}
