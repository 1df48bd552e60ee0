import { describe, expect, test } from 'vitest';
import { troubleOf } from '../../../analyzer/core/judge/proof.ts';
import type { Rollout } from '../../../analyzer/core/situation.ts';
import { isoTime } from '../../../analyzer/core/state.ts';
import { newCounterMemory, shareCounters } from '../../../analyzer/tick/counters.ts';
import { askCounts, askingAlone, wishOf } from '../../../analyzer/tick/counting.ts';
import type { Counters } from '../../../lib/plan/evidence.ts';
import { type CounterStore, counterStore } from '../../embedded/counter-store.ts';
import type { EmbeddedCounter } from '../../embedded/growth.ts';
import { oneStore } from '../../one-store.ts';
import { liveSince, rollout, situation, step, T0 } from '../core/fixture.ts';
import { evidence, latencyTest, tested } from '../core/judge/counted.ts';

const HOUR = 3600;
const NOW = T0 + 600;

/** Shares of requests that take at most so long, by the ends of the histogram's buckets; milliseconds. */
const SHARES: Readonly<Record<number, number>> = {
  10: 0.1,
  50: 0.5,
  100: 0.7,
  250: 0.9,
  1000: 0.99,
  5000: 0.9999,
};

/** A release whose rollout began so many seconds before the step. */
function releaseOf(id: string, beganBefore: number): Rollout {
  const durations = (track: string): Counters => {
    const matchers = [['app', '=', id] as const, ['track', '=', track] as const];
    return { kind: 'durations', unit: 'ms', buckets: { metric: 'duration_bucket', matchers } };
  };
  const counts = { canary: durations('canary'), primary: durations('primary') };
  const objective = { kind: 'objective', limit: 0.05, boundMs: 250 } as const;
  const plan = tested(
    evidence([
      latencyTest({ counts, share: 0.5 }),
      latencyTest({ counts, share: 0.5, name: 'slow', question: objective }),
    ]),
    ['02-weight-20'],
  );
  const left = { name: '01-canary-up', at: isoTime(T0 - beganBefore), until: isoTime(T0) };
  const state = { steps: [{ ...left, failedChecks: 0 }] };
  return rollout(situation({ position: step('02-weight-20'), plan, state }));
}

/** @param written how an exporter writes the end of a bucket @param since when there were counters first; Unix seconds */
function histogramsOf(
  id: string,
  written: (le: number) => string,
  since = T0 - 3 * HOUR,
): EmbeddedCounter[] {
  const buckets = [...Object.entries(SHARES), ['+Inf', 1] as const];
  return ['canary', 'primary'].flatMap((track) =>
    buckets.map(([le, share]) => ({
      metric: 'duration_bucket',
      labels: { app: id, track, le: le === '+Inf' ? le : written(Number(le)) },
      samples: Array.from({ length: (4 * HOUR) / 15 }, (_, it) => ({
        at: since + it * 15,
        value: Math.floor(it * 300 * share),
      })),
    })),
  );
}

async function asked(releases: ReadonlyMap<string, Rollout>, store: CounterStore) {
  const world = { metrics: oneStore(store), clock: () => NOW };
  const wishes = new Map([...releases].map(([id, it]) => [id, wishOf(it, NOW)]));
  const shared = shareCounters(
    world,
    newCounterMemory(),
    Promise.resolve(wishes),
    new AbortController().signal,
  );
  return Promise.all(
    [...releases].map(([id, it]) =>
      askCounts({ ...world, growth: shared(id, askingAlone(world)) }, it, liveSince(T0), NOW),
    ),
  );
}

function endsAsked({ asked }: CounterStore): readonly (string | undefined)[] {
  return asked.map(
    ({ question }) => question.selector.matchers.find(([label]) => label === 'le')?.[2],
  );
}

describe('the buckets of a histogram', () => {
  test.each<[string, (le: number) => string]>([
    ['whole numbers', String],
    ['with a point', (le) => le.toFixed(1)],
  ])('are asked for as far as they matter: %s', async (_, written) => {
    const ids = Array.from({ length: 20 }, (_, it) => `app-${it}`);
    // Rollouts that began at any time share what is asked of the time before.
    const releases = new Map(ids.map((id, it) => [id, releaseOf(id, 60 + it * 100)]));
    const store = counterStore(ids.flatMap((id) => histogramsOf(id, written)));
    const all = await asked(releases, store);
    expect(endsAsked(store)).toEqual([
      undefined,
      String.raw`\+Inf|50|50\.0|250|250\.0|1000|1000\.0`,
    ]);
    for (const [index, { counts }] of all.entries()) {
      expect(counts.map((it) => it.bounds.map(({ le }) => le))).toEqual([[50, 250, 1000], [250]]);
      expect(counts.map(troubleOf)).toEqual([undefined, undefined]);
      const of = releases.get(`app-${index}`);
      const world = { metrics: oneStore(store), clock: () => NOW };
      if (of === undefined) throw new Error('no such release');
      expect((await askCounts(world, of, liveSince(T0), NOW)).counts).toEqual(counts);
    }
  });

  test('are learned in the minute in which the rollout begins, where the first requests came in it', async () => {
    const releases = new Map([['app-0', releaseOf('app-0', 5)]]);
    const store = counterStore(histogramsOf('app-0', String, T0 - 50));
    const [told] = await asked(releases, store);
    expect(told?.counts.map((it) => it.bounds.map(({ le }) => le))).toEqual([
      [50, 250, 1000],
      [250],
    ]);
    expect(told?.counts.map(troubleOf)).toEqual([undefined, undefined]);
  });

  test('are all asked for where their ends are written in another way', async () => {
    const releases = new Map([['app-0', releaseOf('app-0', 60)]]);
    const store = counterStore(histogramsOf('app-0', (le) => le.toFixed(2)));
    const [told] = await asked(releases, store);
    expect(told?.counts.map(troubleOf)).toEqual([undefined, undefined]);
    expect(endsAsked(store).filter((it) => it === undefined).length).toBeGreaterThan(1);
  });

  test('and of one that has none the step says which there are', async () => {
    const counters = histogramsOf('app-0', String).filter(({ labels }) => labels.le !== '250');
    const [told] = await asked(
      new Map([['app-0', releaseOf('app-0', 60)]]),
      counterStore(counters),
    );
    expect(troubleOf(told?.counts[1])).toMatch(
      /^no bucket of the histogram ends at 250 ms; use one of 10, 50, 100, 1000, 5000 ms$/,
    );
  });
});
