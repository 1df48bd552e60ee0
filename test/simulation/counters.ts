import type { CounterSeries } from '../../analyzer/core/judge/counts.ts';
import type { Grid } from '../../analyzer/core/judge/grid.ts';
import { FORGOTTEN_SECONDS } from '../../analyzer/metrics/prometheus-growth.ts';
import type { GrowthQuestion } from '../../analyzer/metrics/store.ts';
import { binomial } from '../../analyzer/simulated/draws.ts';
import { seeded } from '../../analyzer/simulated/random.ts';
import { type Faults, within } from './faults.ts';

/** How many requests users make, and from what it is drawn what becomes of each. */
export interface Traffic {
  readonly seed: number;
  readonly requestsPerSecond: number;
}

/** What one workload gets from one moment on, as the cluster splits it, and what becomes of that. */
export interface Flow {
  readonly workload: string;
  /** Pods of one generation count by themselves, from 0. */
  readonly generation: number;
  readonly percent: number;
  /** The share of its requests that fail. */
  readonly failing: number;
  /** How many times as many of its requests as usual are slow. */
  readonly slow: number;
}

/** What became of some requests. */
export interface Tally {
  readonly requests: number;
  readonly failures: number;
}

/** The time, and by how much the store's own is ahead of it; seconds. */
export interface Clock {
  readonly now: number;
  readonly ahead: number;
}

/** Requests as pods count them, and as a store has seen their counters. */
export interface Counters {
  /** Requests come until `to`; `flows` says how at each moment. */
  until(to: number, flows: (at: number) => readonly Flow[]): void;
  /** How counters grew, as far as the store can know now. */
  growth(question: GrowthQuestion, points: Grid, clock: Clock): readonly CounterSeries[];
  /** What really became of all requests to a workload in (from, to]. */
  truth(workload: string, from: number, to: number): Tally;
}

/** By how much a counter grew between two looks. @param before the first time @default - it was never seen before */
export type Grown = (before: number | undefined, now: number) => number;

/** A counter that is less than before was reset, and one that was never seen is new: both grew from 0. */
export const grown: Grown = (before, now) =>
  (before ?? Infinity) <= now ? now - (before ?? 0) : now;

/** Names of what the simulated store counts. */
export const METRICS = {
  requests: 'query_requests',
  failures: 'query_failures',
  good: 'query_good',
  durations: 'latency_bucket',
} as const;

/** Ends of the histogram's buckets in seconds, and the shares of usual requests that take longer. */
const BUCKETS = { fast: { le: 0.1, beyond: 0.1 }, usual: { le: 0.5, beyond: 0.01 } };

interface Counts extends Tally {
  readonly fast: number;
  readonly usual: number;
}

interface Seen extends Counts {
  readonly at: number;
  readonly visibleAt: number;
}

/** The counters of one generation of pods. */
interface Pods {
  readonly workload: string;
  counts: Counts;
  readonly seen: Seen[];
}

const NOTHING: Counts = { requests: 0, failures: 0, fast: 0, usual: 0 };
const SCRAPE_SECONDS = 5;

