import { describe, expect, test } from 'vitest';
import {
  lnBeta,
  logAddExp,
  logSumExp,
} from '../../../../../analyzer/core/judge/evidence/log-space.ts';

describe('sums of logarithms', () => {
  test('are those of the numbers', () => {
    expect(logAddExp(Math.log(3), Math.log(4))).toBeCloseTo(Math.log(7), 14);
    expect(logSumExp([1, 2, 3].map(Math.log))).toBeCloseTo(Math.log(6), 14);
  });

  test('do not overflow', () => {
    expect(logAddExp(1e9, 1e9)).toBe(1e9 + Math.LN2);
    expect(logSumExp([-1e9, -1e9])).toBe(-1e9 + Math.LN2);
    expect(logAddExp(-800, 800)).toBe(800);
  });

  test('know nothing and everything', () => {
    expect(logAddExp(-Infinity, 5)).toBe(5);
    expect(logAddExp(5, -Infinity)).toBe(5);
    expect(logAddExp(-Infinity, -Infinity)).toBe(-Infinity);
    expect(logAddExp(Infinity, Infinity)).toBe(Infinity);
    expect(logSumExp([])).toBe(-Infinity);
    expect(logSumExp([-Infinity, -Infinity])).toBe(-Infinity);
    expect(logSumExp([-Infinity, 3])).toBe(3);
  });
});

describe('lnBeta', () => {
  const near = (got: number, wanted: number) =>
    expect(Math.abs(got - wanted)).toBeLessThan(1e-10 * Math.max(1, Math.abs(wanted)));

  test.each([1, 2, 9, 15, 16, 17, 999, 1e3, 1e6, 1e9])('has closed forms with %d', (n) => {
    near(lnBeta(1, n), -Math.log(n));
    near(lnBeta(n, 2), -Math.log(n) - Math.log1p(n));
    near(lnBeta(3, n), Math.LN2 - Math.log(n) - Math.log(n + 1) - Math.log(n + 2));
    near(lnBeta(0.5, n) + lnBeta(n + 0.5, 0.5), Math.log(Math.PI / n));
    near(lnBeta(n, n), (1 - 2 * n) * Math.LN2 + lnBeta(0.5, n));
  });

  test('is what factorials say', () => {
    near(lnBeta(0.5, 0.5), Math.log(Math.PI));
    for (const a of [3, 14, 15, 16, 17, 18, 40, 150])
      for (const b of [2, 15, 16, 17, 30, 170]) {
        // B(a, b) = 1 / (a · C(a + b − 1, a)) in whole numbers.
        let choose = 1n;
        for (let k = 1n; k <= BigInt(a); k++) choose = (choose * (BigInt(b) - 1n + k)) / k;
        near(lnBeta(a, b), -Math.log(a) - Math.log(Number(choose)));
      }
  });

  test('keeps its recurrence where the ways of computing it meet', () => {
    for (const a of [0.5, 1.5, 15.5, 16, 16.5, 1e3, 1e9])
      for (const b of [0.5, 15.25, 16.25, 1e5, 1e9])
        near(lnBeta(a + 1, b) - lnBeta(a, b) + lnBeta(a, b), Math.log(a / (a + b)) + lnBeta(a, b));
  });
});
