import { hashOf, type Manifest } from '../manifest/json.ts';
import { type Authored, isKind, renamed } from '../manifest/manifest.ts';
import type { Mistake } from '../mistake.ts';

/** Names before and after hashing, by kind. */
export interface HashedNames {
  readonly ConfigMap: ReadonlyMap<string, string>;
  readonly Secret: ReadonlyMap<string, string>;
}

/** ConfigMaps and Secrets under names that tell their content, never changed in place. */
export interface Versioned {
  readonly objects: readonly Manifest[];
  readonly names: HashedNames;
}

/** Annotation by which a ConfigMap or Secret keeps its name: it is configuration then, and changes in place. */
export const HASHED_ANNOTATION = 'perch/hashed';

/** Whether an object is a ConfigMap or Secret. */
export function isContent(object: Manifest): boolean {
  return isKind(object, '', 'ConfigMap') || isKind(object, '', 'Secret');
}

/** Whether an object is a ConfigMap or Secret that gets a content hash; Flagger's own annotation is understood as well. */
export function isVersioned(object: Manifest): boolean {
  const { [HASHED_ANNOTATION]: hashed, 'flagger.app/config-tracking': tracking } =
    object.metadata.annotations ?? {};
  return isContent(object) && hashed !== 'false' && tracking !== 'disabled';
}

/** What is wrong with what an object says of its own name. */
export function hashedMistakes({ path, object }: Authored): readonly Mistake[] {
  const { kind, metadata } = object;
  const got = metadata.annotations?.[HASHED_ANNOTATION];
  const place = `${HASHED_ANNOTATION} of ${kind} ${metadata.name}`;
  if (got !== undefined && !isContent(object)) {
    const problem = `${place} has no effect: only ConfigMaps and Secrets get a hash`;
    return [{ path, problem, got, remedy: 'leave it out' }];
  }
  if (got !== undefined && got !== 'true' && got !== 'false')
    return [
      {
        path,
        problem: `${place} is not true or false`,
        got,
        remedy: 'use "false", or leave it out',
      },
    ];
  if (!isContent(object) || isVersioned(object) || object.immutable !== true) return [];
  const problem = `${kind} ${metadata.name} keeps its name and is immutable: a cluster would refuse its next change`;
  return [{ path, problem, got: { immutable: true }, remedy: 'leave immutable out' }];
}

/** Gives each ConfigMap and Secret a name of its content and makes it immutable. */
export function version(objects: readonly Manifest[]): Versioned {
  const pairs = objects.map((it) => ({ it, hashed: underContentHash(it) }));
  const named = (kind: string) =>
    new Map(
      pairs
        .filter(({ it }) => it.kind === kind)
        .map(({ it, hashed }) => [it.metadata.name, hashed.metadata.name]),
    );
  return {
    objects: pairs.map(({ hashed }) => hashed),
    names: { ConfigMap: named('ConfigMap'), Secret: named('Secret') },
  };
}

/** A ConfigMap or Secret under a name that tells its content, immutable. */
export function underContentHash(object: Manifest): Manifest {
  const name = `${object.metadata.name}-${contentHash(object)}`;
  return { ...renamed(object, name), immutable: true };
}

/** Labels and annotations are no content: they can change while the name stays. */
function contentHash(object: Manifest): string {
  const { kind, data, stringData, binaryData, type } = object;
  return hashOf({ kind, data, stringData, binaryData, type }, 8);
}
