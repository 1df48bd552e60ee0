import { describe, expect, test } from 'vitest';
import type { Grid } from '../../analyzer/core/judge/judge.ts';
import type { MetricStore, Values } from '../../analyzer/metrics/store.ts';

/** A metric store that holds the history of `contractHistory`, and speaks its own language. */
export interface MetricsUnderTest {
  readonly store: MetricStore;
  /** Unix seconds of the first sample of the history; a multiple of a minute. */
  readonly start: number;
  /** The store's time in Unix seconds. */
  now(): number;
  readonly queries: ContractQueries;
}

/** Each is the text of a query. */
export interface ContractQueries {
  /** Requests a second, over a minute, of all codes. */
  readonly rate: string;
  /** The same by code: two series. */
  readonly rates: string;
  /** A metric that does not exist. */
  readonly missing: string;
  /** 0 ÷ 0. */
  readonly nan: string;
  /** 1 ÷ 0. */
  readonly infinity: string;
  /** −1 ÷ 0. */
  readonly minusInfinity: string;
  /** The Unix time of the point itself. */
  readonly time: string;
  /** No query at all. */
  readonly broken: string;
}

/** Requests a second by code: of the history's first part, and of the second, after the gap. */
export const CONTRACT_RATES = { '200': 10, '500': 0.5 };
/** The history has samples for half an hour, none for ten minutes, and again for half an hour. */
export const CONTRACT_GAP = { fromSeconds: 1800, toSeconds: 2400, endSeconds: 4200 };

/**
 * What the judge relies on when it asks a metric store.
 *
 * @param subject the running store; asked for inside the tests only
 */
export function metricsContract(subject: () => MetricsUnderTest): void {
  const at = (offset: number, seconds: number, stepSeconds: number): Grid => {
    const start = subject().start + offset;
    return { start, end: start + seconds, stepSeconds };
  };
  const ask = async (name: keyof ContractQueries, points: Grid): Promise<Values> => {
    const { store, queries } = subject();
    const question = { query: queries[name], windowSeconds: 60 };
    const answer = await store.values(question, points);
    if (answer.kind === 'unknown') throw new Error(answer.reason);
    return answer.value;
  };

  describe('a range', () => {
    test('has a value at each point that was asked for, both ends included', async () => {
      const { samples } = await ask('rate', at(300, 300, 60));
      const start = subject().start + 300;
      expect(samples.map((sample) => sample.at)).toEqual(
        [0, 60, 120, 180, 240, 300].map((offset) => start + offset),
      );
      for (const { value } of samples) expect(value).toBeCloseTo(10.5);
    });

    test('keeps to the grid of its start, also between seconds', async () => {
      const range = { ...at(300.25, 0.75, 0.25) };
      const { samples } = await ask('time', range);
      const start = subject().start + 300;
      const times = [start + 0.25, start + 0.5, start + 0.75, start + 1];
      expect(samples).toEqual(times.map((time) => ({ at: time, value: time })));
    });

    test('ends with its last point when the end lies between two', async () => {
      const { samples } = await ask('time', at(300, 89, 30));
      expect(samples.map((sample) => sample.at - subject().start)).toEqual([300, 330, 360]);
    });

    test('of one moment has one point', async () => {
      const { samples } = await ask('time', at(300, 0, 10));
      expect(samples).toEqual([{ at: subject().start + 300, value: subject().start + 300 }]);
    });

    test('leaves out the points without data', async () => {
      const { fromSeconds, toSeconds } = CONTRACT_GAP;
      const { samples } = await ask('rate', at(fromSeconds - 300, 1500, 60));
      const offsets = samples.map((sample) => sample.at - subject().start);
      // A window of a minute needs two samples; the exact edges differ between versions.
      expect(offsets).toEqual(expect.arrayContaining([fromSeconds - 60, toSeconds + 60]));
      expect(offsets.filter((o) => o > fromSeconds + 60 && o < toSeconds)).toEqual([]);
      expect(offsets).toEqual(offsets.toSorted((one, other) => one - other));
    });

    test('of more points than the store accepts is cut into pieces and joined', async () => {
      const range = at(0, 25_000, 1);
      const { samples } = await ask('time', range);
      expect(samples).toHaveLength(25_001);
      const stray = samples.filter((sample, index) => sample.at !== range.start + index);
      expect(stray).toEqual([]);
      expect(samples.filter((sample) => sample.at !== sample.value)).toEqual([]);
    });

    test('over long history and nothing is joined just so', async () => {
      const { endSeconds } = CONTRACT_GAP;
      const { samples } = await ask('rate', at(0, 25_000, 1));
      expect(samples.length).toBeGreaterThan(3000);
      expect(samples.at(-1)?.at).toBeLessThanOrEqual(subject().start + endSeconds + 60);
    });
  });

  describe('an answer', () => {
    test('without data is known and empty', async () => {
      expect((await ask('missing', at(300, 60, 30))).samples).toEqual([]);
    });

    test.each([
      ['nan', Number.NaN],
      ['infinity', Infinity],
      ['minusInfinity', -Infinity],
    ] as const)('that is %s is passed on', async (query, value) => {
      const { samples } = await ask(query, at(300, 30, 30));
      expect(samples.map((sample) => sample.value)).toEqual([value, value]);
    });

    test('of several series is unknown, and says what to do', async () => {
      const { store, queries } = subject();
      expect(
        await store.values({ query: queries.rates, windowSeconds: 60 }, at(300, 60, 30)),
      ).toEqual({
        kind: 'unknown',
        reason: '2 series instead of one: aggregate them, for example with sum()',
      });
    });

    test('to a broken query is unknown, with what the store says of it', async () => {
      const { store, queries } = subject();
      expect(
        await store.values({ query: queries.broken, windowSeconds: 60 }, at(300, 60, 30)),
      ).toEqual({
        kind: 'unknown',
        reason: expect.stringContaining('parse error'),
      });
    });

    test("comes with the store's time", async () => {
      const { serverTime } = await ask('rate', at(300, 60, 30));
      expect(Math.abs((serverTime ?? 0) - subject().now())).toBeLessThanOrEqual(2);
    });
  });
}

/** The queries in PromQL. */
export const PROMQL: ContractQueries = {
  rate: 'sum(rate(contract_requests_total[1m]))',
  rates: 'sum by (code) (rate(contract_requests_total[1m]))',
  missing: 'sum(rate(contract_missing_total[1m]))',
  nan: 'vector(0) / vector(0)',
  infinity: 'vector(1) / vector(0)',
  minusInfinity: 'vector(-1) / vector(0)',
  time: 'time()',
  broken: 'sum(',
};

/** The history as OpenMetrics text: a sample every 15 seconds, from `start` on. */
export function contractHistory(start: number): string {
  const { fromSeconds, toSeconds, endSeconds } = CONTRACT_GAP;
  const lines = Object.entries(CONTRACT_RATES).flatMap(([code, rate]) =>
    Array.from({ length: endSeconds / 15 + 1 }, (_, index) => index * 15)
      .filter((seconds) => seconds <= fromSeconds || seconds >= toSeconds)
      .map((seconds) => {
        const labels = `code="${code}"`;
        return `contract_requests_total{${labels}} ${seconds * rate} ${start + seconds}\n`;
      }),
  );
  return `# TYPE contract_requests counter\n${lines.join('')}# EOF\n`;
}
