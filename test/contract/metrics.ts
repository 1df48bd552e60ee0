import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Answer } from '../../analyzer/core/answer.ts';
import type { Grid } from '../../analyzer/core/judge/judge.ts';
import type { MetricStore, Values } from '../../analyzer/metrics/store.ts';
import { startBadServer, TROUBLES, type Trouble } from './bad-server.ts';

/** A kind of metric store, and a server that holds `contractHistory`. */
export interface MetricsUnderTest {
  /** Where that server is. */
  readonly address: string;
  /** The store of a server at an address; it sends each request once. */
  open(address: string): MetricStore;
  /** Unix seconds of the first sample of the history; a multiple of a minute. */
  readonly start: number;
  /** The server's time in Unix seconds. */
  now(): number;
  readonly queries: ContractQueries;
  /** Part of what the server says of the broken query. */
  readonly complaint: string;
}

/** Each is the text of a query in the store's own language; those with a window look back a minute. */
export interface ContractQueries {
  /** Requests a second in the window, of all codes. */
  readonly requests: string;
  /** The same by code: two values for each point. */
  readonly requestsByCode: string;
  /** The newest value of `elapsed` in the window. */
  readonly elapsed: string;
  /** A metric that does not exist. */
  readonly nothing: string;
  /** At each point what is not a number, as 0 ÷ 0 is not. */
  readonly notANumber: string;
  /** At each point infinity, as 1 ÷ 0. */
  readonly infinity: string;
  readonly minusInfinity: string;
  /** Not a query. */
  readonly broken: string;
}

const WINDOW_SECONDS = 60;

/** Requests a second by code. */
const RATES = { '200': 10, '500': 0.5 };
/** The history has samples for half an hour, none for ten minutes, and again for half an hour. */
const GAP = { fromSeconds: 1800, toSeconds: 2400 };

/** How long the history is. */
export const CONTRACT_SECONDS = 4200;

/** One series of the history, with a sample every 15 seconds. */
export interface ContractSeries {
  /** `requests` counts them; `elapsed` is a gauge of the seconds since the start. */
  readonly metric: 'requests' | 'elapsed';
  /** Of requests only. */
  readonly code?: string;
  /** In order of time, in Unix seconds. */
  readonly samples: readonly { readonly at: number; readonly value: number }[];
}

/** What the server must hold. @param start Unix seconds of its first sample */
export function contractHistory(start: number): readonly ContractSeries[] {
  const offsets = Array.from({ length: CONTRACT_SECONDS / 15 + 1 }, (_, index) => index * 15);
  const sampled = offsets.filter((it) => it <= GAP.fromSeconds || it >= GAP.toSeconds);
  const samples = (rate: number) => sampled.map((it) => ({ at: start + it, value: it * rate }));
  return [
    ...Object.entries(RATES).map(([code, rate]) => ({
      metric: 'requests' as const,
      code,
      samples: samples(rate),
    })),
    { metric: 'elapsed', samples: samples(1) },
  ];
}

/**
 * What the judge relies on when it asks a metric store, whichever it is.
 *
 * @param subject the running server; asked for inside the tests only
 */
