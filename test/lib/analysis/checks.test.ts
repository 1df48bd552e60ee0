import { Duration } from 'cdk8s';
import { describe, expect, test } from 'vitest';
import { latency, query, successRate } from '../../../lib/analysis/checks.ts';
import { compileChecks } from '../../../lib/analysis/compile-checks.ts';
import { mistakeText } from '../../../lib/mistake.ts';
import { namesOf } from '../../../lib/names.ts';
import { checkText } from '../../../lib/plan/judge.ts';
import { istio } from '../../../lib/traffic/istio/istio.ts';

const context = {
  names: namesOf({ name: 'shop', namespace: 'prod' }),
  track: 'canary',
  port: 80,
  router: istio(),
} as const;

function compile(...definitions: Parameters<typeof compileChecks>[1]) {
  const { checks, mistakes } = compileChecks('shop', definitions, context);
  return { checks, mistakes: mistakes.map(mistakeText) };
}

describe('built-in checks', () => {
  const labelsOf = (workload: string) =>
    `reporter="destination",destination_workload_namespace="prod",destination_workload=~"${workload}"`;
  const successOf = (labels: string) =>
    `100 * (sum(rate(istio_requests_total{${labels},response_code!~"5.*",grpc_response_status!~"2|4|12|13|14|15"}[120s])) or vector(0)) / ` +
    `(sum(rate(istio_requests_total{${labels}}[120s])) > 0)`;
  const latencyOf = (labels: string) =>
    `histogram_quantile(0.95, sum by (le) (rate(istio_request_duration_milliseconds_bucket{${labels}}[60s]))) >= 0`;

  test('success rate judges the canary’s workload, and nothing is its answer to nothing', () => {
    expect(compile(successRate({ min: 99, window: Duration.minutes(2) }))).toEqual({
      mistakes: [],
      checks: [
        {
          name: 'success-rate',
          source: 'default',
          ask: {
            canary: successOf(labelsOf('shop-canary')),
            primary: successOf(labelsOf('shop-primary')),
          },
          windowSeconds: 120,
          judge: { kind: 'bounds', min: 99 },
          unit: '%',
        },
      ],
    });
  });

  test('latency is in milliseconds', () => {
    const [check] = compile(latency({ quantile: 0.95, max: Duration.millis(250) })).checks;
    expect(check).toEqual({
      name: 'latency-p95',
      source: 'default',
      ask: {
        canary: latencyOf(labelsOf('shop-canary')),
        primary: latencyOf(labelsOf('shop-primary')),
      },
      windowSeconds: 60,
      judge: { kind: 'bounds', max: 250 },
      unit: 'ms',
    });
    expect(latency({ quantile: 0.999, max: Duration.seconds(1) }).name).toBe('latency-p99-9');
  });
});

test('a query that names no track is not asked of the primary', () => {
  const [plain] = compile(query({ name: 'errors', query: 'sum(errors)', max: 1 })).checks;
  expect(plain?.ask).not.toHaveProperty('primary');
  const own = query({ name: 'errors', query: 'errors{app="{{target}}"}', max: 1 });
  expect(compile(own).checks[0]?.ask.primary).toBe('errors{app="shop-primary"}');
  const { checks } = compileChecks('shop', [own], { ...context, track: 'primary' });
  expect(checks[0]?.ask).not.toHaveProperty('primary');
});

test('a check names its store, or asks the one that everybody has', () => {
  const own = query({ name: 'orders', query: 'sum(orders)', min: 1, source: 'long-term' });
  const checks = [successRate({ min: 99, source: 'mesh' }), latency({ max: Duration.seconds(1) })];
  expect(compile(...checks, own).checks.map((it) => it.source)).toEqual([
    'mesh',
    'default',
    'long-term',
  ]);
});

test('a query of the author’s own has every variable', () => {
  const it = query({
    name: 'errors',
    query:
      'x{n="{{namespace}}",t="{{target}}",s="{{service}}:{{port}}",p="{{path}}"}[{{interval}}] * {{factor}}',
    variables: { path: '/a"b', factor: 100 },
    max: 1,
  });
  expect(compile(it).checks[0]?.ask.canary).toBe(
    'x{n="prod",t="shop-canary",s="shop:80",p="/a\\"b"}[60s] * 100',
  );
});

