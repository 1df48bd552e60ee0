import { describe, expect, test } from 'vitest';
import {
  BAD,
  back,
  COMPLETE,
  decision,
  known,
  move,
  moved,
  type PlanChanges,
  plan,
  STABLE,
  situation,
  stateOf,
  step,
  T0,
  unstarted,
  V1,
  V2,
  V3,
} from '../fixture.ts';

describe('at rest', () => {
  const rest = situation({ position: COMPLETE, plan: V1 });
  const failed = { candidate: V2.plan.candidate, step: '02-weight-20', reason: '3 failed checks' };
  const wentBack = situation({ position: STABLE, state: { failed } });
  const setting = plan('v1', { setting: 'new' });

  test('nothing happens while nothing is new', () => {
    expect(decision(rest, T0)).toEqual({
      kind: 'rest',
      reason: `at rest with candidate ${V1.plan.candidate}`,
    });
  });

  test('a new candidate starts at 01, with its plan', () => {
    expect(move({ ...rest, dist: known(V2) }, T0)).toMatchObject({
      transition: 'start',
      to: step('01-canary-up'),
      pins: true,
      failed: undefined,
    });
  });

  test('new configuration of the same candidate is one commit', () => {
    const it = { ...rest, dist: known(setting) };
    expect(move(it, T0)).toMatchObject({
      transition: 'configure',
      to: COMPLETE,
      pins: true,
      reason: `configuration changed, the candidate is still ${V1.plan.candidate}`,
    });
    const next = moved(it, move(it, T0), T0);
    expect(next).toMatchObject({ plan: known(setting), stable: known(setting) });
  });

  test('a failed candidate stays failed, and says so', () => {
    expect(decision(wentBack, T0)).toEqual({
      kind: 'rest',
      reason: `candidate ${V2.plan.candidate} failed in 02-weight-20: 3 failed checks. Release a fix, or \`perch retry\``,
    });
  });

  test('a failed candidate stays failed in another plan, too', () => {
    const again = plan('v2', { setting: 'new', weights: [50] });
    expect(decision({ ...wentBack, dist: known(again) }, T0)).toMatchObject({
      kind: 'rest',
      reason: expect.stringMatching(
        /3 failed checks\. The newest plan of this candidate differs from the one that failed, and nothing of it is applied: set attempt: 2 in the release, or `perch retry`, .* with the stable candidate \w+$/,
      ),
    });
  });

  describe('after a failure', () => {
    const attempt = (number: number, more: PlanChanges = {}) =>
      plan('v2', { ...more, more: { attempt: number } });

    test('a raised attempt starts the candidate again, with what changed beside it', () => {
      const again = { ...wentBack, dist: known(attempt(2, { setting: 'new', weights: [50] })) };
      expect(move(again, T0)).toMatchObject({
        transition: 'start',
        to: step('01-canary-up'),
        pins: true,
        failed: undefined,
        reason: `attempt 2 at candidate ${V2.plan.candidate}, which failed in 02-weight-20 in attempt 1: 3 failed checks`,
      });
      const next = moved(again, move(again, T0), T0);
      expect(stateOf(next)).not.toHaveProperty('failed');
    });

    test('the attempt that failed is remembered: neither it nor an earlier one starts again', () => {
      const running = situation({ position: step('02-weight-20'), plan: attempt(2) });
      const next = moved(running, move(running, T0 + 60, { values: BAD }), T0 + 60);
      expect(stateOf(next).failed).toMatchObject({ candidate: V2.plan.candidate, attempt: 2 });
      const stood = situation({ position: STABLE, state: { failed: { ...failed, attempt: 2 } } });
      for (const it of [V2, attempt(2), attempt(2, { setting: 'new' })])
        expect(decision({ ...stood, dist: known(it) }, T0)).toMatchObject({ kind: 'rest' });
      expect(decision({ ...stood, dist: known(attempt(2, { setting: 'new' })) }, T0)).toMatchObject(
        {
          reason: expect.stringContaining('set attempt: 3'),
        },
      );
      expect(move({ ...stood, dist: known(attempt(3)) }, T0)).toMatchObject({
        transition: 'start',
      });
    });

    test('a raised attempt waits for hours and gates as any start does', () => {
      const gated = plan('v2', { more: { attempt: 2, start: [{ kind: 'person' }] } });
      expect(decision({ ...wentBack, dist: known(gated) }, T0)).toMatchObject({ kind: 'hold' });
    });

    test('the stable candidate with new configuration is configured, and the failed one stays failed when it is back', () => {
      const it = { ...wentBack, dist: known(setting) };
      const next = moved(it, move(it, T0), T0, known(plan('v2', { setting: 'new' })));
      expect(decision(next, T0)).toMatchObject({ kind: 'rest' });
      expect(move({ ...next, dist: known(attempt(2)) }, T0)).toMatchObject({ transition: 'start' });
    });

    test('an attempt is nothing but a number while nothing failed', () => {
      const running = situation({ position: COMPLETE, dist: attempt(2) });
      expect(move(running, T0)).toMatchObject({ transition: 'configure' });
      const underWay = situation({ position: step('02-weight-20'), dist: attempt(2) });
      expect(move(underWay, T0)).toMatchObject({ transition: 'adopt' });
    });
  });

  test('a fix starts after a failed candidate, which is then forgotten', () => {
    expect(move({ ...wentBack, dist: known(V3) }, T0)).toMatchObject({
      transition: 'start',
      pins: true,
      failed: undefined,
    });
  });

  test('configuration of the stable candidate leaves the failed one failed', () => {
    const it = move({ ...wentBack, dist: known(setting) }, T0);
    expect(it).toMatchObject({ transition: 'configure', failed });
    const next = moved({ ...wentBack, dist: known(setting) }, it, T0, known(V2));
    expect(decision(next, T0)).toMatchObject({
      kind: 'rest',
      reason: expect.stringMatching(/Release a fix/),
    });
  });

  test.each<[string, PlanChanges]>([
    ['an autoscaler or a policy', { setting: 'new' }],
    ['steps', { weights: [50] }],
    ['hours and gates', { more: { hours: [], start: [{ kind: 'person' }] } }],
  ])(
    'after a failure %s of the failed candidate waits for its author, who is told that the newest plan differs; with the stable one it is applied',
    (_, changes) => {
      const ofFailed = { ...wentBack, dist: known(plan('v2', changes)) };
      expect(decision(ofFailed, T0)).toMatchObject({
        kind: 'rest',
        reason: expect.stringContaining(
          `The newest plan of this candidate differs from the one that failed, and nothing of it is applied: set attempt: 2`,
        ),
      });
      const ofStable = { ...wentBack, dist: known(plan('v1', changes)) };
      expect(move(ofStable, T0)).toMatchObject({ transition: 'configure', to: COMPLETE, failed });
    },
  );

  test('what was superseded may start again', () => {
    const superseded = situation({ position: STABLE });
    expect(move(superseded, T0)).toMatchObject({ transition: 'start', to: step('01-canary-up') });
  });

  test('a release that is gone from apps/ is orphaned, and never deleted', () => {
    const reason = 'orphaned: gone from apps/, still running; `perch remove` deletes it';
    expect(decision({ ...rest, dist: { kind: 'absent' } }, T0)).toEqual({ kind: 'rest', reason });
    expect(decision({ ...wentBack, dist: { kind: 'absent' } }, T0)).toEqual({
      kind: 'rest',
      reason,
    });
  });

  test('a plan that cannot be read changes nothing', () => {
    const dist = {
      kind: 'broken',
      reason: 'the source with dist/ cannot be read: timeout',
    } as const;
    expect(decision({ ...rest, dist }, T0)).toEqual({ kind: 'rest', reason: dist.reason });
  });

  test('a plan that must not start is refused with every reason', () => {
    const renamed = plan('v2', { shape: { apex: 'web', autoscaled: true } });
    expect(decision({ ...rest, dist: known(renamed) }, T0)).toMatchObject({
      kind: 'rest',
      reason: expect.stringMatching(
        /^refused: the apex Service changed .*; the primary gains an HPA/,
      ),
    });
  });

  test('a configuration that the cluster could not take is refused, too', () => {
    const renamed = plan('v1', { shape: { apex: 'web' } });
    expect(decision({ ...rest, dist: known(renamed) }, T0)).toMatchObject({
      kind: 'rest',
      reason: expect.stringMatching(/^refused/),
    });
  });

  test('a paused release starts nothing', () => {
    const paused = situation({
      position: COMPLETE,
      plan: V1,
      dist: V2,
      state: { paused: { reason: 'freeze', by: 'Robin' } },
    });
    expect(decision(paused, T0)).toEqual({ kind: 'rest', reason: 'paused by Robin: freeze' });
  });
});

