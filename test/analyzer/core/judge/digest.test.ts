import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { digestOf } from '../../../../analyzer/core/judge/digest.ts';

test('a digest is the beginning of the SHA-256 of lines', () => {
  const text = 'live canary 60 99.9\nlive canary 120 NaN';
  const whole = createHash('sha256').update(text).digest('hex');
  const lines = [
    ['live canary 60', 99.9],
    ['live canary 120', Number.NaN],
  ];
  expect(digestOf(lines)).toBe(whole.slice(0, 16));
});

test.each([
  ['is the same where a sum was made in another order', 0.1 + 0.2 + 0.3, 0.3 + 0.2 + 0.1, true],
  ['is another where a value is', 99.9, 99.90001, false],
  ['tells the infinities apart', Infinity, -Infinity, false],
])('a digest %s', (_, one, other, isSame) => {
  expect(digestOf([[one]]) === digestOf([[other]])).toBe(isSame);
});
