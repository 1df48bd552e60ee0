import { describe, expect, test } from 'vitest';
import { type Proof, prove } from '../../analyzer/core/judge/proof.ts';
import type { Rollout } from '../../analyzer/core/situation.ts';
import { isoTime } from '../../analyzer/core/state.ts';
import type { MetricStore } from '../../analyzer/metrics/store.ts';
import { seeded } from '../../analyzer/simulated/random.ts';
import { askCounts } from '../../analyzer/tick/counting.ts';
import type { Counters, Test } from '../../lib/plan/evidence.ts';
import { liveSince, rollout, situation, step } from '../analyzer/core/fixture.ts';
import { errorTest, evidence, latencyTest, tested } from '../analyzer/core/judge/counted.ts';
import type { ContractSeries, MetricsUnderTest } from './metrics.ts';

/**
 * Whether a canary is taken back follows from the requests that there were, whatever became of pods and scrapes: each
 * trouble is tried with a canary that is as good as the primary, and with one that fails more often, or is slower.
 */

const STEP_SECONDS = 3600;
const INTERVAL_SECONDS = 15;
/** The first second of the step, after the first sample. */
const BEGINS = 600;
const ENDS = BEGINS + STEP_SECONDS;
/** Seconds after the time of a sample that it is there for sure. */
const SETTLED = 60;

type Track = 'canary' | 'primary';
type Quality = 'good' | 'failing' | 'slow';

/** A process that serves and counts requests; times are seconds since the history's start. */
interface Pod {
  readonly track: Track;
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /** When its process begins again. @default - never */
  readonly restarts?: readonly number[];
}

/** What happens to pods, and to those who scrape them. */
interface Trouble {
  readonly pods: readonly Pod[];
  /** From when to when which pods are not scraped. @default - never */
  readonly unseen?: {
    readonly from: number;
    readonly to: number;
    readonly tracks: readonly Track[];
  };
  /** From when on all series have one label more. @default - never */
  readonly labelledFrom?: number;
}

const usual = (track: Track, name: string, more: Partial<Pod> = {}): Pod => ({
  track,
  name,
  from: track === 'primary' ? 0 : BEGINS - 60,
  to: ENDS,
  ...more,
});
const PODS = [usual('primary', 'p0'), usual('primary', 'p1'), usual('canary', 'c0')];
const both: readonly Track[] = ['canary', 'primary'];

const TROUBLES: Readonly<Record<string, Trouble>> = {
  'nothing goes wrong': { pods: PODS },
  'processes begin again': {
    pods: PODS.map((it) => ({ ...it, restarts: [900, 1000, 1800, 2400] })),
  },
  'the canary’s process begins again and again': {
    pods: PODS.map((it) =>
      it.track === 'canary'
        ? { ...it, restarts: Array.from({ length: 30 }, (_, index) => 700 + index * 100) }
        : it,
    ),
  },
  'pods are replaced': {
    pods: [
      usual('primary', 'p0', { to: 1500 }),
      usual('primary', 'p2', { from: 1500 }),
      usual('primary', 'p1'),
      ...[0, 1, 2, 3].map((it) =>
        usual('canary', `c${it}`, {
          from: it === 0 ? BEGINS - 60 : BEGINS + it * 500,
          to: it === 3 ? ENDS : BEGINS + (it + 1) * 500,
        }),
      ),
    ],
  },
  'nobody scrapes for two minutes': {
    pods: PODS,
    unseen: { from: 1500, to: 1620, tracks: both },
  },
  'the canary is not scraped for two minutes': {
    pods: PODS,
    unseen: { from: 1500, to: 1620, tracks: ['canary'] },
  },
  'nobody scrapes for longer than counters are remembered': {
    pods: PODS,
    unseen: { from: 1500, to: 1500 + 1900, tracks: both },
  },
  'the primary is not scraped for longer than counters are remembered': {
    pods: PODS,
    unseen: { from: 1500, to: 1500 + 1900, tracks: ['primary'] },
  },
  'series get another label': { pods: PODS, labelledFrom: 2400 },
};

const QUALITIES: readonly Quality[] = ['good', 'failing', 'slow'];
/** Requests a second to each pod. */
const RATE: Readonly<Record<Track, number>> = { primary: 20, canary: 8 };
/** Two servers that scrape the same pods at other moments. */
const REPLICAS = [0, 7];

/** Counts of requests; a pod's, or all there are. */
interface Count {
  requests: number;
  bad: number;
  slow: number;
}

/** What every pod counted, second by second, and the truth about each interval of the step. */
interface World {
  /** By pod: the counts of its process at each second; undefined while it is not there. */
  readonly counted: ReadonlyMap<Pod, readonly (Count | undefined)[]>;
  readonly truth: Readonly<Record<Track, readonly Count[]>>;
}

