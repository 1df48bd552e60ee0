import { expect, test } from 'vitest';
import type { Counts, Histogram } from '../../../lib/metrics/counts.ts';
import { latencyQuery, successRateQuery } from '../../../lib/metrics/request-queries.ts';

const durations: Histogram = { metric: 'time_bucket', matchers: [['app', '=', 'a']], unit: 'ms' };
const labelled: Counts = {
  kind: 'counted',
  requests: { metric: 'requests_total', matchers: [['app', '=~', 'a|b']] },
  failed: { kind: 'labelled', labels: { code: '5.*', grpc: '2|4' } },
  durations,
};
const problem = { problem: 'nobody counts', got: 'nothing', remedy: 'ask with query()' };

test('requests that failed are known by any of their labels', () => {
  expect(successRateQuery(labelled, '60s')).toEqual({
    kind: 'filled',
    query:
      '100 * (sum(rate(requests_total{app=~"a|b",code!~"5.*",grpc!~"2|4"}[60s])) or vector(0)) / ' +
      '(sum(rate(requests_total{app=~"a|b"}[60s])) > 0)',
  });
});

test('or have counters of their own', () => {
  const counters = [durations, { ...durations, metric: 'lost_total' }];
  expect(successRateQuery({ ...labelled, failed: { kind: 'apart', counters } }, '2m')).toEqual({
    kind: 'filled',
    query:
      'clamp_min(100 * (1 - ((sum(rate(time_bucket{app="a"}[2m])) or vector(0)) + ' +
      '(sum(rate(lost_total{app="a"}[2m])) or vector(0))) / ' +
      '(sum(rate(requests_total{app=~"a|b"}[2m])) > 0)), 0)',
  });
});

test('latency is in milliseconds, whatever the histogram counts', () => {
  const quantile = 'histogram_quantile(0.95, sum by (le) (rate(time_bucket{app="a"}[60s]))) >= 0';
  expect(latencyQuery(labelled, 0.95, '60s')).toEqual({ kind: 'filled', query: quantile });
  const seconds: Counts = { ...labelled, durations: { ...durations, unit: 's' } };
  const query = `1000 * ${quantile}`;
  expect(latencyQuery(seconds, 0.95, '60s')).toEqual({ kind: 'filled', query });
});

test('a value is quoted', () => {
  const hostile: Histogram = { ...durations, matchers: [['app', '=', 'a"} or b{c="\\\n']] };
  const query = latencyQuery({ ...labelled, durations: hostile }, 0.5, '60s');
  expect(query).toMatchObject({
    query: expect.stringContaining('{app="a\\"} or b{c=\\"\\\\\\n"}[60s]'),
  });
});

test('what nobody counts is a problem of the check', () => {
  const none: Counts = { kind: 'none', problem };
  const wrong = { kind: 'wrong', problems: [problem] };
  expect(successRateQuery(none, '60s')).toEqual(wrong);
  expect(latencyQuery(none, 0.5, '60s')).toEqual(wrong);
  expect(successRateQuery({ ...labelled, failed: none }, '60s')).toEqual(wrong);
});
