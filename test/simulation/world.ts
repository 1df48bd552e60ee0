import { parse } from 'yaml';
import type { Cluster } from '../../analyzer/cluster/cluster.ts';
import type { ObjectReading, ObjectRef, Sample } from '../../analyzer/core/observation.ts';
import type { FileSet } from '../../analyzer/core/position.ts';
import type { MetricProvider } from '../../analyzer/metrics/provider.ts';
import { isWorkload, type Rule, replicasOf, rulesOf } from '../embedded/reach.ts';
import type { Manifest } from '../embedded/server-side-apply.ts';
import type { Blobs } from './plans.ts';
import {
  type Behaviour,
  type Held,
  isReady,
  isRecreated,
  jobEnd,
  keyOf,
  replaced,
  type Serving,
  servingOf,
  shown,
} from './pods.ts';

/** A span of time in which something is out of order; Unix seconds. */
export interface Outage {
  readonly start: number;
  readonly end: number;
}

/** How the world misbehaves. */
export interface Faults {
  readonly metricsDown: readonly Outage[];
  /** Samples in these spans are NaN for ever. */
  readonly metricsNaN: readonly Outage[];
  /** Samples in these spans are missing for ever. */
  readonly metricsGap: readonly Outage[];
  readonly apiDown: readonly Outage[];
  /** Seconds that the metric store's clock is ahead, while the span lasts. */
  readonly skew: readonly (Outage & { readonly seconds: number })[];
  /** Seconds from commit to sync. */
  readonly syncLag: number;
  /** Whether a sync object tells which commit is applied. */
  readonly syncTells: boolean;
}

/** What Git says of one release. */
export interface Live {
  readonly id: string;
  readonly files: FileSet;
  /** Unix seconds. */
  readonly committedAt: number;
  readonly revision: string;
}