export function metricsContract(subject: () => MetricsUnderTest): void {
  const at = (offset: number, seconds: number, stepSeconds: number): Grid => {
    const start = subject().start + offset;
    return { start, end: start + seconds, stepSeconds };
  };
  const question = (name: keyof ContractQueries) => ({
    query: subject().queries[name],
    windowSeconds: WINDOW_SECONDS,
  });
  const answerTo = (name: keyof ContractQueries, points: Grid, until?: AbortSignal) => {
    const { open, address } = subject();
    return open(address).values(question(name), points, until);
  };
  const ask = async (name: keyof ContractQueries, points: Grid): Promise<Values> => {
    const answer = await answerTo(name, points);
    if (answer.kind === 'unknown') throw new Error(answer.reason);
    return answer.value;
  };
  const sample = (offset: number) => ({ at: subject().start + offset, value: offset });

  describe('a grid', () => {
    test('has a value at each of its points, both ends included', async () => {
      const { samples } = await ask('elapsed', at(300, 300, 60));
      expect(samples).toEqual([300, 360, 420, 480, 540, 600].map(sample));
    });

    test('has values of the window before each point', async () => {
      const { samples } = await ask('requests', at(300, 300, 60));
      expect(samples).toHaveLength(6);
      for (const { value } of samples) expect(value).toBeCloseTo(10.5);
    });

    test('ends with its last point when the end lies between two', async () => {
      const { samples } = await ask('elapsed', at(300, 89, 30));
      expect(samples).toEqual([300, 330, 360].map(sample));
    });

    test('of one moment has one point', async () => {
      const { samples } = await ask('elapsed', at(300, 0, 10));
      expect(samples).toEqual([sample(300)]);
    });

    test('leaves out the points without data', async () => {
      const { samples } = await ask('requests', at(GAP.fromSeconds - 300, 1500, 60));
      const offsets = samples.map((it) => it.at - subject().start);
      // What a rate in a window needs at its edges differs between versions of a store.
      expect(offsets).toEqual(expect.arrayContaining([GAP.fromSeconds - 60, GAP.toSeconds + 60]));
      expect(offsets.filter((o) => o > GAP.fromSeconds + 60 && o < GAP.toSeconds)).toEqual([]);
      expect(offsets).toEqual(offsets.toSorted((one, other) => one - other));
    });
  });

  describe('an answer', () => {
    test('without data is known and empty', async () => {
      expect((await ask('nothing', at(300, 60, 30))).samples).toEqual([]);
    });

    test.each([
      ['notANumber', Number.NaN],
      ['infinity', Infinity],
      ['minusInfinity', -Infinity],
    ] as const)('that is %s is passed on', async (query, value) => {
      const { samples } = await ask(query, at(300, 30, 30));
      expect(samples.map((it) => it.value)).toEqual([value, value]);
    });

    test('of several values for a point is unknown, and says how many', async () => {
      expect(await answerTo('requestsByCode', at(300, 60, 30))).toEqual({
        kind: 'unknown',
        reason: expect.stringMatching(/^2 \w+ instead of one: /),
      });
    });

    test('to a broken query is unknown, with what the store says of it', async () => {
      expect(await answerTo('broken', at(300, 60, 30))).toEqual({
        kind: 'unknown',
        reason: expect.stringContaining(subject().complaint),
      });
    });

    test("comes with the store's time", async () => {
      const { serverTime } = await ask('requests', at(300, 60, 30));
      expect(Math.abs((serverTime ?? 0) - subject().now())).toBeLessThanOrEqual(2);
    });
  });

  describe('a question that nobody waits for', () => {
    test('is not asked', async () => {
      expectReason(await answerTo('elapsed', at(300, 60, 30), AbortSignal.abort()));
    });

    test('ends at once', async () => {
      const server = await startBadServer('never answers');
      const waiting = new AbortController();
      const store = subject().open(server.address);
      const answer = store.values(question('elapsed'), at(300, 60, 30), waiting.signal);
      await server.asked;
      waiting.abort();
      expectReason(await Promise.race([answer, sleep(2000, undefined, { ref: false })]));
    });
  });

  describe('a server that', () => {
    test.each<Trouble>(TROUBLES)('%s is no exception, but a reason', async (trouble) => {
      const { address } = await startBadServer(trouble);
      const store = subject().open(address);
      expectReason(await store.values(question('elapsed'), at(300, 60, 30)));
    });

    test('is not there is no exception, but a reason', async () => {
      const store = subject().open('http://127.0.0.1:1');
      expectReason(await store.values(question('elapsed'), at(300, 60, 30)));
    });
  });
}

/** It is read in one line of a log. */
function expectReason(answer: Answer<Values> | undefined): void {
  expect(answer).toMatchObject({
    kind: 'unknown',
    reason: expect.stringMatching(/^[^\n]{5,400}$/),
  });
}