function worldOf({ pods }: Trouble, quality: Quality): World {
  const random = seeded(7);
  const intervals = STEP_SECONDS / INTERVAL_SECONDS;
  const zeros = () =>
    Array.from({ length: intervals }, (): Count => ({ requests: 0, bad: 0, slow: 0 }));
  const truth = { canary: zeros(), primary: zeros() };
  const counted = new Map<Pod, (Count | undefined)[]>();
  for (const pod of pods) {
    const isWorse = pod.track === 'canary' ? quality : 'good';
    const rates = {
      bad: isWorse === 'failing' ? 0.02 : 0.001,
      slow: isWorse === 'slow' ? 0.2 : 0.1,
    };
    let count: Count = { requests: 0, bad: 0, slow: 0 };
    const seconds = Array.from({ length: ENDS + SETTLED }, (_, second): Count | undefined => {
      if (second < pod.from || second >= pod.to) return undefined;
      if (pod.restarts?.includes(second)) count = { requests: 0, bad: 0, slow: 0 };
      const interval = truth[pod.track][Math.floor((second - BEGINS) / INTERVAL_SECONDS)];
      for (let it = 0; it < RATE[pod.track]; it++) {
        const [bad = 0, slow = 0] = [rates.bad, rates.slow].map((it) => Number(random.chance(it)));
        for (const one of [count, interval]) {
          if (one === undefined) continue;
          one.requests++;
          one.bad += bad;
          one.slow += slow;
        }
      }
      return { ...count };
    });
    counted.set(pod, seconds);
  }
  return { counted, truth };
}

const WORLDS = new Map<string, World>();

function world(name: string, quality: Quality): World {
  const key = `${name} ${quality}`;
  const found = WORLDS.get(key) ?? worldOf(troubleOf(name), quality);
  WORLDS.set(key, found);
  return found;
}

function troubleOf(name: string): Trouble {
  const found = TROUBLES[name];
  if (found === undefined) throw new Error(`no trouble ${name}`);
  return found;
}

/** What the server must hold besides. @param start Unix seconds of its first sample */
export function verdictHistory(start: number): readonly ContractSeries[] {
  return Object.keys(TROUBLES).flatMap((name) =>
    QUALITIES.flatMap((quality) =>
      REPLICAS.flatMap((phase, replica) => scraped(name, quality, { start, phase, replica })),
    ),
  );
}

function scraped(
  name: string,
  quality: Quality,
  {
    start,
    phase,
    replica,
  }: { readonly start: number; readonly phase: number; readonly replica: number },
): readonly ContractSeries[] {
  const { unseen, labelledFrom = Infinity } = troubleOf(name);
  const all: ContractSeries[] = [];
  for (const [pod, counts] of world(name, quality).counted) {
    const isSeen = (second: number) =>
      unseen === undefined ||
      !unseen.tracks.includes(pod.track) ||
      second < unseen.from ||
      second > unseen.to;
    const times = Array.from(
      { length: (ENDS + SETTLED) / 15 },
      (_, it) =>
        it * 15 + ((phase + [...pod.name].reduce((sum, c) => sum + c.charCodeAt(0), 0)) % 15),
    ).filter(isSeen);
    const series = (
      labels: Readonly<Record<string, string>>,
      pick: (it: Count) => number,
      isThere: (it: Count) => boolean = () => true,
    ) => {
      for (const zone of [false, true]) {
        const samples = times.flatMap((second) => {
          const count = second >= labelledFrom === zone ? counts[second] : undefined;
          const isCounted = count !== undefined && isThere(count);
          return isCounted ? [{ at: start + second, value: pick(count) }] : [];
        });
        const own = { case: caseOf(name, quality, replica), track: pod.track, pod: pod.name };
        const more = zone ? { zone: 'a' } : {};
        if (samples.length > 0)
          all.push({ metric: 'counters', labels: { ...own, ...more, ...labels }, samples });
      }
    };
    series({ code: '200' }, (it) => it.requests - it.bad);
    // A counter is there from its first request on.
    series(
      { code: '503' },
      (it) => it.bad,
      (it) => it.bad > 0,
    );
    series({ le: '100' }, (it) => it.requests - it.slow);
    series({ le: '+Inf' }, (it) => it.requests);
  }
  return all;
}

function caseOf(name: string, quality: Quality, replica: number): string {
  const words = name.replaceAll(/[^a-z]+/g, '-');
  return `${words}-${quality}-${replica}`;
}

/** Asks one server, then the other. */
function alternating(store: MetricStore): MetricStore {
  let turn = 0;
  return {
    ...store,
    growth: ({ selector, by }, points) => {
      const replica = turn++ % REPLICAS.length;
      const matchers = selector.matchers.map(([label, operator, value]) => {
        const own = label === 'case' ? value.replace(/\d$/, String(replica)) : value;
        return [label, operator, own] as const;
      });
      return store.growth({ selector: { ...selector, matchers }, by }, points);
    },
  };
}

const VERDICTS = { good: 'safe', failing: 'worse', slow: 'worse' } as const;

/**
 * That the judge comes to the verdict of the true counts.
 *
 * @param subject the running server, which holds `verdictHistory`; asked for inside the tests only
 */
