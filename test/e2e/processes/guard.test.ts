import { expect, test } from 'vitest';
import { type Finding, guarded } from '../../../analyzer/situation/guard.ts';
import { tick } from '../../../analyzer/tick/tick.ts';
import { inStepOfGit } from '../../analyzer/field.ts';
import { git } from '../../analyzer/git/fixture.ts';

async function watched() {
  const { field } = await inStepOfGit('02-weight-20');
  const findings: Finding[] = [];
  const analyzer = await field.analyzer((it) => guarded(it, (found) => findings.push(found)));
  await tick(analyzer);
  return { field, analyzer, findings, tip: git(field.folder, 'rev-parse', 'main') };
}

/** A commit with the same files and no history. */
function squashed(folder: string): string {
  return git(folder, 'commit-tree', '-m', 'squashed', 'main^{tree}');
}

test.each([
  ['moved back by a transition', (folder: string) => git(folder, 'rev-parse', 'main~1')],
  [
    'replaced by one without releases, as by the source',
    (folder: string) =>
      git(
        folder,
        'commit-tree',
        '-m',
        'x',
        git(folder, 'hash-object', '-w', '-t', 'tree', '/dev/null'),
      ),
  ],
])('a run branch that was %s counts as unreachable until it is back', async (_, other) => {
  const { field, analyzer, tip } = await watched();
  const { folder } = field;
  git(folder, 'update-ref', 'refs/heads/main', other(folder));
  const pushed = git(folder, 'rev-parse', 'main');
  for (const _again of [1, 2])
    await expect(tick(analyzer)).rejects.toThrow(
      `the run branch was pushed by force, from ${tip} to ${pushed}: app was at transition`,
    );
  expect(git(folder, 'rev-parse', 'main')).toBe(pushed);
  git(folder, 'update-ref', 'refs/heads/main', tip);
  field.now += 70;
  expect(await tick(analyzer)).toMatchObject({ outcomes: [{ decision: { kind: 'move' } }] });
});

test('a run branch with the same files and another history is told of, and followed', async () => {
  const { field, analyzer, findings, tip } = await watched();
  const other = squashed(field.folder);
  git(field.folder, 'update-ref', 'refs/heads/main', other);
  field.now += 70;
  await tick(analyzer);
  expect(findings).toEqual([{ kind: 'rewritten', from: tip, to: other }]);
  await tick(analyzer);
  expect(findings).toHaveLength(1);
});
