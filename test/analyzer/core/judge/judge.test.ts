import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Liveness } from '../../../../analyzer/core/cluster/reading.ts';
import { saidBy } from '../../../../analyzer/core/judge/failed-point.ts';
import { gridFromCommit, gridFromLive } from '../../../../analyzer/core/judge/grid.ts';
import { judge, judgedStep, seriesQuestions } from '../../../../analyzer/core/judge/judge.ts';
import { samples } from '../../../../analyzer/core/judge/point.ts';
import type { CheckSeries } from '../../../../analyzer/core/judge/series.ts';
import { isoTime } from '../../../../analyzer/core/state.ts';
import type { Check } from '../../../../lib/plan/plan.ts';
import { tries } from '../../../tries.ts';
import {
  BAD,
  back,
  bounded,
  COMPLETE,
  GOOD,
  judged,
  liveSince,
  plan,
  rollout,
  series,
  situation,
  step,
  T0,
  type Values,
} from '../fixture.ts';

/** The simulated plans': a point each 10 s, settled after 5 s, windows of 30 s, three points to pass. */
const [PERIOD, SETTLE, WINDOW] = [10, 5, 30];
const WAITING: Liveness = { kind: 'waiting', reason: 'not synced' };

const STARTED = T0 - 100;
/** Second step of a rollout that began well before: its own windows reach back into nothing foreign. */
const at20 = rollout(
  situation({
    position: step('02-weight-20'),
    state: {
      steps: [{ name: '01-canary-up', at: isoTime(STARTED), until: isoTime(T0), failedChecks: 0 }],
    },
  }),
);

describe('one value', () => {
  const min = bounded('c', { min: 99 });
  const max = bounded('c', { max: 500 });
  const both = bounded('c', { min: 1, max: 5 });
  test.each<[string, Check, number | undefined, string]>([
    ['at the lower bound', min, 99, 'pass'],
    ['below it', min, 98.999, 'fail'],
    ['at the upper bound', max, 500, 'pass'],
    ['above it', max, 500.001, 'fail'],
    ['between both', both, 3, 'pass'],
    ['below both', both, 0, 'fail'],
    ['above both', both, 6, 'fail'],
    ['missing', min, undefined, 'unknown'],
    ['NaN against min', min, Number.NaN, 'unknown'],
    ['NaN against max', max, Number.NaN, 'unknown'],
    ['+Inf against max', max, Infinity, 'fail'],
    ['-Inf against min', min, -Infinity, 'fail'],
    ['+Inf against min alone', min, Infinity, 'unknown'],
    ['-Inf against max alone', max, -Infinity, 'unknown'],
    ['+Inf against both', both, Infinity, 'fail'],
    ['-Inf against both', both, -Infinity, 'fail'],
    ['zero against a min of zero', bounded('c', { min: 0 }), 0, 'pass'],
    ['minus zero against a min of zero', bounded('c', { min: 0 }), -0, 'pass'],
  ])('%s', (_, check, value, expected) => {
    const values = value === undefined ? [] : [{ at: T0, value }];
    const series = { check, fromCommit: { canary: { kind: 'known', value: values } as const } };
    expect(saidBy([series], (it) => it.fromCommit)(T0)[0]?.verdict).toBe(expected);
  });
});

describe('the grid from live', () => {
  const { analysis } = at20.plan.plan;
  const since = T0 + 7;
  const first = since + WINDOW + SETTLE;

  test('starts one window and one settle time after live, and goes on by the period', () => {
    const now = first + 3 * PERIOD + SETTLE;
    expect(gridFromLive(since, WINDOW, analysis, now)).toEqual({
      start: first,
      end: first + 3 * PERIOD,
      stepSeconds: PERIOD,
    });
  });

  test.each([
    ['a second before it has settled', first + SETTLE - 1, 0],
    ['as soon as it has settled', first + SETTLE, 1],
    ['a second before the next', first + SETTLE + PERIOD - 1, 1],
    ['with the next', first + SETTLE + PERIOD, 2],
  ])('the first point counts %s: %i', (_, now, count) => {
    expect(judged(at20, liveSince(since), now, GOOD).passed).toBe(count);
  });

  test('no window reaches into the step before', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1000, noNaN: true }),
        fc.integer({ min: 1, max: 600 }),
        fc.integer({ min: 0, max: 5000 }),
        (offset, window, later) => {
          const grid = gridFromLive(T0 + offset, window, analysis, T0 + offset + later);
          expect(grid.start - window).toBeGreaterThanOrEqual(T0 + offset);
          expect(grid.end).toBeLessThanOrEqual(T0 + offset + later - SETTLE);
        },
      ),
    );
  });
});