describe('before a candidate starts', () => {
  const waits = (more: NonNullable<PlanChanges['more']>, state = {}) =>
    situation({ position: COMPLETE, plan: V1, dist: plan('v2', { more }), state });

  test('a suspended plan is left alone: at rest, and as a first release', () => {
    const rest = { kind: 'rest', reason: 'its newest plan is suspended' };
    expect(decision(waits({ suspend: true }), T0)).toEqual(rest);
    expect(decision(unstarted(plan('v2', { more: { suspend: true } })), T0)).toEqual(rest);
  });

  test('a suspended plan in the middle holds, rolls back when it is bad, and is still replaced', () => {
    const suspended = plan('v2', { more: { suspend: true } });
    const it = situation({ position: step('02-weight-20'), plan: suspended });
    expect(decision(it, T0 + 60)).toEqual({ kind: 'hold', reason: 'suspended by its plan' });
    expect(move(it, T0 + 60, { values: BAD })).toMatchObject({ transition: 'back' });
    expect(move({ ...it, dist: known(V3) }, T0 + 60)).toMatchObject({ transition: 'back' });
    const going = situation({ position: back('02-weight-20', 'routes'), plan: suspended });
    expect(move(going, T0 + 60)).toMatchObject({ to: STABLE });
  });

  describe('another release must be in a phase', () => {
    const it = waits({ dependsOn: [{ release: 'db', phases: ['Succeeded', 'Initialized'] }] });

    test.each(['Succeeded', 'Initialized'] as const)('it is %s: it starts', (db) => {
      expect(move(it, T0, { others: { db } })).toMatchObject({ transition: 'start' });
    });

    test.each(['Progressing', 'Waiting', 'Failed', 'Paused', 'Orphaned'] as const)(
      'it is %s: it waits, and says for whom',
      (db) => {
        expect(decision(it, T0, { others: { db } })).toEqual({
          kind: 'hold',
          reason: `waits for release db, which is ${db}, to be Succeeded or Initialized`,
        });
      },
    );

    test('it is missing: it waits, and says so', () => {
      expect(decision(it, T0, { others: {} })).toMatchObject({
        kind: 'hold',
        reason: expect.stringMatching(/^waits for release db, which is not there, to be/),
      });
    });

    test('once started it waits for nobody: what it depends on is its own business', () => {
      const of = plan('v2', { more: { dependsOn: [{ release: 'db', phases: ['Succeeded'] }] } });
      const at20 = situation({ position: step('02-weight-20'), plan: of });
      expect(move(at20, T0 + 60, { others: { db: 'Failed' } })).toMatchObject({
        to: step('03-weight-50'),
      });
    });
  });

  describe('the rollback window', () => {
    const [v1, v2, v3, v4] = ['v1', 'v2', 'v3', 'v4'].map((it) => plan(it).plan.candidate) as [
      string,
      string,
      string,
      string,
    ];
    const fast = (rollbackWindow: number | undefined, promoted: readonly string[]) => {
      const more = rollbackWindow === undefined ? {} : { rollbackWindow };
      return move(waits(more, { promoted: [...promoted] }), T0).fast?.reason;
    };

    test('counts the candidates before the one that runs', () => {
      expect(fast(1, [v1, v2, v3])).toBe('promoted before, in the rollback window');
      expect(fast(1, [v1, v3, v2])).toBeUndefined();
      expect(fast(2, [v1, v3, v2])).toBeDefined();
      expect(fast(3, [v1, v3, v4])).toBeUndefined();
    });

    test('without one every candidate is judged', () => {
      expect(fast(undefined, [v1, v2])).toBeUndefined();
    });
  });
});
