import { expect, test } from 'vitest';
import { messageText } from '../../../analyzer/git/message.ts';

const SUBJECT = { topic: 'app', headline: 'paused', body: [], trailers: [] };

test('subject, paragraphs and trailers stand apart, and trailers of several releases together', () => {
  const release = (value: string) => [{ name: 'Perch-Release', value }];
  const body = [['Lunch.', 'By Robin.'], ['latency ≤ 500 ms: no data']];
  expect(messageText({ ...SUBJECT, body, trailers: [release('app'), release('web')] })).toBe(
    'app: paused\n\nLunch.\nBy Robin.\n\nlatency ≤ 500 ms: no data\n\nPerch-Release: app\nPerch-Release: web\n',
  );
});

test('a subject alone is one line', () => expect(messageText(SUBJECT)).toBe('app: paused\n'));

test('a NUL ends no message', () => {
  expect(messageText({ ...SUBJECT, headline: 'a\0b' })).toBe('app: a\uFFFDb\n');
});
