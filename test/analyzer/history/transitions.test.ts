import { beforeAll, expect, test } from 'vitest';
import { withRollout } from '../../../analyzer/core/rollout.ts';
import type { Situation } from '../../../analyzer/core/situation.ts';
import { openLocal, type Reader } from '../../../analyzer/git/index.ts';
import { walk } from '../../../analyzer/history/history.ts';
import { type Transition, transitions } from '../../../analyzer/history/transitions.ts';
import { intervene } from '../../../analyzer/intervene.ts';
import { newReadMemory } from '../../../analyzer/situation/situation.ts';
import { afterFile } from '../../cleanups.ts';
import { type GitField, inStepOfGit } from '../field.ts';
import { git } from '../git/fixture.ts';

/** A release in a step that persons and hands have been at. */

const ROBIN = { by: 'Robin <robin@example.com>', reason: 'lunch' };
let field: GitField;
let reader: Reader;
let rows: readonly Transition[];

beforeAll(async () => {
  ({ field } = await inStepOfGit('02-weight-20'));
  const { repository } = await field.analyzer();
  const ask = (verb: 'pause' | 'resume' | 'abort') =>
    intervene(repository, { id: 'app', verb, request: ROBIN }, () => field.now);
  await ask('pause');
  await ask('resume');
  await field.edit({ 'live/app/service-app.yaml': '{}\n' });
  await ask('resume');
  // The edit and its resume are taken back: transition 6 stands again.
  const tree = git(field.folder, 'rev-parse', 'main~2^{tree}');
  const revert = git(field.folder, 'commit-tree', tree, '-p', 'main', '-m', 'Revert "resumed"');
  git(field.folder, 'update-ref', 'refs/heads/main', revert);
  await ask('resume');
  await ask('abort');
  reader = await openLocal({ folder: field.folder });
  afterFile(() => reader.close());
  rows = transitions(
    'app',
    await walk(reader, git(field.folder, 'rev-parse', 'main'), 'app', newReadMemory()),
  );
});

test('each commit is one row, oldest first, as what it is', () => {
  expect(rows.map((it) => [it.transition, it.kind, it.position, it.verdict, it.by])).toEqual([
    [1, 'start', 'init', 'none', 'analyzer'],
    [2, 'complete', 'complete', 'none', 'analyzer'],
    [3, 'start', '01-canary-up', 'none', 'analyzer'],
    [4, 'next', '02-weight-20', 'none', 'analyzer'],
    [5, 'note', '02-weight-20', 'none', ROBIN.by],
    [6, 'note', '02-weight-20', 'none', ROBIN.by],
    [undefined, 'edit', '02-weight-20', undefined, 'Robin <robin@example.com>'],
    [7, 'resume', '02-weight-20', 'none', ROBIN.by],
    [undefined, 'revert', '02-weight-20', undefined, 'Somebody <somebody@example.com>'],
    [8, 'resume', '02-weight-20', 'none', ROBIN.by],
    [9, 'back', 'back from 02-weight-20: routes', 'fail', ROBIN.by],
  ]);
});

test('a note says what it noted, and what is no transition what its author wrote', () => {
  expect(rows.slice(3).map((it) => it.reason)).toEqual([
    'live and ready',
    'paused: lunch',
    'resumed: lunch',
    'by hand',
    'lunch',
    'to transition 6: Revert "resumed"',
    'lunch',
    'aborted by Robin <robin@example.com>: lunch',
  ]);
});

test('what is wrong with a commit stands in its row', () => {
  expect(rows.filter((it) => it.problems.length > 0).map((it) => it.kind)).toEqual([
    'edit',
    'revert',
  ]);
});

test('a commit of a group has a verdict for each member', async () => {
  const past = await walk(reader, git(field.folder, 'rev-parse', 'main'), 'app', newReadMemory());
  const block = (id: string, verdict: string) =>
    `Perch-Release: ${id}\nPerch-Transition: 1\nPerch-Verdict: ${verdict}`;
  const message = `pair: app, web\n\n${block('app', 'fail')}\n${block('web', 'pass')}`;
  const visits = past.visits
    .slice(0, 1)
    // As format 1 left it: without a verdict in the state.
    .map((it) => ({ ...it, commit: { ...it.commit, message }, situation: old(it.situation) }));
  const verdict = (id: string) => transitions(id, { visits, complete: true })[0]?.verdict;
  expect([verdict('app'), verdict('web'), verdict('other')]).toEqual(['fail', 'pass', undefined]);
});

test('where a shallow clone begins is said', async () => {
  const past = await walk(reader, git(field.folder, 'rev-parse', 'main'), 'app', newReadMemory());
  expect(transitions('app', { ...past, complete: false })[0]).toMatchObject({
    kind: 'cut',
    transition: undefined,
    reason: 'what came before is not in this shallow clone',
  });
});

function old(it: Situation): Situation {
  if (it.state.kind !== 'known') return it;
  const { verdict: _, ...value } = it.state.value;
  return withRollout({ ...it, state: { kind: 'known', value } });
}
