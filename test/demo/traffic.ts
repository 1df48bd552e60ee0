import { at } from '../../analyzer/core/liveness.ts';
import type { ObjectStore } from '../embedded/object-store.ts';
import type { Workloads } from '../embedded/workloads.ts';

/** How one version behaves under load. */
export interface Behaviour {
  /** Percent of requests that succeed. */
  readonly successRate: number;
  readonly latencyP99Ms: number;
}

/** What the synthetic traffic is made of. */
export interface TrafficOptions {
  readonly store: ObjectStore;
  readonly workloads: Workloads;
  /** Unix seconds. */
  readonly clock: () => number;
  /** Whose traffic: its name is the VirtualService's, and with a suffix the Deployments'. */
  readonly release: { readonly namespace: string; readonly name: string };
  /** How an image behaves at a share of all traffic. */
  readonly behaviour: (image: string, percent: number) => Behaviour;
}

/** Users' requests, and what a metric store knows of them. */
export interface Traffic {
  /** Lets users send requests for the time since the last beat. */
  beat(): void;
  /**
   * The value of one of Perch's Istio queries at a moment; undefined without requests in its window.
   *
   * @throws Error for any other query
   */
  answer(query: string, atSeconds: number): number | undefined;
}

/** Requests in a second that all users together send. */
const REQUESTS = 40;

interface Scrape extends Behaviour {
  readonly at: number;
  readonly workload: string;
  readonly requests: number;
}

/** Splits requests as the VirtualService in the cluster says, and remembers how they went. */
export function playTraffic(options: TrafficOptions): Traffic {
  const { store, clock, release } = options;
  const scrapes: Scrape[] = [];
  let last = clock();

  function scrape(track: 'primary' | 'canary', percent: number, seconds: number): void {
    const workload = `${release.name}-${track}`;
    const now = clock();
    const images = options.workloads.running(release.namespace, workload);
    const image = images[Math.floor(now / 10) % images.length];
    const requests = (REQUESTS * seconds * percent) / 100;
    // Without a pod nobody counts the requests: a destination's own proxy would.
    if (requests === 0 || image === undefined) return;
    const is = options.behaviour(image, percent);
    scrapes.push({
      at: now,
      workload,
      requests,
      successRate: Math.min(100, is.successRate + noise(now, 1) * 0.06),
      latencyP99Ms: is.latencyP99Ms * (1 + noise(now, 2) * 0.06),
    });
  }

  return {
    beat() {
      const seconds = clock() - last;
      last = clock();
      const weights = weightsOf(store, release);
      for (const track of ['primary', 'canary'] as const) scrape(track, weights[track], seconds);
    },
    answer(query, atSeconds) {
      const { workload, windowSeconds, metric } = understand(query);
      const seen = scrapes.filter(
        (it) => it.workload === workload && it.at > atSeconds - windowSeconds && it.at <= atSeconds,
      );
      const requests = seen.reduce((sum, it) => sum + it.requests, 0);
      if (requests === 0) return undefined;
      return seen.reduce((sum, it) => sum + it[metric] * it.requests, 0) / requests;
    },
  };
}

/** Percent for each track, as the cluster routes now. */
function weightsOf(
  store: ObjectStore,
  { namespace, name }: TrafficOptions['release'],
): Readonly<Record<'primary' | 'canary', number>> {
  const apiVersion = 'networking.istio.io/v1';
  const service = store.get({ apiVersion, kind: 'VirtualService', namespace, name });
  const routes = at(service, '/spec/http/0/route');
  const weight = (track: 'primary' | 'canary') => {
    const all: readonly unknown[] = Array.isArray(routes) ? routes : [];
    const own = all.filter((it) => at(it, '/destination/host') === `${name}-${track}`);
    return own.reduce((sum: number, it) => sum + Number(at(it, '/weight') ?? 0), 0);
  };
  return { primary: weight('primary'), canary: weight('canary') };
}

const METRICS = {
  istio_requests_total: 'successRate',
  istio_request_duration_milliseconds_bucket: 'latencyP99Ms',
} as const;

interface Understood {
  readonly workload: string;
  readonly windowSeconds: number;
  readonly metric: (typeof METRICS)[keyof typeof METRICS];
}

/** Reads the few queries that Perch's checks render to; PromQL as a whole is not spoken here. */
function understand(query: string): Understood {
  const name = Object.keys(METRICS).find((it) => query.includes(it));
  const workload = /destination_workload=~?"([^"]+)"/.exec(query)?.[1];
  const window = /\[(\d+)s\]/.exec(query)?.[1];
  if (name === undefined || workload === undefined || window === undefined)
    throw new Error(`the demo's metric store does not know the query ${query}`);
  const metric = METRICS[name as keyof typeof METRICS];
  return { workload, windowSeconds: Number(window), metric };
}

/** Between -1 and 1, looks random, and is the same in every run. */
function noise(now: number, salt: number): number {
  let bits = Math.imul(Math.floor(now) ^ Math.imul(salt, 0x9e3779b1), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 31 - 1;
}
