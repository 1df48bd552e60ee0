import { isDeepStrictEqual } from 'node:util';
import type { ObjectRef } from '../core/cluster/reading.ts';
import {
  applyFields,
  type Manifest,
  managedFields,
  type Owned,
  timestamp,
  updateFields,
  type Writer,
} from './server-side-apply.ts';

/** The objects of a simulated cluster, and the ways in which they are written. */
export interface ObjectStore {
  /**
   * What the server-side apply of a GitOps controller does.
   *
   * @param now Unix seconds
   * @returns the object as it is then
   * @throws Error when its kind is not served, or its namespace is missing
   */
  apply(object: Manifest, manager: string, now: number): Manifest;
  /** A person's edit: `mutate` changes a copy, or returns another object. @throws Error when absent */
  edit(ref: ObjectRef, mutate: (object: Record<string, unknown>) => unknown, manager: string): void;
  /** The HPA's way of setting `replicas`; its entry has no time. @throws Error when absent */
  scale(ref: ObjectRef, replicas: number): void;
  /** Replaces the status, as the object's controller does. @throws Error when absent */
  setStatus(ref: ObjectRef, status: Manifest): void;
  /** Deletes it at once; nothing happens where it is absent. */
  remove(ref: ObjectRef): void;
  /** The object, or nothing where it is absent. */
  get(ref: ObjectRef): Manifest | undefined;
  /** Every object, in the order of creation. */
  list(): readonly Manifest[];
}

/**
 * An empty store.
 *
 * @param isServed whether the server knows an object's kind, with or without a namespace
 * @param clock Unix seconds, for the time of edits
 */
export function objectStore(
  isServed: (ref: ObjectRef) => boolean,
  clock: () => number,
): ObjectStore {
  const objects = new Map<string, Owned>();
  let revision = 0;
  const save = (key: string, before: Owned | undefined, after: Owned, at: number) => {
    if (before === after) return;
    revision += 1;
    objects.set(key, { ...after, object: stamped(before?.object, after.object, revision, at) });
  };
  const present = (ref: ObjectRef): Owned => {
    const found = objects.get(keyOf(ref));
    if (found === undefined) throw new Error(`${ref.kind} ${ref.name} does not exist`);
    return found;
  };
  const update = (ref: ObjectRef, edited: Manifest, writer: Writer, at?: number) => {
    const before = present(ref);
    save(keyOf(ref), before, updateFields(before, edited, writer, at), clock());
  };
  const get = (ref: ObjectRef) => {
    const found = objects.get(keyOf(ref));
    return found === undefined ? undefined : shown(found);
  };
  return {
    get,
    list: () => [...objects.values()].map(shown),
    remove: (ref) => void objects.delete(keyOf(ref)),
    apply: (object, manager, now) => {
      const ref = refOf(object);
      if (!isServed(ref)) {
        const where = ref.namespace === undefined ? 'without a namespace' : 'with a namespace';
        throw new Error(`no kind ${ref.kind} in ${ref.apiVersion} ${where}`);
      }
      const before = objects.get(keyOf(ref));
      save(keyOf(ref), before, applyFields(before, object, manager, now), now);
      return shown(present(ref));
    },
    edit: (ref, mutate, manager) => {
      const copy = structuredClone(present(ref).object) as Record<string, unknown>;
      const edited = (mutate(copy) ?? copy) as Manifest;
      update(ref, edited, { manager, operation: 'Update' }, clock());
    },
    scale: (ref, replicas) => {
      const { object } = present(ref);
      const spec = { ...(object.spec as Manifest), replicas };
      const manager = 'kube-controller-manager';
      update(ref, { ...object, spec }, { manager, operation: 'Update', subresource: 'scale' });
    },
    setStatus: (ref, status) => {
      const { object, owners } = present(ref);
      if (isDeepStrictEqual(object.status, status)) return;
      const others = owners.filter(({ subresource }) => subresource !== 'status');
      const fields = new Set([JSON.stringify(['status'])]);
      const manager = 'kube-controller-manager';
      const owner = { manager, operation: 'Update', subresource: 'status' } as const;
      revision += 1;
      objects.set(keyOf(ref), {
        object: stamped(object, { ...object, status: structuredClone(status) }, revision, clock()),
        owners: [...others, { ...owner, at: clock(), fields }],
      });
    },
  };
}

function refOf(object: Manifest): ObjectRef {
  const { name, namespace } = (object.metadata ?? {}) as Record<string, string | undefined>;
  const { apiVersion, kind } = object as Record<string, string | undefined>;
  if (!apiVersion || !kind || !name) throw new Error('an object needs apiVersion, kind and name');
  return { apiVersion, kind, namespace, name };
}

function keyOf({ apiVersion, kind, namespace, name }: ObjectRef): string {
  return JSON.stringify([apiVersion, kind, namespace ?? '', name]);
}

/** The object with what the server itself keeps in its metadata. */
function stamped(
  before: Manifest | undefined,
  after: Manifest,
  revision: number,
  at: number,
): Manifest {
  const old = before?.metadata as Manifest | undefined;
  const desired = ({ metadata: _, status: __, ...rest }: Manifest) => rest;
  const isNewSpec = before === undefined || !isDeepStrictEqual(desired(before), desired(after));
  const generation = Number(old?.generation ?? 0) + (isNewSpec ? 1 : 0);
  const { status, ...rest } = after;
  return {
    ...rest,
    metadata: {
      ...(after.metadata as Manifest),
      uid: old?.uid ?? `00000000-0000-4000-8000-${String(revision).padStart(12, '0')}`,
      creationTimestamp: old?.creationTimestamp ?? timestamp(at),
      resourceVersion: String(revision),
      ...(after.spec === undefined ? {} : { generation }),
    },
    ...(status === undefined ? {} : { status }),
  };
}

function shown(owned: Owned): Manifest {
  const { object } = owned;
  const metadata = { ...(object.metadata as Manifest), managedFields: managedFields(owned) };
  return structuredClone({ ...object, metadata });
}
