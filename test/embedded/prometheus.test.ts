import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EmbeddedPrometheus, startPrometheus } from './prometheus.ts';

const now = 1_800_000_000;
const answers: Readonly<Record<string, number | readonly number[]>> = { one: 1, two: [1, 2] };

let server: EmbeddedPrometheus;

beforeAll(async () => {
  server = await startPrometheus({ clock: () => now, answer: (query) => answers[query] });
});
afterAll(() => server.stop());

// What its own client does not ask; the rest is under the contract of metric providers.
describe('the embedded Prometheus', () => {
  test.each(['GET', 'POST'])('answers %s, at its own time', async (method) => {
    const form = new URLSearchParams({ query: 'one' });
    const isGet = method === 'GET';
    const url = `${server.url}/api/v1/query${isGet ? `?${form}` : ''}`;
    const response = await fetch(url, isGet ? {} : { method, body: form });
    expect(response.headers.get('date')).toBe(new Date(now * 1000).toUTCString());
    expect(await response.json()).toEqual({
      status: 'success',
      data: { resultType: 'vector', result: [{ metric: {}, value: [now, '1'] }] },
    });
  });

  test('answers several series with a label each', async () => {
    expect(await range({ query: 'two', start: 0, end: 5, step: 5 })).toEqual({
      status: 'success',
      data: {
        resultType: 'matrix',
        result: [
          {
            metric: { series: '0' },
            values: [
              [0, '1'],
              [5, '1'],
            ],
          },
          {
            metric: { series: '1' },
            values: [
              [0, '2'],
              [5, '2'],
            ],
          },
        ],
      },
    });
  });

  test.each([
    [
      { query: 'one', start: 0, end: 11_001, step: 1 },
      'exceeded maximum resolution of 11,000 points',
    ],
    [{ query: 'one', start: 1, end: 0, step: 1 }, 'end timestamp must not be before start time'],
    [{ query: 'one', start: 0, end: 1, step: 0 }, 'zero or negative query resolution'],
    [{ query: 'one', start: 'now', end: 1, step: 1 }, 'cannot parse "now" to a valid timestamp'],
    [{ query: '', start: 0, end: 1, step: 1 }, 'no expression found in input'],
  ])('refuses %o', async (parameters, error) => {
    expect(await range(parameters)).toEqual({
      status: 'error',
      errorType: 'bad_data',
      error: expect.stringContaining(error),
    });
  });
});

async function range(parameters: Readonly<Record<string, string | number>>): Promise<unknown> {
  const form = Object.entries(parameters).map(([name, value]): [string, string] => [
    name,
    String(value),
  ]);
  const response = await fetch(`${server.url}/api/v1/query_range?${new URLSearchParams(form)}`);
  return response.json();
}
