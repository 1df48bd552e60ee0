import { groupOf } from '../manifest/manifest.ts';
import { at, escapePointer } from '../plan/pointer.ts';

/** One thing that a schema does not allow. */
export interface Violation {
  /** JSON pointer into the object. */
  readonly pointer: string;
  readonly problem: string;
  /** Whether text would be taken there. */
  readonly isText: boolean;
}

/** Finds what the API server would refuse in an object of one kind. */
export type SchemaCheck = (object: object) => readonly Violation[];

/** Whether and how objects of a kind are checked. */
export type Schema =
  | { readonly kind: 'known'; readonly check: SchemaCheck }
  /** A kind that no pinned version of its group has. */
  | { readonly kind: 'missing'; readonly versions: string }
  /** A group that nothing is known of. */
  | { readonly kind: 'foreign' };

interface AjvError {
  readonly instancePath: string;
  readonly keyword: string;
  readonly message?: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** A class of the models packages; its instances know how to validate themselves. */
interface Model {
  readonly kind: string;
  readonly prototype: { validate(this: object): void };
}

interface Family {
  readonly has: (group: string, kind: string) => boolean;
  readonly package: string;
  readonly versions: string;
}

/** Groups of Kubernetes itself that a namespaced release can hold. */
const KUBERNETES_GROUPS: ReadonlySet<string> = new Set([
  '',
  'apps',
  'autoscaling',
  'batch',
  'policy',
  'extensions',
  'networking.k8s.io',
  'rbac.authorization.k8s.io',
  'storage.k8s.io',
  'coordination.k8s.io',
  'discovery.k8s.io',
  'events.k8s.io',
]);

/** API versions that the models still know and Kubernetes no longer serves. */
const REMOVED =
  /^(?:extensions\/v1beta1|apps\/v1beta\d|(?:policy|batch|networking\.k8s\.io)\/v1beta1|autoscaling\/v2beta\d)$/;

const FAMILIES: readonly Family[] = [
  {
    has: (group) => KUBERNETES_GROUPS.has(group),
    package: 'kubernetes-models',
    versions: 'Kubernetes (kubernetes-models 5.1.0)',
  },
  {
    has: (group) => /^(?:networking|security|telemetry|extensions)\.istio\.io$/.test(group),
    package: '@kubernetes-models/istio',
    versions: 'Istio (@kubernetes-models/istio 3.0.1)',
  },
  {
    has: (group) => group === 'gateway.networking.k8s.io',
    package: '@kubernetes-models/gateway-api',
    versions: 'the Gateway API (@kubernetes-models/gateway-api 2.0.0)',
  },
  {
    has: (group) => /^(?:source|kustomize|notification|image)\.toolkit\.fluxcd\.io$/.test(group),
    package: '@kubernetes-models/flux-cd',
    versions: 'Flux (@kubernetes-models/flux-cd 4.0.0)',
  },
  {
    // Other products of the project share the group.
    has: (group, kind) =>
      group === 'argoproj.io' && /^(?:Application|ApplicationSet|AppProject)$/.test(kind),
    package: '@kubernetes-models/argo-cd',
    versions: 'Argo CD (@kubernetes-models/argo-cd 4.0.0)',
  },
  {
    has: (group) => group === 'keda.sh',
    package: '@kubernetes-models/keda',
    versions: 'KEDA (@kubernetes-models/keda 2.0.0)',
  },
  {
    has: (group) => group === 'monitoring.coreos.com',
    package: '@kubernetes-models/prometheus-operator',
    versions: 'the Prometheus operator (@kubernetes-models/prometheus-operator 6.0.0)',
  },
];

/** Whether objects of the kind are checked; others are let through. */
export function isChecked(group: string, kind: string): boolean {
  return FAMILIES.some((it) => it.has(group, kind));
}

/** Objects that the API has and the models do not have yet, by kind, with the end of their pointers and their own fields. */
const NEWER: Readonly<Record<string, Newer>> = {
  'networking.istio.io/DestinationRule': {
    end: '/connectionPool/http/http2KeepAlive',
    fields: ['interval', 'timeout'],
  },
};

interface Newer {
  readonly end: string;
  /** All are text. */
  readonly fields: readonly string[];
}

const loaded = new Map<string, Promise<Schema>>();

/** The schema of a kind, loaded when the kind first occurs: one takes up to a tenth of a second. */
export function schemaOf(apiVersion: string, kind: string): Promise<Schema> {
  const key = `${apiVersion}/${kind}`;
  const known = loaded.get(key) ?? load(apiVersion, kind);
  loaded.set(key, known);
  return known;
}

async function load(apiVersion: string, kind: string): Promise<Schema> {
  const group = groupOf(apiVersion);
  const family = FAMILIES.find((it) => it.has(group, kind));
  if (family === undefined) return { kind: 'foreign' };
  const missing: Schema = { kind: 'missing', versions: family.versions };
  if (REMOVED.test(apiVersion) || !/^[A-Za-z0-9]+$/.test(kind)) return missing;
  try {
    const module: unknown = await import(
      /* @vite-ignore */ `${family.package}/${apiVersion}/${kind}`
    );
    const model = modelIn(module, kind);
    if (model === undefined) return missing;
    return { kind: 'known', check: strict(model, NEWER[`${group}/${kind}`]) };
  } catch (error) {
    if (isNotFound(error)) return missing;
    throw error;
  }
}

/** The packages hold parts of objects too, such as DeploymentSpec: those are no kinds. */
function modelIn(module: unknown, kind: string): Model | undefined {
  if (typeof module !== 'object' || module === null) return undefined;
  const found: unknown = Reflect.get(module, kind);
  return isModel(found) && found.kind === kind ? found : undefined;
}

function isModel(value: unknown): value is Model {
  return typeof value === 'function' && 'kind' in value;
}

/** Bundlers and test runners resolve modules themselves, and say so in words only. */
function isNotFound(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const codes = ['ERR_MODULE_NOT_FOUND', 'ERR_PACKAGE_PATH_NOT_EXPORTED'];
  const code = 'code' in error ? String(error.code) : '';
  return codes.includes(code) || /is not exported/.test(error.message);
}

/**
 * The compiled schemas find wrong types and missing fields, and let unknown fields pass. A validator reads
 * every field that it knows of an object: an own key that it never read is unknown to the schema. An object
 * of which it read no key at all is one that the schema leaves open.
 */
function strict(model: Model, newer: Newer | undefined): SchemaCheck {
  return (object) => {
    const reads: Reads = new Map();
    const errors = errorsOf(model, watched(object, reads, new Map()));
    const unknown = unknownFields(object, reads, '');
    return [...violations(errors), ...unknown.flatMap((it) => ofNewer(it, object, newer))];
  };
}

/** What is wrong with a field that the models do not know, where the API does. */
function ofNewer(it: Violation, object: object, newer: Newer | undefined): readonly Violation[] {
  if (newer === undefined || !it.pointer.endsWith(newer.end)) return [it];
  const value = at(object, it.pointer);
  if (typeof value !== 'object' || value === null)
    return [{ ...it, problem: 'must be of type object' }];
  return Object.entries(value).flatMap(([key, inner]): Violation[] => {
    const pointer = `${it.pointer}/${escapePointer(key)}`;
    if (!newer.fields.includes(key)) return [{ ...it, pointer }];
    return typeof inner === 'string'
      ? []
      : [{ pointer, problem: 'must be of type string', isText: true }];
  });
}

function errorsOf(model: Model, object: object): readonly AjvError[] {
  try {
    model.prototype.validate.call(object);
    return [];
  } catch (error) {
    if (error instanceof Error && 'errors' in error && Array.isArray(error.errors))
      return error.errors;
    throw error;
  }
}

type Reads = Map<object, Set<PropertyKey>>;

function watched(object: object, reads: Reads, proxies: Map<object, object>): object {
  const known = proxies.get(object);
  if (known !== undefined) return known;
  const seen = new Set<PropertyKey>();
  reads.set(object, seen);
  const proxy = new Proxy(object, {
    get(target, key) {
      seen.add(key);
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'object' && value !== null ? watched(value, reads, proxies) : value;
    },
  });
  proxies.set(object, proxy);
  return proxy;
}

function unknownFields(value: unknown, reads: Reads, pointer: string): Violation[] {
  if (typeof value !== 'object' || value === null) return [];
  const seen = reads.get(value);
  if (seen === undefined || ![...seen].some((it) => typeof it === 'string')) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const here = `${pointer}/${escapePointer(key)}`;
    if (Array.isArray(value) || seen.has(key)) return unknownFields(inner, reads, here);
    return [{ pointer: here, problem: 'is a field that the API does not know', isText: false }];
  });
}

