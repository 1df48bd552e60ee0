import { describe, expect, test } from 'vitest';
import { normal } from '../../../analyzer/simulated/draws.ts';
import { seeded } from '../../../analyzer/simulated/random.ts';
import {
  type Classification,
  type Scored,
  type ScoredMember,
  scored,
  summaryOf,
} from './scores.ts';

const repeat = (count: number, value: number) => Array<number>(count).fill(value);
const up = (count: number, first = 1) => Array.from({ length: count }, (_, k) => first + k);

describe('series', () => {
  test('that are the same pass', () => {
    expect(scored(up(50), up(50), { direction: 'either' })).toMatchObject({
      classification: 'pass',
      effect: 1,
    });
  });

  test('are compared by all their differences', () => {
    const { shift, interval } = scored(up(20, 11), up(20), { direction: 'increase' });
    expect(shift).toBeCloseTo(10, 6);
    expect(interval?.[0]).toBeCloseTo(5, 0);
    expect(interval?.[1]).toBeCloseTo(15, 0);
  });

  test.each<['increase' | 'decrease' | 'either', number, Classification]>([
    ['increase', 30, 'high'],
    ['either', 30, 'high'],
    ['decrease', 30, 'pass'],
    ['decrease', -30, 'low'],
    ['either', -30, 'low'],
    ['increase', -30, 'pass'],
  ])('that must not %s, moved by %d: %s', (direction, by, wanted) => {
    expect(scored(up(50, 100 + by), up(50, 100), { direction }).classification).toBe(wanted);
  });

  test('differ only by as much as is asked', () => {
    const rules = { direction: 'increase', allowedIncrease: 1.5 } as const;
    expect(scored(up(50, 130), up(50, 100), rules).classification).toBe('pass');
    expect(scored(up(50, 230), up(50, 100), rules).classification).toBe('high');
  });

  test('that are constant need no noise', () => {
    const rules = { direction: 'either' } as const;
    expect(scored(repeat(50, 3), repeat(50, 3), rules).classification).toBe('pass');
    expect(scored(repeat(50, 0), repeat(50, 0), rules).classification).toBe('pass');
    expect(scored(repeat(50, 3), repeat(50, 2), rules)).toMatchObject({
      classification: 'high',
      effect: 1.5,
    });
  });

  test('of ranks alone decide where the primary is at zero', () => {
    const got = scored(repeat(50, 3), repeat(50, 0), { direction: 'increase', allowedIncrease: 2 });
    expect(got).toMatchObject({ classification: 'high', effect: undefined });
  });

  test('hardly differ while seven of ten points do, and do with the eighth', () => {
    const primary = up(10, 100).map((it) => it / 100);
    const worse = (count: number) => primary.map((it, k) => (k < count ? it * 100 : it));
    const of = (count: number) => scored(worse(count), primary, { direction: 'increase' });
    expect(of(7).classification).toBe('pass');
    expect(of(9).classification).toBe('high');
  });

  test('of a few points say nothing', () => {
    for (const count of [1, 2, 4])
      expect(scored(repeat(count, 99), repeat(count, 1), { direction: 'either' })).toMatchObject({
        classification: 'pass',
        interval: [-Infinity, Infinity],
      });
    expect(scored(repeat(5, 99), repeat(5, 1), { direction: 'either' }).classification).toBe(
      'high',
    );
  });

  test('are without the points that have no value, or have zeros there', () => {
    const holes = [...up(20), Number.NaN, Infinity];
    expect(scored(holes, up(20), { direction: 'either' })).toEqual(
      scored(up(20), up(20), { direction: 'either' }),
    );
    expect(scored([Number.NaN], up(20), { direction: 'either' }).classification).toBe('no-data');
    expect(scored(up(20), [], { direction: 'either' }).classification).toBe('no-data');
    const zeros = scored(repeat(20, Number.NaN), up(20), { direction: 'either', missing: 'zero' });
    expect(zeros).toMatchObject({ classification: 'low', effect: 0 });
  });

  test('of noise alone are rarely told apart', () => {
    const random = seeded(21);
    const draw = () => Array.from({ length: 50 }, () => 100 + 10 * normal(random));
    let found = 0;
    for (let run = 0; run < 200; run++)
      if (scored(draw(), draw(), { direction: 'either' }).classification !== 'pass') found += 1;
    expect(found / 200).toBeLessThan(0.02 + 3 * Math.sqrt((0.02 * 0.98) / 200));
  });
});

describe('the summary', () => {
  const member = (
    classification: Classification,
    rest: Partial<ScoredMember> = {},
  ): ScoredMember => {
    const it: Scored = { classification, shift: 1, interval: [0, 2], effect: 1.4 };
    return { ...it, ...rest };
  };
  const levels = { pass: 95, marginal: 75 };

  test.each([
    [['pass', 'pass'], 'pass', 100],
    [['pass', 'pass', 'pass', 'high'], 'marginal', 75],
    [['pass', 'low'], 'fail', 50],
  ] as const)('of %o is %s with %d', (all, kind, score) => {
    const members = all.map((it) => member(it));
    expect(summaryOf([{ weight: 1, members }], levels)).toEqual({ kind, score });
  });

  test('weighs groups, of those that have data', () => {
    const groups = [
      { weight: 60, members: [member('pass'), member('pass')] },
      { weight: 20, members: [member('high')] },
      { weight: 20, members: [member('no-data')] },
    ];
    expect(summaryOf(groups, levels)).toEqual({ kind: 'marginal', score: 75 });
  });

  test('has no score where half, or what is critical, has no data', () => {
    const half = [{ weight: 1, members: [member('pass'), member('no-data')] }];
    expect(summaryOf(half, levels)).toEqual({ kind: 'no-data' });
    const blind = member('no-data', { criticalIncrease: 1 });
    const critical = [{ weight: 1, members: [...repeat(9, 0).map(() => member('pass')), blind] }];
    expect(summaryOf(critical, levels)).toEqual({ kind: 'no-data' });
    expect(summaryOf([], levels)).toEqual({ kind: 'no-data' });
  });

  test('fails by a critical metric that is High by as much', () => {
    const of = (rest: Partial<ScoredMember>) =>
      summaryOf(
        [{ weight: 1, members: [...up(19).map(() => member('pass')), member('high', rest)] }],
        levels,
      ).kind;
    expect(of({ criticalIncrease: 1.2 })).toBe('fail');
    expect(of({ criticalIncrease: 1.5 })).toBe('pass');
    expect(of({ criticalIncrease: 1.5, effect: undefined })).toBe('fail');
    expect(of({})).toBe('pass');
  });
});
