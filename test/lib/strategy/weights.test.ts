import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  exponential,
  falling,
  isWeight,
  linear,
  split,
  weightName,
} from '../../../lib/strategy/weights.ts';

test('tenths add up as people add them', () => {
  expect(linear(0.1, 0.3)).toEqual([0.1, 0.2, 0.3]);
  // 1.1 / 0.1 is over 11 in binary.
  expect(linear(0.1, 1.1)).toHaveLength(11);
  expect(falling(0.1, 0.3)).toEqual([0.2, 0.1, 0]);
  expect(split(0.1).weights).toEqual({ primary: 99.9, canary: 0.1 });
});

test('the last one is met exactly', () => {
  expect(linear(30, 100)).toEqual([30, 60, 90, 100]);
  expect(falling(30, 100)).toEqual([70, 40, 10, 0]);
  expect(exponential(3, 3, 100)).toEqual([3, 9, 27, 81, 100]);
});

test('what is no weight makes few steps and ends', () => {
  for (const by of [0, -1, 1e-12, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(linear(by, 100).length).toBeLessThan(102);
    expect(falling(by, 100).length).toBeLessThan(102);
    expect(exponential(by, 1.0001, 100).length).toBeLessThan(103);
    expect(isWeight(by)).toBe(false);
  }
});

test('any ladder rises by steps that change something', () => {
  const percent = fc.integer({ min: 1, max: 1000 }).map((it) => it / 10);
  fc.assert(
    fc.property(
      percent,
      fc.double({ min: 1.01, max: 20, noNaN: true }),
      percent,
      (first, by, top) => {
        for (const up of [linear(first, top), exponential(first, by, top)]) {
          expect(up).toEqual([...new Set(up)].sort((a, b) => a - b));
          expect(up.slice(0, -1).every((it) => it < top)).toBe(true);
        }
      },
    ),
  );
});

test.each([
  [5, 'weight-5'],
  [0.5, 'weight-0-5'],
  [12.25, 'weight-12-25'],
])('%d is %s', (weight, name) => {
  expect(weightName(weight)).toBe(name);
});
