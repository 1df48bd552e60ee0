import { describe, expect, test } from 'vitest';
import { differingLiveFiles, disagreement } from '../../../analyzer/core/integrity.ts';
import type { LastCommit, Situation } from '../../../analyzer/core/situation.ts';
import { INIT, known, rollout, sha, situation, step, V1, V2, V3 } from './fixture.ts';

const AT20 = situation({ position: step('02-weight-20') });
const ROLLOUT = rollout(AT20);

function withLive(change: (live: Map<string, string>) => void): Situation {
  const live = new Map(AT20.live);
  change(live);
  return { ...AT20, live };
}

function withLast(change: Partial<LastCommit>): Situation {
  const { lastCommit } = AT20;
  if (lastCommit === undefined) throw new Error('there is a last commit');
  return { ...AT20, lastCommit: { ...lastCommit, author: 'Robin', ...change } };
}

test.each<[string, Situation]>([
  ['everything as the state says', AT20],
  ['a history that was not looked at', { ...AT20, lastCommit: undefined }],
  ['the very first transition', situation({ position: INIT, state: { transition: 1 } })],
  [
    'a transition that accepts what was edited before it',
    withLast({ transitionBefore: 3, accepts: [sha('edit')] }),
  ],
])('no disagreement: %s', (_, it) => expect(disagreement(it, rollout(it))).toBeUndefined());

describe('disagreement', () => {
  test.each<[string, Situation, RegExp]>([
    [
      'a file of live/ was edited',
      withLive((it) => it.set('service-app.yaml', sha('edit'))),
      /^live\/app differs in service-app\.yaml$/,
    ],
    [
      'a file of live/ is gone',
      withLive((it) => it.delete('service-app.yaml')),
      /differs in service-app\.yaml$/,
    ],
    [
      'a file of live/ is new',
      withLive((it) => it.set('extra.yaml', sha('edit'))),
      /differs in extra\.yaml$/,
    ],
    [
      'many files',
      withLive((it) => {
        for (const name of 'abcdefg') it.set(name, name);
      }),
      /differs in a, b, c, d, e and 2 more$/,
    ],
    ['all of live/ is gone', withLive((it) => it.clear()), /live\/app differs in .* and 2 more$/],
    [
      'plan/ is another one',
      { ...AT20, plan: known(V3) },
      new RegExp(`rollouts/app/plan is ${V3.tree}, state.yaml names ${V2.tree}`),
    ],
    [
      'plan/ is gone',
      { ...AT20, plan: { kind: 'absent' } },
      /rollouts\/app\/plan is absent, state.yaml names/,
    ],
    [
      'stable/ is another one',
      { ...AT20, stable: known(V3) },
      new RegExp(`rollouts/app/stable is ${V3.tree}, state.yaml names ${V1.tree}`),
    ],
    ['stable/ is gone', { ...AT20, stable: { kind: 'absent' } }, /rollouts\/app\/stable is absent/],
    [
      'the last commit did not count',
      withLast({ transitionBefore: 7, transitionAfter: 7 }),
      /commit cccccccccc by Robin changed app without a transition \(7 → 7\)/,
    ],
    [
      'the last commit went back',
      withLast({ transitionBefore: 8, transitionAfter: 7 }),
      /\(8 → 7\)/,
    ],
    ['the last commit skipped', withLast({ transitionBefore: 4, transitionAfter: 7 }), /\(4 → 7\)/],
    [
      'the state appeared from nowhere',
      withLast({ transitionBefore: undefined, transitionAfter: 7 }),
      /\(none → 7\)/,
    ],
    [
      'the state of the last commit is not this one',
      withLast({ transitionAfter: undefined }),
      /\(6 → none\)/,
    ],
    [
      'a transition that accepts, and counts back',
      withLast({ transitionBefore: 9, transitionAfter: 7, accepts: [sha('x')] }),
      /\(9 → 7\)/,
    ],
  ])('%s', (_, it, expected) => expect(disagreement(it, ROLLOUT)).toMatch(expected));
});

test('differing files are named, sorted, whatever differs about them', () => {
  const edited = withLive((it) => {
    it.delete('virtualservice-app.yaml');
    it.set('service-app.yaml', sha('edit'));
    it.set('a-new-one.yaml', sha('new'));
  });
  expect(differingLiveFiles(edited, ROLLOUT)).toEqual([
    'a-new-one.yaml',
    'service-app.yaml',
    'virtualservice-app.yaml',
  ]);
  expect(differingLiveFiles(AT20, ROLLOUT)).toEqual([]);
});
