import { expect, test } from 'vitest';
import { failedText } from '../../../analyzer/core/judge/failed-point.ts';
import { failedOf, ofWanted } from '../../../analyzer/core/round.ts';

test('a count never exceeds what is wanted', () => {
  expect([ofWanted(2, 3), ofWanted(47, 3), ofWanted(1, 0)]).toEqual(['2 of 3', '3 of 3', '0 of 0']);
});

test('more failures than are tolerated are told as they are', () => {
  expect([failedOf(3, 3), failedOf(7, 3)]).toEqual([
    '3 of 3 failed checks',
    '7 failed checks (threshold 3)',
  ]);
  expect(failedText([], [{ check: undefined, count: 3, threshold: 3 }])).toMatch(
    /\(failed check 3 of 3\)$/,
  );
  expect(failedText([], [{ check: undefined, count: 7, threshold: 3 }])).toMatch(
    /\(failed check 7, threshold 3\)$/,
  );
});