/** One violation for each place: alternatives of a schema each complain about the same value. */
function violations(errors: readonly AjvError[]): Violation[] {
  const places = new Map<string, Violation>();
  for (const error of errors) {
    const known = places.get(error.instancePath);
    if (error.keyword === 'anyOf' && known !== undefined) continue;
    // Theirs of base64 knows no line breaks, which the API takes; a rule judges it.
    if (error.keyword === 'format' && error.params.format === 'byte') continue;
    const says = sentence(error);
    places.set(error.instancePath, {
      pointer: error.instancePath || '/',
      problem:
        known === undefined || known.problem === says ? says : `${known.problem}, or ${says}`,
      isText: known?.isText === true || takesText(error),
    });
  }
  return [...places.values()];
}

function takesText({ keyword, params }: AjvError): boolean {
  return keyword === 'type' && [params.type].flat().includes('string');
}

function sentence({ keyword, params, message }: AjvError): string {
  if (keyword === 'required') return `lacks the field ${String(params.missingProperty)}`;
  if (keyword === 'type') return `must be of type ${String(params.type)}`;
  if (keyword === 'enum') return `must be one of ${JSON.stringify(params.allowedValues)}`;
  if (keyword === 'oneOf') return 'must have exactly one of the alternatives';
  return message ?? `violates ${keyword} ${JSON.stringify(params)}`;
}
