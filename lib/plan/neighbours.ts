import type { FileInfo, Plan } from './plan.ts';

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

/** What a release cannot have because another one, by its id, has it already. */
export type Clash =
  | { readonly kind: 'object'; readonly release: string; readonly object: ObjectIdentity }
  /** The other selects the pods of this one, or this one those of the other. */
  | {
      readonly kind: 'pods';
      readonly release: string;
      readonly whose: 'ours' | 'theirs';
      readonly selector: Labels;
    };

/** What is wrong with a release that another one has something of, and what to do about it. */
export interface ClashText {
  readonly problem: string;
  /** The selector. @default - it is about objects */
  readonly got?: string;
  readonly remedy: string;
}

/** Footprints by what they hold, so that a further one is compared with those alone that have the same. */
export interface Neighbourhood {
  add(it: Footprint): void;
  /** Forgets all that was added of a release. */
  remove(release: string): void;
  /** What a release cannot have because another one that was added has it. */
  clashes(it: Footprint): readonly Clash[];
  /** Id of a release that writes an object. */
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
  const index = new Map<string, Labelled[]>();
  const keys = new Map<string, Set<string>>();
  const at = (key: string, release?: string) =>
    (index.get(key) ?? []).filter((it) => it.release !== release);
  const rarest: Rarest = (of) =>
    of.reduce<string | undefined>((least, key) => {
      const isFewer = (index.get(key)?.length ?? 0) < (index.get(least ?? '')?.length ?? Infinity);
      return isFewer ? key : least;
    }, undefined);
  return {
    writerOf: (it) => at(objectKey(it))[0]?.release,
    add(it) {
      const known = keys.get(it.release) ?? new Set();
      keys.set(it.release, known);
      for (const [key, labels] of entriesOf(it, rarest)) {
        known.add(key);
        const entries = index.get(key);
        if (entries === undefined) index.set(key, [{ release: it.release, labels }]);
        else entries.push({ release: it.release, labels });
      }
    },
    remove(release) {
      for (const key of keys.get(release) ?? []) {
        const left = at(key, release);
        if (left.length === 0) index.delete(key);
        else index.set(key, left);
      }
      keys.delete(release);
    },
    clashes(it) {
      const written = it.objects.flatMap((object) => {
        const [other] = at(objectKey(object), it.release);
        return other === undefined
          ? []
          : [{ kind: 'object' as const, release: other.release, object }];
      });
      const selecting = it.pods.flatMap((labels) =>
        keysOf('selector', it, labels)
          .flatMap((key) => at(key, it.release))
          .filter((other) => hasAll(labels, other.labels))
          .map(({ release, labels: selector }) => podsClash(release, 'ours', selector)),
      );
      const selected = it.selectors.flatMap((labels) =>
        at(rarest(keysOf('pods', it, labels)) ?? '', it.release)
          .filter((other) => hasAll(other.labels, labels))
          .map(({ release }) => podsClash(release, 'theirs', labels)),
      );
      // What selects in both directions is one fault; so is what several tracks have.
      const told = new Map<string, Clash>();
      for (const one of [...selecting, ...selected])
        if (!told.has(one.release)) told.set(one.release, one);
      return [...written, ...told.values()];
    },
  };
}

interface Labelled {
  readonly release: string;
  readonly labels: Labels;
}

/** The one of some keys that has the fewest entries; undefined of none. */
type Rarest = (keys: readonly string[]) => string | undefined;

/** A selector under that of its labels which the fewest have, pods under each of theirs. */
function entriesOf(it: Footprint, rarest: Rarest): readonly (readonly [string, Labels])[] {
  return [
    ...it.objects.map((object) => [objectKey(object), NONE] as const),
    ...it.selectors.flatMap((labels) => {
      const key = rarest(keysOf('selector', it, labels));
      return key === undefined ? [] : [[key, labels] as const];
    }),
    ...it.pods.flatMap((labels) => keysOf('pods', it, labels).map((key) => [key, labels] as const)),
  ];
}

const NONE: Labels = {};

/** A key for each of some labels. */
function keysOf(what: 'selector' | 'pods', { namespace }: Footprint, labels: Labels): string[] {
  return Object.entries(labels).map(([key, value]) => `${what} ${namespace} ${key}=${value}`);
}

function hasAll(labels: Labels, wanted: Labels): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}

/** Versions of a group are one kind. */
function objectKey({ apiVersion, kind, namespace = '', name }: ObjectIdentity): string {
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  return ['object', group, kind, namespace, name].join(' ');
}

function podsClash(release: string, whose: 'ours' | 'theirs', selector: Labels): Clash {
  return { kind: 'pods', release, whose, selector };
}

/** In words; what one other release writes as well is one fault. */
export function clashTexts(clashes: readonly Clash[]): readonly ClashText[] {
  const written = new Map<string, ObjectIdentity[]>();
  for (const it of clashes)
    if (it.kind === 'object')
      written.set(it.release, [...(written.get(it.release) ?? []), it.object]);
  return [
    ...[...written].map(([release, objects]) => writtenTwice(release, objects)),
    ...clashes.flatMap((it) => (it.kind === 'pods' ? [selects(it)] : [])),
  ];
}

/** So many objects are named. */
const MOST_NAMED = 3;

function writtenTwice(release: string, objects: readonly ObjectIdentity[]): ClashText {
  const named = objects.slice(0, MOST_NAMED);
  const more = objects.length - named.length;
  const names = named.map(({ kind, name }) => `${kind} ${name}`);
  return {
    problem: `release ${release} writes ${names.join(', ')}${more > 0 ? ` and ${more} more` : ''} as well`,
    remedy: 'rename it in one of them, or make what they share in a folder of `Manifests`',
  };
}

function selects({ release, whose, selector }: Extract<Clash, { kind: 'pods' }>): ClashText {
  const who =
    whose === 'ours'
      ? `release ${release} would select the pods of this one`
      : `it would select the pods of release ${release}`;
  return {
    problem: `${who}, and send them its requests`,
    got: labelsText(selector),
    remedy: 'let each workload select by a label that only its own pods have',
  };
}

function labelsText(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}
