import { describe, expect, test } from 'vitest';
import type { Position } from '../../../../analyzer/core/position.ts';
import { withRollout } from '../../../../analyzer/core/rollout.ts';
import type { Situation } from '../../../../analyzer/core/situation.ts';
import { isoTime } from '../../../../analyzer/core/state.ts';
import {
  BAD,
  back,
  COMPLETE,
  decision,
  known,
  move,
  notReady,
  plan,
  READY,
  STABLE,
  sha,
  situation,
  step,
  T0,
  V1,
  V3,
} from '../fixture.ts';

/** Late enough for three passing points of a step that is live since T0. */
const BAKED = T0 + 30 + 5 + 2 * 10 + 5;

const started = (position: Position, state = {}) =>
  situation({
    position,
    state: {
      steps: [{ name: '01-canary-up', at: isoTime(T0 - 100), until: isoTime(T0), failedChecks: 0 }],
      ...state,
    },
  });
const AT20 = started(step('02-weight-20'));

describe('paused', () => {
  const paused = started(step('02-weight-20'), { paused: { reason: 'lunch', by: 'Robin' } });

  test('nothing goes on', () => {
    expect(decision(paused, BAKED)).toEqual({ kind: 'hold', reason: 'paused by Robin: lunch' });
    expect(decision({ ...paused, dist: known(V3) }, BAKED)).toMatchObject({ kind: 'hold' });
    expect(decision({ ...paused, dist: { kind: 'absent' } }, BAKED)).toMatchObject({
      kind: 'hold',
    });
  });

  test('a bad candidate still rolls back', () => {
    expect(move(paused, T0 + 60, { values: BAD })).toMatchObject({
      transition: 'back',
      verdict: 'fail',
    });
    expect(move(paused, T0 + 60, { canary: notReady('crash loop', true) })).toMatchObject({
      transition: 'back',
    });
  });

  test('missing answers wait for the person', () => {
    expect(decision(paused, T0 + 9999, { values: () => undefined })).toMatchObject({
      kind: 'hold',
      reason: 'paused by Robin: lunch',
    });
  });

  test('a rollback is never left half done', () => {
    const going = situation({
      position: back('02-weight-20', 'routes'),
      state: { paused: { reason: 'lunch' } },
    });
    expect(move(going, T0 + 30, { primary: READY })).toMatchObject({ to: STABLE });
  });
});

test('an edit by hand of live/ stops no rollback', () => {
  const going = situation({ position: back('02-weight-20', 'routes') });
  expect(move({ ...going, live: new Map() }, T0 + 30)).toMatchObject({ to: STABLE });
});

describe('Git that was edited by hand', () => {
  const edited: Situation = {
    ...AT20,
    live: new Map([...AT20.live, ['service-app.yaml', sha('edit')]]),
  };
  const reverted: Situation = {
    ...AT20,
    lastCommit: {
      oid: sha('r'),
      author: 'Robin',
      transitionBefore: 8,
      transitionAfter: 7,
      accepts: [],
    },
  };

  test.each<[string, Situation, RegExp]>([
    [
      'live/',
      edited,
      /^paused, Git was edited by hand: live\/app differs in service-app\.yaml\. `perch resume` goes on$/,
    ],
    ['a reverted commit', reverted, /by Robin changed app without a transition \(8 → 7\)/],
    [
      'plan/',
      withRollout({ ...AT20, plan: known(plan('v2', { setting: 'forged' })) }),
      /rollouts\/app\/plan is/,
    ],
  ])('%s: holds, and says what differs', (_, it, reason) => {
    expect(decision(it, BAKED)).toMatchObject({
      kind: 'hold',
      reason: expect.stringMatching(reason),
    });
    expect(decision({ ...it, dist: known(V3) }, BAKED).kind).toBe('hold');
  });

  // Nothing is under way, so an analyzer that runs until all is at rest must not wait for a person for ever.
  test('live/ at rest: stays at rest, says what differs, and starts nothing', () => {
    const it = { ...situation({ position: COMPLETE, plan: V1 }), live: new Map() };
    const says = { kind: 'rest', reason: expect.stringMatching(/live\/app differs/) };
    expect(decision(it, BAKED)).toMatchObject(says);
    expect(decision({ ...it, dist: known(V3) }, BAKED)).toMatchObject(says);
  });

  test.each<[string, Situation]>([
    ['live/', edited],
    ['a reverted commit', reverted],
  ])('%s: a bad candidate still rolls back', (_, it) => {
    expect(move(it, T0 + 60, { values: BAD })).toMatchObject({
      transition: 'back',
      to: back('02-weight-20', 'routes'),
    });
  });

  test('what cannot be read at all holds with its reason', () => {
    const state = { kind: 'broken', reason: 'rollouts/app/state.yaml is not YAML' } as const;
    expect(decision(withRollout({ ...AT20, state }), T0)).toEqual({
      kind: 'hold',
      reason: state.reason,
    });
  });

  test('a position that no transition leads to holds, and crashes nobody', () => {
    for (const name of ['00-init', '06-complete', '77-nowhere'])
      expect(decision(withPosition(AT20, step(name)), BAKED).kind).toBe('hold');
  });
});

function withPosition(it: Situation, position: Position): Situation {
  if (it.state.kind !== 'known') throw new Error('there is a state');
  return withRollout({ ...it, state: known({ ...it.state.value, position }) });
}
