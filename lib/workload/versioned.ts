import { hashOf, type Manifest, objectAt } from '../manifest/json.ts';
import { type Authored, isKind, renamed, withSpec } from '../manifest/manifest.ts';
import type { Mistake } from '../mistake.ts';
import { type HashedNames, withHashedNames } from './references.ts';
import { isExternalSecret, secretSourceOf, withSuffix } from './secret-sources.ts';

/** ConfigMaps, Secrets and what makes Secrets, under names that tell their content, never changed in place. */
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

/**
 * Whether an object is a ConfigMap or Secret, or makes a Secret of any name, and so gets a content hash; Flagger's own annotation
 * is understood as well.
 */
export function isVersioned(object: Manifest): boolean {
  const { [HASHED_ANNOTATION]: hashed, 'flagger.app/config-tracking': tracking } =
    object.metadata.annotations ?? {};
  if (secretSourceOf(object)?.kind === 'renameable') return true;
  return isContent(object) && hashed !== 'false' && tracking !== 'disabled';
}

/** What is wrong with what an object says of its own name. */
export function hashedMistakes({ path, object }: Authored): readonly Mistake[] {
  const { kind, metadata } = object;
  const got = metadata.annotations?.[HASHED_ANNOTATION];
  const place = `${HASHED_ANNOTATION} of ${kind} ${metadata.name}`;
  if (got !== undefined && secretSourceOf(object)?.kind === 'renameable') {
    const problem = `${place} has no effect: ${kind}s say by their own fields whether a name can carry a hash`;
    const remedy =
      kind === 'SealedSecret'
        ? 'seal it with strict scope, or give it as a verbatim file'
        : 'set spec.target.creationPolicy: Orphan, or give it as a verbatim file';
    return [{ path, problem, got, remedy }];
  }
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
  const named = withHashedNames(object, names);
  const target = objectAt(named, 'spec', 'target');
  const merged =
    target.creationPolicy === 'Merge' ? names.Secret.get(String(target.name)) : undefined;
  return merged === undefined ? named : withSpec(named, { target: { ...target, name: merged } });
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
