import { isDeepStrictEqual } from 'node:util';

/** A Kubernetes object as JSON. */
export type Manifest = Readonly<Record<string, unknown>>;

/** One entry of managedFields: who set which fields, and when. */
export interface FieldOwner {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly subresource?: string;
  /** Unix seconds. The HPA's entry has none. */
  readonly at?: number;
  /** Paths of leaves, each as JSON of its keys. */
  readonly fields: ReadonlySet<string>;
}

/** An object without its managedFields, and the owners that they are made of. */
export interface Owned {
  readonly object: Manifest;
  readonly owners: readonly FieldOwner[];
}

/** Who writes: an owner without what and when. */
export type Writer = Pick<FieldOwner, 'manager' | 'operation' | 'subresource'>;

/**
 * A forced server-side apply, as GitOps controllers do it. Fields that the applier sets no more
 * go unless somebody else owns them. Applying what is there already changes nothing, not even the
 * entry's time. Lists count as one leaf, as in most custom resources; the real server merges the
 * lists of built-in kinds by their keys.
 *
 * @param at Unix seconds
 */
export function applyFields(
  before: Owned | undefined,
  manifest: Manifest,
  manager: string,
  at: number,
): Owned {
  const writer: Writer = { manager, operation: 'Apply' };
  const wanted = leaves(manifest);
  const object = structuredClone(before?.object ?? identity(manifest)) as Record<string, unknown>;
  const mine = before?.owners.find((owner) => isBy(owner, writer))?.fields ?? new Set();
  const others = (before?.owners ?? []).filter((owner) => !isBy(owner, writer));
  for (const path of mine) {
    if (!wanted.has(path) && !others.some(({ fields }) => fields.has(path))) erase(object, path);
  }
  const taken = new Set<string>();
  for (const [path, value] of wanted) if (put(object, path, value)) taken.add(path);
  const fields = new Set(wanted.keys());
  const owners = [...without(others, taken), { ...writer, at, fields }];
  const after = { object: withDefaults(object), owners };
  return before !== undefined && isSame(before, after) ? before : after;
}

/**
 * What a person's edit, or another controller's update, does: the fields that it changes become
 * its own, everybody else's entry keeps its time.
 *
 * @param at Unix seconds; without it the entry has no time
 */
export function updateFields(before: Owned, edited: Manifest, writer: Writer, at?: number): Owned {
  const [was, is] = [leaves(before.object), leaves(edited)];
  const changed = new Set<string>();
  for (const [path, value] of is) if (!isDeepStrictEqual(was.get(path), value)) changed.add(path);
  const gone = [...was.keys()].filter((path) => !is.has(path));
  if (changed.size + gone.length === 0) return before;
  const mine = before.owners.find((owner) => isBy(owner, writer));
  const others = before.owners.filter((owner) => owner !== mine);
  const owner = {
    ...writer,
    ...(at === undefined ? {} : { at }),
    fields: new Set([...(mine?.fields ?? []), ...changed].filter((path) => is.has(path))),
  };
  const object = { ...withDefaults(structuredClone(edited)), status: before.object.status };
  return {
    object,
    owners: [...without(others, new Set([...changed, ...gone])), owner].filter(ownsSomething),
  };
}

/** The entries as the API server shows them in metadata.managedFields. */
export function managedFields({ object, owners }: Owned): readonly Manifest[] {
  return owners.map(({ fields, at, ...writer }) => ({
    ...writer,
    apiVersion: object.apiVersion,
    ...(at === undefined ? {} : { time: timestamp(at) }),
    fieldsType: 'FieldsV1',
    fieldsV1: fieldTree(fields),
  }));
}

/** A moment as Kubernetes writes it, to the second. */
export function timestamp(at: number): string {
  return `${new Date(Math.floor(at) * 1000).toISOString().slice(0, -5)}Z`;
}

function isBy(owner: FieldOwner, writer: Writer): boolean {
  const { manager, operation, subresource } = owner;
  return (
    manager === writer.manager &&
    operation === writer.operation &&
    subresource === writer.subresource
  );
}

