import type { Duration } from 'cdk8s';
import { isObject, type Json, type JsonObject } from '../manifest/json.ts';
import { isDuration } from '../props/fields.ts';

/** How an API writes a duration. */
export type DurationText = (it: Duration) => string;

/** Props that are shaped as the API's own fields, as data: only durations are written out. */
export function plain(value: object, duration: DurationText): JsonObject {
  const written = write(value, duration);
  return isObject(written) ? written : {};
}

function write(value: unknown, duration: DurationText): Json | undefined {
  if (isDuration(value)) return duration(value);
  if (Array.isArray(value)) return value.map((it) => write(it, duration) ?? null);
  if (typeof value !== 'object' || value === null) return value as Json | undefined;
  return Object.fromEntries(Object.entries(value).map(([key, it]) => [key, write(it, duration)]));
}
