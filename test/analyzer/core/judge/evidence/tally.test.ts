import { expect, test } from 'vitest';
import { likelyRate, tallyOf } from '../../../../../analyzer/core/judge/evidence/tally.ts';
import { arms, GOLDEN, together } from './fixture.ts';

test('intervals are merged by their counts', () => {
  expect(tallyOf([])).toEqual({ requests: 0, bad: 0 });
  expect(together(GOLDEN)).toEqual(arms(1274, 13, 7130, 6));
});

test('no bad request is not taken for a rate of 0, nor all for 1', () => {
  expect(likelyRate({ requests: 0, bad: 0 })).toBe(0.5);
  expect(likelyRate({ requests: 99, bad: 0 })).toBe(0.005);
  expect(likelyRate({ requests: 99, bad: 99 })).toBe(0.995);
  expect(likelyRate({ requests: 1e9, bad: 1e6 })).toBeCloseTo(0.001, 8);
});
