import { at } from '../../lib/plan/pointer.ts';
import type { ObjectRef } from '../core/cluster/reading.ts';
import type { ObjectStore } from './object-store.ts';
import { type Manifest, timestamp } from './server-side-apply.ts';

/** What the simulated controllers work with. */
export interface WorkloadsOptions {
  readonly store: ObjectStore;
  /** Unix seconds. */
  readonly clock: () => number;
  /**
   * How long a new pod takes until it is available, perhaps by its image.
   *
   * @default 8
   */
  readonly startSeconds?: number | ((image: string) => number);
  /**
   * How often the HPA controller looks.
   *
   * @default 15, as in Kubernetes
   */
  readonly hpaPeriodSeconds?: number;
}

/** The Deployment, StatefulSet and HPA controllers of a cluster without nodes. */
export interface Workloads {
  /** Moves every Deployment, StatefulSet and HPA on. */
  beat(): void;
  /** The images of a workload's available pods, one for each pod. */
  running(namespace: string | undefined, workload: string): readonly string[];
}

/** Pods that a workload asks for; 1 where its number is an autoscaler's, or the nodes', to say. */
export function replicasOf(workload: Manifest): number {
  return number(workload, '/spec/replicas', 1);
}

interface Pod {
  /** The pod template that it was made from, as JSON. */
  readonly template: string;
  readonly image: string;
  /** When it is available; Unix seconds. */
  readonly availableAt: number;
}

/** Plays them on an object store: pods take a while to start, and are replaced one after the other. */
export function playWorkloads(options: WorkloadsOptions): Workloads {
  const { store, clock, startSeconds = 8, hpaPeriodSeconds = 15 } = options;
  const pods = new Map<string, readonly Pod[]>();
  let nextScale = clock();

  function scale(): void {
    if (clock() < nextScale) return;
    nextScale = clock() + hpaPeriodSeconds;
    for (const hpa of ofKind(store, 'HorizontalPodAutoscaler')) scaleOne(hpa);
  }

  function scaleOne(hpa: Manifest): void {
    const ref = targetOf(hpa);
    const target = store.get(ref);
    if (target === undefined) return;
    const replicas = replicasOf(target);
    // At 0 replicas an HPA is switched off, as in Kubernetes.
    if (replicas === 0) return;
    const least = number(hpa, '/spec/minReplicas', 1);
    const most = number(hpa, '/spec/maxReplicas', least);
    const wanted = Math.min(Math.max(replicas, least), most);
    if (wanted !== replicas) store.scale(ref, wanted);
  }

  function roll(deployment: Manifest): void {
    const ref = refOf(deployment);
    const now = clock();
    const before = pods.get(keyOf(ref)) ?? [];
    const template = JSON.stringify(at(deployment, '/spec/template'));
    const image = String(at(deployment, '/spec/template/spec/containers/0/image'));
    const seconds = typeof startSeconds === 'number' ? startSeconds : startSeconds(image);
    const fresh = { template, image, availableAt: now + seconds };
    const wanted = replicasOf(deployment);
    const isSet = deployment.kind === 'StatefulSet';
    const after = isSet
      ? updated(before, { wanted, fresh, now, kept: partitionOf(deployment) })
      : rolled(before, { wanted, fresh, now, ...limitsOf(deployment, wanted) });
    pods.set(keyOf(ref), after);
    store.setStatus(ref, statusOf(deployment, { pods: after, template, wanted, now }));
  }

  return {
    beat() {
      const deployments = [...ofKind(store, 'Deployment'), ...ofKind(store, 'StatefulSet')];
      const known = new Set(deployments.map((it) => keyOf(refOf(it))));
      for (const key of pods.keys()) if (!known.has(key)) pods.delete(key);
      for (const deployment of deployments) roll(deployment);
      scale();
    },
    running(namespace, name) {
      const now = clock();
      const own = pods.get(keyOf({ namespace, name })) ?? [];
      return own.filter((pod) => pod.availableAt <= now).map((pod) => pod.image);
    },
  };
}

interface Rolling {
  readonly wanted: number;
  /** What a new pod is. */
  readonly fresh: Pod;
  readonly now: number;
}

/** How many pods there may be at most, and how many of them are available at least. */
interface Limits {
  readonly most: number;
  readonly least: number;
}

