import { describe, expect, test } from 'vitest';
import { outage } from '../../../../analyzer/core/cluster/readiness.ts';
import {
  BAD,
  back,
  decision,
  GOOD,
  judged,
  liveSince,
  move,
  moved,
  notReady,
  rollout,
  type Seen,
  situation,
  stateOf,
  step,
  T0,
  V2,
  type Values,
} from '../fixture.ts';

const at20 = (state = {}) => situation({ position: step('02-weight-20'), state });

/** Bad until a time, in seconds after the commit. */
const badUntil =
  (seconds: number, bad = 80): Values =>
  (at) =>
    at <= T0 + seconds ? bad : 99.9;

describe('what fails for the primary as well', () => {
  const down: Seen = { values: badUntil(60), primaryValues: badUntil(60) };

  test('is not the candidate’s failure', () => {
    const held = decision(at20(), T0 + 62, down);
    expect(held).toMatchObject({
      kind: 'hold',
      reason: expect.stringMatching(
        /^success-rate 80 < 99; the environment was down: \d+ failed checks are not the ca/,
      ),
    });
    // The same points, with a primary that is well, take it back.
    expect(move(at20(), T0 + 70, { ...down, primaryValues: GOOD })).toMatchObject({
      transition: 'back',
      failed: { candidate: V2.plan.candidate },
    });
    expect(move(at20(), T0 + 70, { values: BAD })).toMatchObject({ transition: 'back' });
  });

  test('starts the bake again, and is said when the step is left', () => {
    const first = [...Array(40).keys()]
      .map((it) => T0 + 60 + it * 5)
      .find((now) => decision(at20(), now, down).kind === 'move');
    // Three points that lie after the outage, ten seconds apart, each settled.
    expect(first).toBeGreaterThanOrEqual(T0 + 60 + 30);
    expect(move(at20(), T0 + 200, down)).toMatchObject({
      to: step('03-weight-50'),
      failed: undefined,
      reason: expect.stringMatching(/checks passed; the environment was down: \d+ failed checks/),
    });
  });

  test('excuses no failure of another check, and none of another time', () => {
    const mixed: Seen = { values: BAD, primaryValues: badUntil(30) };
    expect(move(at20(), T0 + 90, mixed)).toMatchObject({ transition: 'back' });
  });

  test('takes no traffic away from a canary that is as well as the primary', () => {
    const long: Seen = { values: BAD, primaryValues: BAD };
    expect(decision(at20(), T0 + 200, long).kind).toBe('hold');
  });

  test('does not hold for ever: its author decides after the inconclusive deadline', () => {
    const long: Seen = { values: BAD, primaryValues: BAD };
    expect(move(at20(), T0 + 302, long)).toMatchObject({
      transition: 'note',
      paused: { reason: expect.stringMatching(/the environment is down: the primary fails the/) },
    });
  });

  test('takes it away from one that is much worse, blames nobody, and does so once', () => {
    const worse: Seen = { values: () => 20, primaryValues: () => 98 };
    const first = move(at20(), T0 + 70, worse);
    expect(first).toMatchObject({
      transition: 'back',
      to: back('02-weight-20', 'routes'),
      verdict: 'inconclusive',
      failed: undefined,
      reason: expect.stringMatching(/was much worse than the primary; the candidate starts again$/),
    });
    const { spared } = stateOf(moved(at20(), first, T0 + 70));
    expect(spared).toBe(V2.plan.candidate);
    expect(move(at20({ spared }), T0 + 70, worse)).toMatchObject({
      verdict: 'fail',
      failed: { candidate: V2.plan.candidate },
    });
  });

  test('is unknown where the primary has no value, and excuses nothing then', () => {
    const dark: Seen = { values: BAD, primaryValues: () => Number.NaN };
    expect(move(at20(), T0 + 70, dark)).toMatchObject({ transition: 'back', verdict: 'fail' });
  });
});