test('abort bounds and a threshold of its own are in the plan, in the unit of the check', () => {
  const { checks, mistakes } = compile(
    successRate({ min: 99, abort: { min: 90 }, threshold: 3 }),
    latency({ max: Duration.millis(500), abort: { max: Duration.seconds(2) } }),
    query({ name: 'depth', query: 'x', min: 1, max: 9, abort: { min: 0, max: 20 } }),
  );
  expect(mistakes).toEqual([]);
  expect(checks.map(({ abort, threshold }) => ({ abort, threshold }))).toEqual([
    { abort: { min: 90 }, threshold: 3 },
    { abort: { max: 2000 }, threshold: undefined },
    { abort: { min: 0, max: 20 }, threshold: undefined },
  ]);
  expect(checks.map(checkText)).toEqual([
    '≥ 99 %, rolls back at once < 90 %, threshold 3 of its own',
    '≤ 500 ms, rolls back at once > 2000 ms',
    '1 to 9, rolls back at once < 0 or > 20',
  ]);
});

test.each([
  [successRate({ min: 99, abort: { min: 99 } }), /abort\.min must be below min, got "99 and 99"/],
  [
    latency({ max: Duration.millis(500), abort: { max: Duration.millis(400) } }),
    /abort\.max must be above max, got "400 and 500"; use a number above 500/,
  ],
  [query({ name: 'a', query: 'x', min: 1, abort: { max: 9 } }), /abort\.max needs max, got "9"/],
  [successRate({ min: 99, abort: { min: -1 } }), /abort\.min must be a percent, got "-1"/],
  [successRate({ min: 99, threshold: 0 }), /threshold must be a whole number, got "0"; use 1/],
  [
    successRate({}),
    /shop: analysis\.checks\[0\] \(success-rate\): a check needs a bound, got "neither min nor max"; give min/,
  ],
  [successRate({ min: 101 }), /min must be a percent, got "101"/],
  [successRate({ min: 9, max: 8 }), /min is over max, got "9 and 8"/],
  [
    latency({ quantile: 99, max: Duration.seconds(1) }),
    /quantile must lie between 0 and 1, got "99"/,
  ],
  [query({ name: 'Bad Name', query: 'x', min: 1 }), /name must be a DNS label, got "Bad Name"/],
  [
    successRate({ min: 99, source: 'Long Term' }),
    /analysis\.checks\[0\] \(success-rate\): source must be a DNS label, got "Long Term"; use/,
  ],
  [successRate({ min: 99, source: '' }), /source must be a DNS label, got ""/],
  [
    query({ name: 'a', query: 'x{a="{{nope}}"}', min: 1 }),
    /unknown PromQL variable, got "nope"; use one of baseline, interval, namespace, port, primary, service, target/,
  ],
  [
    query({ name: 'a', query: 'x', min: 1, variables: { target: 'x' } }),
    /has the name of a built-in one, got "target"/,
  ],
  [
    successRate({ min: 0.99 }),
    /min is a fraction, and a percent is meant, got "0.99"; write 99, not 0.99$/,
  ],
  [
    successRate({ min: 99, abort: { min: 0.9 } }),
    /abort\.min is a fraction, and a percent is meant, got "0.9"; write 90, not 0.9$/,
  ],
  [successRate({ min: 99, abort: {} }), /abort needs a bound, got "neither min nor max"/],
  [
    latency({ max: Duration.millis(500), abort: {} }),
    /abort needs a bound, got "neither min nor max"/,
  ],
  [
    query({ name: 'depth', query: 'x', max: 9, abort: {} }),
    /abort needs a bound, got "neither min nor max"/,
  ],
  [
    successRate({ min: 99, window: Duration.millis(1500) }),
    /window must be a whole number of seconds, got "1.5 s"; use 1 or more/,
  ],
])('mistake %#', (definition, expected) => {
  expect(compile(definition).mistakes).toEqual([expect.stringMatching(expected)]);
});

test('two checks of one name', () => {
  expect(compile(successRate({ min: 98 }), successRate({ min: 99 })).mistakes).toEqual([
    expect.stringContaining('two checks have one name, got "success-rate"'),
  ]);
});
