import { describe, expect, test } from 'vitest';
import { phaseForOthers, status } from '../../../analyzer/core/phase.ts';
import type { Phase } from '../../../analyzer/core/phases.ts';
import type { PlanTree } from '../../../analyzer/core/position.ts';
import { withRollout } from '../../../analyzer/core/rollout.ts';
import type { Situation } from '../../../analyzer/core/situation.ts';
import { isoTime } from '../../../analyzer/core/state.ts';
import {
  back,
  COMPLETE,
  decision,
  INIT,
  plan,
  STABLE,
  situation,
  step,
  T0,
  unstarted,
  V1,
  V2,
  V3,
} from './fixture.ts';

const { candidate } = V2.plan;
const failed = { failed: { candidate, step: '02-weight-20', reason: '3 failed checks' } };
const left = {
  steps: [{ name: '05-weight-0', at: isoTime(T0), until: isoTime(T0), failedChecks: 0 }],
};

type Row = [string, Situation, Phase, number, string];

describe('what Git alone says', () => {
  test.each<Row>([
    ['a plan that nobody has started', unstarted(V2), 'Initializing', 0, '-'],
    ['a plan that cannot be read', unstarted('broken'), 'Initializing', 0, '-'],
    ['init', situation({ position: INIT }), 'Initializing', 0, '-'],
    ['the first release, complete', situation({ position: COMPLETE }), 'Initialized', 0, '-'],
    ['01', situation({ position: step('01-canary-up') }), 'Progressing', 0, '1/6 01-canary-up'],
    ['02', situation({ position: step('02-weight-20') }), 'Progressing', 20, '2/6 02-weight-20'],
    [
      'the promotion',
      situation({ position: step('04-promote') }),
      'Promoting',
      50,
      '4/6 04-promote',
    ],
    [
      'the last weight',
      situation({ position: step('05-weight-0') }),
      'Finalising',
      0,
      '5/6 05-weight-0',
    ],
    ['a promoted release', situation({ position: COMPLETE, state: left }), 'Succeeded', 0, '-'],
    [
      'a bad candidate rolling back',
      situation({ position: back('02-weight-20', 'routes'), state: failed }),
      'RollingBack',
      0,
      '2/6 02-weight-20',
    ],
    [
      'a bad promotion rolling back',
      situation({ position: back('04-promote', 'primary'), state: failed }),
      'RollingBack',
      50,
      '4/6 04-promote',
    ],
    [
      'a superseded one rolling back',
      situation({ position: back('02-weight-20', 'routes') }),
      'RollingBack',
      0,
      '2/6 02-weight-20',
    ],
    ['a bad candidate, back', situation({ position: STABLE, state: failed }), 'Failed', 0, '-'],
    ['a superseded one, back', situation({ position: STABLE }), 'Initialized', 0, '-'],
    [
      'paused',
      situation({ position: step('02-weight-20'), state: { paused: { reason: 'lunch' } } }),
      'Paused',
      20,
      '2/6 02-weight-20',
    ],
    [
      'edited by hand',
      { ...situation({ position: step('02-weight-20') }), live: new Map() },
      'Paused',
      20,
      '2/6 02-weight-20',
    ],
    ['gone from apps/', situation({ position: COMPLETE, dist: 'absent' }), 'Orphaned', 0, '-'],
    [
      'gone from apps/ after a rollback',
      situation({ position: STABLE, dist: 'absent' }),
      'Orphaned',
      0,
      '-',
    ],
    [
      'gone from apps/ in the middle',
      situation({ position: step('02-weight-20'), dist: 'absent' }),
      'Progressing',
      20,
      '2/6 02-weight-20',
    ],
    [
      'a source that cannot be read',
      situation({ position: COMPLETE, dist: 'broken' }),
      'Initialized',
      0,
      '-',
    ],
    [
      'a state that cannot be read',
      withRollout({
        ...situation({ position: COMPLETE }),
        state: { kind: 'broken', reason: 'no YAML' },
      }),
      'Paused',
      0,
      '-',
    ],
  ])('%s', (_, it, phase, weight, place) => {
    const row = status(it);
    const shown = row.step === undefined ? '-' : `${row.step}/${row.steps} ${row.stepName}`;
    expect([row.phase, row.weight, shown]).toEqual([phase, weight, place]);
  });
});

