import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { explanationText } from '../../../../analyzer/commands/explain-text.ts';
import { momentOf } from '../../../../analyzer/core/decided.ts';
import { evidenceLine } from '../../../../analyzer/core/explain.ts';
import { explanationOf } from '../../../../analyzer/core/explanation.ts';
import { type Said, saidBy } from '../../../../analyzer/core/judge/failed-point.ts';
import { seriesQuestions } from '../../../../analyzer/core/judge/judge.ts';
import { samples } from '../../../../analyzer/core/judge/point.ts';
import type { CheckSeries, Sample, TrackSeries } from '../../../../analyzer/core/judge/series.ts';
import { status } from '../../../../analyzer/core/phase.ts';
import { replay } from '../../../../analyzer/core/replay.ts';
import { contextOf, decide } from '../../../../analyzer/core/rules/decide.ts';
import type { Judge } from '../../../../lib/plan/judge.ts';
import type { Check } from '../../../../lib/plan/plan.ts';
import { tries } from '../../../tries.ts';
import {
  liveSince,
  moved,
  observation,
  plan,
  rollout,
  situation,
  stateOf,
  step,
  T0,
} from '../fixture.ts';

type Ranks = Extract<Judge, { kind: 'ranks' }>;

function metric(name: string, rules: Partial<Ranks> = {}, more: Partial<Check> = {}): Check {
  const judge: Ranks = {
    ...{ kind: 'ranks', direction: 'increase', weight: 1, pass: 95, marginal: 75 },
    ...rules,
  };
  const ask = { canary: `${name} canary`, primary: `${name} primary` };
  return { name, source: 'default', ask, windowSeconds: 30, unit: 'MiB', judge, ...more };
}

/** Around a level, without chance. */
const around = (level: number) => (index: number) => level + ((index * 7) % 10) - 4.5;
const [HIGH, LOW] = [around(200), around(100)];

/** One point each 10 s, from T0 on. */
function sampled(count: number, value: (index: number) => number): Sample[] {
  return Array.from({ length: count }, (_, it) => ({ at: T0 + 10 * it, value: value(it) }));
}

function compared(
  check: Check,
  canary: readonly Sample[],
  other: readonly Sample[],
  track: 'primary' | 'baseline' = 'primary',
): CheckSeries {
  const answer = (value: readonly Sample[]) => ({ kind: 'known', value }) as const;
  return { check, fromCommit: { canary: answer(canary), [track]: answer(other) } };
}

function said(series: readonly CheckSeries[], index: number): readonly Said[] {
  return saidBy(series, (it) => it.fromCommit)(T0 + 10 * index);
}

const verdicts = (series: readonly CheckSeries[], index = 19) =>
  said(series, index).map((it) => it.verdict);

describe('one metric', () => {
  const of = (rules: Partial<Ranks>, canary = HIGH, other = LOW) =>
    verdicts([compared(metric('memory', rules), sampled(20, canary), sampled(20, other))])[0];

  test.each<[string, Partial<Ranks>, string]>([
    ['higher', {}, 'fail'],
    ['higher, by less than is allowed', { allowedIncrease: 2.5 }, 'pass'],
    ['higher, where only lower counts', { direction: 'decrease' }, 'pass'],
    ['higher, where both count', { direction: 'either' }, 'fail'],
  ])('that is %s', (_, rules, expected) => expect(of(rules)).toBe(expected));

  test('that is the same passes, and one that is lower fails where that counts', () => {
    expect(of({}, LOW)).toBe('pass');
    expect(of({ direction: 'decrease' }, LOW, HIGH)).toBe('fail');
    expect(of({ direction: 'decrease', allowedDecrease: 0.4 }, LOW, HIGH)).toBe('pass');
  });

  test('says what was seen', () => {
    const series = [compared(metric('memory'), sampled(20, HIGH), sampled(20, LOW), 'baseline')];
    expect(said(series, 19)[0]?.text).toBe(
      'median 200 MiB, 100 MiB of the baseline, 20 points each: high; score 0 < 75',
    );
    expect(
      said([compared(metric('memory'), sampled(20, LOW), sampled(20, LOW))], 19)[0]?.text,
    ).toBe('median 100 MiB, 100 MiB of the primary, 20 points each: no difference; score 100');
  });

  test('needs five points of both tracks, and never passes with fewer', () => {
    const series = [compared(metric('memory'), sampled(20, LOW), sampled(20, LOW))];
    expect([0, 3, 4].map((it) => verdicts(series, it)[0])).toEqual(['unknown', 'unknown', 'pass']);
    expect(said(series, 3)[0]?.text).toBe('has 4 of 5 points');
    const bad = [compared(metric('memory'), sampled(20, HIGH), sampled(20, LOW))];
    expect([3, 4].map((it) => verdicts(bad, it)[0])).toEqual(['unknown', 'fail']);
  });

  test('counts a time where both have a value, and is unknown where one of them has none', () => {
    const holes = sampled(20, (it) => (it % 2 === 0 ? LOW(it) : Number.NaN));
    const series = [compared(metric('memory'), sampled(20, LOW), holes)];
    expect(said(series, 6)[0]?.text).toBe('has 4 of 5 points');
    expect(verdicts(series, 18)).toEqual(['pass']);
    expect(said(series, 19)[0]).toMatchObject({ verdict: 'unknown', text: undefined });
    expect(verdicts([compared(metric('memory'), sampled(10, LOW), sampled(20, LOW))], 15)).toEqual([
      'unknown',
    ]);
  });

  test('looks back at an hour of points at most: what sets in late is not buried', () => {
    const late = sampled(240, (it) => (it < 180 ? LOW(it) : HIGH(it)));
    expect(verdicts([compared(metric('memory'), late, sampled(240, LOW))], 239)).toEqual(['fail']);
  });
});

