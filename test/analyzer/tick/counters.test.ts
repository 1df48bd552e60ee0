import { describe, expect, test } from 'vitest';
import type { MetricStore } from '../../../analyzer/metrics/store.ts';
import {
  type CounterMemory,
  newCounterMemory,
  shareCounters,
  type Wanted,
  type Wish,
} from '../../../analyzer/tick/counters.ts';
import { askingAlone } from '../../../analyzer/tick/counting.ts';
import type { Grown } from '../../../analyzer/tick/world.ts';
import { type CounterStore, counterStore } from '../../embedded/counter-store.ts';
import type { EmbeddedCounter } from '../../embedded/growth.ts';

const START = 1_800_000_000;
const STEP = 15;
const CODES = ['200', '500'];

/** Counters of one release, under more and more traffic. @param phase by how much earlier than intervals end it is scraped */
function countersOf(release: number, phase = 0, seconds = 900): EmbeddedCounter[] {
  return ['canary', 'primary'].flatMap((track) =>
    CODES.map((code) => ({
      metric: 'requests_total',
      labels: { app: `app-${release}`, track, code, pod: 'a' },
      samples: Array.from({ length: seconds / STEP + 1 }, (_, it) => ({
        at: START + it * STEP - phase,
        value: (it * STEP - phase + 100) ** 2 * (code === '200' ? 10 + release : 1),
      })),
    })),
  );
}

/** All requests, and those that failed, of both tracks. */
function wantedBy(release: number, until: number, from = START): readonly Wanted[] {
  return ['canary', 'primary'].flatMap((track) =>
    [[], [['code', '=~', '5.*'] as const]].map((more) => ({
      source: 'default',
      question: {
        selector: {
          metric: 'requests_total',
          matchers: [
            ['app', '=', `app-${release}`] as const,
            ['track', '=', track] as const,
            ...more,
          ],
        },
        by: [],
      },
      points: { start: from, end: until, stepSeconds: STEP },
    })),
  );
}

function wishes(wanted: ReadonlyMap<string, readonly Wanted[]>): ReadonlyMap<string, Wish> {
  return new Map([...wanted].map(([release, own]) => [release, { first: [], rest: () => own }]));
}

/** One pass of releases, each of which asks all that it wants. */
async function pass(
  store: MetricStore,
  memory: CounterMemory,
  wanted: ReadonlyMap<string, readonly Wanted[]>,
): Promise<ReadonlyMap<string, readonly (Grown | string)[]>> {
  const world = { metrics: new Map([['default', store]]), clock: () => START };
  const until = new AbortController().signal;
  const shared = shareCounters(world, memory, Promise.resolve(wishes(wanted)), until);
  const told = new Map<string, readonly (Grown | string)[]>();
  await Promise.all(
    [...wanted].map(async ([release, own]) => {
      const ask = shared(release, askingAlone(world));
      const answers = await Promise.all(own.map((it) => ask(it.source, it.question, it.points)));
      told.set(
        release,
        answers.map((it) => (it.kind === 'known' ? it.value : it.reason)),
      );
    }),
  );
  return told;
}

const releases = (count: number) => Array.from({ length: count }, (_, it) => it);
const wantedByAll = (count: number, until: number) =>
  new Map(releases(count).map((it) => [`app-${it}`, wantedBy(it, until)]));
const storeOf = (count: number, phase = 0) =>
  counterStore(releases(count).flatMap((it) => countersOf(it, phase)));

/** What each release would be told if it asked alone. */
async function alone(store: MetricStore, wanted: ReadonlyMap<string, readonly Wanted[]>) {
  const told = new Map<string, readonly (Grown | string)[]>();
  for (const [release, own] of wanted) told.set(release, await aloneOf(store, own));
  return told;
}

async function aloneOf(
  store: MetricStore,
  wanted: readonly Wanted[],
): Promise<readonly (Grown | string)[]> {
  const ask = askingAlone({ metrics: new Map([['default', store]]), clock: () => START });
  const answers = await Promise.all(wanted.map((it) => ask(it.source, it.question, it.points)));
  return answers.map((it) => (it.kind === 'known' ? it.value : it.reason));
}

