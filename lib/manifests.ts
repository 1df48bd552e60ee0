import { Construct } from 'constructs';
import { type FileTree, MANIFESTS_MARK } from './files.ts';
import { Analyzer } from './in-cluster/analyzer.ts';
import { fileNames } from './manifest/file-names.ts';
import { canonical, type Json, type Manifest } from './manifest/json.ts';
import type { Authored } from './manifest/manifest.ts';
import { groupOf } from './manifest/manifest.ts';
import { freeId } from './manifest/put.ts';
import { toYaml } from './manifest/yaml.ts';
import { type Mistake, noteCall, placeOf } from './mistake.ts';
import { labelMistakes } from './names.ts';
import type { Plan } from './plan/plan.ts';
import { isClusterScoped } from './plan/scope.ts';
import { fields, thing } from './props/fields.ts';
import { readProps } from './props/read.ts';
import { isChecked } from './validation/schema.ts';
import { validate } from './validation/validate.ts';
import { versionedMistakes } from './workload/configuration.ts';
import { runWorkload } from './workload/workload.ts';

/**
 * What `Manifests` is made by: it makes any cdk8s objects below the scope, from the plans of all releases of
 * the same `Apps`, by id. It is called once, after the releases were rendered.
 */
export type ManifestsFactory = (scope: Construct, plans: readonly Plan[]) => void;

/**
 * A folder of objects that is no release: `dist/<id>` with one file for each object and a kustomization.yaml.
 * The analyzer leaves it alone; `kubectl apply -k`, Flux or Argo CD apply it.
 */
export class Manifests extends Construct {
  /** Name of its folder; unique among releases and manifests. */
  readonly id: string;
  readonly make: ManifestsFactory;
  /** What could be seen to be wrong before the factory was called. */
  readonly mistakes: readonly Mistake[];

  constructor(scope: Construct, id: string, make: ManifestsFactory) {
    const text = typeof id === 'string' ? id : '';
    super(scope, freeId(scope, text));
    noteCall(this);
    this.id = text;
    const { given, reproofs } = readProps('Manifests', manifestsProps, { make });
    this.make = given?.make ?? (() => undefined);
    this.mistakes = [
      ...labelMistakes(this.path, 'id', text),
      ...reproofs.map((it) => ({ path: this.path, ...it })),
    ];
  }

  /** Where it stands in the tree, for messages. */
  get path(): string {
    return this.node.path;
  }
}

const manifestsProps = fields({
  make: thing<ManifestsFactory>(
    { what: 'a function', remedy: 'give one that makes objects: (scope, plans) => { … }' },
    (it) => typeof it === 'function',
  ),
});

/** Everything below `dist/<id>` of a folder of objects. */
export interface RenderedManifests {
  readonly id: string;
  readonly objects: readonly Manifest[];
  /** Content by path below the folder, with slashes. */
  readonly files: FileTree;
  /** What is probably not meant, and hinders nothing. */
  readonly warnings: readonly Mistake[];
}

/** The folders that could be rendered, and everything that is wrong with any of them. */
export interface ManifestsOutcome {
  readonly rendered: readonly RenderedManifests[];
  readonly mistakes: readonly Mistake[];
  /** Those that the factories made. */
  readonly analyzers: readonly Analyzer[];
  /** Whether a factory threw: who knows what it would have made. */
  readonly isPartial: boolean;
}

/**
 * Renders folders of objects. A function of its arguments alone.
 *
 * @param plans those of all releases that are right
 * @param isPartial whether there are others: a factory that throws may only have missed a plan
 */
export async function renderManifests(
  all: readonly Manifests[],
  plans: readonly Plan[],
  isPartial = false,
): Promise<ManifestsOutcome> {
  const mistakes: Mistake[] = [];
  const rendered: RenderedManifests[] = [];
  const analyzers: Analyzer[] = [];
  let threw = false;
  for (const it of all) {
    const made = runWorkload({ path: it.path, name: it.id }, (scope) => it.make(scope, plans));
    const { objects } = made;
    analyzers.push(...made.constructs.filter((one) => one instanceof Analyzer));
    threw ||= made.thrown !== undefined;
    const found = [
      ...it.mistakes,
      ...(made.thrown !== undefined && !isPartial ? [made.thrown] : []),
      ...made.mistakes,
      ...objects.flatMap(objectMistakes),
      ...doubled(objects),
      ...(await validate(objects)),
    ];
    const placed = (one: Mistake): Mistake => ({ id: it.id, ...placeOf(it), ...one });
    mistakes.push(...found.map(placed));
    rendered.push({ ...write(it.id, objects), warnings: made.warnings.map(placed) });
  }
  return { rendered, mistakes, analyzers, isPartial: threw };
}

function objectMistakes(authored: Authored): Mistake[] {
  const { path, object } = authored;
  const { kind, metadata } = object;
  const secrets = kind === 'Secret' ? versionedMistakes(authored, 'never allowed') : [];
  const group = groupOf(object.apiVersion);
  const isClusterWide = isClusterScoped(group, kind);
  if (isClusterWide && metadata.namespace !== undefined) {
    const problem = `${kind} ${metadata.name} has a namespace, and belongs to none`;
    const got = metadata.namespace;
    return [...secrets, { path, problem, got, remedy: 'leave metadata.namespace out' }];
  }
  const isFree = isClusterWide || !isChecked(group, kind);
  if (isFree || metadata.namespace !== undefined) return secrets;
  const problem = `${kind} ${metadata.name} has no namespace and would go wherever it is applied`;
  return [...secrets, { path, problem, remedy: 'give it metadata.namespace' }];
}

function doubled(objects: readonly Authored[]): Mistake[] {
  const first = new Map<string, string>();
  return objects.flatMap(({ path, object }) => {
    const { kind, metadata } = object;
    const key = [groupOf(object.apiVersion), kind, metadata.namespace, metadata.name].join(' ');
    const known = first.get(key);
    first.set(key, known ?? path);
    if (known === undefined) return [];
    const problem = `${kind} ${metadata.name} is there twice, the other is ${known}`;
    return [{ path, problem, remedy: 'rename one of them, or leave one out' }];
  });
}

function write(id: string, all: readonly Authored[]): Omit<RenderedManifests, 'warnings'> {
  const objects = all.map((it) => it.object);
  const named = new Map(
    [...byNamespace(objects)].flatMap(([namespace, inside]) => {
      const nameOf = fileNames(inside);
      const folder = namespace === '' ? '' : `${namespace}/`;
      return inside.map((it) => [`${folder}${nameOf(it)}`, it] as const);
    }),
  );
  const paths = [...named.keys()].sort();
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: paths,
  };
  const files = new Map([
    [MANIFESTS_MARK, MARK_TEXT],
    ['kustomization.yaml', toYaml(kustomization)],
    ...paths.map((it) => [it, toYaml(canonical<Json>(named.get(it) ?? {}))] as const),
  ]);
  return { id, objects, files };
}

const MARK_TEXT =
  'Written by `npm run synth`, which removes this folder when its Manifests are gone from apps/.\n';

/** Objects that no namespace holds stand under the empty string. */
function byNamespace(objects: readonly Manifest[]): ReadonlyMap<string, readonly Manifest[]> {
  const found = new Map<string, Manifest[]>();
  for (const it of objects) {
    const namespace = it.metadata.namespace ?? '';
    found.set(namespace, [...(found.get(namespace) ?? []), it]);
  }
  return found;
}