describe('the score of several', () => {
  const good = (name: string, rules: Partial<Ranks> = {}, more: Partial<Check> = {}) =>
    compared(metric(name, rules, more), sampled(20, LOW), sampled(20, LOW));
  const bad = (name: string, rules: Partial<Ranks> = {}, more: Partial<Check> = {}) =>
    compared(metric(name, rules, more), sampled(20, HIGH), sampled(20, LOW));
  const silent = (name: string, rules: Partial<Ranks> = {}) =>
    compared(metric(name, rules), [], []);

  test.each<[string, readonly CheckSeries[], readonly string[]]>([
    ['two of three fails', [good('a'), good('b'), bad('c')], ['pass', 'pass', 'fail']],
    ['three of four is marginal', [good('a', { weight: 3 }), bad('b')], ['pass', 'unknown']],
    ['weights', [good('a', { weight: 99 }), bad('b')], ['pass', 'pass']],
    [
      'a critical one, whatever the weights',
      [good('a', { weight: 99 }), bad('b', { critical: true })],
      ['pass', 'fail'],
    ],
    ['the strictest levels', [good('a', { pass: 100, weight: 99 }), bad('b')], ['pass', 'unknown']],
    ['none where half are silent', [bad('a'), silent('b')], ['unknown', 'unknown']],
    ['those that are known', [good('a'), bad('b'), silent('c')], ['pass', 'fail', 'unknown']],
    [
      'none where a critical one is silent',
      [good('a'), bad('b'), silent('c', { critical: true })],
      ['pass', 'unknown', 'unknown'],
    ],
    [
      'none of a dry run, which has its own',
      [good('a'), bad('b', {}, { dryRun: true })],
      ['pass', 'fail'],
    ],
  ])('%s', (_, series, expected) => expect(verdicts(series)).toEqual(expected));

  test('says that it is marginal', () => {
    expect(said([good('a', { weight: 3 }), bad('b')], 19)[1]?.text).toMatch(
      /: high; score 75 is marginal, below 95$/,
    );
  });
});

