import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Answer } from '../../analyzer/core/answer.ts';
import type { Grid } from '../../analyzer/core/judge/grid.ts';
import type { MetricStore, Values } from '../../analyzer/metrics/store.ts';
import type { Selector } from '../../lib/plan/evidence.ts';
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
  /** The name of the counters of `contractCounters`. */
  readonly counters: string;
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
  /** `requests` and `counters` count; `elapsed` is a gauge of the seconds since the start. */
  readonly metric: 'requests' | 'elapsed' | 'counters';
  /** Without those that no series of the metric has. */
  readonly labels: Readonly<Record<string, string>>;
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
      labels: { code },
      samples: samples(rate),
    })),
    { metric: 'elapsed', labels: {}, samples: samples(1) },
    ...contractCounters(start),
  ];
}

/** What each counter of a case has at its scrapes, by its other labels: [seconds since the start, value]. */
const COUNTERS: Readonly<
  Record<string, readonly (readonly [Readonly<Record<string, string>>, readonly Reading[]])[]>
> = {
  // 10 requests a scrape; the first that fails is the hundredth.
  failing: [
    [{ pod: 'a', code: '200' }, every(0, 1500, (scrapes) => scrapes * 10)],
    [{ pod: 'a', code: '500' }, every(615, 1500, (scrapes) => 3 + scrapes)],
  ],
  gap: [[{ pod: 'a' }, every(0, 1500, (scrapes) => scrapes * 10, [600, 900])]],
  // The process begins again after 600 s, and then counts twice as fast.
  restarted: [
    [{ pod: 'a' }, every(0, 1500, (scrapes) => (scrapes > 40 ? scrapes - 40 : scrapes) * 10)],
  ],
  // The first pod ends after 600 s, and the other one is seen first when it has had 7 requests.
  replaced: [
    [{ pod: 'a' }, every(0, 600, (scrapes) => scrapes * 10)],
    [{ pod: 'b' }, every(615, 1500, (scrapes) => 7 + scrapes * 10)],
  ],
  durations: [
    [{ pod: 'a', le: '0.5' }, every(0, 1500, (scrapes) => scrapes * 9)],
    [{ pod: 'a', le: '+Inf' }, every(0, 1500, (scrapes) => scrapes * 10)],
    [{ pod: 'b', le: '0.5' }, every(0, 1500, (scrapes) => scrapes * 4)],
    [{ pod: 'b', le: '+Inf' }, every(0, 1500, (scrapes) => scrapes * 5)],
  ],
  // Nobody saw it for longer than a counter is remembered.
  forgotten: [[{ pod: 'a' }, every(0, 4200, (scrapes) => scrapes * 10, [600, 2700])]],
};

type Reading = readonly [offset: number, value: number];

/** Readings each 15 s. @param missing from after the first to before the second nobody reads */
function every(
  from: number,
  to: number,
  value: (scrapes: number) => number,
  [gone, back]: readonly [number, number] = [Infinity, Infinity],
): Reading[] {
  const count = (to - from) / 15 + 1;
  return Array.from({ length: count }, (_, it): Reading => [from + it * 15, value(it)]).filter(
    ([offset]) => offset <= gone || offset >= back,
  );
}

