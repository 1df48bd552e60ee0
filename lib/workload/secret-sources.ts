import {
  hashOf,
  hashText,
  isObject,
  type JsonObject,
  type Manifest,
  objectAt,
} from '../manifest/json.ts';
import { groupOf, isKind, renamed, withSpec } from '../manifest/manifest.ts';

/** Annotation of the pods that tells the content of the release's Secrets: pods read most of it only when they start. */
const SECRETS_ANNOTATION = 'perch/secrets';

/** An object from which a controller makes a Secret. */
export type SecretSource =
  /** It and its Secret can have any name, and the Secret goes when it goes. */
  { readonly kind: 'renameable'; readonly secret: string } | { readonly kind: 'fixed' };

/** How a SealedSecret or an ExternalSecret stands to its Secret; undefined for any other kind. */
export function secretSourceOf(object: Manifest): SecretSource | undefined {
  if (isKind(object, 'bitnami.com', 'SealedSecret')) return sealedSource(object);
  return isExternalSecret(object) ? externalSource(object) : undefined;
}

/** Whether a controller makes a Secret from objects of the kind. */
export function makesSecret(group: string, kind: string): boolean {
  return SOURCES.has(`${group}/${kind}`);
}

const SOURCES = new Set(['bitnami.com/SealedSecret', 'external-secrets.io/ExternalSecret']);

const SEALED = 'sealedsecrets.bitnami.com';

/**
 * A ciphertext of strict scope can only be opened under the name that it was sealed for; the controller reads the
 * scope from the SealedSecret itself, and the Secret has its name. A Secret without owner would be left behind.
 */
function sealedSource(object: Manifest): SecretSource {
  const annotations = objectAt(object, 'metadata', 'annotations');
  const ofSecret = objectAt(object, 'spec', 'template', 'metadata', 'annotations');
  const isFree = ['cluster-wide', 'namespace-wide'].some(
    (it) => annotations[`${SEALED}/${it}`] === 'true',
  );
  const isLeft = ofSecret[`${SEALED}/skip-set-owner-references`] === 'true';
  return isFree && !isLeft
    ? { kind: 'renameable', secret: object.metadata.name }
    : { kind: 'fixed' };
}

/**
 * Only with the policy Owner the Secret is the ExternalSecret's alone, and goes with it: Orphan leaves it behind, Merge
 * writes into somebody else's, None makes none.
 */
function externalSource(object: Manifest): SecretSource {
  const { creationPolicy = 'Owner', manifest, name } = objectAt(object, 'spec', 'target');
  if (creationPolicy !== 'Owner' || manifest !== undefined) return { kind: 'fixed' };
  return { kind: 'renameable', secret: typeof name === 'string' ? name : object.metadata.name };
}

/** Whether an object is one by which External Secrets makes a Secret. */
export function isExternalSecret(object: Manifest): boolean {
  return isKind(object, 'external-secrets.io', 'ExternalSecret');
}

/** The object and its Secret with a suffix. */
export function withSuffix(object: Manifest, suffix: string): Manifest {
  const whole = renamed(object, `${object.metadata.name}-${suffix}`);
  const { target, template } = objectAt(object, 'spec');
  if (isExternalSecret(object))
    return isObject(target) && typeof target.name === 'string'
      ? withSpec(whole, { target: { ...target, name: `${target.name}-${suffix}` } })
      : whole;
  const metadata = objectAt(template, 'metadata');
  if (!isObject(template) || metadata.name === undefined) return whole;
  const { name } = whole.metadata;
  return withSpec(whole, { template: { ...template, metadata: { ...metadata, name } } });
}

/** What the pods are told by: the content of what Secrets are made from, and files that are copied byte for byte. */
export interface SecretContents {
  readonly objects: readonly Manifest[];
  readonly files: readonly Uint8Array[];
}

/** The pod template's metadata with a hash of the Secrets' content; as it is where there are none. */
export function withSecretsMark(
  metadata: JsonObject,
  { objects, files }: SecretContents,
): JsonObject {
  const contents = [
    ...objects.filter((it) => makesSecret(groupOf(it.apiVersion), it.kind)).map(contentHash),
    ...files.map((it) => hashText(it, 64)),
  ];
  if (contents.length === 0) return metadata;
  const annotations = objectAt(metadata, 'annotations');
  const hash = hashOf(contents.sort(), 10);
  return { ...metadata, annotations: { ...annotations, [SECRETS_ANNOTATION]: hash } };
}

/** Labels and annotations are no content. */
function contentHash({ kind, metadata, spec }: Manifest): string {
  return hashOf({ kind, name: metadata.name, spec }, 64);
}
