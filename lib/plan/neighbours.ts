import { type FileInfo, type Plan, TRACK_LABEL } from './plan.ts';

type Labels = Readonly<Record<string, string>>;

/** What a plan brings into its namespace, as far as it could be in the way of another. */
export interface Footprint {
  readonly release: string;
  readonly namespace: string;
  readonly objects: readonly ObjectIdentity[];
  /** By which the Services and workloads of the tracks find pods. */
  readonly selectors: readonly Labels[];
  /** Labels of the pods of each track. */
  readonly pods: readonly Labels[];
}

/** What tells an object from all others of a cluster. */
export type ObjectIdentity = Pick<FileInfo, 'apiVersion' | 'kind' | 'namespace' | 'name'>;

/** What two releases cannot both have. */
export interface Clash {
  /** Id of the one that has it already. */
  readonly release: string;
  readonly problem: string;
  readonly got: string;
  readonly remedy: string;
}

/** Footprints by what they hold, so that a further one is compared with those alone that have the same. */
export interface Neighbourhood {
  add(it: Footprint): void;
  /** What a release cannot have because another one that was added has it. */
  clashes(it: Footprint): readonly Clash[];
  /** Id of the release that writes an object. */
  writerOf(it: ObjectIdentity): string | undefined;
}

/** What a plan brings into its namespace. */
export function footprintOf(plan: Plan): Footprint {
  const { selectors, apexSelector, podLabels } = plan.shape;
  const tracks = Object.values(selectors).map((it) => ({ ...it }));
  return {
    release: plan.release,
    namespace: plan.namespace,
    objects: Object.values(plan.files).map(({ apiVersion, kind, namespace, name }) => ({
      apiVersion,
      kind,
      namespace,
      name,
    })),
    selectors: [...(apexSelector === undefined ? [] : [apexSelector]), ...tracks],
    pods: podLabels === undefined ? [] : tracks.map((it) => ({ ...podLabels, ...it })),
  };
}

/** A neighbourhood in which nobody is yet. */
export function neighbourhood(): Neighbourhood {
  const writers = new Map<string, string>();
  const selectors = new Map<string, Labelled[]>();
  const pods = new Map<string, Labelled[]>();
  const writerOf = (it: ObjectIdentity) => writers.get(keyOf(it));
  return {
    writerOf,
    add(it) {
      const { release } = it;
      for (const object of it.objects)
        if (writerOf(object) === undefined) writers.set(keyOf(object), release);
      for (const labels of it.selectors)
        for (const key of tellingKey(it, labels)) put(selectors, key, { release, labels });
      for (const labels of it.pods)
        for (const pair of Object.entries(labels))
          put(pods, pairKey(it, pair), { release, labels });
    },
    clashes(it) {
      const written = it.objects.flatMap((object) => {
        const other = writerOf(object);
        return other === undefined || other === it.release ? [] : [writtenTwice(other, object)];
      });
      const selecting = it.pods.flatMap((labels) =>
        Object.entries(labels)
          .flatMap((pair) => selectors.get(pairKey(it, pair)) ?? [])
          .filter((other) => other.release !== it.release && hasAll(labels, other.labels))
          .map((other) => selectsOurs(other)),
      );
      const selected = it.selectors.flatMap((labels) =>
        tellingKey(it, labels)
          .flatMap((key) => pods.get(key) ?? [])
          .filter((other) => other.release !== it.release && hasAll(other.labels, labels))
          .map((other) => selectsTheirs(other, labels)),
      );
      // What selects in both directions is one fault; so is what several tracks have.
      const told = new Set<string>();
      const mixed = [...selecting, ...selected].filter(({ release }) => {
        const isNew = !told.has(release);
        told.add(release);
        return isNew;
      });
      return [...written, ...mixed];
    },
  };
}

interface Labelled {
  readonly release: string;
  readonly labels: Labels;
}

function put(index: Map<string, Labelled[]>, key: string, it: Labelled): void {
  const known = index.get(key);
  if (known === undefined) index.set(key, [it]);
  else known.push(it);
}

/** One label of a selector is enough to find it by; that of the track is all releases'. None of an empty one. */
function tellingKey(it: Footprint, labels: Labels): readonly string[] {
  const pairs = Object.entries(labels);
  const pair = pairs.find(([key]) => key !== TRACK_LABEL) ?? pairs[0];
  return pair === undefined ? [] : [pairKey(it, pair)];
}

function pairKey({ namespace }: Footprint, [key, value]: readonly [string, string]): string {
  return `${namespace} ${key}=${value}`;
}

function hasAll(labels: Labels, wanted: Labels): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}

/** Versions of a group are one kind. */
function keyOf({ apiVersion, kind, namespace = '', name }: ObjectIdentity): string {
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  return [group, kind, namespace, name].join(' ');
}

function writtenTwice(release: string, { kind, name, namespace }: ObjectIdentity): Clash {
  const got = namespace === undefined ? name : `${namespace}/${name}`;
  return {
    release,
    problem: `release ${release} writes ${kind} ${name} as well`,
    got,
    remedy: 'rename it in one of them, or make what they share in a folder of `Manifests`',
  };
}

const APART = 'let each workload select by a label that only its own pods have';

function selectsOurs({ release, labels }: Labelled): Clash {
  const problem = `release ${release} would select the pods of this one, and send them its requests`;
  return { release, problem, got: labelsText(labels), remedy: APART };
}

function selectsTheirs({ release }: Labelled, labels: Labels): Clash {
  const problem = `it would select the pods of release ${release}, and send them its requests`;
  return { release, problem, got: labelsText(labels), remedy: APART };
}

function labelsText(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}