function contractCounters(start: number): readonly ContractSeries[] {
  return Object.entries(COUNTERS).flatMap(([name, counters]) =>
    counters.map(([labels, readings]) => ({
      metric: 'counters' as const,
      labels: { case: name, ...labels },
      samples: readings.map(([offset, value]) => ({ at: start + offset, value })),
    })),
  );
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

  describe('growth', () => {
    /** By the values of the labels, at each point as [offset, growth]. */
    const growth = async (
      of: string,
      points: Grid,
      by: readonly string[] = [],
      more: Selector['matchers'] = [],
      metric = subject().queries.counters,
    ): Promise<Readonly<Record<string, readonly Reading[]>>> => {
      const { open, address, start } = subject();
      const selector = { metric, matchers: [['case', '=', of] as const, ...more] };
      const answer = await open(address).growth({ selector, by }, points);
      if (answer.kind === 'unknown') throw new Error(answer.reason);
      return Object.fromEntries(
        answer.value.series.map(({ labels, samples }) => [
          by.map((it) => labels[it] ?? '').join(' '),
          samples.map((it): Reading => [it.at - start, it.value]),
        ]),
      );
    };
    const total = (readings: readonly Reading[] = []) =>
      readings.reduce((sum, [, value]) => sum + value, 0);

    test('is that of the interval before each point, and adds up to all', async () => {
      const points = at(300, 1200, 60);
      const { '': steady = [] } = await growth('failing', points, [], [['code', '=', '200']]);
      expect(steady).toEqual(Array.from({ length: 21 }, (_, it) => [300 + it * 60, 40]));
      // One interval as long as all of them.
      const whole = await growth('failing', at(1500, 0, 1260), [], [['code', '=', '200']]);
      expect(whole).toEqual({ '': [[1500, total(steady)]] });
    });

    test('of intervals as short as the scrapes adds up as well', async () => {
      const { '': short = [] } = await growth('failing', at(15, 1485, 15));
      expect(total(short)).toBe(100 * 10 + 62);
    });

    test('is told apart by labels, and a counter that is seen late counts whole', async () => {
      const answer = await growth('failing', at(540, 180, 60), ['code']);
      expect(answer).toEqual({
        '200': [540, 600, 660, 720].map((offset) => [offset, 40]),
        // Nothing before it was there.
        '500': [
          [660, 6],
          [720, 4],
        ],
      });
    });

    test.each<[string, Selector['matchers']]>([
      ['=~', [['code', '=~', '5.*']]],
      ['!=', [['code', '!=', '200']]],
      ['!~', [['code', '!~', '2..|3..']]],
    ])('is that of the series which a matcher with %s leaves', async (_, matchers) => {
      const answer = await growth('failing', at(1200, 60, 60), [], matchers);
      expect(answer).toEqual({ '': [1200, 1260].map((offset) => [offset, 4]) });
    });

    test('that nobody saw is in the interval in which it is seen', async () => {
      const { '': all = [] } = await growth('gap', at(540, 480, 60));
      const nothing = [660, 720, 780, 840].map((offset) => [offset, 0]);
      const whole = [900, 200];
      const before = [540, 600].map((offset) => [offset, 40]);
      const after = [960, 1020].map((offset) => [offset, 40]);
      expect(all).toEqual([...before, ...nothing, whole, ...after]);
    });

    test('after a restart is from 0', async () => {
      const { '': all = [] } = await growth('restarted', at(15, 1485, 15));
      expect(total(all)).toBe(40 * 10 + 60 * 10);
      expect(all.filter(([offset]) => offset === 600 || offset === 615)).toEqual([
        [600, 10],
        [615, 10],
      ]);
    });

    test('of a pod that ended stays, and its successor counts whole', async () => {
      const { '': all = [] } = await growth('replaced', at(15, 1485, 15));
      expect(total(all)).toBe(40 * 10 + 7 + 59 * 10);
      const pods = await growth('replaced', at(1200, 0, 60), ['pod']);
      expect(pods).toEqual({ a: [[1200, 0]], b: [[1200, 40]] });
    });

    test('of a histogram is that of each bucket, over all pods', async () => {
      expect(await growth('durations', at(600, 0, 60), ['le'])).toEqual({
        '0.5': [[600, 4 * 13]],
        '+Inf': [[600, 4 * 15]],
      });
    });

    test('has no point while nobody remembers a counter, and it then counts whole', async () => {
      const { '': all = [] } = await growth('forgotten', at(600, 2160, 60));
      const seen = all.map(([offset]) => offset);
      expect(seen.filter((it) => it > 2400 && it < 2700)).toEqual([]);
      expect(all.at(-2)).toEqual([2700, 1800]);
      expect(all.at(-1)).toEqual([2760, 40]);
    });

    test('of a metric that nobody knows is known and empty', async () => {
      expect(await growth('gap', at(300, 60, 60), [], [], 'contract_missing_total')).toEqual({});
      expect(await growth('nothing', at(300, 60, 60))).toEqual({});
    });

    test("comes with the store's time", async () => {
      const { open, address, queries } = subject();
      const selector = { metric: queries.counters, matchers: [] };
      const answer = await open(address).growth({ selector, by: [] }, at(300, 60, 60));
      const time = answer.kind === 'known' ? answer.value.serverTime : undefined;
      expect(Math.abs((time ?? 0) - subject().now())).toBeLessThanOrEqual(2);
    });

    test.each<Trouble>(TROUBLES)('of a server that %s is a reason', async (trouble) => {
      const { address } = await startBadServer(trouble);
      const selector = { metric: subject().queries.counters, matchers: [] };
      expectReason(
        await subject()
          .open(address)
          .growth({ selector, by: [] }, at(300, 60, 30)),
      );
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
function expectReason(answer: Answer<unknown> | undefined): void {
  expect(answer).toMatchObject({
    kind: 'unknown',
    reason: expect.stringMatching(/^[^\n]{5,400}$/),
  });
}