describe('the grid from the commit', () => {
  test('counts from the commit, in a step whose rollout is old enough', () => {
    const now = T0 + 2 * PERIOD + SETTLE;
    expect(gridFromCommit(at20, WINDOW, now)).toEqual({
      start: T0 + PERIOD,
      end: T0 + 2 * PERIOD,
      stepSeconds: PERIOD,
    });
  });

  test('no window reaches back before the rollout, where another candidate had the traffic', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 300 }),
        fc.integer({ min: 1, max: 300 }),
        (age, window) => {
          const steps =
            age === 0
              ? []
              : [
                  {
                    name: '01-canary-up',
                    at: isoTime(T0 - age),
                    until: isoTime(T0),
                    failedChecks: 0,
                  },
                ];
          const it = rollout(situation({ position: step('02-weight-20'), state: { steps } }));
          const { start } = gridFromCommit(it, window, T0 + 1000);
          expect(start - window).toBeGreaterThanOrEqual(T0 - age);
          expect((start - T0) % PERIOD).toBe(0);
          // And no point that could count is left out.
          expect(start === T0 + PERIOD || start - PERIOD - window < T0 - age).toBe(true);
        },
      ),
    );
  });
});

describe('questions to the store', () => {
  test('a check is asked on both grids once the step is live, on one before', () => {
    const now = T0 + 100;
    expect(seriesQuestions(at20, WAITING, now).map((it) => it.fromLive)).toEqual([undefined]);
    const [live] = seriesQuestions(at20, liveSince(T0), now);
    expect(live?.check.name).toBe('success-rate');
    expect(live?.fromLive?.start).toBe(T0 + WINDOW + SETTLE);
  });

  test.each([COMPLETE, back('02-weight-20', 'routes')])('nothing is asked in %j', (position) => {
    const it = rollout(situation({ position }));
    expect(seriesQuestions(it, liveSince(T0), T0 + 100)).toEqual([]);
    expect(judgedStep(it)).toBeUndefined();
  });

  test('several checks share the grid of the longest window, so that their points meet', () => {
    const checks: Check[] = [
      bounded('success-rate', { min: 99 }),
      bounded('latency', { max: 500 }, 120),
    ];
    const two = plan('v2', { checks });
    const steps = two.plan.steps.map((it) =>
      it.checks.length === 0 ? it : { ...it, checks: ['success-rate', 'latency'] },
    );
    const it = rollout(
      situation({ position: step('02-weight-20'), plan: { ...two, plan: { ...two.plan, steps } } }),
    );
    const starts = seriesQuestions(it, liveSince(T0), T0 + 1000).map((one) => [
      one.fromCommit.start,
      one.fromLive?.start,
    ]);
    expect(starts).toEqual([
      [T0 + 120, T0 + 125],
      [T0 + 120, T0 + 125],
    ]);
  });
});

describe('a judgement', () => {
  const now = T0 + 200;
  const ask = (values: Values, live: Liveness = liveSince(T0)) => judged(at20, live, now, values);

  test('of good values passes as many points as the clock allows', () => {
    // From T0 + 35 to T0 + 195, each 10 s.
    expect(ask(GOOD)).toMatchObject({
      failedChecks: 0,
      passed: 17,
      needed: 3,
      newest: 'pass',
      trouble: undefined,
    });
  });

  test('of bad values fails them from the commit on, also before the step is live', () => {
    expect(ask(BAD)).toMatchObject({ passed: 0, newest: 'fail', failedChecks: 19 });
    expect(ask(BAD, WAITING)).toMatchObject({
      passed: 0,
      newest: 'fail',
      failedChecks: 19,
      nextAt: undefined,
    });
  });

  test('passes nothing before the step is live', () => {
    expect(ask(GOOD, WAITING)).toMatchObject({ passed: 0, failedChecks: 0, newest: 'pass' });
  });

  test.each<[string, Values]>([
    ['NaN', () => Number.NaN],
    ['no value', () => undefined],
    ['+Inf against a minimum', () => Infinity],
  ])('of %s is unknown: neither passed nor failed', (_, values) => {
    expect(ask(values)).toMatchObject({
      passed: 0,
      failedChecks: 0,
      newest: 'unknown',
      conclusiveAt: T0,
    });
  });

  test('says when the newest conclusive point was', () => {
    const gap: Values = (at) => (at > T0 + 95 ? undefined : 99.9);
    expect(ask(gap)).toMatchObject({ newest: 'unknown', conclusiveAt: T0 + 90 });
  });

  test('says when the next point can be judged', () => {
    expect(judged(at20, liveSince(T0), T0 + 1, GOOD).nextAt).toBe(T0 + WINDOW + 2 * SETTLE);
    expect(judged(at20, liveSince(T0), T0 + WINDOW + 2 * SETTLE, GOOD).nextAt).toBe(
      T0 + WINDOW + 2 * SETTLE + PERIOD,
    );
  });

  test('a newest failed point on either grid holds, until a newer one is good', () => {
    const badAt =
      (bad: number): Values =>
      (at) =>
        at === bad ? 80 : 99.9;
    expect(ask(badAt(T0 + 190)).newest).toBe('pass');
    expect(ask(badAt(T0 + 195)).newest).toBe('fail');
    const onCommit = judged(at20, liveSince(T0), T0 + 205, badAt(T0 + 200));
    expect(onCommit).toMatchObject({ newest: 'fail', failedChecks: 1 });
  });

  test('keeps the latest and the worst value for people', () => {
    const values: Values = (at) => (at === T0 + 100 ? 98.2 : at === T0 + 110 ? Number.NaN : 99.5);
    expect(ask(values).evidence).toMatchObject([
      { points: 17, passed: 17, failed: 1, latest: 99.5, worst: 98.2 },
    ]);
  });

  test('a store that did not answer is trouble, and no verdict', () => {
    const down = series(at20, liveSince(T0), now, { unknown: 'connection refused' });
    const it = judge(at20, down, liveSince(T0), now);
    expect(it).toMatchObject({
      passed: 0,
      failedChecks: 0,
      newest: 'unknown',
      trouble: 'success-rate: connection refused',
    });
    expect(it.evidence[0]).toMatchObject({
      latest: undefined,
      worst: undefined,
      trouble: 'success-rate: connection refused',
    });
  });
});