describe('the reason', () => {
  test.each<[string, Situation, string | RegExp]>([
    [
      'of a pause',
      situation({ position: COMPLETE, state: { paused: { reason: 'freeze' } } }),
      'paused: freeze',
    ],
    [
      'of an edit',
      { ...situation({ position: COMPLETE }), live: new Map() },
      /^live\/app differs in /,
    ],
    [
      'of a failure, not of its rollback',
      situation({ position: STABLE, state: failed }),
      /failed in 02-weight-20: 3 failed checks\. Release a fix/,
    ],
    [
      'of a failure that rolls back',
      situation({ position: back('02-weight-20', 'routes'), state: failed }),
      'rolls back, all requests go to the primary: 02-weight-20: 3 failed checks',
    ],
    [
      'of a plan that is refused',
      situation({ position: COMPLETE, plan: V1, dist: plan('v2', { shape: { apex: 'web' } }) }),
      /^refused: the apex Service/,
    ],
    [
      'of a broken state',
      withRollout({
        ...situation({ position: COMPLETE }),
        state: { kind: 'broken', reason: 'no YAML' },
      }),
      'no YAML',
    ],
    ['of a broken plan', unstarted('broken'), 'dist/app/plan.yaml is not a plan'],
    ['of nothing', unstarted(V3), 'not started yet'],
  ])('%s', (_, it, expected) => {
    const { reason } = status(it);
    if (typeof expected === 'string') expect(reason).toBe(expected);
    else expect(reason).toMatch(expected);
  });
});

test('a row names namespace, name, candidate and since when', () => {
  expect(status(situation({ position: COMPLETE, plan: V1 }))).toMatchObject({
    release: 'app',
    namespace: 'test',
    name: 'app',
    candidate: V1.plan.candidate,
    since: isoTime(T0),
  });
});

describe('for those that wait for it', () => {
  const rest = (dist: PlanTree | 'absent' | 'broken', state = {}) =>
    situation({ position: COMPLETE, plan: V1, dist, state: { ...left, ...state } });
  const early = { failed: { candidate, step: 'start', reason: 'a hook said so' } };

  test.each<[string, Situation, Phase]>([
    ['at rest', rest(V1), 'Succeeded'],
    ['at rest with new configuration', rest(plan('v1', { setting: 'new' })), 'Succeeded'],
    // Both merged in one commit: what comes first has not come yet.
    ['a newer candidate that has not started', rest(V2), 'Waiting'],
    ['a newer candidate that was rejected before it started', rest(V2, early), 'Failed'],
    [
      'a newer candidate that nobody may start',
      rest(plan('v2', { more: { suspend: true } })),
      'Waiting',
    ],
    ['a rollout', situation({ position: step('02-weight-20') }), 'Progressing'],
    [
      'a rollout that is to be replaced',
      situation({ position: step('02-weight-20'), dist: V3 }),
      'Progressing',
    ],
    ['what went back', situation({ position: STABLE, state: failed }), 'Failed'],
    [
      'a fix of what went back',
      situation({ position: STABLE, state: failed, dist: V3 }),
      'Waiting',
    ],
    [
      'a higher attempt at what went back',
      situation({
        position: STABLE,
        state: failed,
        dist: plan('v2', { more: { attempt: 2, suspend: true } }),
      }),
      'Waiting',
    ],
    ['gone from apps/', rest('absent'), 'Orphaned'],
    ['a plan that cannot be read', rest('broken'), 'Succeeded'],
    ['paused', rest(V2, { paused: { reason: 'x' } }), 'Paused'],
    ['the first release', situation({ position: INIT }), 'Initializing'],
    ['not started at all', unstarted(V1), 'Initializing'],
  ])('%s', (_, it, phase) => expect(phaseForOthers(it)).toBe(phase));

  test('two that wait for each other both wait, and crash nobody', () => {
    const of = (other: string) =>
      rest(plan('v2', { more: { dependsOn: [{ release: other, phases: ['Succeeded'] }] } }));
    for (const [own, other] of [
      ['a', 'b'],
      ['b', 'a'],
    ] as const) {
      const others = { [other]: phaseForOthers(of(own)) };
      expect(decision(of(other), T0, { others })).toEqual({
        kind: 'hold',
        reason: `waits for release ${other}, which is Waiting, to be Succeeded`,
      });
    }
  });
});
