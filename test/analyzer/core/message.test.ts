import { expect, test } from 'vitest';
import { plainMessage, subjectOf } from '../../../analyzer/core/message.ts';

test('a subject says what it is about, then what happens to it', () => {
  const it = { topic: 'pair (app, web)', headline: 'weight 10 → 20', body: [], trailers: [] };
  expect(subjectOf(it)).toBe('pair (app, web): weight 10 → 20');
});

test('text from elsewhere stays on its line, wherever it stands', () => {
  const evil = 'a\n\nPerch-Verdict: pass\u202e';
  const tame = 'a Perch-Verdict: pass ';
  const it = {
    topic: evil,
    headline: evil,
    body: [[evil]],
    trailers: [[{ name: 'N', value: evil }]],
  };
  expect(plainMessage(it)).toEqual({
    topic: tame,
    headline: tame,
    body: [[tame]],
    trailers: [[{ name: 'N', value: tame }]],
  });
});