describe('of several checks', () => {
  const other = bounded('latency', { max: 500 });
  const now = T0 + 100;
  const live = liveSince(T0);
  const pair = (first: number | undefined, second: number | undefined): CheckSeries[] =>
    [first, second].map((value, index) => {
      const [one] = series(at20, live, now, () => value);
      if (one === undefined) throw new Error('the step has a check');
      return index === 0 ? one : { ...one, check: other };
    });

  test.each<[string, number | undefined, number | undefined, string, number, number]>([
    ['both good', 99.9, 100, 'pass', 7, 0],
    ['one bad', 99.9, 900, 'fail', 0, 9],
    ['the other bad', 80, 100, 'fail', 0, 9],
    ['both bad: a point fails once', 80, 900, 'fail', 0, 9],
    ['one missing', 99.9, undefined, 'unknown', 0, 0],
    ['one bad and one missing', 80, undefined, 'fail', 0, 9],
  ])('%s', (_, first, second, newest, passed, failedChecks) => {
    expect(judge(at20, pair(first, second), live, now)).toMatchObject({
      newest,
      passed,
      failedChecks,
    });
  });
});

test('an analyzer that comes later judges the same points', () => {
  const values = fc.func(
    fc.oneof(
      { weight: 5, arbitrary: fc.constant(99.9) },
      fc.constant(80),
      fc.constant(Number.NaN),
      fc.constant(undefined),
    ),
  );
  fc.assert(
    fc.property(
      values,
      fc.integer({ min: 0, max: 60 }),
      fc.integer({ min: 1, max: 400 }),
      fc.integer({ min: 0, max: 400 }),
      (answer, offset, early, later) => {
        const since = T0 + offset;
        const points = (now: number) =>
          series(at20, liveSince(since), now, answer).flatMap(({ fromCommit, fromLive }) =>
            [fromCommit, fromLive].map((it) => samples(it?.canary)),
          );
        const [before, after] = [points(since + early), points(since + early + later)];
        // What was judged stays as it was: later points are only added.
        for (const [index, seen] of before.entries())
          expect(after[index]?.slice(0, seen.length)).toEqual(seen);
        const [first, second] = [
          judged(at20, liveSince(since), since + early, answer),
          judged(at20, liveSince(since), since + early + later, answer),
        ];
        expect(second.passed).toBeGreaterThanOrEqual(first.passed);
        expect(second.failedChecks).toBeGreaterThanOrEqual(first.failedChecks);
      },
    ),
    { numRuns: tries(200) },
  );
});

describe('a dry run', () => {
  const dry = { ...bounded('dry', { min: 99 }), dryRun: true as const };
  const it = rollout(
    situation({
      position: step('02-weight-20'),
      plan: plan('v2', {
        checks: [dry, bounded('own', { max: 100 })],
        steps: { '02-weight-20': { checks: ['dry', 'own'] } },
      }),
      state: {
        steps: [
          { name: '01-canary-up', at: isoTime(STARTED), until: isoTime(T0), failedChecks: 0 },
        ],
      },
    }),
  );

  test('is reported, and decides nothing', () => {
    const found = judged(it, liveSince(T0), T0 + 100, BAD);
    expect(found.failedChecks).toBe(0);
    expect(found.passed).toBeGreaterThan(0);
    expect(found.newest).toBe('pass');
    const said = found.evidence.find((one) => one.check.name === 'dry');
    expect(said?.failed).toBeGreaterThan(0);
  });

  test('that nobody answers holds nothing', () => {
    const unknown = { kind: 'unknown', reason: 'down' } as const;
    const now = T0 + 100;
    const all = series(it, liveSince(T0), now, GOOD).map((one) =>
      one.check.name === 'dry'
        ? { ...one, fromCommit: { canary: unknown }, fromLive: { canary: unknown } }
        : one,
    );
    expect(judge(it, all, liveSince(T0), now).trouble).toBeUndefined();
    expect(judge(it, all, liveSince(T0), now).newest).toBe('pass');
  });
});
