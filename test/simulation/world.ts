import type { Cluster } from '../../analyzer/cluster/cluster.ts';
import type { ObjectReading, ObjectRef, Sample } from '../../analyzer/core/observation.ts';
import type { FileSet } from '../../analyzer/core/position.ts';
import type { MetricProvider } from '../../analyzer/metrics/provider.ts';
import type { Blobs } from './plans.ts';
import { VERSION_ANNOTATION } from './plans.ts';

/** What a version does once it runs; what the analyzer has to find out. */
export interface Behaviour {
  /** Seconds until its pods are ready; Infinity for pods that crash. */
  readonly readyAfter: number;
  /** Percent of the traffic from which on its requests fail; above 100 for a good version. */
  readonly badFrom: number;
  /** Fails for some seconds in each span of so many. */
  readonly flakyEvery?: number | undefined;
}

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

/** A cluster, its sync and its traffic over fake time. */
export interface World {
  readonly cluster: Cluster;
  readonly metrics: MetricProvider;
  /** Lets the world act up to `now`; `live` is what the commit `revision` says, made at `committedAt`. */
  advance(now: number, live: FileSet, committedAt: number, revision: string): void;
  /** The truth about a point: what the check's value is, whoever asks and whenever. */
  truth(at: number): number | undefined;
  /** What a client is told now about the newest settled point; undefined while it is told nothing. */
  seen(now: number): number | undefined;
  /** Since when all files of the newest commit are applied; undefined while they are not. */
  appliedSince(): number | undefined;
  isReady(track: 'primary' | 'canary', now: number): boolean;
  /** Canary percent that the cluster routes now. */
  weight(): number;
  /** Edits the weight in the cluster by hand; the sync brings it back. */
  editWeight(now: number, canary: number): void;
}

interface Held {
  object: Record<string, unknown>;
  text: string;
  appliedAt: number;
  generation: number;
  /** When the present generation's pods are all ready. */
  readyAt: number;
}

interface TrafficChange {
  readonly at: number;
  readonly canary: number;
  readonly version: string;
}

const WINDOW = 30;
const FLAKY_SECONDS = 12;

