import { describe, expect, test } from 'vitest';
import type { ClusterView } from '../../../analyzer/core/cluster/reading.ts';
import { files } from '../../../analyzer/core/position.ts';
import { firstBacks, nextBack, withRollout } from '../../../analyzer/core/rollout.ts';
import type { Situation } from '../../../analyzer/core/situation.ts';
import {
  back,
  backFromNothing,
  INIT,
  JOB_FILE,
  liveSince,
  plan,
  rollout,
  situation,
  step,
  unstarted,
  V1,
  V2,
} from './fixture.ts';

const AT20 = situation({ position: step('02-weight-20') });
const BROKEN = { kind: 'broken', reason: 'it cannot be read' } as const;

test('a rollout has the files of its position', () => {
  const it = AT20.rollout;
  expect(it).toMatchObject({ kind: 'known', value: { plan: V2, stable: V1 } });
  if (it.kind === 'known') expect(it.value.files).toEqual(files(step('02-weight-20'), V2, V1));
});

test('in init there is no stable set yet', () => {
  expect(situation({ position: INIT }).rollout).toMatchObject({
    kind: 'known',
    value: { stable: undefined },
  });
});

test.each([V2, 'absent', 'broken'] as const)(
  'a release that never started is absent (dist: %#)',
  (dist) => {
    expect(unstarted(dist).rollout).toEqual({ kind: 'absent' });
  },
);

describe('broken, with a reason that helps', () => {
  const nothing = unstarted(V2);
  test.each<[string, Situation, RegExp]>([
    ['state.yaml', withRollout({ ...AT20, state: BROKEN }), /it cannot be read/],
    ['plan/', withRollout({ ...AT20, plan: BROKEN }), /it cannot be read/],
    ['stable/', withRollout({ ...AT20, stable: BROKEN }), /it cannot be read/],
    [
      'no plan/',
      withRollout({ ...AT20, plan: { kind: 'absent' } }),
      /rollouts\/app\/plan is missing; restore it from history/,
    ],
    [
      'no stable/',
      withRollout({ ...AT20, stable: { kind: 'absent' } }),
      /this position needs a stable set/,
    ],
    [
      'files without a state',
      withRollout({ ...nothing, live: new Map([['a.yaml', 'x']]) }),
      /rollouts\/app\/state\.yaml is missing.*git log -- rollouts\/app/,
    ],
    [
      'a plan without a state',
      withRollout({ ...nothing, plan: AT20.plan }),
      /rollouts\/app\/state\.yaml is missing/,
    ],
    [
      'a position that the plan does not have',
      situationAt('09-nowhere'),
      /its plan has no step "09-nowhere"/,
    ],
    ['a position in the first step', situationAt('00-init'), /"00-init" is not a step to stand in/],
    [
      'a position in the last step',
      situationAt('06-complete'),
      /"06-complete" is not a step to stand in/,
    ],
  ])('%s', (_, it, expected) => {
    const found = it.rollout;
    expect(found.kind).toBe('broken');
    if (found.kind === 'broken') expect(found.reason).toMatch(expected);
  });
});

describe('a rollback from a step that was never applied', () => {
  const saw = (live: ClusterView['live'], unseen?: readonly string[]): ClusterView => ({
    live,
    ready: {},
    shownStep: undefined,
    ...(unseen === undefined ? {} : { unseen: new Set(unseen) }),
  });
  const WAITING = { kind: 'waiting', reason: 'not synced yet' } as const;
  const from = (name: string, cluster?: ClusterView) =>
    nextBack(rollout(situation({ position: step(name) })), cluster);
  const CANARY = 'deployment-app-canary.yaml';

  test('holds what the step before left, and nothing of the step', () => {
    expect(from('01-canary-up', saw(WAITING, [CANARY]))).toEqual(
      backFromNothing('01-canary-up', 'routes'),
    );
    expect(from('04-promote', saw(WAITING, ['virtualservice-app.yaml']))).toEqual(
      back('04-promote', 'primary', '03-weight-50'),
    );
  });

  test('holds the pods of the step once the cluster shows them, though it is not live', () => {
    const route = 'virtualservice-app.yaml';
    expect(from('01-canary-up', saw(WAITING, [route]))).toEqual(back('01-canary-up', 'routes'));
    expect(from('01-canary-up', saw(liveSince(0)))).toEqual(back('01-canary-up', 'routes'));
  });

  test('takes for not applied what nobody can tell', () => {
    const unknown = { kind: 'unknown', reason: 'down' } as const;
    expect(from('01-canary-up', saw(unknown))).toEqual(backFromNothing('01-canary-up', 'routes'));
    expect(from('01-canary-up')).toEqual(backFromNothing('01-canary-up', 'routes'));
    // A step that brings only routes leaves the pods as they were.
    expect(from('02-weight-20', saw(unknown))).toEqual(back('02-weight-20', 'routes'));
  });

  test('never holds a Job, which serves nobody', () => {
    const tested = plan('v2', { job: '02-weight-20' });
    const set = files(back('02-weight-20', 'routes'), tested, V1);
    expect(set.has(JOB_FILE)).toBe(false);
    expect(files(step('02-weight-20'), tested, V1).has(JOB_FILE)).toBe(true);
  });

  test('takes no step of a plan for applied that was adopted in the one where it is', () => {
    const state = { adopted: '03-weight-50' };
    const it = rollout(situation({ position: step('03-weight-50'), state }));
    // The adopted plan may hold an object in its first step that the cluster refuses.
    expect(nextBack(it, saw(WAITING, ['servicemonitor-app.yaml', CANARY]))).toEqual(
      backFromNothing('03-weight-50', 'routes'),
    );
    expect(nextBack(it, saw(liveSince(0)))).toEqual(back('03-weight-50', 'routes'));
    expect(nextBack(it, saw(WAITING, ['virtualservice-app.yaml']))).toEqual(
      back('03-weight-50', 'routes'),
    );
  });

  test('is legal in these forms, and in no other', () => {
    expect(firstBacks(rollout(situation({ position: step('02-weight-20') })))).toEqual([
      back('02-weight-20', 'routes'),
      back('02-weight-20', 'routes', '01-canary-up'),
      backFromNothing('02-weight-20', 'routes'),
    ]);
    expect(firstBacks(rollout(situation({ position: INIT })))).toEqual([]);
  });
});

function situationAt(name: string): Situation {
  if (AT20.state.kind !== 'known') throw new Error('there is a state');
  return withRollout({
    ...AT20,
    state: { kind: 'known', value: { ...AT20.state.value, position: step(name) } },
  });
}
