import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import {
  advanced,
  type EProcess,
  logE,
  restarted,
  startProcess,
} from '../../../../../analyzer/core/judge/evidence/e-process.ts';
import { tries } from '../../../../tries.ts';

const increments = fc.array(fc.double({ min: -50, max: 50, noNaN: true }), {
  minLength: 3,
  maxLength: 3,
});

describe('a process', () => {
  test.each([1, 0.5, 1 / 3, 1e-6])('begins with a wealth of 1, of which it stakes %d', (weight) => {
    expect(logE(startProcess(40, weight))).toBeCloseTo(0, 13);
  });

  test.each([0, -1, 1.1, Number.NaN])('cannot stake %d', (weight) => {
    expect(() => startProcess(40, weight)).toThrow('above 0');
  });

  test('is the mean of the processes that begin at each start', () => {
    const steps = [
      [1, 2, 3],
      [-1, 0.5, 2],
      [4, -3, 0.25],
    ] as const;
    let mixed = startProcess(3, 0.5);
    mixed = advanced(mixed, steps[0]);
    mixed = advanced(restarted(mixed, 0.25), steps[1]);
    mixed = advanced(restarted(mixed, 0.25), steps[2]);
    const from = (first: number) => {
      const wealth = [0, 1, 2].map((j) => {
        const sum = steps.slice(first).reduce((all, it) => all + (it[j] ?? 0), 0);
        return Math.exp(sum) / 3;
      });
      return wealth.reduce((a, b) => a + b);
    };
    const wanted = 0.5 * from(0) + 0.25 * from(1) + 0.25 * from(2);
    expect(logE(mixed)).toBeCloseTo(Math.log(wanted), 12);
  });

  test('never stakes more than is left', () => {
    const e = restarted(restarted(startProcess(3, 0.5), 0.4), 0.4);
    expect(e.unspent).toBe(0);
    expect(restarted(e, 0.4)).toBe(e);
    expect(logE(e)).toBeCloseTo(0, 13);
  });

  test('starts anew however much is lost, and keeps what is unspent', () => {
    const lost = advanced(startProcess(3, 0.5), [-1e12, -1e12, -1e12]);
    expect(logE(lost)).toBeCloseTo(Math.log(0.5), 13);
    expect(logE(advanced(restarted(lost, 0.5), [7, 7, 7]))).toBeCloseTo(7 + Math.log(0.5), 12);
  });

  test('is capped by interval and point', () => {
    const e = advanced(startProcess(3, 1), [5, 1, -2], 1.5);
    expect(e.logs).toEqual([1.5, 1, -2]);
  });

  test('takes no increments of another grid', () => {
    expect(() => advanced(startProcess(3, 1), [1, 2])).toThrow('expected 3 increments, got 2');
  });

  test('survives a file whatever happened', () => {
    const step = fc.tuple(increments, fc.double({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        let e: EProcess = startProcess(3, 0.25);
        for (const [all, weight] of steps) e = advanced(restarted(e, weight), all, 1.5);
        expect(e.logs.every(Number.isFinite) && e.unspent >= 0).toBe(true);
        expect(parse(stringify(e))).toEqual(e);
        expect(JSON.parse(JSON.stringify(e))).toEqual(e);
      }),
      { numRuns: tries(100) },
    );
  });
});
