import { describe, expect, test } from 'vitest';
import type { Situation } from '../../../analyzer/core/observation.ts';
import { files } from '../../../analyzer/core/position.ts';
import { rolloutOf } from '../../../analyzer/core/rollout.ts';
import { INIT, situation, step, unstarted, V1, V2 } from './fixture.ts';

const AT20 = situation({ position: step('02-weight-20') });
const BROKEN = { kind: 'broken', reason: 'it cannot be read' } as const;

test('a rollout has the files of its position', () => {
  const it = rolloutOf(AT20);
  expect(it).toMatchObject({ kind: 'known', value: { plan: V2, stable: V1 } });
  if (it.kind === 'known') expect(it.value.files).toEqual(files(step('02-weight-20'), V2, V1));
});

test('in init there is no stable set yet', () => {
  expect(rolloutOf(situation({ position: INIT }))).toMatchObject({
    kind: 'known',
    value: { stable: undefined },
  });
});

test.each([V2, 'absent', 'broken'] as const)(
  'a release that never started is absent (dist: %#)',
  (dist) => {
    expect(rolloutOf(unstarted(dist))).toEqual({ kind: 'absent' });
  },
);

describe('broken, with a reason that helps', () => {
  const nothing = unstarted(V2);
  test.each<[string, Situation, RegExp]>([
    ['state.yaml', { ...AT20, state: BROKEN }, /it cannot be read/],
    ['plan/', { ...AT20, plan: BROKEN }, /it cannot be read/],
    ['stable/', { ...AT20, stable: BROKEN }, /it cannot be read/],
    [
      'no plan/',
      { ...AT20, plan: { kind: 'absent' } },
      /rollouts\/app\/plan is missing; restore it from history/,
    ],
    ['no stable/', { ...AT20, stable: { kind: 'absent' } }, /this position needs a stable set/],
    [
      'files without a state',
      { ...nothing, live: new Map([['a.yaml', 'x']]) },
      /rollouts\/app\/state\.yaml is missing.*git log -- rollouts\/app/,
    ],
    [
      'a plan without a state',
      { ...nothing, plan: AT20.plan },
      /rollouts\/app\/state\.yaml is missing/,
    ],
    [
      'a position that the plan does not have',
      situationAt('09-nowhere'),
      /its plan has no step "09-nowhere"/,
    ],
    ['a position in the first step', situationAt('00-init'), /"00-init" is no step to stand in/],
    [
      'a position in the last step',
      situationAt('06-complete'),
      /"06-complete" is no step to stand in/,
    ],
  ])('%s', (_, it, expected) => {
    const found = rolloutOf(it);
    expect(found.kind).toBe('broken');
    if (found.kind === 'broken') expect(found.reason).toMatch(expected);
  });
});

function situationAt(name: string): Situation {
  if (AT20.state.kind !== 'known') throw new Error('there is a state');
  return {
    ...AT20,
    state: { kind: 'known', value: { ...AT20.state.value, position: step(name) } },
  };
}
