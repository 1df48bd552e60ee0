import { isDeepStrictEqual } from 'node:util';
import { parse } from 'yaml';
import type { ObjectRef } from '../core/cluster/reading.ts';
import type { Reader } from '../git/repository.ts';
import type { ObjectStore } from './object-store.ts';
import { SERVED_KINDS, type ServedKind } from './served-kinds.ts';
import type { Manifest } from './server-side-apply.ts';

/** What it needs of a reader. */
export type LiveReader = Pick<Reader, 'resolve' | 'list' | 'files' | 'texts'>;

/** What a simulated GitOps controller works with. */
export interface GitopsOptions {
  /** Reads the repository with the run branch. */
  readonly reader: LiveReader;
  readonly store: ObjectStore;
  /** Unix seconds. */
  readonly clock: () => number;
  /** Kinds that the cluster has. @default - the built-in kinds of our manifests, and Istio's */
  readonly kinds?: readonly ServedKind[];
  /** @default main */
  readonly branch?: string;
  /**
   * How often it looks at the branch, and corrects drift.
   *
   * @default 30
   */
  readonly intervalSeconds?: number;
  /** The only release that it syncs, as a sync object of its own does. @default - all of `live/` */
  readonly release?: string;
  /**
   * Why admission refuses an object, if it does: nothing of a commit that holds it is applied.
   *
   * @default - no more is refused than the API server does
   */
  readonly admission?: (object: Manifest) => string | undefined;
}

/** What became of one look. */
export type Sync =
  /** It was not time to look yet, or there is no such branch or folder. */
  | { readonly kind: 'idle' }
  | {
      readonly kind: 'applied';
      readonly revision: string;
      /** Whether it is the first time that this revision is applied. */
      readonly isNew: boolean;
      readonly pruned: readonly ObjectRef[];
    }
  /** Nothing of the commit was applied, as one of its objects would have been refused. */
  | { readonly kind: 'refused'; readonly revision: string; readonly reason: string };

/** A GitOps controller that syncs `live/` of one branch into an object store. */
export interface Gitops {
  /** Looks at the branch if it is time to. */
  beat(): Promise<Sync>;
  /** The commit that was applied completely last. */
  lastApplied(): string | undefined;
}

const MANAGER = 'kustomize-controller';

/**
 * Does with `live/` what was measured of Flux' kustomize-controller: a dry run refuses the whole commit,
 * objects are applied in the order of their kinds, what is gone from Git is pruned last, drift is corrected
 * at each interval.
 */
export function playGitops(options: GitopsOptions): Gitops {
  const { reader, store, clock, kinds = SERVED_KINDS } = options;
  const { branch = 'main', intervalSeconds = 30, release, admission = () => undefined } = options;
  let inventory: readonly ObjectRef[] = [];
  let lastApplied: string | undefined;
  let nextLook = clock();

  function apply(revision: string, files: readonly LiveObject[]): Sync {
    const objects = files.toSorted((one, other) => rank(one.object) - rank(other.object));
    const refused = objects.flatMap(({ file, object }) =>
      [...refusals(object, store, kinds), admission(object) ?? []]
        .flat()
        .map((reason) => `live/${file}: ${reason}`),
    );
    if (refused.length > 0) return { kind: 'refused', revision, reason: refused.join('; ') };
    for (const { object } of objects) store.apply(object, MANAGER, clock());
    const wanted = objects.map(({ object }) => refOf(object));
    const pruned = inventory.filter((old) => !wanted.some((ref) => isSame(ref, old)));
    for (const ref of pruned) store.remove(ref);
    inventory = wanted;
    const isNew = lastApplied !== revision;
    lastApplied = revision;
    return { kind: 'applied', revision, isNew, pruned };
  }

  return {
    lastApplied: () => lastApplied,
    async beat() {
      if (clock() < nextLook) return { kind: 'idle' };
      nextLook = clock() + intervalSeconds;
      const revision = await reader.resolve(branch);
      if (revision === undefined) return { kind: 'idle' };
      const files = await readLive(reader, revision, release);
      return files === undefined ? { kind: 'idle' } : apply(revision, files);
    },
  };
}

