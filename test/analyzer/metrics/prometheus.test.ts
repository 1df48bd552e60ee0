import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PrometheusOptions, prometheus } from '../../../analyzer/metrics/prometheus.ts';
import { metricStoreKinds } from '../../../analyzer/metrics/registry.ts';
import {
  type ContractSeries,
  contractHistory,
  type MetricsUnderTest,
  metricsContract,
} from '../../contract/metrics.ts';
import {
  PROMQL,
  PROMQL_COMPLAINT,
  PROMQL_TIME,
  prometheusContract,
} from '../../contract/prometheus.ts';
import { verdictContract, verdictHistory } from '../../contract/verdicts.ts';
import { growthAnswers } from '../../embedded/growth.ts';
import {
  type EmbeddedAnswer,
  type EmbeddedPrometheus,
  type PrometheusFault,
  startPrometheus,
} from '../../embedded/prometheus.ts';

const now = 1_800_000_000;
const start = now - 30_000;
const range = { start, end: start + 60, stepSeconds: 30 };

let server: EmbeddedPrometheus;

beforeAll(async () => {
  server = await startPrometheus({ clock: () => now, answer });
});
afterAll(() => server.stop());

const history = [...contractHistory(start), ...verdictHistory(start)];

const growth = growthAnswers(
  history
    .filter((it) => it.metric === 'counters')
    .map((it) => ({ ...it, metric: PROMQL.counters })),
);

/** Answers PROMQL over the history of the contract. */
function answer(query: string, at: number): EmbeddedAnswer {
  const seen = (metric: ContractSeries['metric']) =>
    history
      .filter((it) => it.metric === metric)
      .map((it) => it.samples.filter((one) => one.at > at - 60 && one.at <= at));
  const rates = seen('requests').flatMap((samples) => {
    const [first, last] = [samples[0], samples.at(-1)];
    if (first === undefined || last === undefined || first === last) return [];
    return [(last.value - first.value) / (last.at - first.at)];
  });
  switch (query) {
    case PROMQL.requests:
      return rates.length === 0 ? undefined : rates.reduce((sum, it) => sum + it);
    case PROMQL.requestsByCode:
      return rates;
    case PROMQL.elapsed:
      return seen('elapsed')[0]?.at(-1)?.value;
    case PROMQL_TIME:
      return at;
    case PROMQL.notANumber:
      return Number.NaN;
    case PROMQL.infinity:
      return Infinity;
    case PROMQL.minusInfinity:
      return -Infinity;
    case PROMQL.broken:
      throw new Error('1:5: parse error: unclosed left parenthesis');
    default:
      return growth(query, at);
  }
}

const store = (options: Partial<PrometheusOptions> = {}) =>
  prometheus({ address: server.url, ...options });

/** What the store answers when the next answers go wrong, and how many requests that took. */
async function spoiled(faults: readonly PrometheusFault[], options?: Partial<PrometheusOptions>) {
  const before = server.queries.length;
  for (const fault of faults) server.faults.next(fault);
  const answer = await store(options).values(of(PROMQL_TIME), range);
  const reason = answer.kind === 'unknown' ? answer.reason : undefined;
  return { kind: answer.kind, reason, requests: server.queries.length - before };
}

const of = (query: string) => ({ query, windowSeconds: 60 });
const body = (data: unknown) => ({ body: JSON.stringify({ status: 'success', data }) });
const matrix = (...values: unknown[]) =>
  body({ resultType: 'matrix', result: [{ metric: {}, values }] });

