import { describe, expect, test } from 'vitest';
import { readJson } from '../../../analyzer/http/json.ts';
import { readPiece } from '../../../analyzer/metrics/prometheus-answer.ts';
import type { Reply } from '../../../analyzer/metrics/request.ts';

describe('what is too large in JSON is refused before it is parsed', () => {
  test.each<[string, string, RegExp]>([
    ['lists inside of each other', `${'['.repeat(500_000)}${']'.repeat(500_000)}`, /100 deep/],
    ['objects inside of each other', `${'{"a":'.repeat(200)}1${'}'.repeat(200)}`, /100 deep/],
    ['very many values', `[${'1,'.repeat(1_000_000)}1]`, /more than the 100000 values/],
    ['very many empty lists', `[${'[],'.repeat(500_000)}1]`, /more than the 100000 values/],
  ])('%s', (_, text, reason) => {
    const began = performance.now();
    expect(readJson(text)).toMatchObject({ kind: 'vast', reason: expect.stringMatching(reason) });
    expect(performance.now() - began).toBeLessThan(5000);
  });

  test('signs inside of strings do not count', () => {
    const value = { a: `${'[,{'.repeat(100_000)}"\\`, b: ['\\"', '"'] };
    expect(readJson(JSON.stringify(value))).toEqual({ kind: 'read', value });
  });

  test.each(['', '{', '"', '"\\', '[1', 'x'])('%j is none', (text) => {
    expect(readJson(text)).toEqual({ kind: 'broken' });
  });
});

test('a million wrong points are an answer with a reason, not an exception', () => {
  const points = `[${'1,'.repeat(1_000_000)}1]`;
  const body = `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":${points}}]}}`;
  const reply: Reply = { status: 200, contentType: 'application/json', body, quote: (it) => it };
  expect(readPiece(reply, { start: 0, end: 60, stepSeconds: 30 })).toMatchObject({
    kind: 'unknown',
    reason: expect.stringMatching(/100000 values.*aggregate the query/),
  });
});
