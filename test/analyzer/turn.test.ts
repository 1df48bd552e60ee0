import { expect, test } from 'vitest';
import { inTurn } from '../../analyzer/turn.ts';

function busy(milliseconds: number): void {
  const until = performance.now() + milliseconds;
  while (performance.now() < until);
}

test('many long pieces of work that begin at once leave room for a timer between any two', async () => {
  let longest = 0;
  let before = performance.now();
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - before);
    before = performance.now();
  }, 1);
  // Without turns the last of these would be done before the timer's first tick.
  const done = Array.from({ length: 20 }, (_, it) =>
    inTurn(() => {
      busy(25);
      return it;
    }),
  );
  expect(await Promise.all(done)).toEqual(Array.from({ length: 20 }, (_, it) => it));
  clearInterval(timer);
  expect(longest).toBeGreaterThan(0);
  expect(longest).toBeLessThan(20 * 25);
});

test('what one piece throws is its own', async () => {
  const failed = inTurn(() => {
    throw new Error('no');
  });
  await expect(failed).rejects.toThrow('no');
  expect(await inTurn(() => 1)).toBe(1);
});