/** @param grownBy how growth is made of what was seen */
export function createCounters(
  { seed, requestsPerSecond }: Traffic,
  { metricsGap, crashes, late }: Faults,
  grownBy: Grown = grown,
): Counters {
  const random = seeded(seed);
  const pods = new Map<string, Pods>();
  /** All requests to each workload up to a moment, whatever its counters forgot. */
  const totals = new Map<string, (Tally & { readonly at: number })[]>();
  let counted: number | undefined;

  function span(from: number, to: number, flows: readonly Flow[]): void {
    for (const flow of flows) {
      const { workload, generation, percent } = flow;
      const key = `${workload} ${generation}`;
      const it = pods.get(key) ?? { workload, counts: NOTHING, seen: [] };
      pods.set(key, it);
      const requests = binomial(random, requestsPerSecond * (to - from), percent / 100);
      const slower = (beyond: number) =>
        requests - binomial(random, requests, Math.min(1, beyond * flow.slow));
      const more: Counts = {
        requests,
        failures: binomial(random, requests, flow.failing),
        fast: slower(BUCKETS.fast.beyond),
        usual: slower(BUCKETS.usual.beyond),
      };
      it.counts = sum(isCrash(workload, from) ? NOTHING : it.counts, more);
      const all = totals.get(workload) ?? [];
      totals.set(workload, all);
      all.push({ ...added(all.at(-1) ?? NOTHING, more), at: to });
    }
    if (to % SCRAPE_SECONDS === 0) scrape(to, flows);
  }

  function scrape(at: number, flows: readonly Flow[]): void {
    if (within(metricsGap, at)) return;
    const delay = late.find((it) => within([it], at))?.seconds ?? 0;
    for (const { workload, generation } of flows) {
      const it = pods.get(`${workload} ${generation}`);
      // Nobody counts before the first request.
      if (it === undefined || it.counts.requests === 0) continue;
      it.seen.push({ ...it.counts, at, visibleAt: at + delay });
    }
  }

  /** Whether the processes of a workload start again. */
  function isCrash(workload: string, at: number): boolean {
    return crashes.some(
      (it) => it.workload === workload && within([it], at) && at % it.everySeconds === 0,
    );
  }

  return {
    until(to, flows) {
      // Before there is anybody to ask, nothing is counted.
      if (counted === undefined || flows(counted).length === 0) counted = to;
      while (counted < to) {
        const next: number = Math.min(
          to,
          (Math.floor(counted / SCRAPE_SECONDS) + 1) * SCRAPE_SECONDS,
        );
        span(counted, next, flows(counted));
        counted = next;
      }
    },
    growth({ selector, by, intervalSeconds }, { start, end, stepSeconds }, { now, ahead }) {
      const workload = selector.matchers.find(([label]) => label === 'workload')?.[2];
      const all = [...pods.values()].filter((it) => it.workload === workload);
      return valuesOf(selector.metric, by).map(({ labels, of }) => {
        const samples = [];
        for (let at = start; at <= end; at += stepSeconds) {
          const found = all.flatMap(({ seen }) => {
            const last = lastSeen(seen, at - ahead, now);
            if (last === undefined) return [];
            const from = at - ahead - (intervalSeconds ?? stepSeconds);
            const before = lastSeen(seen, from, now);
            return [grownBy(before && of(before), of(last))];
          });
          if (found.length > 0) samples.push({ at, value: found.reduce((a, b) => a + b) });
        }
        return { labels, samples };
      });
    },
    truth(workload, from, to) {
      const all = totals.get(workload) ?? [];
      const end = lastUntil(all, to) ?? NOTHING;
      const begin = lastUntil(all, from) ?? NOTHING;
      return {
        requests: end.requests - begin.requests,
        failures: end.failures - begin.failures,
      };
    },
  };
}

function sum(one: Counts, other: Counts): Counts {
  return {
    ...added(one, other),
    fast: one.fast + other.fast,
    usual: one.usual + other.usual,
  };
}

function added(one: Tally, other: Tally): Tally {
  return { requests: one.requests + other.requests, failures: one.failures + other.failures };
}

/** What a metric's series count, by the labels that are asked for. */
function valuesOf(
  metric: string,
  by: readonly string[],
): readonly { readonly labels: CounterSeries['labels']; readonly of: (it: Counts) => number }[] {
  if (metric === METRICS.requests) return [{ labels: {}, of: (it) => it.requests }];
  if (metric === METRICS.failures) return [{ labels: {}, of: (it) => it.failures }];
  if (metric === METRICS.good) return [{ labels: {}, of: (it) => it.requests - it.failures }];
  if (metric !== METRICS.durations || !by.includes('le')) return [];
  return [
    { labels: { le: String(BUCKETS.fast.le) }, of: (it) => it.fast },
    { labels: { le: String(BUCKETS.usual.le) }, of: (it) => it.usual },
    { labels: { le: '+Inf' }, of: (it) => it.requests },
  ];
}

/** What `last_over_time` finds: the last sample that is not forgotten, of those that have come. */
function lastSeen(seen: readonly Seen[], at: number, now: number): Seen | undefined {
  for (let index = countUntil(seen, at) - 1; index >= 0; index--) {
    const it = seen[index];
    if (it === undefined || it.at <= at - FORGOTTEN_SECONDS) return undefined;
    if (it.visibleAt <= now) return it;
  }
  return undefined;
}

function lastUntil<T extends { readonly at: number }>(
  all: readonly T[],
  at: number,
): T | undefined {
  return all[countUntil(all, at) - 1];
}

/** How many of some things in order of time are not after `at`. */
function countUntil(all: readonly { readonly at: number }[], at: number): number {
  let low = 0;
  let high = all.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((all[middle]?.at ?? Infinity) <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}