describe('any points', () => {
  const value = fc.oneof(
    fc.integer({ min: -3, max: 3 }),
    fc.double({ min: -1e9, max: 1e9 }),
    fc.constantFrom(Number.NaN, Infinity, -Infinity),
  );
  const pairs = fc.array(fc.tuple(value, value), { maxLength: 80 });
  const both = (all: readonly (readonly [number, number])[], rules: Partial<Ranks>) =>
    compared(
      metric('m', rules),
      sampled(all.length, (it) => all[it]?.[0] ?? 0),
      sampled(all.length, (it) => all[it]?.[1] ?? 0),
    );

  test('say nothing of what comes later, and pass only with five whole ones', () => {
    fc.assert(
      fc.property(pairs, fc.nat(79), (all, index) => {
        const until = all.slice(0, index + 1);
        const now = verdicts([both(until, { direction: 'either' })], index);
        expect(verdicts([both(all, { direction: 'either' })], index)).toEqual(now);
        const whole = until.filter((it) => it.every(Number.isFinite)).length;
        if (whole < 5) expect(now).toEqual(['unknown']);
      }),
      { numRuns: tries(100) },
    );
  });

  test('that are the same on both sides are never told apart', () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 80 }), (all) => {
        const same = all.map((it) => [it, it] as const);
        expect(verdicts([both(same, { direction: 'either' })], all.length - 1)).not.toContain(
          'fail',
        );
      }),
      { numRuns: tries(100) },
    );
  });

  test('say the opposite where the tracks are exchanged', () => {
    const finite = fc.array(
      fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })),
      {
        minLength: 5,
        maxLength: 60,
      },
    );
    fc.assert(
      fc.property(finite, (all) => {
        const turned = all.map(([a, b]) => [b, a] as const);
        const last = all.length - 1;
        expect(verdicts([both(turned, { direction: 'decrease' })], last)).toEqual(
          verdicts([both(all, { direction: 'increase' })], last),
        );
      }),
      { numRuns: tries(100) },
    );
  });
});

