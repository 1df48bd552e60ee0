import {
  hashOf,
  isObject,
  type Json,
  type JsonObject,
  type Manifest,
  objectAt,
} from '../manifest/json.ts';
import { isKind, mapObjects, renamed, withSpec } from '../manifest/manifest.ts';
import { isExternalSecret, secretSourceOf, withSuffix } from './secret-sources.ts';

/** Names before and after hashing, by kind. */
export interface HashedNames {
  readonly ConfigMap: ReadonlyMap<string, string>;
  readonly Secret: ReadonlyMap<string, string>;
}

/** ConfigMaps, Secrets and what makes Secrets, under names that tell their content, never changed in place. */
export interface Versioned {
  readonly objects: readonly Manifest[];
  readonly names: HashedNames;
}

/** Whether an object is a ConfigMap or Secret, or makes a Secret of any name, and so gets a content hash. */
export function isVersioned(object: Manifest): boolean {
  return (
    isKind(object, '', 'ConfigMap') ||
    isKind(object, '', 'Secret') ||
    secretSourceOf(object)?.kind === 'renameable'
  );
}

/** Gives each object a name of its content; a ConfigMap or Secret becomes immutable. */
export function version(objects: readonly Manifest[]): Versioned {
  const names = { ConfigMap: new Map<string, string>(), Secret: new Map<string, string>() };
  const hashed = new Map<Manifest, Manifest>();
  // An ExternalSecret can be made from the others, so its content has their names.
  const last = objects.filter(isExternalSecret);
  for (const it of [...objects.filter((one) => !last.includes(one)), ...last]) {
    const { object, made } = underHash(isExternalSecret(it) ? externalSecretWith(it, names) : it);
    hashed.set(it, object);
    names[made.kind].set(made.name, made.hashed);
  }
  return { objects: objects.map((it) => hashed.get(it) ?? it), names };
}

interface UnderHash {
  readonly object: Manifest;
  /** What pods name: the object itself, or the Secret that is made from it. */
  readonly made: {
    readonly kind: keyof HashedNames;
    readonly name: string;
    readonly hashed: string;
  };
}

function underHash(it: Manifest): UnderHash {
  const source = secretSourceOf(it);
  const kind = it.kind === 'ConfigMap' ? 'ConfigMap' : 'Secret';
  const name = source?.kind === 'renameable' ? source.secret : it.metadata.name;
  const hash = contentHash(it);
  const object = source === undefined ? underContentHash(it) : withSuffix(it, hash);
  return { object, made: { kind, name, hashed: `${name}-${hash}` } };
}

/** An ExternalSecret with the hashed names of what its template is made from, and of a Secret that it is merged into. */
export function externalSecretWith(object: Manifest, names: HashedNames): Manifest {
  const target = objectAt(object, 'spec', 'target');
  if (Object.keys(target).length === 0) return object;
  const { template } = target;
  const merged =
    target.creationPolicy === 'Merge' ? renameIn(target, 'name', names.Secret) : target;
  const withNames = isObject(template) ? { template: withHashedNames(template, names) } : {};
  return withSpec(object, { target: { ...merged, ...withNames } });
}

/** A ConfigMap or Secret under a name that tells its content, immutable. */
export function underContentHash(object: Manifest): Manifest {
  const name = `${object.metadata.name}-${contentHash(object)}`;
  return { ...renamed(object, name), immutable: true };
}

/** Labels and annotations are no content: they can change while the name stays. */
function contentHash(object: Manifest): string {
  const { kind, data, stringData, binaryData, type, spec } = object;
  return hashOf({ kind, data, stringData, binaryData, type, spec }, 8);
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
