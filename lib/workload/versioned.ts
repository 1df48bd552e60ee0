import { hashOf, isObject, type Json, type JsonObject, type Manifest } from '../manifest/json.ts';
import { isKind, mapObjects, renamed } from '../manifest/manifest.ts';

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

/** Whether an object is a ConfigMap or Secret, and so gets a content hash. */
export function isVersioned(object: Manifest): boolean {
  return isKind(object, '', 'ConfigMap') || isKind(object, '', 'Secret');
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

/** Keys below which `name` names a ConfigMap or Secret, wherever a PodSpec can hold one. */
const REFERENCES: Readonly<Record<string, keyof HashedNames>> = {
  configMap: 'ConfigMap',
  configMapRef: 'ConfigMap',
  configMapKeyRef: 'ConfigMap',
  secret: 'Secret',
  secretRef: 'Secret',
  secretKeyRef: 'Secret',
  nodePublishSecretRef: 'Secret',
};

/** A PodSpec, or an object that names Secrets as one does, with references to the hashed names. */
export function withHashedNames<T extends JsonObject>(value: T, names: HashedNames): T {
  return mapObjects(value, (it) => referencesIn(it, names)) as T;
}

function referencesIn(object: JsonObject, names: HashedNames): JsonObject {
  const changed: Record<string, Json | undefined> = { ...object };
  for (const [key, kind] of Object.entries(REFERENCES)) {
    const reference = object[key];
    if (isObject(reference)) changed[key] = renameIn(reference, 'name', names[kind]);
  }
  // Volumes of kind secret and azureFile, and old ServiceAccounts, name theirs in keys of their own.
  const holder = isObject(changed.secret) ? changed.secret : undefined;
  if (holder !== undefined) changed.secret = renameIn(holder, 'secretName', names.Secret);
  if (isObject(object.azureFile))
    changed.azureFile = renameIn(object.azureFile, 'secretName', names.Secret);
  if (Array.isArray(object.imagePullSecrets))
    changed.imagePullSecrets = object.imagePullSecrets.map((it: Json) =>
      isObject(it) ? renameIn(it, 'name', names.Secret) : it,
    );
  return changed;
}

function renameIn(object: JsonObject, key: string, names: ReadonlyMap<string, string>): JsonObject {
  const name = object[key];
  const hashed = typeof name === 'string' ? names.get(name) : undefined;
  return hashed === undefined ? object : { ...object, [key]: hashed };
}
