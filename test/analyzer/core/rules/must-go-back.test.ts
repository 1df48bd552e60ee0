import { describe, expect, test } from 'vitest';
import type { Liveness } from '../../../../analyzer/core/cluster/reading.ts';
import type { PlanTree } from '../../../../analyzer/core/position.ts';
import type { Situation } from '../../../../analyzer/core/situation.ts';
import { isoTime } from '../../../../analyzer/core/state.ts';
import {
  BAD,
  back,
  decision,
  known,
  liveSince,
  move,
  notReady,
  plan,
  type Seen,
  situation,
  step,
  T0,
  V2,
  type Values,
} from '../fixture.ts';

const WAITING: Liveness = { kind: 'waiting', reason: 'VirtualService test/app is not synced yet' };
const OLD = [{ name: '01-canary-up', at: isoTime(T0 - 100), until: isoTime(T0), failedChecks: 0 }];

function at(name: string, of: PlanTree = V2, failedBefore = 0): Situation {
  const steps = OLD.map((it) => ({ ...it, failedChecks: failedBefore }));
  return situation({ position: step(name), plan: of, state: { steps } });
}

describe('failed checks', () => {
  const failing =
    (count: number): Values =>
    (time) =>
      time > T0 && time <= T0 + 10 * count ? 80 : 99.9;

  test.each([
    [0, 2, 'hold'],
    [0, 3, 'move'],
    [1, 1, 'hold'],
    [1, 2, 'move'],
    [2, 0, 'hold'],
    [2, 1, 'move'],
    [3, 0, 'move'],
  ] as const)(
    '%i in earlier steps and %i in this one, of a threshold of 3: %s',
    (before, now, expected) => {
      expect(
        decision(at('02-weight-20', V2, before), T0 + 40, {
          values: failing(now),
          live: liveSince(T0 + 20),
        }).kind,
      ).toBe(expected);
    },
  );

  test('take it back and remember the candidate', () => {
    const reason = '3 failed checks of success-rate at 02-weight-20 (threshold 3)';
    expect(move(at('02-weight-20'), T0 + 40, { values: BAD })).toMatchObject({
      transition: 'back',
      to: back('02-weight-20', 'routes'),
      pins: false,
      verdict: 'fail',
      reason,
      failed: { candidate: V2.plan.candidate, step: '02-weight-20', reason },
    });
  });

  test('count before the step is live, and name the step that the cluster shows', () => {
    const it = move(at('03-weight-50'), T0 + 40, {
      values: BAD,
      live: WAITING,
      shownStep: '02-weight-20',
    });
    expect(it).toMatchObject({
      transition: 'back',
      reason: expect.stringMatching(/at 02-weight-20 \(threshold 3\)$/),
      liveSince: undefined,
    });
  });

  test('count while the cluster cannot be read', () => {
    expect(
      move(at('02-weight-20'), T0 + 40, { values: BAD, live: { kind: 'unknown', reason: 'down' } }),
    ).toMatchObject({ transition: 'back' });
  });

  test('count while the promotion waits for the primary', () => {
    expect(
      move(at('04-promote'), T0 + 40, {
        values: BAD,
        primary: notReady('1 of 2 replicas updated'),
      }),
    ).toMatchObject({ to: back('04-promote', 'primary') });
  });

  test('count before a newer plan is looked at', () => {
    expect(
      move({ ...at('02-weight-20'), dist: known(plan('v9')) }, T0 + 40, { values: BAD }),
    ).toMatchObject({ verdict: 'fail' });
  });

  test('do not count when clocks differ too much', () => {
    expect(decision(at('02-weight-20'), T0 + 40, { values: BAD, skewSeconds: 60 }).kind).toBe(
      'hold',
    );
  });

  test('do not count on the rollback', () => {
    expect(
      decision(situation({ position: back('02-weight-20', 'routes') }), T0 + 40, {
        values: BAD,
        live: WAITING,
      }).kind,
    ).toBe('hold');
  });
});

describe('a deadline that is passed', () => {
  const late = notReady('0 of 2 replicas available', true);
  test.each<[string, 'canary' | 'primary', boolean]>([
    ['01-canary-up', 'canary', true],
    ['03-weight-50', 'canary', true],
    ['04-promote', 'canary', true],
    ['05-weight-0', 'canary', false],
    ['01-canary-up', 'primary', false],
    ['03-weight-50', 'primary', false],
    ['04-promote', 'primary', true],
    ['05-weight-0', 'primary', true],
  ])('in %s, of the %s: rolls back: %s', (name, track, goes) => {
    const it = decision(at(name), T0 + 20, { [track]: late });
    expect(it.kind === 'move' && it.transition === 'back').toBe(goes);
  });

  test('says which track, which deadline and why', () => {
    expect(move(at('01-canary-up'), T0 + 20, { canary: late })).toMatchObject({
      verdict: 'fail',
      reason:
        'the canary is not ready after its progress deadline of 120 s: 0 of 2 replicas available',
      failed: { candidate: V2.plan.candidate, step: '01-canary-up' },
    });
  });
});