describe('prometheus', () => {
  const subject = (): MetricsUnderTest => ({
    address: server.url,
    open: (address) => prometheus({ address, retries: 0 }),
    start,
    now: () => now,
    queries: PROMQL,
    complaint: PROMQL_COMPLAINT,
  });
  metricsContract(subject);
  prometheusContract(subject);
  verdictContract(subject);

  test('is registered', () => {
    expect(metricStoreKinds.prometheus).toBe(prometheus);
  });

  test('asks with a form, in pieces that the store accepts', async () => {
    const before = server.queries.length;
    await store({ maxPoints: 4 }).values(of('up'), { start: 0, end: 10, stepSeconds: 1 });
    const asked = server.queries.slice(before);
    expect(asked.map(({ parameters }) => parameters)).toEqual([
      { query: 'up', start: '0', end: '3', step: '1' },
      { query: 'up', start: '4', end: '7', step: '1' },
      { query: 'up', start: '8', end: '10', step: '1' },
    ]);
    expect(new Set(asked.map(({ method, path }) => `${method} ${path}`))).toEqual(
      new Set(['POST /api/v1/query_range']),
    );
  });

  test('finds nothing in a range that ends before it starts', async () => {
    const answer = await store().values(of(PROMQL_TIME), { start: 10, end: 9, stepSeconds: 1 });
    expect(answer).toMatchObject({ kind: 'known', value: { samples: [] } });
  });

  test('refuses a range without points, which is a bug of ours', async () => {
    const range = { start: 0, end: 10, stepSeconds: 0 };
    await expect(store().values(of('up'), range)).rejects.toThrow(RangeError);
  });

  describe('has no answer, but a reason', () => {
    test.each<[string, PrometheusFault, string]>([
      ['a login page', 'html', 'HTTP 200 with text/html instead of JSON: check the address'],
      [
        'no credentials',
        401,
        'HTTP 401 with no content type instead of JSON: check the credentials',
      ],
      ['other JSON', { body: '{"ok":true}' }, "HTTP 200, not an answer of Prometheus' API"],
      [
        'half a body',
        { body: '{"status":"succ' },
        'HTTP 200 with application/json instead of JSON: check the address',
      ],
      [
        'a scalar',
        body({ resultType: 'scalar', result: [now, '1'] }),
        'a scalar instead of a matrix',
      ],
      [
        'an unknown type',
        body({ resultType: 'graph', result: [] }),
        "HTTP 200, not an answer of Prometheus' API",
      ],
      ['a number as value', matrix([start, 1]), "HTTP 200, not an answer of Prometheus' API"],
      ['words as value', matrix([start, 'many']), `a value at ${start} is not a number`],
      ['an empty value', matrix([start, '']), `a value at ${start} is not a number`],
      [
        'a time twice',
        matrix([start, '1'], [start, '1']),
        `a sample at ${start}, which was not asked for`,
      ],
      [
        'times in disorder',
        matrix([start + 30, '1'], [start, '1']),
        `a sample at ${start}, which was not asked for`,
      ],
      [
        'another time',
        matrix([start + 7, '1']),
        `a sample at ${start + 7}, which was not asked for`,
      ],
      [
        'a time before',
        matrix([start - 30, '1']),
        `a sample at ${start - 30}, which was not asked for`,
      ],
      [
        'a time after',
        matrix([start + 90, '1']),
        `a sample at ${start + 90}, which was not asked for`,
      ],
    ])('for %s', async (_, fault, reason) => {
      expect(await spoiled([fault])).toMatchObject({ kind: 'unknown', reason });
    });

    test("for the store's own error, shortened and in one line", async () => {
      const error = `out of\u0000\u001b[31m\nmemory ${'!'.repeat(1000)}`;
      const fault = { body: JSON.stringify({ status: 'error', errorType: 'execution', error }) };
      const { reason = '' } = await spoiled([fault]);
      expect(reason).toMatch(/^HTTP 200 execution: out of \[31m memory !+…$/);
      expect(reason.length).toBeLessThan(250);
    });

    test('for pieces that are of different series', async () => {
      const piece = (pod: string, at: number) =>
        body({ resultType: 'matrix', result: [{ metric: { pod }, values: [[at, '1']] }] });
      server.faults.next(piece('a', 0));
      server.faults.next(piece('b', 1));
      const answer = await store({ maxPoints: 1 }).values(of('up'), {
        start: 0,
        end: 1,
        stepSeconds: 1,
      });
      expect(answer).toMatchObject({ reason: expect.stringMatching(/^2 series instead of one/) });
    });
  });

  test('an answer to many releases at once is read whole', async () => {
    const points = { start, end: start + 239 * 15, stepSeconds: 15 };
    const values = Array.from({ length: 240 }, (_, it) => [start + it * 15, String(it * 1000)]);
    const result = Array.from({ length: 1000 }, (_, it) => ({ metric: { app: `${it}` }, values }));
    const data = { resultType: 'matrix', result };
    server.faults.next({ body: JSON.stringify({ status: 'success', data }) });
    const asked = { selector: { metric: PROMQL.counters, matchers: [] }, by: ['app'] };
    const answer = await store().growth(asked, points);
    expect(answer.kind === 'known' ? answer.value.series.length : answer).toBe(1000);
  });

  describe('an answer in doubt', () => {
    const data = { resultType: 'matrix', result: [{ metric: {}, values: [[start, '+Inf']] }] };
    const KNOWN = { value: { samples: [{ at: start, value: Infinity }] } };
    const asked = async (more: object, options: Partial<PrometheusOptions> = {}) => {
      server.faults.next({ body: JSON.stringify({ status: 'success', ...more, data }) });
      return store(options).values(of('up'), range);
    };

    test.each([
      [{ warnings: ['fetch series: store-0 is away'] }, /^a warning .*: fetch series: store-0/],
      [
        { isPartial: true },
        /^the answer is partial; --metrics-accept-partial, or .* takes such answers$/,
      ],
    ])('is inconclusive, unless it is accepted: %j', async (more, reason) => {
      expect(await asked(more)).toMatchObject({
        kind: 'unknown',
        reason: expect.stringMatching(reason),
      });
      expect(await asked(more, { acceptPartial: true })).toMatchObject(KNOWN);
    });

    test.each([
      { infos: ['PromQL info: metric might not be a counter'] },
      { warnings: ['PromQL info: metric might not be a counter'] },
      { warnings: [], isPartial: false },
      { warnings: null },
    ])('is not one with hints about the query: %j', async (more) => {
      expect(await asked(more)).toMatchObject(KNOWN);
    });
  });

  test('asks for time() where the Date header is missing', async () => {
    server.faults.next('dateless');
    expect(await store().values(of(PROMQL_TIME), range)).toMatchObject({
      value: { serverTime: now },
    });
    expect(server.queries.at(-1)?.parameters).toEqual({ query: 'time()' });
  });

  test('evaluates a query now', async () => {
    expect(await store().query(PROMQL_TIME)).toEqual({
      kind: 'known',
      value: { sample: { at: now, value: now } },
    });
    expect(await store().query(PROMQL.nothing)).toEqual({ kind: 'known', value: {} });
    server.faults.next(body({ resultType: 'scalar', result: [now, '7'] }));
    expect(await store().query('7')).toMatchObject({ value: { sample: { value: 7 } } });
    server.faults.next(body({ resultType: 'scalar', result: [now, 'seven'] }));
    expect(await store().query('7')).toMatchObject({ kind: 'unknown' });
  });

  test.each<[Partial<PrometheusOptions>, RegExp]>([
    [{ address: 'prometheus:9090' }, /not an http:\/\/ or https:\/\/ URL/],
    [
      { address: 'http://me:s3cret@prometheus' },
      /^the metrics address http:\/\/\*\*\*@prometheus has credentials/,
    ],
    [{ bearerTokenFile: 'a', username: 'b', passwordFile: 'c' }, /not both/],
    [{ username: 'b' }, /needs a password file/],
  ])('refuses options that make no sense: %o', (options, message) => {
    expect(() => store(options)).toThrow(message);
  });
});
