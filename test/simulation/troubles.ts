import type { PlanTree } from '../../analyzer/core/position.ts';
import type { Random } from '../../analyzer/simulated/random.ts';
import type { Break, Faults, Outage, Refusal } from './faults.ts';
import type { Blobs } from './plans.ts';
import { someRefusal } from './refusals.ts';

/** What a story is about, as far as its troubles depend on it. */
export interface Plot {
  /** Unix seconds of its first release. */
  readonly start: number;
  /** Every release in its order. */
  readonly releases: readonly {
    readonly at: number;
    readonly version: string;
    readonly trees: readonly PlanTree[];
  }[];
  readonly blobs: Blobs;
}

type Troubles = Partial<Faults>;

/** What goes wrong around a rollout that is neither a bad version nor a silent source: at most a few things at once. */
export function someTroubles(random: Random, plot: Plot): Troubles {
  const candidate = { ...refusals(random, plot), ...breaks(random, plot) };
  const gitDown = some(random, plot, 0.2);
  const pushRefused = some(random, plot, 0.2);
  const troubles = {
    ...candidate,
    gitDown,
    someMetrics: some(random, plot, 0.25).map((it) => ({
      ...it,
      query: random.pick([/^latency|^own/, /^success|^q/]),
    })),
    someObjects: some(random, plot, 0.2).map((it) => ({
      ...it,
      objects: random.pick(['Deployment', 'VirtualService', 'Kustomization', 'Service'] as const),
    })),
    deleting: some(random, plot, 0.15).map((it) => ({
      ...it,
      objects: random.pick(['VirtualService', 'Service', 'HorizontalPodAutoscaler'] as const),
    })),
  };
  const environment = some(random, plot, 0.25);
  return { ...troubles, environment, pushRefused: [...pushRefused, ...races(random, plot)] };
}

/** Others push as well: now and then one of them is faster. */
function races(random: Random, { start }: Plot): Outage[] {
  const count = random.chance(0.5) ? random.between(3, 8) : 0;
  return Array.from({ length: count }, () => {
    const begins = start + random.between(100, 1500);
    return { start: begins, end: begins + random.pick([10, 20, SHORT] as const) };
  });
}

/** Seconds that a push may be refused for because others are faster. */
export const SHORT = 30;

function some(random: Random, { start, releases }: Plot, probability: number): Outage[] {
  if (!random.chance(probability)) return [];
  const last = releases.at(-1)?.at ?? start;
  const begins = random.between(start + 60, last + 400);
  return [{ start: begins, end: begins + random.pick([15, 40, 120, 400] as const) }];
}

/** A candidate of which the cluster refuses something, for ever or for a while. */
function refusals(random: Random, { start, releases, blobs }: Plot): Troubles {
  if (!random.chance(0.35)) return {};
  const fresh = releases.filter((it) => it.version !== 'v1');
  const [first, ...rest] = fresh;
  if (first === undefined) return {};
  const subject = random.pick([first, ...rest]);
  const begins = random.chance(0.75) ? start : subject.at + random.between(20, 200);
  const ends = random.chance(0.6) ? Infinity : subject.at + random.pick([60, 200, 500] as const);
  const found = someRefusal(random, subject, blobs, { start: begins, end: ends });
  const all: readonly Refusal[] = found === undefined ? [] : [found];
  return { refusals: all, tool: random.pick(['flux', 'argo-cd'] as const) };
}

/** Pods of the stable version, or of the primaries, that are not ready before the rollout begins, or break in it. */
function breaks(random: Random, { start, releases }: Plot): Troubles {
  const rollout = releases[1];
  if (rollout === undefined || !random.chance(0.3)) return {};
  const begins = random.chance(0.5)
    ? Math.max(start + 100, rollout.at - random.between(10, 100))
    : rollout.at + random.between(10, 300);
  const lasts = random.chance(0.4) ? Infinity : random.pick([30, 150, 400] as const);
  const found: Break = {
    start: begins,
    end: begins + lasts,
    pods: random.pick(['some', 'all'] as const),
    version: random.chance(0.6) ? 'v1' : undefined,
  };
  return { breaks: [found] };
}