/** What a Deployment says of them; Kubernetes' defaults are 25 % more and less than wanted. */
function limitsOf(deployment: Manifest, wanted: number): Limits {
  // All pods stop before others start.
  if (at(deployment, '/spec/strategy/type') === 'Recreate') return { most: wanted, least: 0 };
  const surge = number(deployment, '/spec/strategy/rollingUpdate/maxSurge', Math.ceil(wanted / 4));
  const unavailable = '/spec/strategy/rollingUpdate/maxUnavailable';
  const missing = number(deployment, unavailable, Math.floor(wanted / 4));
  return { most: wanted + surge, least: wanted - missing };
}

/** Pods of a StatefulSet with ordinals below it keep what they run. */
function partitionOf(set: Manifest): number {
  return number(set, '/spec/updateStrategy/rollingUpdate/partition', 0);
}

/** One turn of a StatefulSet: the pod with the highest ordinal that is not updated, when all others are available. */
function updated(
  before: readonly Pod[],
  { wanted, fresh, now, kept }: Rolling & { readonly kept: number },
): readonly Pod[] {
  const all = Array.from({ length: wanted }, (_, ordinal) => before[ordinal] ?? fresh);
  const next = all.findLastIndex((it, index) => index >= kept && it.template !== fresh.template);
  const others = all.filter((_, index) => index !== next);
  if (next < 0 || others.some((it) => it.availableAt > now)) return all;
  return all.with(next, fresh);
}

/** One turn of a rolling update. */
function rolled(
  before: readonly Pod[],
  { wanted, fresh, now, most, least }: Rolling & Limits,
): readonly Pod[] {
  const updated = before.filter((pod) => pod.template === fresh.template).slice(0, wanted);
  let old = before.filter((pod) => pod.template !== fresh.template);
  const isAvailable = (pod: Pod) => pod.availableAt <= now;
  // Old pods that serve nobody go first, the others as far as enough are left.
  old = wanted === 0 ? [] : old.filter(isAvailable);
  while (old.length > 0 && old.length - 1 + updated.filter(isAvailable).length >= least)
    old = old.slice(1);
  const room = Math.max(0, Math.min(wanted - updated.length, most - updated.length - old.length));
  return [...old, ...updated, ...Array.from({ length: room }, () => fresh)];
}

interface Counted {
  readonly pods: readonly Pod[];
  readonly template: string;
  readonly wanted: number;
  readonly now: number;
}

function statusOf(deployment: Manifest, { pods, template, wanted, now }: Counted): Manifest {
  const available = pods.filter((pod) => pod.availableAt <= now).length;
  const updated = pods.filter((pod) => pod.template === template).length;
  const isDone = updated === wanted && pods.length === wanted && available === wanted;
  const enough = available >= wanted - Math.floor(wanted / 4);
  return {
    observedGeneration: number(deployment, '/metadata/generation', 1),
    replicas: pods.length,
    updatedReplicas: updated,
    readyReplicas: available,
    availableReplicas: available,
    unavailableReplicas: Math.max(0, wanted - available),
    conditions: [
      condition(deployment, now, {
        type: 'Available',
        status: enough ? 'True' : 'False',
        reason: enough ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
      }),
      condition(deployment, now, {
        type: 'Progressing',
        status: 'True',
        reason: isDone ? 'NewReplicaSetAvailable' : 'ReplicaSetUpdated',
      }),
    ],
  };
}

/** A condition whose time is that of its last change. */
function condition(
  deployment: Manifest,
  now: number,
  is: { readonly type: string; readonly status: string; readonly reason: string },
): Manifest {
  const conditions = at(deployment, '/status/conditions');
  const all: readonly unknown[] = Array.isArray(conditions) ? conditions : [];
  const was = all.find((it) => at(it, '/type') === is.type);
  const stays = at(was, '/status') === is.status;
  return { ...is, lastTransitionTime: stays ? at(was, '/lastTransitionTime') : timestamp(now) };
}

function ofKind(store: ObjectStore, kind: string): readonly Manifest[] {
  return store.list().filter((it) => it.kind === kind);
}

function targetOf(hpa: Manifest): ObjectRef {
  const target = at(hpa, '/spec/scaleTargetRef') as Record<'apiVersion' | 'kind' | 'name', string>;
  return { ...target, namespace: refOf(hpa).namespace };
}

function refOf(object: Manifest): ObjectRef {
  const { name, namespace } = object.metadata as { name: string; namespace?: string };
  return { apiVersion: String(object.apiVersion), kind: String(object.kind), namespace, name };
}

function keyOf({ namespace, name }: Pick<ObjectRef, 'namespace' | 'name'>): string {
  return `${namespace ?? ''}/${name}`;
}

function number(object: unknown, pointer: string, otherwise: number): number {
  const value = at(object, pointer);
  return typeof value === 'number' ? value : otherwise;
}