/** A cluster, its sync and its traffic over fake time. */
export interface World {
  readonly cluster: Cluster;
  readonly metrics: MetricProvider;
  /** Lets the world act up to `now`. */
  advance(now: number, all: readonly Live[]): void;
  /** The truth about a point: what the check's value is, whoever asks and whenever. */
  truth(at: number, workload: string): number | undefined;
  /** What a client is told now about the newest settled point; undefined while it is told nothing. */
  seen(now: number, workload: string): number | undefined;
  /** Whether the metric store tells nothing now, or nothing that can be placed in time. */
  isSilent(now: number): boolean;
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
  /** What became of a Job of that name; undefined where there is none. */
  job(name: string, now: number): ReturnType<typeof jobEnd> | undefined;
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

/** Objects by blob id, for all worlds: a blob never changes. */
const parsed = new Map<string, Manifest>();

/** The object in a file. */
export function objectOf(oid: string, blobs: Blobs): Manifest {
  const text = blobs.get(oid) ?? '{}';
  const found = parsed.get(oid) ?? (text.startsWith('{') ? JSON.parse(text) : parse(text));
  parsed.set(oid, found);
  return found;
}

/** @param outside objects that no release brings, ready since ever */
export function createWorld(
  blobs: Blobs,
  behaviours: ReadonlyMap<string, Behaviour>,
  faults: Faults,
  outside: readonly Manifest[] = [],
): World {
  const held = new Map<string, Held>();
  const applied = new Map<string, { key: string; at: number; revision: string }>();
  const wanted = new Map<string, string>();
  const moments: Moment[] = [];
  const past = new Map<string, number | undefined>();
  const complaints: string[] = [];
  let rules = new Map<string, readonly Rule[]>();
  let now = 0;
  let dirty = false;
  for (const object of outside)
    held.set(keyOf(object), {
      owner: '',
      object,
      oid: '',
      appliedAt: 0,
      generation: 1,
      readyAt: 0,
      carried: [],
    });

  function apply({ id, files }: Live, at: number): void {
    const there = new Set<string>();
    for (const { oid } of files.values()) {
      const object = objectOf(oid, blobs);
      const key = keyOf(object);
      there.add(key);
      const old = held.get(key);
      if (old?.oid !== oid || dirty)
        held.set(key, replaced(old, { owner: id, object, oid }, behaviours, at));
    }
    for (const [key, { owner }] of held) if (owner === id && !there.has(key)) held.delete(key);
    dirty = false;
  }

  /** Notes who gets what from now on, and who gets no answer. */
  function settle(at: number): void {
    const objects = [...held.values()].map((it) => it.object);
    rules = new Map([...wanted.keys()].map((id) => [id, rulesOf(objects, id)]));
    const percents = new Map<string, number>();
    for (const [id, all] of rules)
      for (const [index, rule] of all.entries()) {
        const asked = all.length - 1;
        const share =
          index < asked ? ASKED_PERCENT / asked : asked === 0 ? 100 : 100 - ASKED_PERCENT;
        for (const [name, percent] of split(rule, share, at)) {
          percents.set(name, (percents.get(name) ?? 0) + percent);
          if (name === NOBODY && !dirty) complaints.push(`${id} at ${at}: ${JSON.stringify(rule)}`);
        }
      }
    const loads = new Map<string, Load>();
    for (const [name, percent] of percents)
      loads.set(name, { percent: Math.min(100, percent), serving: servingNow(name, at) });
    moments.push({ at, loads });
  }

  /** Percent by workload; requests that find no pod go to nobody. */
  function split(rule: Rule, share: number, at: number): readonly [string, number][] {
    const total = rule.to.reduce((sum, it) => sum + it.weight, 0);
    const users = rule.to.flatMap((it): [string, number][] => {
      if (it.weight === 0) return [];
      const part = (share * it.weight) / total;
      const up = it.workloads.filter((name) => servingNow(name, at).length > 0);
      const pods = up.reduce((sum, name) => sum + replicasNow(name), 0);
      if (up.length === 0) return it.workloads.some(mayStop) ? [] : [[NOBODY, part]];
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

  /** A strategy that stops all pods before it starts others says that nobody is served between. */
  function mayStop(name: string): boolean {
    const it = workload(name);
    return it !== undefined && isRecreated(it.object);
  }

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
    return seen.some((it) => isBad(it, at)) ? 80 : 99.9;
  }

  function isSilent(at: number): boolean {
    return within(faults.skew, at) || within(faults.metricsDown, at);
  }

  function isBad({ percent, serving }: Load, at: number): boolean {
    return serving.some(({ image, portion }) => {
      const { badFrom = 101, flakyEvery } = behaviours.get(image) ?? {};
      const isFlaky = flakyEvery !== undefined && at % flakyEvery < FLAKY_SECONDS;
      return percent * portion >= badFrom || isFlaky;
    });
  }

  function read(ref: ObjectRef): ObjectReading {
    if (ref.kind === 'Kustomization') {
      const lastAppliedRevision = applied.get(ref.name)?.revision;
      return { kind: 'found', object: { status: { lastAppliedRevision } } };
    }
    const it = held.get(`${ref.kind}/${ref.name}`);
    if (it === undefined) return { kind: 'absent' };
    return { kind: 'found', object: shown(it, behaviours, now) };
  }

  return {
    cluster: {
      read: async (refs) =>
        within(faults.apiDown, now)
          ? { kind: 'unknown', reason: 'the API server is down' }
          : { kind: 'known', value: { objects: refs.map(read), serverTime: now } },
    },
    metrics: {
      range: async (query, { start, end, stepSeconds }) => {
        if (within(faults.metricsDown, now))
          return { kind: 'unknown', reason: 'the metric store is down' };
        const ahead = faults.skew.find((it) => it.start <= now && now < it.end)?.seconds ?? 0;
        const samples: Sample[] = [];
        for (let at = start; at <= end; at += stepSeconds) {
          const value = truth(at - ahead, asked(query));
          if (value !== undefined) samples.push({ at, value });
        }
        return { kind: 'known', value: { samples, serverTime: now + ahead } };
      },
    },
    advance(time, all) {
      let clock = now;
      now = time;
      const due = all.flatMap((live) => {
        const key = [...live.files].map(([name, file]) => `${name} ${file.oid}`).join('\n');
        wanted.set(live.id, key);
        const at = live.committedAt + faults.syncLag;
        if (time < at) return [];
        const before = applied.get(live.id);
        if (before?.key === key && !dirty) {
          applied.set(live.id, { ...before, revision: live.revision });
          return [];
        }
        return [{ live, key, at: before?.key === key ? time : at }];
      });
      for (;;) {
        const changes = [...held.values()].flatMap(({ readyAt }) =>
          readyAt > clock ? readyAt : [],
        );
        const next = Math.min(...changes, ...due.map((it) => it.at));
        if (next > time) break;
        for (const it of due.filter((one) => one.at === next)) {
          apply(it.live, next);
          applied.set(it.live.id, { key: it.key, at: next, revision: it.live.revision });
          due.splice(due.indexOf(it), 1);
        }
        clock = next;
        settle(next);
      }
    },
    truth,
    isSilent,
    seen: (at, name) => (isSilent(at) ? undefined : truth(at - 5, name)),
    appliedSince: (id) => {
      const it = applied.get(id);
      return it !== undefined && it.key === wanted.get(id) && !dirty ? it.at : undefined;
    },
    isReady: (name, at) => isReady(workload(name), at),
    rules: (id) => rules.get(id) ?? [],
    isOurs: (name) => (workload(name)?.owner ?? '') !== '',
    isEdited: () => dirty,
    unserved: () => complaints.splice(0),
    images: (name, at) => servingNow(name, at).map((it) => it.image),
    job: (name, at) => {
      const it = held.get(`Job/${name}`);
      return it === undefined ? undefined : jobEnd(it, behaviours, at);
    },
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
      held.set('VirtualService/app', { ...it, object: copy as unknown as Manifest });
      dirty = true;
      settle(at);
    },
  };
}

const NOBODY = 'nobody';

/** The workload that a check asks about; hand-made plans ask about the one canary there is. */
function asked(query: string): string {
  return /workload="([^"]+)"/.exec(query)?.[1] ?? 'app-canary';
}

/** Whether a time lies in one of some spans. */
export function within(spans: readonly Outage[], at: number): boolean {
  return spans.some((it) => it.start <= at && at < it.end);
}

/** What runs a release's pods, of some objects. */
export function workloadsOf(objects: readonly Manifest[]): readonly Manifest[] {
  return objects.filter(isWorkload);
}