export function verdictContract(
  subject: () => Pick<MetricsUnderTest, 'address' | 'open' | 'start' | 'queries'>,
): void {
  describe.each(Object.keys(TROUBLES))('where %s', (name) => {
    test.each(QUALITIES)(
      'a %s canary is judged by the requests that there were',
      async (quality) => {
        const { truth } = world(name, quality);
        const { start, open, address } = subject();
        const tests = testsOf(caseOf(name, quality, 0), subject().queries.counters);
        const it = rolloutOf(tests, start);
        const told = await proofOf(it, open(address), start);
        const alternate = await proofOf(it, alternating(open(address)), start);
        const verdict = VERDICTS[quality];
        expect(verdictOf(trueProof(it, tests, truth, start))).toBe(verdict);
        expect(verdictOf(told)).toBe(verdict);
        expect(verdictOf(alternate)).toBe(verdict);
        for (const { canary, other } of told.tests) {
          const most = (of: readonly Count[]) => of.reduce((sum, it) => sum + it.requests, 0);
          // Nothing is counted twice; a scrape's time is not exactly an interval's end.
          expect(canary.requests).toBeLessThanOrEqual(most(truth.canary) + 15 * RATE.canary);
          expect(other.requests).toBeLessThanOrEqual(most(truth.primary) + 30 * RATE.primary);
          // A gap of two minutes costs no more than those.
          const least = name.includes('remembered') ? 0.4 : 0.9;
          expect(canary.requests).toBeGreaterThan(least * most(truth.canary));
        }
      },
    );
  });
}

function verdictOf({ blame, isSafe }: Proof): 'worse' | 'safe' | 'not sure' {
  if (blame !== undefined) return 'worse';
  return isSafe ? 'safe' : 'not sure';
}

function rolloutOf(tests: readonly Test[], start: number): Rollout {
  const at = isoTime(start + BEGINS);
  const plan = tested(evidence(tests), ['02-weight-20']);
  return rollout(situation({ position: step('02-weight-20'), plan, state: { at } }));
}

function testsOf(name: string, metric: string): readonly Test[] {
  const selector = (
    track: Track,
    more: readonly (readonly [string, '=' | '=~' | '!=', string])[],
  ) => ({
    metric,
    matchers: [['case', '=', name] as const, ['track', '=', track] as const, ...more],
  });
  const errors = (track: Track): Counters => ({
    kind: 'errors',
    requests: selector(track, [['code', '!=', '']]),
    failures: { kind: 'sum', bad: [selector(track, [['code', '=~', '5.*']])] },
  });
  const durations = (track: Track): Counters => ({
    kind: 'durations',
    unit: 'ms',
    buckets: selector(track, [['le', '!=', '']]),
  });
  const capped = { capped: true, share: 0.5 };
  return [
    errorTest({ ...capped, counts: { canary: errors('canary'), primary: errors('primary') } }),
    latencyTest({
      ...capped,
      counts: { canary: durations('canary'), primary: durations('primary') },
    }),
  ];
}

async function proofOf(of: Rollout, store: MetricStore, start: number): Promise<Proof> {
  const now = start + ENDS + SETTLED;
  const world = { metrics: new Map([['default', store]]), clock: () => now };
  const live = liveSince(start + BEGINS);
  const { counts } = await askCounts(world, of, live, now);
  const proof = prove(of, counts, live);
  if (proof === undefined) throw new Error('no test is weighed');
  if (proof.trouble !== undefined) throw new Error(proof.trouble);
  return proof;
}

function trueProof(
  of: Rollout,
  tests: readonly Test[],
  truth: World['truth'],
  start: number,
): Proof {
  const grid = { start: start + BEGINS, end: start + ENDS, stepSeconds: INTERVAL_SECONDS };
  const series = (
    track: Track,
    labels: Readonly<Record<string, string>>,
    pick: (it: Count) => number,
  ) => ({
    labels,
    samples: [
      { at: grid.start, value: 0 },
      ...truth[track].map((it, index) => ({
        at: grid.start + (index + 1) * INTERVAL_SECONDS,
        value: pick(it),
      })),
    ],
  });
  const counts = tests.map((test) => {
    const of = (track: Track) => ({
      kind: 'known' as const,
      value:
        test.counts.canary.kind === 'errors'
          ? [[series(track, {}, (it) => it.requests)], [series(track, {}, (it) => it.bad)]]
          : [
              [
                series(track, { le: '100' }, (it) => it.requests - it.slow),
                series(track, { le: '+Inf' }, (it) => it.requests),
              ],
            ],
    });
    const bounds = test.counts.canary.kind === 'errors' ? [] : [{ le: 100, share: 0.1 }];
    return { test, at: grid.end, grid, bounds, canary: of('canary'), other: of('primary') };
  });
  const proof = prove(of, counts, liveSince(start + BEGINS));
  if (proof === undefined) throw new Error('no test is weighed');
  return proof;
}
