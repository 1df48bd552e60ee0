import type { Cluster } from '../../analyzer/cluster/cluster.ts';
import type { ObjectReading, ObjectRef } from '../../analyzer/core/cluster/reading.ts';
import type { Sample } from '../../analyzer/core/judge/series.ts';
import { isoTime } from '../../analyzer/core/state.ts';
import type { MetricStores } from '../../analyzer/metrics/store.ts';
import type { Manifest } from '../../analyzer/simulated/server-side-apply.ts';
import { replicasOf } from '../../analyzer/simulated/workloads.ts';
import { isWorkload, type Rule } from '../../lib/traffic/reach.ts';
import { oneStore } from '../one-store.ts';
import { hits } from './breaks.ts';
import { createCounters, type Flow, type Grown, type Tally, type Traffic } from './counters.ts';
import { type Faults, isMiscounted, type Outage, within } from './faults.ts';
import type { Blobs } from './plans.ts';
import {
  type Behaviour,
  type Held,
  isDown,
  isReady,
  isRecreated,
  jobEnd,
  keyOf,
  type Serving,
  servingOf,
  shown,
  USUAL_FAILING,
} from './pods.ts';
import { createSync, EDITED, type Live, refuses } from './sync.ts';

/** A cluster, its sync and its traffic over fake time. */
export interface World {
  readonly cluster: Cluster;
  readonly metrics: MetricStores;
  /** Lets the world act up to `now`. */
  advance(now: number, all: readonly Live[]): void;
  /** The truth about a point: what the check's value is, whoever asks and whenever. */
  truth(at: number, workload: string): number | undefined;
  /** What a client is told now about the newest settled point; undefined while it is told nothing. */
  seen(now: number, workload: string): number | undefined;
  /** Whether the metric store tells nothing now, or nothing that can be placed in time. */
  isSilent(now: number): boolean;
  /** Whether the metric store gives no answer to a query now. */
  isUnanswered(query: string, now: number): boolean;
  /** Whether the cluster does not take an object now. */
  refuses(object: Manifest, now: number): boolean;
  /** Since when all files of a release's newest commit are applied; undefined while they are not. */
  appliedSince(id: string): number | undefined;
  isReady(workload: string, now: number): boolean;
  /** Where requests to a release go now. */
  rules(id: string): readonly Rule[];
  /** Whether a release has brought a workload. */
  isOurs(workload: string): boolean;
  /** Whether somebody's edit in the cluster still stands. */
  isEdited(): boolean;
  /** Requests of users that nobody could answer since the last question, with the time. */
  unserved(): readonly string[];
  /** Images that a workload's pods serve with. */
  images(workload: string, now: number): readonly string[];
  /** Blob ids of the objects that a release has brought, by `<kind>/<name>`. */
  holds(id: string): ReadonlyMap<string, string>;
  /** Whether pods of a workload were broken at a time, or shortly before it. */
  wasBroken(workload: string, at: number): boolean;
  /** Whether users get errors whatever answers them, or got them shortly before. */
  isDisturbed(at: number): boolean;
  /** What became of a Job of that name; undefined where there is none. */
  job(name: string, now: number): ReturnType<typeof jobEnd> | undefined;
  /** What became of all requests to a workload in (from, to]; nothing where none is counted. */
  counted(workload: string, from: number, to: number): Tally;
  /** Whether counters lacked something in a span of time, or could not be placed in time. */
  isMiscounted(from: number, to: number): boolean;
  /** Edits the weight in the cluster by hand; the sync brings it back. */
  editWeight(now: number, canary: number): void;
}

/** What one workload got from one moment on. */
interface Load {
  /** Percent of the requests, or of copies of them. */
  readonly percent: number;
  readonly serving: readonly Serving[];
}

interface Moment {
  readonly at: number;
  readonly loads: ReadonlyMap<string, Load>;
}

const WINDOW = 30;
const FLAKY_SECONDS = 12;
/** Percent of the requests that have what a rule asks for. */
const ASKED_PERCENT = 25;

