import type { HeldObject } from '../plan/refusal.ts';
import type { Json, JsonObject, Labels, Manifest } from './json.ts';
import { isObject, labelsAt, objectAt } from './json.ts';

/** An object as the author made it, and where. */
export interface Authored {
  readonly path: string;
  readonly object: Manifest;
}

/** The label that cdk8s-plus derives from a construct's path; never written. */
export const ADDRESS_LABEL = 'cdk8s.io/metadata.addr';

/** Whether the value has what every API object has. */
export function isManifest(value: unknown): value is Manifest {
  if (!isObject(value) || !isObject(value.metadata)) return false;
  return [value.apiVersion, value.kind, value.metadata.name].every(
    (it) => typeof it === 'string' && it !== '',
  );
}

/** Group of an apiVersion; the core group is the empty string. */
export function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
}

/** Whether an object is of a kind of Kubernetes' own or another known group. */
export function isKind(object: Manifest, group: string, kind: string): boolean {
  return object.kind === kind && groupOf(object.apiVersion) === group;
}

/** The object as what releases may hold is judged by. */
export function heldObject(object: Manifest): HeldObject {
  const { apiVersion, kind, metadata } = object;
  const at = (...keys: readonly string[]): Json | undefined =>
    objectAt(object, ...keys.slice(0, -1))[keys.at(-1) ?? ''];
  return { apiVersion, kind, name: metadata.name, at };
}

/** The labels of a workload's pods. */
export function podLabels(workload: Manifest): Labels {
  return labelsAt(workload, 'spec', 'template', 'metadata', 'labels');
}

/** The object with another name. */
export function renamed(object: Manifest, name: string): Manifest {
  return { ...object, metadata: { ...object.metadata, name } };
}

/** The object with other top-level keys of its spec; undefined removes one. */
export function withSpec(object: Manifest, spec: JsonObject): Manifest {
  const keys = Object.entries({ ...objectAt(object, 'spec'), ...spec });
  return { ...object, spec: Object.fromEntries(keys.filter(([, it]) => it !== undefined)) };
}

/** Data with each object replaced by what the function makes of it, parents first. */
export function mapObjects(value: Json, change: (it: JsonObject) => JsonObject): Json {
  if (Array.isArray(value)) return value.map((it) => mapObjects(it, change));
  if (!isObject(value)) return value;
  const entries = Object.entries(change(value));
  return Object.fromEntries(
    entries.flatMap(([key, it]) => (it === undefined ? [] : [[key, mapObjects(it, change)]])),
  );
}

/** Where labels, annotations and selectors hold what is no text: the API takes nothing else, and readers leave it out. */
export function wrongTexts(
  value: Json | undefined,
  way = '',
): readonly { readonly place: string; readonly got: Json }[] {
  if (Array.isArray(value))
    return value.flatMap((it: Json, index) => wrongTexts(it, `${way}[${index}]`));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, it]) => {
    const place = way === '' ? key : `${way}.${key}`;
    if (!TEXTS.test(place) || !isObject(it)) return wrongTexts(it, place);
    return Object.entries(it).flatMap(([name, got = null]) =>
      typeof got === 'string' ? [] : [{ place: `${place}.${name}`, got }],
    );
  });
}

const TEXTS = /(?:\bmetadata\.(?:labels|annotations)|\b(?:matchLabels|nodeSelector))$/;
