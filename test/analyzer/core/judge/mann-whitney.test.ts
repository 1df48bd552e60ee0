import { describe, expect, test } from 'vitest';
import {
  type Classification,
  classified,
  rankDeviation,
  shiftOf,
} from '../../../../analyzer/core/judge/mann-whitney.ts';
import { normal } from '../../../../analyzer/simulated/draws.ts';
import { seeded } from '../../../../analyzer/simulated/random.ts';

const repeat = (count: number, value: number) => Array<number>(count).fill(value);
const up = (count: number, first = 1) => Array.from({ length: count }, (_, k) => first + k);

/** Standardized U with the correction for ties, without and with that for continuity: counted pair by pair in exact
 * fractions; and the median of all differences. */
const GOLDEN = [
  [
    [1.1, 2.2, 3.3, 4.4, 5.5],
    [0.9, 1.8, 2.7, 3.6, 4.5],
    0,
    0.52223296786709,
    0.41778637429367,
    0.6,
  ],
  [[0, 1, 2, 1, 0], [0, 0, 0, 0, 0], 0, 1.9364916731037, 1.80739222823012, 1.0],
  [[3, 3, 4, 5, 5, 5, 7], [1, 2, 3, 3, 4], 0, 2.16883567412078, 2.08541891742383, 2.0],
  [[3, 3, 4, 5, 5, 5, 7], [1, 2, 3, 3, 4], 1, 1.17435279094995, 1.09047044873924, 2.0],
  [
    [10, 12, 12, 15, 15, 15, 20, 21, 30],
    [10, 10, 11, 12, 14, 15, 16],
    0,
    1.50192893764523,
    1.44828861844362,
    3.0,
  ],
  [
    [512.5, 530.25, 498, 530.25, 551, 560.75, 498],
    [300.5, 311, 300.5, 329.25, 498],
    0,
    2.70815096193935,
    2.62608578127452,
    201.0,
  ],
  [[-2, -1, 0, 1, 2], [5, 6, 7, 8, 9], -3.5, -2.4022716521886, -2.2978250586152, -7.0],
] as const;

describe('golden vectors', () => {
  test.each(GOLDEN)('%j against %j moved by %d', (a, b, shift, plain, corrected, median) => {
    expect(Math.abs(rankDeviation(a, b, shift, false) - plain)).toBeLessThan(1e-9);
    expect(Math.abs(rankDeviation(a, b, shift, true) - corrected)).toBeLessThan(1e-9);
    expect(Math.abs(shiftOf(a, b) - median)).toBeLessThan(1e-9);
  });
});

describe('series', () => {
  test('that are the same pass', () => {
    expect(classified(up(50), up(50), { direction: 'either' })).toBe('pass');
  });

  test('are compared by all their differences', () => {
    expect(shiftOf(up(20, 11), up(20))).toBeCloseTo(10, 9);
    // Its interval of 98 % begins between 5 and 6.
    expect(rankDeviation(up(20, 11), up(20), 4.999, true)).toBeGreaterThan(2.3263);
    expect(rankDeviation(up(20, 11), up(20), 6.001, true)).toBeLessThan(2.3263);
  });

  test.each<['increase' | 'decrease' | 'either', number, Classification]>([
    ['increase', 30, 'high'],
    ['either', 30, 'high'],
    ['decrease', 30, 'pass'],
    ['decrease', -30, 'low'],
    ['either', -30, 'low'],
    ['increase', -30, 'pass'],
  ])('that must not %s, moved by %d: %s', (direction, by, wanted) => {
    expect(classified(up(50, 100 + by), up(50, 100), { direction })).toBe(wanted);
  });

  test('differ only by as much as is asked', () => {
    const rules = { direction: 'increase', allowedIncrease: 1.5 } as const;
    expect(classified(up(50, 130), up(50, 100), rules)).toBe('pass');
    expect(classified(up(50, 230), up(50, 100), rules)).toBe('high');
  });

  test('that are constant need no noise', () => {
    const rules = { direction: 'either' } as const;
    expect(classified(repeat(50, 3), repeat(50, 3), rules)).toBe('pass');
    expect(classified(repeat(50, 0), repeat(50, 0), rules)).toBe('pass');
    expect(classified(repeat(50, 3), repeat(50, 2), rules)).toBe('high');
    expect(classified(repeat(50, 2), repeat(50, 3), rules)).toBe('low');
  });

  test('of ranks alone decide where the primary is at zero', () => {
    const rules = { direction: 'increase', allowedIncrease: 2 } as const;
    expect(classified(repeat(50, 3), repeat(50, 0), rules)).toBe('high');
  });

  test('hardly differ while seven of ten points do, and do with the eighth', () => {
    const primary = up(10, 100).map((it) => it / 100);
    const worse = (count: number) => primary.map((it, k) => (k < count ? it * 100 : it));
    const of = (count: number) => classified(worse(count), primary, { direction: 'increase' });
    expect(of(7)).toBe('pass');
    expect(of(9)).toBe('high');
  });

  test('of a few points say nothing', () => {
    for (const count of [0, 1, 2, 4])
      expect(classified(repeat(count, 99), repeat(50, 1), { direction: 'either' })).toBe('no-data');
    expect(classified(repeat(5, 99), repeat(5, 1), { direction: 'either' })).toBe('high');
  });

  test('of noise alone are rarely told apart', () => {
    const random = seeded(21);
    const draw = () => Array.from({ length: 50 }, () => 100 + 10 * normal(random));
    let found = 0;
    for (let run = 0; run < 200; run++)
      if (classified(draw(), draw(), { direction: 'either' }) !== 'pass') found += 1;
    expect(found / 200).toBeLessThan(0.02 + 3 * Math.sqrt((0.02 * 0.98) / 200));
  });
});