/** What a world is made of. */
export interface WorldOptions {
  readonly blobs: Blobs;
  readonly behaviours: ReadonlyMap<string, Behaviour>;
  readonly faults: Faults;
  /** Objects that no release brings, ready since ever. */
  readonly outside: readonly Manifest[];
  /** How requests, or work, reach the pods of a release. */
  readonly reach: (
    objects: readonly Manifest[],
    id: string,
    runs: (workload: string) => boolean,
  ) => readonly Rule[];
  /** Requests that are counted. @default - none is */
  readonly traffic?: Traffic | undefined;
  /** How growth is made of what the store has seen. @default - as it should be */
  readonly grownBy?: Grown | undefined;
}

export function createWorld(options: WorldOptions): World {
  const { blobs, behaviours, faults, outside, reach, traffic, grownBy } = options;
  const held = new Map<string, Held>();
  const sync = createSync({ blobs, behaviours, faults, held });
  const counters = traffic && createCounters(traffic, faults, grownBy);
  const moments: Moment[] = [];
  const past = new Map<string, number | undefined>();
  const complaints: string[] = [];
  let rules = new Map<string, readonly Rule[]>();
  let now = 0;
  for (const object of outside)
    held.set(keyOf(object), {
      owner: '',
      object,
      oid: '',
      appliedAt: 0,
      generation: 1,
      readyAt: 0,
      carried: [],
      breaks: [],
    });

  /** Notes who gets what from now on, and who gets no answer. */
  function settle(at: number): void {
    counters?.until(at, flows);
    const objects = [...held.values()].map((it) => it.object);
    const runs = (name: string) => servingNow(name, at).length > 0;
    rules = new Map(sync.ids().map((id) => [id, reach(objects, id, runs)]));
    const percents = new Map<string, number>();
    for (const [id, all] of rules)
      for (const [index, rule] of all.entries()) {
        const asked = all.length - 1;
        const share =
          index < asked ? ASKED_PERCENT / asked : asked === 0 ? 100 : 100 - ASKED_PERCENT;
        for (const [name, percent] of split(rule, share, at)) {
          percents.set(name, (percents.get(name) ?? 0) + percent);
          if (name === NOBODY && !sync.isEdited())
            complaints.push(`${id} at ${at}: ${JSON.stringify(rule)}`);
        }
      }
    const loads = new Map<string, Load>();
    for (const [name, percent] of percents)
      loads.set(name, { percent: Math.min(100, percent), serving: servingNow(name, at) });
    moments.push({ at, loads });
  }

  /** What workloads get as things are. */
  function flows(at: number): readonly Flow[] {
    return [...(moments.at(-1)?.loads ?? [])].flatMap(([name, load]): Flow[] => {
      const generation = workload(name)?.generation;
      if (generation === undefined) return [];
      const isDisturbed = within(faults.environment, at) || isBad(load, at);
      const failing = Math.max(failingOf(load), isDisturbed ? 0.2 : 0);
      const slow = mean(load, (it) => it.slow ?? 1);
      return [{ workload: name, generation, percent: load.percent, failing, slow }];
    });
  }

  function failingOf(load: Load): number {
    return mean(load, (it) => it.failing ?? USUAL_FAILING);
  }

  function mean({ serving }: Load, of: (it: Partial<Behaviour>) => number): number {
    return serving.reduce((sum, it) => sum + it.portion * of(behaviours.get(it.image) ?? {}), 0);
  }

  /** Percent by workload; requests that find no pod go to nobody. */
  function split(rule: Rule, share: number, at: number): readonly [string, number][] {
    const total = rule.to.reduce((sum, it) => sum + it.weight, 0);
    const users = rule.to.flatMap((it): [string, number][] => {
      if (it.weight === 0) return [];
      const part = (share * it.weight) / total;
      const up = it.workloads.filter((name) => servingNow(name, at).length > 0);
      const pods = up.reduce((sum, name) => sum + replicasNow(name), 0);
      if (up.length === 0)
        return it.workloads.some((name) => mayStop(name, at)) ? [] : [[NOBODY, part]];
      return up.map((name) => [name, (part * replicasNow(name)) / pods]);
    });
    const copies = rule.copies.flatMap(({ workloads, weight }): [string, number][] =>
      workloads.map((name) => [name, (share * weight) / 100]),
    );
    return [...users, ...copies];
  }

  function workload(name: string): Held | undefined {
    return held.get(`Deployment/${name}`) ?? held.get(`StatefulSet/${name}`);
  }

  function servingNow(name: string, at: number): readonly Serving[] {
    const it = workload(name);
    return it === undefined ? [] : servingOf(it, at);
  }

  function replicasNow(name: string): number {
    const it = workload(name);
    return it === undefined ? 0 : replicasOf(it.object);
  }

  /**
   * A strategy that stops all pods before it starts others says that nobody is served between; of pods that break,
   * nobody was asked.
   */
  function mayStop(name: string, at: number): boolean {
    const it = workload(name);
    if (it === undefined) return false;
    return isRecreated(it.object) || isDown(it, at) || (it.lost === true && it.readyAt > at);
  }

  /** When something begins or ends by itself. */
  const turns = [...faults.breaks, ...faults.deleting].flatMap((it) => [it.start, it.end]);

  function truth(at: number, name: string): number | undefined {
    const key = `${name} ${at}`;
    if (at >= now) return truthOf(at, name);
    // What is past never changes.
    if (!past.has(key)) past.set(key, truthOf(at, name));
    return past.get(key);
  }

  function truthOf(at: number, name: string): number | undefined {
    if (within(faults.metricsNaN, at)) return Number.NaN;
    const seen: Load[] = [];
    for (let index = moments.length - 1; index >= 0; index--) {
      const it = moments[index];
      if ((moments[index + 1]?.at ?? Infinity) <= at - WINDOW) break;
      const load = it !== undefined && it.at <= at ? it.loads.get(name) : undefined;
      if (load !== undefined && load.serving.length > 0) seen.push(load);
    }
    if (seen.length === 0 || within(faults.metricsGap, at)) return undefined;
    if (faults.environment.some((it) => reaches(it, at))) return 80;
    if (seen.some((it) => isBad(it, at))) return 80;
    return 100 - 100 * Math.max(...seen.map(failingOf));
  }

  function isSilent(at: number): boolean {
    return within([...faults.skew, ...faults.metricsDown, ...faults.someMetrics], at);
  }

  function isUnanswered(query: string, at: number): boolean {
    const some = faults.someMetrics.filter((it) => it.query.test(query));
    return within([...faults.metricsDown, ...some], at);
  }

  /** By how much the store's clock is ahead. */
  function aheadBy(): number {
    return faults.skew.find((it) => within([it], now))?.seconds ?? 0;
  }

  function isBad({ percent, serving }: Load, at: number): boolean {
    return serving.some(({ image, portion }) => {
      const { badFrom = 101, flakyEvery } = behaviours.get(image) ?? {};
      const isFlaky = flakyEvery !== undefined && at % flakyEvery < FLAKY_SECONDS;
      return percent * portion >= badFrom || isFlaky;
    });
  }

  function read(ref: ObjectRef): ObjectReading {
    if (faults.someObjects.some((it) => it.objects === ref.kind && within([it], now)))
      return { kind: 'unknown', reason: `${ref.kind}: etcdserver: request timed out` };
    if (ref.kind === 'Kustomization' || ref.kind === 'Application')
      return { kind: 'found', object: sync.object(ref.kind, ref.name) };
    const it = held.get(`${ref.kind}/${ref.name}`);
    if (it === undefined) return { kind: 'absent' };
    const object = shown(it, behaviours, now);
    if (deletionOf(ref.kind) === undefined) return { kind: 'found', object };
    const metadata = { ...(object.metadata as Manifest), deletionTimestamp: isoTime(now) };
    return { kind: 'found', object: { ...object, metadata } };
  }

  function deletionOf(kind: string): Outage | undefined {
    return faults.deleting.find((it) => it.objects === kind && within([it], now));
  }

  /** What finalizers have let go is made again at once. */
  function makeAgain(kind: string, at: number): void {
    for (const [key, it] of held)
      if (it.object.kind === kind && it.owner !== '') held.set(key, { ...it, appliedAt: at });
  }

  return {
    cluster: {
      read: async (refs) =>
        within(faults.apiDown, now)
          ? { kind: 'unknown', reason: 'the API server is down' }
          : { kind: 'known', value: { objects: refs.map(read), serverTime: now } },
    },
    metrics: oneStore({
      kind: 'played',
      growth: async (question, points) => {
        const { metric } = question.selector;
        if (counters === undefined || isUnanswered(metric, now))
          return { kind: 'unknown', reason: `the counter ${metric} was not read` };
        const ahead = aheadBy();
        const series = counters.growth(question, points, { now, ahead });
        return { kind: 'known', value: { series, serverTime: now + ahead } };
      },
      values: async ({ query }, { start, end, stepSeconds }) => {
        if (within(faults.metricsDown, now))
          return { kind: 'unknown', reason: 'the metric store is down' };
        if (isUnanswered(query, now))
          return { kind: 'unknown', reason: 'answered with warnings: a store was not reached' };
        const ahead = aheadBy();
        const samples: Sample[] = [];
        for (let at = start; at <= end; at += stepSeconds) {
          const value = truth(at - ahead, asked(query));
          if (value !== undefined) samples.push({ at, value });
        }
        return { kind: 'known', value: { samples, serverTime: now + ahead } };
      },
    }),
    advance(time, all) {
      let clock = now;
      now = time;
      const due = sync.due(time, all);
      for (;;) {
        const changes = [...held.values()].map(({ readyAt }) => readyAt);
        const later = [...changes, ...turns].filter((it) => it > clock);
        const next = Math.min(...later, ...due.map((it) => it.at));
        if (next > time) break;
        for (const it of due.filter((one) => one.at === next)) {
          sync.attempt(it);
          due.splice(due.indexOf(it), 1);
        }
        for (const it of faults.deleting) if (it.end === next) makeAgain(it.objects, next);
        clock = next;
        settle(next);
      }
      counters?.until(time, flows);
    },
    truth,
    isSilent,
    isUnanswered,
    refuses: (object, at) => refuses(faults.refusals, object, at),
    seen: (at, name) => (isSilent(at) ? undefined : truth(at - 5, name)),
    appliedSince: (id) => {
      const since = sync.appliedSince(id);
      const kinds = [...held.values()].flatMap((it) => (it.owner === id ? it.object.kind : []));
      const deleted = faults.deleting.filter((it) => kinds.includes(it.objects));
      if (since === undefined || within(deleted, now)) return undefined;
      // Whoever makes the routes again starts the bake again.
      const routes = deleted.filter((it) => it.objects === 'VirtualService');
      return Math.max(since, ...routes.map((it) => it.end).filter((it) => it <= now));
    },
    isReady: (name, at) => isReady(workload(name), at),
    rules: (id) => rules.get(id) ?? [],
    isOurs: (name) => (workload(name)?.owner ?? '') !== '',
    isEdited: () => sync.isEdited(),
    unserved: () => complaints.splice(0),
    images: (name, at) => servingNow(name, at).map((it) => it.image),
    holds: (id) =>
      new Map([...held].flatMap(([key, it]) => (it.owner === id ? [[key, it.oid]] : []))),
    wasBroken: (name, at) => {
      const it = workload(name);
      return (
        it !== undefined && faults.breaks.some((one) => reaches(one, at) && hits(one, it.object))
      );
    },
    isDisturbed: (at) => faults.environment.some((it) => reaches(it, at)),
    job: (name, at) => {
      const it = held.get(`Job/${name}`);
      return it === undefined ? undefined : jobEnd(it, behaviours, at);
    },
    counted: (name, from, to) => counters?.truth(name, from, to) ?? { requests: 0, failures: 0 },
    isMiscounted: (from, to) => isMiscounted(faults, from, to),
    editWeight(at, canary) {
      const it = held.get('VirtualService/app');
      if (it === undefined) return;
      const copy = structuredClone(it.object) as {
        spec: { http: { route: { weight?: number }[] }[] };
      };
      const [primary, other] = copy.spec.http.at(-1)?.route ?? [];
      // An edit that changes nothing leaves no trace.
      if (primary === undefined || other === undefined || other.weight === canary) return;
      primary.weight = 100 - canary;
      other.weight = canary;
      held.set('VirtualService/app', { ...it, oid: EDITED, object: copy as unknown as Manifest });
      sync.touch();
      settle(at);
    },
  };
}

const NOBODY = 'nobody';

/** Whether a point's window meets a span. */
function reaches({ start, end }: Outage, at: number): boolean {
  return start <= at && at - WINDOW < end;
}

/** The workload that a check asks about; hand-made plans ask about the one canary there is. */
function asked(query: string): string {
  return /workload="([^"]+)"/.exec(query)?.[1] ?? 'app-canary';
}

/** What runs a release's pods, of some objects. */
export function workloadsOf(objects: readonly Manifest[]): readonly Manifest[] {
  return objects.filter(isWorkload);
}