export function createWorld(
  blobs: Blobs,
  behaviours: ReadonlyMap<string, Behaviour>,
  faults: Faults,
): World {
  const held = new Map<string, Held>();
  const traffic: TrafficChange[] = [];
  let now = 0;
  let applied: { key: string; at: number } | undefined;
  let wanted = '';
  let dirty = false;
  let appliedRevision: string | undefined;

  function apply(live: FileSet, at: number): void {
    const wanted = new Set<string>();
    for (const file of live.values()) {
      const text = blobs.get(file.oid) ?? '{}';
      const key = `${file.info.kind}/${file.info.name}`;
      wanted.add(key);
      const old = held.get(key);
      if (old?.text !== text || dirty) held.set(key, fresh(text, old, at));
    }
    for (const key of held.keys()) if (!wanted.has(key)) held.delete(key);
    dirty = false;
    noteTraffic(at);
  }

  function fresh(text: string, old: Held | undefined, at: number): Held {
    const object = JSON.parse(text) as Record<string, unknown>;
    const version = versionOf(object);
    const sameSpec =
      old !== undefined && JSON.stringify(old.object.spec) === JSON.stringify(object.spec);
    if (old !== undefined && sameSpec)
      return { ...old, object, text, appliedAt: old.text === text ? old.appliedAt : at };
    const readyAfter = behaviours.get(version)?.readyAfter ?? 5;
    const generation = (old?.generation ?? 0) + 1;
    return {
      object,
      text,
      appliedAt: at,
      generation,
      readyAt: at + (replicas(object) === 0 ? 0 : readyAfter),
    };
  }

  function noteTraffic(at: number): void {
    const canary = weightNow();
    const deployment = held.get('Deployment/app-canary');
    const version = deployment === undefined ? '' : versionOf(deployment.object);
    const last = traffic.at(-1);
    if (last?.canary !== canary || last.version !== version) traffic.push({ at, canary, version });
  }

  function weightNow(): number {
    const route = held.get('VirtualService/app')?.object as
      | { spec?: { http?: { route?: { host: string; weight: number }[] }[] } }
      | undefined;
    return route?.spec?.http?.[0]?.route?.find((it) => it.host === 'app-canary')?.weight ?? 0;
  }

  function truth(at: number): number | undefined {
    if (within(faults.metricsNaN, at)) return Number.NaN;
    const seen = traffic.filter(
      (it, index) =>
        it.at <= at && (traffic[index + 1]?.at ?? Infinity) > at - WINDOW && it.canary > 0,
    );
    if (seen.length === 0 || within(faults.metricsGap, at)) return undefined;
    return seen.some((it) => isBad(it, at)) ? 80 : 99.9;
  }

  function isBad(it: TrafficChange, at: number): boolean {
    const { badFrom = 101, flakyEvery } = behaviours.get(it.version) ?? {};
    return it.canary >= badFrom || (flakyEvery !== undefined && at % flakyEvery < FLAKY_SECONDS);
  }

  function read(ref: ObjectRef): ObjectReading {
    if (ref.kind === 'Kustomization')
      return { kind: 'found', object: { status: { lastAppliedRevision: appliedRevision } } };
    const it = held.get(`${ref.kind}/${ref.name}`);
    if (it === undefined) return { kind: 'absent' };
    return { kind: 'found', object: shown(it, now) };
  }

  return {
    cluster: {
      read: async (refs) =>
        within(faults.apiDown, now)
          ? { kind: 'unknown', reason: 'the API server is down' }
          : { kind: 'known', value: { objects: refs.map(read), serverTime: now } },
    },
    metrics: {
      range: async (_, { start, end, stepSeconds }) => {
        if (within(faults.metricsDown, now))
          return { kind: 'unknown', reason: 'the metric store is down' };
        const ahead = faults.skew.find((it) => it.start <= now && now < it.end)?.seconds ?? 0;
        const samples: Sample[] = [];
        for (let at = start; at <= end; at += stepSeconds) {
          const value = truth(at - ahead);
          if (value !== undefined) samples.push({ at, value });
        }
        return { kind: 'known', value: { samples, serverTime: now + ahead } };
      },
    },
    advance(time, live, committedAt, revision) {
      now = time;
      wanted = [...live].map(([name, file]) => `${name} ${file.oid}`).join('\n');
      if (time < committedAt + faults.syncLag) return;
      appliedRevision = `main@sha1:${revision}`;
      if (applied?.key === wanted && !dirty) return;
      const at = applied?.key === wanted ? time : committedAt + faults.syncLag;
      apply(live, at);
      applied = { key: wanted, at };
    },
    truth,
    seen: (at) => {
      const skewed = faults.skew.some((it) => it.start <= at && at < it.end);
      return skewed || within(faults.metricsDown, at) ? undefined : truth(at - 5);
    },
    appliedSince: () => (applied?.key === wanted && !dirty ? applied.at : undefined),
    isReady: (track, at) => {
      const it = held.get(`Deployment/app-${track}`);
      return it !== undefined && replicas(it.object) > 0 && it.readyAt <= at;
    },
    weight: weightNow,
    editWeight(at, canary) {
      const it = held.get('VirtualService/app');
      if (it === undefined) return;
      const copy = structuredClone(it.object) as {
        spec: { http: { route: { weight: number }[] }[] };
      };
      const [primary, other] = copy.spec.http[0]?.route ?? [];
      if (primary === undefined || other === undefined) return;
      primary.weight = 100 - canary;
      other.weight = canary;
      held.set('VirtualService/app', { ...it, object: copy as unknown as Record<string, unknown> });
      dirty = true;
      noteTraffic(at);
    },
  };
}

function shown(it: Held, now: number): unknown {
  const wanted = replicas(it.object);
  const ready = it.readyAt <= now;
  const up = ready ? wanted : 0;
  const metadata = it.object.metadata as Record<string, unknown>;
  return {
    ...it.object,
    metadata: { ...metadata, generation: it.generation, managedFields: [entry(it.appliedAt)] },
    status: {
      observedGeneration: it.generation,
      replicas: wanted,
      updatedReplicas: wanted,
      availableReplicas: up,
      conditions: [
        {
          type: 'Available',
          status: ready ? 'True' : 'False',
          lastTransitionTime: iso(it.appliedAt),
        },
      ],
    },
  };
}

function entry(at: number): unknown {
  const fields = { 'f:metadata': { 'f:annotations': { 'f:perch/digest': {} } } };
  return { manager: 'kustomize-controller', operation: 'Apply', time: iso(at), fieldsV1: fields };
}

function iso(at: number): string {
  return new Date(at * 1000).toISOString();
}

function within(spans: readonly Outage[], at: number): boolean {
  return spans.some((it) => it.start <= at && at < it.end);
}

function versionOf(object: Record<string, unknown>): string {
  const metadata = object.metadata as { annotations?: Record<string, string> } | undefined;
  return metadata?.annotations?.[VERSION_ANNOTATION] ?? '';
}

function replicas(object: Record<string, unknown>): number {
  const spec = object.spec as { replicas?: number } | undefined;
  return spec?.replicas ?? 1;
}