describe('what fails while pods of both tracks were missing', () => {
  const rebuilt: Seen = {
    values: badUntil(60),
    primaryValues: GOOD,
    outage: { until: T0 + 50, isSure: true },
  };

  test('blames nobody, and the step bakes again', () => {
    expect(decision(at20(), T0 + 70, rebuilt).kind).toBe('hold');
    expect(move(at20(), T0 + 200, rebuilt)).toMatchObject({ to: step('03-weight-50') });
    const { failedChecks, excused } = judged(rollout(at20()), liveSince(T0), T0 + 75, badUntil(60));
    expect([failedChecks > 0, excused]).toEqual([true, []]);
  });

  test('takes the traffic away when only the canary does not come back', () => {
    const late: Seen = { ...rebuilt, values: BAD, canary: notReady('0 of 2 available') };
    expect(move(at20(), T0 + 75, late)).toMatchObject({
      transition: 'back',
      failed: undefined,
      reason: expect.stringMatching(/the canary is not ready yet: 0 of 2 available/),
    });
    expect(decision(at20(), T0 + 75, { ...late, primary: notReady('0 of 2') }).kind).toBe('hold');
  });

  test('excuses nothing that fails later', () => {
    expect(move(at20(), T0 + 200, { ...rebuilt, values: BAD })).toMatchObject({
      transition: 'back',
      failed: { candidate: V2.plan.candidate },
    });
  });
});

describe('an outage that the candidate may have caused', () => {
  const promoting = (state = {}) => situation({ position: step('04-promote'), state });
  const doubtful: Seen = { values: badUntil(60), outage: { until: T0 + 50, isSure: false } };

  test('takes the traffic away, blames nobody, and does so once', () => {
    const first = move(promoting(), T0 + 70, doubtful);
    expect(first).toMatchObject({
      transition: 'back',
      verdict: 'inconclusive',
      failed: undefined,
      reason: expect.stringMatching(/^\d+ failed checks of .* were missing meanwhile, so the cand/),
    });
    const { spared } = stateOf(moved(promoting(), first, T0 + 70));
    expect(spared).toBe(V2.plan.candidate);
    expect(move(promoting({ spared }), T0 + 70, doubtful)).toMatchObject({
      verdict: 'fail',
      failed: { candidate: V2.plan.candidate },
    });
  });

  test('does the same where pods do not come back in time', () => {
    const late: Seen = { ...doubtful, values: GOOD, primary: notReady('0 of 2 available', true) };
    expect(move(promoting(), T0 + 700, late)).toMatchObject({
      transition: 'back',
      failed: undefined,
      spared: V2.plan.candidate,
    });
  });

  test('excuses nothing that fails later', () => {
    expect(move(promoting(), T0 + 200, { ...doubtful, values: BAD })).toMatchObject({
      failed: { candidate: V2.plan.candidate },
    });
  });
});

describe('an outage of pods', () => {
  const deployment = (status: 'True' | 'False', at: number) =>
    ({
      kind: 'found',
      object: {
        kind: 'Deployment',
        status: {
          conditions: [
            {
              type: 'Available',
              status,
              lastTransitionTime: new Date((T0 + at) * 1000).toISOString(),
            },
          ],
        },
      },
    }) as const;
  const found = (primary: Parameters<typeof outage>[0], canary: typeof primary) => {
    const it = outage(primary, canary, { since: T0, now: T0 + 90, deadlineSeconds: 60 });
    return it === undefined ? undefined : it.until - T0;
  };

  test.each([
    ['both came back after the commit', deployment('True', 10), deployment('True', 30), 30],
    ['both are still away', deployment('False', 10), deployment('False', 10), 90],
    ['the whole cluster is gone', { kind: 'absent' }, { kind: 'absent' }, 90],
    ['the canary alone went away', deployment('True', -500), deployment('False', 30), undefined],
    ['the primary alone went away', deployment('True', 30), deployment('True', -5), undefined],
    ['the canary has had its time', deployment('True', 10), deployment('False', 80), 70],
    ['nobody can tell', { kind: 'unknown', reason: 'x' }, deployment('True', 30), undefined],
  ] as const)('%s', (_, primary, canary, expected) => {
    expect(found(primary, canary)).toBe(expected);
  });

  test.each([
    ['Deployments that are older than the step', -500, false],
    ['Deployments that were made again since', 20, true],
  ])('where the step itself may move pods: %s', (_, created, isSure) => {
    const made = (available: number) => {
      const it = deployment('True', available);
      const creationTimestamp = new Date((T0 + created) * 1000).toISOString();
      return { ...it, object: { ...it.object, metadata: { creationTimestamp } } };
    };
    const own = { since: T0, now: T0 + 90, deadlineSeconds: 60, mayBeOwn: true };
    expect(outage(made(25), made(30), own)).toEqual({ until: T0 + 30, isSure });
    const gone = { kind: 'absent' } as const;
    expect(outage(gone, gone, own)).toEqual({ until: T0 + 90, isSure: true });
  });
});
