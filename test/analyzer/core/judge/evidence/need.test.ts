import { describe, expect, test } from 'vitest';
import {
  BETTER_RATIOS,
  comparisonGrowths,
  comparisonIncrements,
  type Margin,
  WORSE_RATIOS,
} from '../../../../../analyzer/core/judge/evidence/comparison.ts';
import {
  advanced,
  logE,
  startProcess,
} from '../../../../../analyzer/core/judge/evidence/e-process.ts';
import { requestsNeeded } from '../../../../../analyzer/core/judge/evidence/need.ts';
import { binomial } from '../../../../../analyzer/simulated/draws.ts';
import { seeded } from '../../../../../analyzer/simulated/random.ts';
import { arms } from './fixture.ts';

const STRICT: Margin = { relative: 1, absolute: 0 };
const ROBUST: Margin = { relative: 1.5, absolute: 0.001 };
const PROOF = Math.log(100);

function toBad(canary: number, share: number, margin: Margin): number | undefined {
  const growths = comparisonGrowths({ canary, primary: 0.001 }, share, margin, WORSE_RATIOS);
  return requestsNeeded(startProcess(WORSE_RATIOS.length, 1), growths, PROOF);
}

describe('requests to a proof', () => {
  test.each([
    [0.01, 0.01, STRICT, 473],
    [0.01, 0.1, STRICT, 531],
    [0.01, 0.5, STRICT, 1293],
    [0.01, 0.1, ROBUST, 1128],
    [0.005, 0.1, STRICT, 1856],
    [0.005, 0.1, ROBUST, 7648],
    [0.002, 0.1, STRICT, 19_834],
  ])(
    'of a rate of %d at a share of %d with %o are about as many as it takes',
    (rate, share, margin, mean) => {
      const got = toBad(rate, share, margin) ?? 0;
      expect(got / mean).toBeGreaterThan(0.85);
      expect(got / mean).toBeLessThan(1.3);
    },
  );

  test('that it is good are as many as the rule of three says, and some for the grid', () => {
    const none = comparisonGrowths({ canary: 0, primary: 0 }, 0.1, ROBUST, BETTER_RATIOS);
    const got = requestsNeeded(startProcess(BETTER_RATIOS.length, 1), none, Math.log(20)) ?? 0;
    expect(got).toBeGreaterThan(Math.log(20) / 0.001);
    expect(got).toBeLessThan((Math.log(20) + 2) / 0.001);
  });

  test('are none where it is proven, and never enough within the margin', () => {
    const done = advanced(startProcess(1, 1), [5]);
    expect(requestsNeeded(done, [-1], PROOF)).toBe(0);
    expect(toBad(0.0025, 0.1, ROBUST)).toBeUndefined();
    expect(toBad(0.001, 0.1, STRICT)).toBeUndefined();
  });

  test('count what was lost before', () => {
    const growths = comparisonGrowths({ canary: 0.01, primary: 0.001 }, 0.1, STRICT, WORSE_RATIOS);
    const lost = advanced(
      startProcess(WORSE_RATIOS.length, 1),
      comparisonIncrements(arms(2000, 0, 18_000, 20), WORSE_RATIOS, STRICT),
    );
    const more = requestsNeeded(lost, growths, PROOF) ?? 0;
    expect(more).toBeGreaterThan(1.2 * (toBad(0.01, 0.1, STRICT) ?? 0));
    const there = advanced(
      lost,
      growths.map((it) => it * more),
    );
    expect(logE(there)).toBeGreaterThanOrEqual(PROOF);
    const before = advanced(
      lost,
      growths.map((it) => it * (more - 1)),
    );
    expect(logE(before)).toBeLessThan(PROOF);
  });

  test('are what rollouts need on average', () => {
    const random = seeded(13);
    let sum = 0;
    for (let run = 0; run < 100; run++) {
      let [e, requests] = [startProcess(WORSE_RATIOS.length, 1), 0];
      while (logE(e) < PROOF) {
        requests += 20;
        const one = arms(20, binomial(random, 20, 0.01), 180, binomial(random, 180, 0.001));
        e = advanced(e, comparisonIncrements(one, WORSE_RATIOS, ROBUST));
      }
      sum += requests;
    }
    expect(Math.abs(sum / 100 / (toBad(0.01, 0.1, ROBUST) ?? 0) - 1)).toBeLessThan(0.25);
  });
});