// Whoever applies what is there already leaves no trace: the times do not count.
function isSame(before: Owned, after: Owned): boolean {
  if (before.owners.length !== after.owners.length) return false;
  const isKept = (owner: FieldOwner) =>
    before.owners.some((old) => isBy(old, owner) && isDeepStrictEqual(old.fields, owner.fields));
  return isDeepStrictEqual(before.object, after.object) && after.owners.every(isKept);
}

function without(owners: readonly FieldOwner[], taken: ReadonlySet<string>): FieldOwner[] {
  return owners
    .map((owner) => ({
      ...owner,
      fields: new Set([...owner.fields].filter((path) => !taken.has(path))),
    }))
    .filter(ownsSomething);
}

function ownsSomething({ fields }: FieldOwner): boolean {
  return fields.size > 0;
}

/** What names the object; nobody owns it. */
function identity({ apiVersion, kind, metadata }: Manifest): Manifest {
  const { name, namespace } = asMap(metadata) ?? {};
  return { apiVersion, kind, metadata: namespace === undefined ? { name } : { name, namespace } };
}

/** Every field that can be owned, with its value. */
function leaves(object: Manifest): ReadonlyMap<string, unknown> {
  const { apiVersion: _, kind: __, status: ___, metadata, ...rest } = object;
  const { labels, annotations } = asMap(metadata) ?? {};
  const found = new Map<string, unknown>();
  const visit = (value: unknown, path: readonly string[]) => {
    const entries = Object.entries(asMap(value) ?? {});
    if (entries.length === 0) found.set(JSON.stringify(path), value);
    for (const [key, child] of entries) visit(child, [...path, key]);
  };
  if (labels !== undefined) visit(labels, ['metadata', 'labels']);
  if (annotations !== undefined) visit(annotations, ['metadata', 'annotations']);
  for (const [key, value] of Object.entries(rest)) if (value !== undefined) visit(value, [key]);
  return found;
}

function asMap(value: unknown): Record<string, unknown> | undefined {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isMap ? (value as Record<string, unknown>) : undefined;
}

/** Sets a field; whether that changed anything. */
function put(object: Record<string, unknown>, path: string, value: unknown): boolean {
  const keys = JSON.parse(path) as string[];
  const last = keys.pop() ?? '';
  let parent = object;
  for (const key of keys) {
    const child = asMap(parent[key]) ?? {};
    parent[key] = child;
    parent = child;
  }
  // An empty map merges into what is there.
  const isMerged = asMap(value) !== undefined && asMap(parent[last]) !== undefined;
  if (isMerged || isDeepStrictEqual(parent[last], value)) return false;
  parent[last] = structuredClone(value);
  return true;
}

/** Removes a field, and the maps that are empty without it. */
function erase(object: Record<string, unknown>, path: string): void {
  const keys = JSON.parse(path) as string[];
  const visit = (parent: Record<string, unknown>, depth: number) => {
    const key = keys[depth] ?? '';
    const child = asMap(parent[key]);
    if (depth < keys.length - 1 && child !== undefined) {
      visit(child, depth + 1);
      if (Object.keys(child).length === 0) delete parent[key];
    } else if (depth === keys.length - 1) delete parent[key];
  };
  visit(object, 0);
}

/** The one default that matters to us: `replicas` that nobody sets is 1. */
function withDefaults(object: Manifest): Manifest {
  const spec = asMap(object.spec);
  if (object.kind !== 'Deployment' || spec === undefined || 'replicas' in spec) return object;
  return { ...object, spec: { ...spec, replicas: 1 } };
}

function fieldTree(fields: ReadonlySet<string>): Manifest {
  const tree: Record<string, unknown> = {};
  for (const path of fields) {
    const keys = (JSON.parse(path) as string[]).map((key) => `f:${key}`);
    put(tree, JSON.stringify(keys), {});
  }
  return tree;
}