interface LiveObject {
  /** Its path below `live/`. */
  readonly file: string;
  readonly object: Manifest;
}

/** Every object of `live/`; undefined where there is no such folder. */
async function readLive(
  reader: LiveReader,
  revision: string,
  only: string | undefined,
): Promise<readonly LiveObject[] | undefined> {
  const releases = await reader.list({ run: revision, source: undefined });
  const blobs: [string, string][] = [];
  for (const { id, live } of releases) {
    if (live === undefined || (only !== undefined && only !== id)) continue;
    for (const [name, oid] of await reader.files(live)) blobs.push([`${id}/${name}`, oid]);
  }
  if (blobs.length === 0) return undefined;
  const texts = await reader.texts(blobs.map(([, oid]) => oid));
  return blobs.map(([file], index) => ({ file, object: readManifest(texts[index] ?? '') }));
}

/** As Kubernetes reads a file: YAML 1.1, and a text that is no object has no kind. */
function readManifest(text: string): Manifest {
  const value: unknown = parse(text, { version: '1.1' });
  return typeof value === 'object' && value !== null ? (value as Manifest) : {};
}

/** The order in which Flux applies kinds, as far as it matters; what is not listed comes after. */
const KINDS = [
  'Namespace',
  'ServiceAccount',
  'Secret',
  'ConfigMap',
  'Service',
  'Deployment',
  'DaemonSet',
  'HorizontalPodAutoscaler',
  'PodDisruptionBudget',
];

function rank({ kind }: Manifest): number {
  const index = KINDS.indexOf(String(kind));
  return index < 0 ? KINDS.length : index;
}

/** Why an API server would not take an object; a real one knows more reasons. */
function refusals(
  object: Manifest,
  store: ObjectStore,
  kinds: readonly ServedKind[],
): readonly string[] {
  const { name, namespace } = mapAt(object, 'metadata');
  const { apiVersion, kind } = object;
  if (!apiVersion || !kind || !name) return ['apiVersion, kind or metadata.name is missing'];
  const served = kinds.find((it) => it.apiVersion === apiVersion && it.kind === kind);
  if (served === undefined) return [`no kind ${kind} in ${apiVersion}`];
  if (served.namespaced === (namespace === undefined))
    return [`${kind} ${name} ${served.namespaced ? 'needs a' : 'has no'} namespace`];
  const before = store.get(refOf(object));
  return RULES.flatMap((rule) => rule(object, before) ?? []);
}

type Rule = (object: Manifest, before: Manifest | undefined) => string | undefined;

const RULES: readonly Rule[] = [
  function immutable(object, before) {
    if (before?.immutable !== true || isDeepStrictEqual(before.data, object.data)) return undefined;
    return 'data: field is immutable when `immutable` is set';
  },
  function selector(object, before) {
    if (object.kind !== 'Deployment' || before === undefined) return undefined;
    const [was, is] = [mapAt(before, 'spec').selector, mapAt(object, 'spec').selector];
    return isDeepStrictEqual(was, is) ? undefined : 'spec.selector: field is immutable';
  },
  function minOverMax(object) {
    if (object.kind !== 'HorizontalPodAutoscaler') return undefined;
    const { minReplicas = 1, maxReplicas } = mapAt(object, 'spec');
    if (Number(minReplicas) <= Number(maxReplicas)) return undefined;
    return 'spec.maxReplicas: must be greater than or equal to `minReplicas`';
  },
];

function refOf(object: Manifest): ObjectRef {
  const { name, namespace } = mapAt(object, 'metadata');
  return {
    apiVersion: String(object.apiVersion),
    kind: String(object.kind),
    namespace: namespace === undefined ? undefined : String(namespace),
    name: String(name),
  };
}

function isSame(one: ObjectRef, other: ObjectRef): boolean {
  return (['apiVersion', 'kind', 'namespace', 'name'] as const).every(
    (key) => one[key] === other[key],
  );
}

function mapAt(object: Manifest, key: string): Manifest {
  const value = object[key];
  return typeof value === 'object' && value !== null ? (value as Manifest) : {};
}