function pointsOf({ asked }: CounterStore, from = 0): readonly number[] {
  return asked.slice(from).map(({ points: { start, end } }) => (end - start) / STEP + 1);
}

describe('releases under way', () => {
  test('are told together what each would be told alone', async () => {
    const store = storeOf(5);
    const wanted = wantedByAll(5, START + 300);
    expect(await pass(store, newCounterMemory(), wanted)).toEqual(await alone(store, wanted));
  });

  test('cost a handful of questions, also a thousand of them, and also after a restart', async () => {
    const store = storeOf(1000);
    const memory = newCounterMemory();
    await pass(store, memory, wantedByAll(1000, START + 300));
    const first = store.asked.length;
    expect(first).toBeLessThan(20);
    await pass(store, memory, wantedByAll(1000, START + 315));
    expect(store.asked.length - first).toBeLessThan(20);
  });

  test('are in steps of any age', async () => {
    const store = storeOf(40);
    const wanted = new Map(
      releases(40).map((it) => [`app-${it}`, wantedBy(it, START + 900, START + it * 15)]),
    );
    const told = await pass(store, newCounterMemory(), wanted);
    expect(store.asked.length).toBeLessThan(20);
    expect(told).toEqual(await alone(store, wanted));
  });

  test('may ask different stores, and one that nobody knows', async () => {
    const store = storeOf(2);
    const [one = [], other = []] = [wantedBy(0, START + 60), wantedBy(1, START + 60)];
    const wanted = new Map([
      ['app-0', one],
      ['app-1', other.map((it) => ({ ...it, source: 'missing' }))],
    ]);
    const told = await pass(store, newCounterMemory(), wanted);
    expect(told.get('app-0')).toEqual(await aloneOf(store, one));
    expect(told.get('app-1')?.[0]).toMatch(/^the analyzer knows no metric store missing/);
  });
});

describe('a later pass', () => {
  test('asks for the newest intervals alone, with the last one that is known', async () => {
    const store = storeOf(3);
    const memory = newCounterMemory();
    await pass(store, memory, wantedByAll(3, START + 300));
    const first = store.asked.length;
    const later = wantedByAll(3, START + 330);
    expect(await pass(store, memory, later)).toEqual(await alone(storeOf(3), later));
    expect(pointsOf(store, first)).toEqual([3, 3]);
  });

  test('asks nothing before the next interval is over', async () => {
    const store = storeOf(3);
    const memory = newCounterMemory();
    const wanted = wantedByAll(3, START + 300);
    const told = await pass(store, memory, wanted);
    const first = store.asked.length;
    expect(await pass(store, memory, wanted)).toEqual(told);
    expect(store.asked).toHaveLength(first);
  });

  test('asks for the whole step again where another replica tells the last interval otherwise', async () => {
    const [one, other] = [storeOf(3), storeOf(3, 7)];
    const memory = newCounterMemory();
    await pass(one, memory, wantedByAll(3, START + 45));
    const later = wantedByAll(3, START + 60);
    expect(await pass(other, memory, later)).toEqual(await alone(storeOf(3, 7), later));
    expect(pointsOf(other)).toEqual([2, 2, 5, 5]);
  });

  test('asks for the whole step again where samples came late', async () => {
    const memory = newCounterMemory();
    const late = counterStore(countersOf(0, 0, 240));
    await pass(late, memory, wantedByAll(1, START + 300));
    const store = storeOf(1);
    const later = wantedByAll(1, START + 330);
    expect(await pass(store, memory, later)).toEqual(await alone(storeOf(1), later));
    expect(pointsOf(store)).toContain(23);
  });

  test('forgets what an earlier step asked', async () => {
    const store = storeOf(1);
    const memory = newCounterMemory();
    await pass(store, memory, new Map([['app-0', wantedBy(0, START + 60)]]));
    const next = wantedBy(0, START + 300, START + 240);
    const told = await pass(store, memory, new Map([['app-0', next]]));
    expect(told.get('app-0')).toEqual(await aloneOf(store, next));
    expect(memory.kept.get('app-0')?.size).toBe(next.length);
  });
});

