import type { Destination } from '../../lib/traffic/reach.ts';
import type { ObjectStore } from './object-store.ts';
import { rulesOf } from './reach.ts';
import type { Workloads } from './workloads.ts';

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
  /** Whose traffic: its name is that of its route and its Service. */
  readonly release: { readonly namespace: string; readonly name: string };
  /** How an image behaves at a share of all traffic. */
  readonly behaviour: (image: string, percent: number) => Behaviour;
}

/** Users' requests, and how they went. */
export interface Traffic {
  /** Lets users send requests for the time since the last beat. */
  beat(): void;
  /** What the requests to a workload were like in a window; undefined without any. */
  seen(workload: string, window: Window): Seen | undefined;
}

/** A span of time, without its start; Unix seconds. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

/** Means over some requests. */
export interface Seen extends Behaviour {
  readonly requests: number;
}

/** Requests in a second that all users together send. */
const REQUESTS = 40;
/** Percent of them that have what a rule asks for: insiders, testers, users who come back. */
const ASKED_PERCENT = 25;

interface Scrape extends Behaviour {
  readonly at: number;
  readonly workload: string;
  readonly requests: number;
}

/** Splits requests as the routes and Services in the cluster say, and remembers how they went. */
export function playTraffic(options: TrafficOptions): Traffic {
  const { store, clock, release } = options;
  const { namespace, name } = release;
  const scrapes: Scrape[] = [];
  let last = clock();

  function pods(workload: string): readonly string[] {
    return options.workloads.running(namespace, workload);
  }

  /** Percent by workload, users' requests and copies alike. */
  function percents(): ReadonlyMap<string, number> {
    const own = store.list().filter((it) => namespaceOf(it) === namespace);
    const rules = rulesOf(own, name);
    const found = new Map<string, number>();
    const give = (to: Destination, percent: number) => {
      const all = to.workloads.reduce((sum, it) => sum + pods(it).length, 0);
      for (const it of to.workloads)
        found.set(it, (found.get(it) ?? 0) + (all === 0 ? 0 : (percent * pods(it).length) / all));
    };
    for (const [index, { to, copies }] of rules.entries()) {
      const share = shareOf(index, rules.length);
      const total = to.reduce((sum, it) => sum + it.weight, 0);
      for (const it of to) give(it, total === 0 ? 0 : (share * it.weight) / total);
      for (const it of copies) give(it, (share * it.weight) / 100);
    }
    return found;
  }

  function scrape(workload: string, percent: number, seconds: number): void {
    const now = clock();
    const images = pods(workload);
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
      for (const [workload, percent] of percents()) scrape(workload, percent, seconds);
    },
    seen(workload, { from, to }) {
      const own = scrapes.filter((it) => it.workload === workload && it.at > from && it.at <= to);
      const requests = own.reduce((sum, it) => sum + it.requests, 0);
      if (requests === 0) return undefined;
      const mean = (metric: keyof Behaviour) =>
        own.reduce((sum, it) => sum + it[metric] * it.requests, 0) / requests;
      return { requests, successRate: mean('successRate'), latencyP99Ms: mean('latencyP99Ms') };
    },
  };
}

/** What rules ask for is rare; all else is for the last one. */
function shareOf(index: number, count: number): number {
  if (count === 1) return 100;
  return index === count - 1 ? 100 - ASKED_PERCENT : ASKED_PERCENT / (count - 1);
}

function namespaceOf(object: Readonly<Record<string, unknown>>): unknown {
  return (object.metadata as { readonly namespace?: string } | undefined)?.namespace;
}

/** Between -1 and 1, looks random, and is the same in every run. */
function noise(now: number, salt: number): number {
  let bits = Math.imul(Math.floor(now) ^ Math.imul(salt, 0x9e3779b1), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 31 - 1;
}