describe('a rollout', () => {
  const check = metric('memory');
  const of = (checks: readonly Check[], steps: readonly string[] = [], threshold = 2) => {
    const it = plan('v2', {
      checks,
      analysis: { threshold },
      ...(steps.length === 0 ? {} : { baseline: steps }),
    });
    const named = it.plan.steps.map((one) =>
      one.checks.length === 0 ? one : { ...one, checks: checks.map((each) => each.name) },
    );
    return situation({
      position: step('02-weight-20'),
      plan: { ...it, plan: { ...it.plan, steps: named } },
    });
  };
  const seen = (situated: ReturnType<typeof of>, now: number, canary = HIGH): CheckSeries[] =>
    seriesQuestions(rollout(situated), liveSince(T0), now).map((it) => {
      const answer = (grid: typeof it.fromLive, value: (index: number) => number) => {
        const all: Sample[] = [];
        for (let at = grid?.start ?? 1; at <= (grid?.end ?? 0); at += grid?.stepSeconds ?? 1)
          all.push({ at, value: value(all.length) });
        return { kind: 'known', value: all } as const;
      };
      const tracks = (grid: typeof it.fromLive) => ({
        canary: answer(grid, canary),
        primary: answer(grid, LOW),
      });
      return {
        check: it.check,
        fromCommit: tracks(it.fromCommit),
        fromLive: tracks(it.fromLive),
      };
    });

  test('asks about the canary and the primary, or the baseline where the step runs one', () => {
    const tracks = (all: ReturnType<typeof of>) =>
      seriesQuestions(rollout(all), liveSince(T0), T0 + 100).map((it) => it.tracks);
    expect(tracks(of([check]))).toEqual([['canary', 'primary']]);
    const own = { ...check, ask: { ...check.ask, baseline: 'memory baseline' } };
    expect(tracks(of([own], ['02-weight-20']))).toEqual([['canary', 'baseline']]);
    expect(tracks(of([own], ['03-weight-50']))).toEqual([['canary', 'primary']]);
  });

  const decided = (all: ReturnType<typeof of>, after: number, canary = HIGH) =>
    decide({ ...observation(all, T0 + after), series: seen(all, T0 + after, canary) }, T0 + after);

  test('waits for points, goes on with a score, and says what it needs', () => {
    // The first point that may pass is at 35 s, and the fifth at 75 s; each is judged 5 s later.
    expect(decided(of([check]), 70, LOW)).toMatchObject({
      kind: 'hold',
      reason: 'inconclusive: memory has 4 of 5 points',
    });
    expect(decided(of([check]), 90, LOW)).toMatchObject({
      kind: 'hold',
      reason: '2 of 3 checks passed',
    });
    expect(decided(of([check]), 100, LOW)).toMatchObject({ kind: 'move', verdict: 'pass' });
  });

  test('rolls back at the threshold, and its commit says what was seen', () => {
    const move = decided(of([check]), 100);
    expect(move).toMatchObject({
      kind: 'move',
      transition: 'back',
      verdict: 'fail',
      reason: expect.stringMatching(/ failed checks of memory at 02-weight-20 \(threshold 2\)$/),
    });
    const lines = move.kind === 'move' ? (move.judgement?.evidence ?? []).map(evidenceLine) : [];
    expect(lines).toEqual([
      'memory not higher by ranks; score ≥ 95, marginal ≥ 75: ' +
        'median 199.5 MiB, 99.5 MiB of the primary, 7 points each: high; score 0 < 75; 0 of 7 points passed, 3 failed',
    ]);
  });

  test('rolls back at a threshold of its own, and counts each moment once', () => {
    const own = of([{ ...check, threshold: 3 }], [], 9);
    expect(decided(own, 100)).toMatchObject({
      kind: 'move',
      transition: 'back',
      reason: '3 failed checks of memory at 02-weight-20 (threshold 3 of its own)',
    });
    const { judgement } = contextOf(
      { ...observation(own, T0 + 100), series: seen(own, T0 + 100) },
      rollout(own),
      T0 + 100,
    );
    const times = judgement.failures.map((it) => it.at);
    expect(times.slice(1).every((it, index) => it - (times[index] ?? 0) >= 10)).toBe(true);
    expect(judgement.failedBy.get('memory')).toBe(times.length);
    expect(judgement.failedChecks).toBe(0);
  });

  test('holds where it is marginal, and says so', () => {
    const other = metric('cpu', { weight: 4, direction: 'decrease' });
    expect(decided(of([check, other]), 100)).toMatchObject({
      kind: 'hold',
      reason: expect.stringMatching(
        /^inconclusive: memory median .*: high; score 80 is marginal, below 95$/,
      ),
    });
  });

  test('goes on, whatever a dry run says', () => {
    const dry = metric('cpu', { direction: 'either' }, { dryRun: true });
    const both = of([metric('memory', { direction: 'decrease' }), dry]);
    expect(decided(both, 100)).toMatchObject({ kind: 'move', transition: 'next' });
  });

  test('is replayed from the samples of both tracks', () => {
    const before = of([check]);
    const move = decided(before, 100);
    if (move.kind !== 'move') throw new Error(move.reason);
    const after = stateOf(moved(before, move, T0 + 100));
    const { verdict, reason } = move;
    const then = { before, rollout: rollout(before), after, verdict, reason, at: T0 + 100 };
    const again = (change: (it: TrackSeries) => TrackSeries) => {
      const series = seen(before, T0 + 100).map((it) => ({
        ...it,
        fromCommit: change(it.fromCommit),
        fromLive: change(it.fromLive ?? {}),
      }));
      return replay(then, momentOf(then), { series, counts: [] });
    };
    expect(after.judged?.checks[0]).toMatchObject({ check: 'memory', passed: 0, failed: 3 });
    expect(again((it) => it)).toMatchObject({ kind: 'holds', verdict: 'fail', reason });
    // What the canary's samples are compared with is as much of the decision.
    const higher = (it: TrackSeries): TrackSeries => ({
      ...it,
      primary: {
        kind: 'known',
        value: samples(it.primary).map(({ at }, index) => ({ at, value: HIGH(index) })),
      },
    });
    expect(again(higher).differences).toEqual([
      expect.stringMatching(/^the verdict: fail then, /),
      expect.stringMatching(/^memory: /),
    ]);
    const cut = (it: TrackSeries): TrackSeries => ({
      ...it,
      primary: { kind: 'known', value: samples(it.primary).slice(-3) },
    });
    expect(again(cut)).toMatchObject({
      kind: 'lost',
      lost: [expect.stringMatching(/^memory: the store has nothing of /)],
    });
  });

  test('is explained point by point', () => {
    const all = of([check]);
    const series = seen(all, T0 + 100);
    const found = { ...observation(all, T0 + 100), series };
    const decision = decide(found, T0 + 100);
    const told = explanationOf({
      status: status(all),
      observation: found,
      decision,
      at: T0 + 100,
    });
    const { counted = [], clean = [] } = told.checks[0] ?? {};
    expect(counted[0]).toMatchObject({ verdict: 'unknown', said: 'has 1 of 5 points' });
    expect(clean.at(-1)?.said).toMatch(/^median .*: high; score 0 < 75$/);
    expect(explanationText(told)).toMatch(
      /fail +\d+(?:\.\d+)? MiB {2}median .*: high; score 0 < 75/,
    );
  });
});
