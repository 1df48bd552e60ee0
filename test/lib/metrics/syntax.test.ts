import { describe, expect, test } from 'vitest';
import { syntaxOf } from '../../../lib/metrics/syntax.ts';

describe('PromQL that does not parse', () => {
  test.each([
    ['sum(rate(x[1m])', 'its end'],
    ['rate(x[1m]) /', 'its end'],
    ['a b', 'character 3'],
    ['1 +* 2', 'character 4'],
    ['x{a=b}', 'character 5'],
  ])('%s', async (query, where) => {
    const { problems } = await syntaxOf(query);
    expect(problems.map((it) => it.problem)).toEqual([`the query is not valid PromQL at ${where}`]);
  });
});

test.each([
  'histogram_quantile(0.99, sum by (le) (rate(x_bucket{a=~"b|c"}[60s]))) * 1000',
  'scalar(x) or on() vector(0)',
  'x[5m:1m] offset 5m # a comment',
  'sum without (pod) (x @ end()) > bool 0',
])('what parses: %s', async (query) => {
  expect(await syntaxOf(query)).toEqual({ problems: [], unknownFunctions: [] });
});

test('a function that Prometheus does not have is told by its name, and the rest is read on', async () => {
  expect(await syntaxOf('sum(rollup_rate(x[1m])) / raet(y[1m])')).toEqual({
    problems: [],
    unknownFunctions: ['rollup_rate', 'raet'],
  });
  const [problem] = (await syntaxOf('rollup_rate(y[1m]) y')).problems;
  expect(problem?.problem).toBe('the query is not valid PromQL at character 20');
});
