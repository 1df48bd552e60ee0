import { expect, test } from 'vitest';
import { Duration, partitions } from '../../../lib/index.ts';
import { mistakeText } from '../../../lib/mistake.ts';

test('each percent is a step that bakes; the last only guards', () => {
  const drafts = partitions({ percents: [10, 60], bake: Duration.minutes(2) }).steps();
  expect(drafts.map((it) => [it.name, it.phase, it.updatedPercent, it.checks])).toEqual([
    ['init', 'Initializing', undefined, 'none'],
    ['update-10', 'Promoting', 10, 'bake'],
    ['update-60', 'Promoting', 60, 'bake'],
    ['update-100', 'Promoting', 100, 'guard'],
    ['complete', 'Succeeded', undefined, 'none'],
  ]);
  expect(drafts.map((it) => it.bake?.toSeconds())).toEqual([
    undefined,
    120,
    120,
    undefined,
    undefined,
  ]);
});

test('100 % is the last step, whether it is named or not', () => {
  const names = (percents: number[]) =>
    partitions({ percents })
      .steps()
      .map((it) => it.name);
  expect(names([50, 100])).toEqual(names([50]));
});

test.each([
  [[], 'strategy.percents is empty, got []'],
  [[50, 20], 'strategy.percents must increase, got [50,20]'],
  [[50, 50], 'strategy.percents must increase, got [50,50]'],
  [[0, 50], 'strategy.percents must be whole percents, got 0; use 1 to 100'],
  [[12.5], 'strategy.percents must be whole percents, got 12.5; use 1 to 100'],
  [
    Array.from({ length: 98 }, (_, index) => index + 1),
    'strategy makes more than 100 steps, got 101',
  ],
])('%j is refused', (percents, expected) => {
  const mistakes = partitions({ percents }).mistakes('shop');
  expect(mistakes.map(mistakeText)).toEqual([expect.stringContaining(expected)]);
});
