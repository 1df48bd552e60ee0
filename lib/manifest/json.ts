import { createHash } from 'node:crypto';

/** Plain data, as a manifest holds it. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;

/** A JSON object; a key may be declared and absent. */
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

/** An API object as plain data. */
export interface Manifest extends JsonObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
}

/** What Perch reads of an object's metadata. */
export interface Metadata extends JsonObject {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Labels;
  readonly annotations?: Labels;
}

/** Labels or annotations. */
export interface Labels {
  readonly [key: string]: string;
}

/** Whether a value is an object and no list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object at a path; an empty one where there is none. */
export function objectAt(value: Json | undefined, ...path: readonly string[]): JsonObject {
  let found: Json | undefined = value;
  for (const key of path) found = isObject(found) ? found[key] : undefined;
  return isObject(found) ? found : {};
}

/** The objects in the list at a path; none where there is no list. */
export function listAt(value: Json | undefined, ...path: readonly string[]): readonly JsonObject[] {
  const last = path.at(-1) ?? '';
  const list = objectAt(value, ...path.slice(0, -1))[last];
  return Array.isArray(list) ? list.filter(isObject) : [];
}

/** The string-valued entries of the object at a path. */
export function labelsAt(value: Json | undefined, ...path: readonly string[]): Labels {
  const entries = Object.entries(objectAt(value, ...path));
  return Object.fromEntries(
    entries.filter((it): it is [string, string] => typeof it[1] === 'string'),
  );
}

/** The same data with keys in code-unit order and without undefined: the one order everything is written in. */
export function canonical<T extends Json>(value: T): T;
export function canonical(value: Json): Json {
  if (Array.isArray(value)) return value.map((it) => canonical(it ?? null));
  if (!isObject(value)) return value;
  const sorted: Record<string, Json> = {};
  for (const key of Object.keys(value).sort()) {
    const inner = value[key];
    // Not by assignment: a key such as __proto__ is data here.
    if (inner !== undefined) define(sorted, key, canonical(inner));
  }
  return sorted;
}

/** The first hex digits of the SHA-256 of the data's canonical JSON. */
export function hashOf(value: Json, digits: number): string {
  return hashText(JSON.stringify(canonical(value)), digits);
}

/** The first hex digits of the SHA-256 of a text, or of bytes. */
export function hashText(text: string | Uint8Array, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits);
}

function define(object: Record<string, Json>, key: string, value: Json): void {
  if (key === '__proto__')
    Object.defineProperty(object, key, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  else object[key] = value;
}