describe('no conclusive answer', () => {
  const deadline = V2.plan.analysis.inconclusiveDeadlineSeconds;
  const hold = V2;
  const goBack = plan('v2', { onInconclusive: 'back' });
  const silences: [string, Seen][] = [
    ['no data', { values: () => undefined }],
    ['NaN', { values: () => Number.NaN }],
    ['a store that is down', { values: { unknown: 'connection refused' }, unreachableSince: T0 }],
    [
      'a cluster that cannot be read',
      { live: { kind: 'unknown', reason: 'API server is down' }, unreachableSince: T0 },
    ],
    ['clocks that differ', { skewSeconds: 60 }],
  ];

  test.each(silences)('%s: holds until the deadline, then pauses for a person', (_, seen) => {
    expect(decision(at('02-weight-20', hold), T0 + deadline, seen).kind).toBe('hold');
    const it = move(at('02-weight-20', hold), T0 + deadline + 1, seen);
    expect(it).toMatchObject({
      transition: 'note',
      to: step('02-weight-20'),
      verdict: 'inconclusive',
      failed: undefined,
    });
    expect(it.reason).toMatch(/^no conclusive answer for 301 s \(deadline 300 s\): \S/);
    expect(it.paused).toEqual({ reason: it.reason });
  });

  test.each(silences)('%s: or rolls back, where the release says so', (_, seen) => {
    expect(decision(at('02-weight-20', goBack), T0 + deadline, seen).kind).toBe('hold');
    expect(move(at('02-weight-20', goBack), T0 + deadline + 1, seen)).toMatchObject({
      transition: 'back',
      to: back('02-weight-20', 'routes'),
      verdict: 'inconclusive',
      failed: { candidate: V2.plan.candidate },
    });
  });

  test.each<[string, Seen, RegExp]>([
    [
      'no data',
      { values: () => undefined },
      /the checks have no data; does the candidate get traffic\?$/,
    ],
    [
      'an unreachable store',
      { values: { unknown: 'connection refused' }, unreachableSince: T0 },
      /: success-rate: connection refused$/,
    ],
    [
      'an unreachable cluster',
      { live: { kind: 'unknown', reason: 'API server is down' }, unreachableSince: T0 },
      /: API server is down$/,
    ],
  ])('says what was missing: %s', (_, seen, reason) => {
    expect(move(at('02-weight-20'), T0 + deadline + 1, seen).reason).toMatch(reason);
  });

  test('counts from the newest conclusive point', () => {
    const seen: Seen = {
      values: (time) => (time > T0 + 100 ? undefined : 99.9),
      canary: notReady('1 of 2'),
    };
    expect(decision(at('02-weight-20'), T0 + 100 + deadline, seen).kind).toBe('hold');
    expect(move(at('02-weight-20'), T0 + 100 + deadline + 1, seen)).toMatchObject({
      verdict: 'inconclusive',
    });
  });

  test('never counts from before the step', () => {
    const seen: Seen = { values: { unknown: 'down' }, unreachableSince: T0 - 9999 };
    expect(decision(at('02-weight-20'), T0 + 10, seen).kind).toBe('hold');
  });

  test('is no reason to write over an edit by hand, unless it must roll back', () => {
    const edited = (it: Situation): Situation => ({ ...it, live: new Map() });
    const seen: Seen = { values: () => undefined };
    expect(decision(edited(at('02-weight-20', hold)), T0 + 999, seen)).toMatchObject({
      kind: 'hold',
      reason: expect.stringMatching(/edited by hand/),
    });
    expect(move(edited(at('02-weight-20', goBack)), T0 + 999, seen)).toMatchObject({
      transition: 'back',
    });
  });

  test('does not end a rollback', () => {
    const seen: Seen = { live: { kind: 'unknown', reason: 'down' }, unreachableSince: T0 };
    expect(
      decision(situation({ position: back('02-weight-20', 'routes') }), T0 + 9999, seen),
    ).toMatchObject({ kind: 'hold', reason: expect.stringMatching(/cannot be read: down/) });
  });

  test('a step that asks for no points waits for none', () => {
    expect(
      decision(at('01-canary-up'), T0 + 999, {
        values: () => undefined,
        canary: notReady('1 of 2'),
      }),
    ).toMatchObject({ kind: 'hold' });
  });
});
