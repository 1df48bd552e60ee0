import { Duration } from 'cdk8s';
import { expect, test } from 'vitest';
import { wholeSeconds } from '../../../lib/analysis/whole-seconds.ts';

test('whole seconds, whatever the unit', () => {
  expect(wholeSeconds('shop', 'a', Duration.millis(2000), 1)).toEqual({ seconds: 2, mistakes: [] });
  expect(wholeSeconds('shop', 'a', Duration.hours(1), 1).seconds).toBe(3600);
});

test.each([Duration.millis(1), Duration.seconds(0)])('%o is less than the plan counts', (it) => {
  const { seconds, mistakes } = wholeSeconds('shop', 'a', it, 1);
  expect([seconds, mistakes.length]).toEqual([1, 1]);
});