describe('what one release asks in vain', () => {
  const sick = { kind: 'unknown', reason: 'found too many series of app-3' } as const;
  const asksFor = (text: string) => (it: Wanted['question']) =>
    new RegExp(`"(?:[^"]*\\b)?${text}\\b`).test(JSON.stringify(it.selector.matchers));

  test('is no other’s trouble', async () => {
    const isSick = asksFor('app-3');
    const counters = releases(8).flatMap((it) => countersOf(it));
    const store = counterStore(counters, (it) => (isSick(it) ? sick : undefined));
    const wanted = wantedByAll(8, START + 60);
    const told = await pass(store, newCounterMemory(), wanted);
    const well = await alone(storeOf(8), wanted);
    for (const [release, answers] of told)
      expect(answers).toEqual(
        release === 'app-3' ? answers.map(() => sick.reason) : well.get(release),
      );
  });

  test('and what is too much for a store at once is asked in halves', async () => {
    const counters = releases(8).flatMap((it) => countersOf(it));
    const large = { kind: 'unknown', reason: 'over 4 MiB' } as const;
    const store = counterStore(counters, ({ selector }) =>
      JSON.stringify(selector).split('app-').length > 4 ? large : undefined,
    );
    const wanted = wantedByAll(8, START + 60);
    expect(await pass(store, newCounterMemory(), wanted)).toEqual(await alone(storeOf(8), wanted));
  });

  test('and what takes a store too long is asked alone in this pass, and in smaller questions later', async () => {
    const counters = releases(8).flatMap((it) => countersOf(it));
    const late = { kind: 'unknown', reason: 'it took over 10 s', late: 'prometheus' } as const;
    const store = counterStore(counters, ({ selector }) =>
      JSON.stringify(selector).split('app-').length > 5 ? late : undefined,
    );
    const memory = newCounterMemory();
    const wanted = wantedByAll(8, START + 60);
    expect(await pass(store, memory, wanted)).toEqual(await alone(storeOf(8), wanted));
    expect(store.asked.length).toBeGreaterThan(32);
    const before = store.asked.length;
    await pass(store, memory, wanted);
    await pass(store, memory, wanted);
    expect(store.asked.length).toBeGreaterThan(before);
    const settled = store.asked.length;
    await pass(store, memory, wantedByAll(8, START + 75));
    expect(store.asked.length - settled).toBeLessThan(20);
  });

  test('after the time for answers is over is asked alone, and says so', async () => {
    const store = storeOf(2);
    const wanted = wantedByAll(2, START + 60);
    const world = { metrics: new Map([['default', store]]), clock: () => START };
    const shared = shareCounters(
      world,
      newCounterMemory(),
      Promise.resolve(wishes(wanted)),
      AbortSignal.abort(),
    );
    const over = { kind: 'unknown', reason: 'this pass took over 30 s' } as const;
    const [first] = wantedBy(0, START + 60);
    if (first === undefined) throw new Error('nothing is wanted');
    const answer = await shared('app-0', async () => over)('default', first.question, first.points);
    expect(answer).toEqual(over);
    expect(store.asked).toEqual([]);
  });
});

test('the clock of a store that is off is told to all', async () => {
  const store = storeOf(2);
  const ahead: MetricStore = {
    ...store,
    growth: async (question, points) => {
      const answer = await store.growth(question, points);
      return answer.kind === 'unknown'
        ? answer
        : { kind: 'known', value: { ...answer.value, serverTime: START + 90 } };
    },
  };
  const memory = newCounterMemory();
  const told = await pass(ahead, memory, wantedByAll(2, START + 60));
  // Also by a pass that asks nothing, as no interval is over.
  const later = await pass(ahead, memory, wantedByAll(2, START + 60));
  for (const answers of [...told.values(), ...later.values()])
    expect(answers.map((it) => (typeof it === 'string' ? it : it.skewSeconds))).toEqual(
      answers.map(() => 90),
    );
});
