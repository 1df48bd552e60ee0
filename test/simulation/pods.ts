import type { Manifest } from '../../analyzer/simulated/server-side-apply.ts';
import { replicasOf } from '../../analyzer/simulated/workloads.ts';
import { nameOf } from '../../lib/traffic/reach.ts';
import { breakOf, changedAt } from './breaks.ts';
import type { Break } from './faults.ts';
import { imageOf } from './plans.ts';

/** What a version does once it runs; what the analyzer has to find out. */
export interface Behaviour {
  /** Seconds until its pods are ready; Infinity for pods that crash. */
  readonly readyAfter: number;
  /** Percent of the traffic from which on its requests fail; above 100 for a good version. */
  readonly badFrom: number;
  /** Fails for some seconds in each span of so many. */
  readonly flakyEvery?: number | undefined;
  /** The share of its requests that fail otherwise. @default - few, as of any version */
  readonly failing?: number | undefined;
  /** How many times as many of its requests as usual are slow. @default 1 */
  readonly slow?: number | undefined;
  /** What becomes of its Jobs. @default - they complete after 20 seconds */
  readonly job?: { readonly seconds: number; readonly end: 'complete' | 'fail' | 'never' };
}

/** The share of requests to any version that fail. */
export const USUAL_FAILING = 0.001;

/** A part of a workload's pods that runs one version. */
export interface Serving {
  readonly image: string;
  /** Of one. */
  readonly portion: number;
}

/** An object in the simulated cluster. */
export interface Held {
  /** The release that it came with. */
  readonly owner: string;
  object: Manifest;
  oid: string;
  appliedAt: number;
  generation: number;
  /** When the present generation's pods are all ready. */
  readyAt: number;
  /** What serves until then. */
  carried: readonly Serving[];
  /** Whether nothing serves until then because a break has hit what served before. */
  readonly lost?: boolean;
  /** What breaks pods. */
  readonly breaks: readonly Break[];
}

/**
 * What an object becomes when another file of it is applied: pods are replaced one after the other, so that those
 * from before serve until the new ones do.
 *
 * @param now Unix seconds
 */
export function replaced(
  old: Held | undefined,
  next: Pick<Held, 'owner' | 'object' | 'oid' | 'breaks'>,
  behaviours: ReadonlyMap<string, Behaviour>,
  now: number,
): Held {
  const { object, oid } = next;
  if (old !== undefined && specOf(old.object) === specOf(object))
    return { ...old, ...next, appliedAt: old.oid === oid ? old.appliedAt : now };
  const { readyAfter = 5 } = behaviours.get(imageOf(object)) ?? {};
  const stops = replicasOf(object) === 0 || (isRecreated(object) && old?.object !== undefined);
  return {
    ...next,
    appliedAt: now,
    generation: (old?.generation ?? 0) + 1,
    readyAt: now + (replicasOf(object) === 0 ? 0 : readyAfter),
    carried: stops || old === undefined ? [] : servingOf(old, now),
    lost: old !== undefined && (isDown(old, now) || (old.lost === true && old.readyAt > now)),
  };
}

/** Who answers requests to a workload; nobody where it has no ready pod. */
export function servingOf(it: Held, now: number): readonly Serving[] {
  const replicas = replicasOf(it.object);
  if (replicas === 0 || isDown(it, now)) return [];
  if (it.readyAt > now) return it.carried;
  const image = imageOf(it.object);
  const kept = Math.min(replicas, partitionOf(it.object)) / replicas;
  if (kept === 0) return [{ image, portion: 1 }];
  const others = it.carried.filter((one) => one.image !== image);
  return [{ image, portion: 1 - kept }, ...others.map((one) => ({ ...one, portion: kept }))];
}

/** Whether the present generation's pods are all ready. */
export function isReady(it: Held | undefined, now: number): boolean {
  if (it === undefined || replicasOf(it.object) === 0 || it.readyAt > now) return false;
  return breakOf(it.object, it.breaks, now) === undefined;
}

/** Whether a break leaves a workload no pod that is ready. */
export function isDown({ object, breaks }: Held, now: number): boolean {
  const found = breakOf(object, breaks, now);
  return found?.pods === 'all' || (found !== undefined && replicasOf(object) === 1);
}

/** Whether its pods are all stopped before others start. */
export function isRecreated(object: Manifest): boolean {
  const spec = object.spec as { strategy?: { type?: string } } | undefined;
  return spec?.strategy?.type === 'Recreate';
}

/** What became of a Job. @param now Unix seconds */
export function jobEnd(
  it: Held,
  behaviours: ReadonlyMap<string, Behaviour>,
  now: number,
): 'complete' | 'fail' | 'running' {
  const job = behaviours.get(imageOf(it.object))?.job ?? { seconds: 20, end: 'complete' };
  return job.end === 'never' || now < it.appliedAt + job.seconds ? 'running' : job.end;
}

/** As an API server shows it. @param now Unix seconds */
export function shown(it: Held, behaviours: ReadonlyMap<string, Behaviour>, now: number): Manifest {
  const metadata = it.object.metadata as Manifest;
  return {
    ...it.object,
    metadata: { ...metadata, generation: it.generation, managedFields: [entry(it.appliedAt)] },
    status: it.object.kind === 'Job' ? jobStatus(jobEnd(it, behaviours, now)) : status(it, now),
  };
}

function status(it: Held, now: number): Manifest {
  const wanted = replicasOf(it.object);
  const ready = it.readyAt <= now;
  const isSet = it.object.kind === 'StatefulSet';
  const kept = isSet ? Math.min(wanted, partitionOf(it.object)) : 0;
  const broken = breakOf(it.object, it.breaks, now);
  const available = isDown(it, now) ? 0 : ready ? wanted : kept;
  const isAvailable = ready && broken === undefined;
  return {
    observedGeneration: it.generation,
    replicas: wanted,
    updatedReplicas: wanted - kept,
    availableReplicas: broken === undefined ? available : Math.min(available, wanted - 1),
    conditions: [
      {
        type: 'Available',
        status: isAvailable ? 'True' : 'False',
        lastTransitionTime: iso(Math.max(it.appliedAt, changedAt(it.object, it.breaks, now))),
      },
    ],
  };
}

function jobStatus(end: ReturnType<typeof jobEnd>): Manifest {
  if (end === 'running') return { active: 1 };
  return { conditions: [{ type: end === 'complete' ? 'Complete' : 'Failed', status: 'True' }] };
}

function partitionOf(object: Manifest): number {
  const spec = object.spec as
    | { updateStrategy?: { rollingUpdate?: { partition?: number } } }
    | undefined;
  return spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
}

function specOf({ spec }: Manifest): string {
  return JSON.stringify(spec);
}

function entry(at: number): Manifest {
  const fields = { 'f:metadata': { 'f:annotations': { 'f:perch/digest': {} } } };
  return { manager: 'kustomize-controller', operation: 'Apply', time: iso(at), fieldsV1: fields };
}

function iso(at: number): string {
  return new Date(at * 1000).toISOString();
}

/** `<kind>/<name>`. */
export function keyOf(object: Manifest): string {
  return `${String(object.kind)}/${nameOf(object)}`;
}
