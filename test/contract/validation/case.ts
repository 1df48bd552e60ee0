import type { Json, Manifest } from '../../../lib/manifest/json.ts';
import { isManifest } from '../../../lib/manifest/manifest.ts';

/** Values at one place of an object: those that the API server refuses, and those at the edge that it takes. */
export interface Case {
  /** The object without fault that they are put into. */
  readonly base: Manifest;
  /** JSON pointer to the place. */
  readonly at: string;
  /** Each breaks one rule and no other; undefined takes the field away. */
  readonly wrong: readonly (Json | undefined)[];
  readonly right: readonly (Json | undefined)[];
}

/** A row of the table. */
export function of(base: Manifest, at: string, wrong: Case['wrong'], right: Case['right']): Case {
  return { base, at, wrong, right };
}

/** The object with the value at the place. */
export function placed({ base, at }: Case, value: Json | undefined): Manifest {
  const copy: unknown = structuredClone(base);
  const keys = at
    .split('/')
    .slice(1)
    .map((it) => it.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = keys.pop() ?? '';
  let inner: unknown = copy;
  for (const key of keys) {
    if (typeof inner !== 'object' || inner === null) throw new Error(`nothing at ${at}`);
    if (Reflect.get(inner, key) === undefined) Reflect.set(inner, key, {});
    inner = Reflect.get(inner, key);
  }
  if (typeof inner !== 'object' || inner === null) throw new Error(`nothing at ${at}`);
  if (value === undefined) Reflect.deleteProperty(inner, last);
  else Reflect.set(inner, last, value);
  if (!isManifest(copy)) throw new Error(`no object any more with ${at}`);
  return copy;
}

/** For the title of a test, such as `Deployment /spec/replicas`. */
export function titleOf({ base, at }: Case): string {
  return `${base.kind} ${at}`;
}

/** So many letters. */
export function letters(count: number): string {
  return 'a'.repeat(count);
}
