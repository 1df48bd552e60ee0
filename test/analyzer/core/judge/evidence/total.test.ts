import { expect, test } from 'vitest';
import { totalOf } from '../../../../../analyzer/core/judge/evidence/total.ts';

test('is the weighted mean, and blames what contributes most', () => {
  const errors = { share: 0.5, logE: Math.log(3) };
  const latency = { share: 0.3, logE: Math.log(10) };
  const catastrophe = { share: 0.2, logE: -900 };
  const { logE, blame } = totalOf([errors, latency, catastrophe]);
  expect(logE).toBeCloseTo(Math.log(4.5), 13);
  expect(blame).toBe(latency);
});

test('keeps a share that no test has', () => {
  expect(totalOf([])).toEqual({ logE: 0, blame: undefined });
  expect(totalOf([{ share: 0.5, logE: -900 }]).logE).toBeCloseTo(Math.log(0.5), 13);
});

test('gives no share away twice', () => {
  expect(() => totalOf([0.6, 0.6].map((share) => ({ share, logE: 0 })))).toThrow('at most 1');
  const tenths = Array.from({ length: 10 }, () => ({ share: 0.1, logE: 2 }));
  expect(totalOf(tenths).logE).toBeCloseTo(2, 13);
});
