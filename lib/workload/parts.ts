import { isObject, type Json, type Manifest, objectAt } from '../manifest/json.ts';
import type { Authored } from '../manifest/manifest.ts';
import { ADDRESS_LABEL, groupOf, heldObject, isKind, podLabels } from '../manifest/manifest.ts';
import { selects } from '../manifest/selector.ts';
import type { Mistake } from '../mistake.ts';
import type { Names } from '../names.ts';
import { directiveRefusal } from '../plan/directives.ts';
import { isClusterScoped } from '../plan/scope.ts';
import { autoscalerMistakes, isAutoscaler } from './autoscalers.ts';
import { isVersioned } from './versioned.ts';
import { workloadKindOf } from './workload-kinds.ts';

/** The objects of a workload, by what is done with them. */
export interface Parts {
  /** What runs the pods: exactly one where nothing is wrong. */
  readonly workloads: readonly Authored[];
  readonly autoscalers: readonly Authored[];
  /** What stands beside the pods of each track: PodDisruptionBudgets, VerticalPodAutoscalers. */
  readonly companions: readonly Authored[];
  readonly versioned: readonly Authored[];
  /** Run once for each candidate. */
  readonly jobs: readonly Authored[];
  /** Routing objects of the author's own, in which only the weights are ours. */
  readonly routing: readonly Authored[];
  /** Everything that belongs to no track. */
  readonly others: readonly Authored[];
}

/** Sorts a workload's objects; the order in which they were made does not matter. */
export function partsOf(objects: readonly Authored[], owned: (object: Manifest) => boolean): Parts {
  const parts = {
    workloads: [],
    autoscalers: [],
    companions: [],
    versioned: [],
    jobs: [],
    routing: [],
    others: [],
  } as Record<keyof Parts, Authored[]>;
  const workload = objects.find((it) => workloadKindOf(it.object) !== undefined)?.object;
  const byName = [...objects].sort((a, b) => compare(identity(a.object), identity(b.object)));
  for (const it of byName) parts[partOf(it.object, workload, owned)].push(it);
  return parts;
}

function partOf(
  object: Manifest,
  workload: Manifest | undefined,
  owned: (object: Manifest) => boolean,
): keyof Parts {
  if (workloadKindOf(object) !== undefined) return 'workloads';
  if (isAutoscaler(object)) return 'autoscalers';
  if (isCompanion(object, workload)) return 'companions';
  if (isVersioned(object)) return 'versioned';
  if (isKind(object, 'batch', 'Job')) return 'jobs';
  return owned(object) ? 'routing' : 'others';
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function identity(object: Manifest): string {
  return `${object.kind}/${groupOf(object.apiVersion)}/${object.metadata.name}`;
}

/** Kinds that run pods, or scale what does, and have no tracks. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  ReplicaSet: 'use a Deployment',
  ReplicationController: 'use a Deployment',
  Pod: 'use a Deployment',
  Rollout: 'use a Deployment: two controllers would shift one traffic',
  ScaledJob: 'manage it outside of the release: its Jobs get no traffic',
};

/** What to use instead of a kind that runs pods and has no tracks; undefined for any other. */
export function unsupportedInstead(kind: string): string | undefined {
  return Object.hasOwn(UNSUPPORTED, kind) ? UNSUPPORTED[kind] : undefined;
}

/** What no release may hold, whatever its kind. */
export function placementMistakes(
  { path, object }: Authored,
  namespace: string | undefined,
): Mistake[] {
  const { kind, metadata } = object;
  const instead = unsupportedInstead(kind);
  if (instead !== undefined)
    // A chart's test is told to be one.
    return directiveRefusal(heldObject(object)) !== undefined
      ? []
      : [{ path, problem: `a release has no ${kind}`, got: metadata.name, remedy: instead }];
  // It is refused for that.
  if (isClusterScoped(groupOf(object.apiVersion), kind)) return [];
  if (namespace === undefined || metadata.namespace === namespace) return [];
  const remedy = `leave metadata.namespace out, or use "${namespace}"`;
  return [
    {
      path,
      problem: `${kind} ${metadata.name} is in another namespace`,
      got: metadata.namespace,
      remedy,
    },
  ];
}

/** Where the objects stand. */
export interface PartsContext {
  readonly path: string;
  readonly names: Names;
  /** Where the objects must be; undefined where the author's answer to that is wrong. */
  readonly namespace: string | undefined;
  /** Names of metrics and triggers by which both tracks are meant to scale. */
  readonly sharedTriggers: readonly string[];
  /** Whether some objects could not be read: what runs the pods may be among them. */
  readonly isPartial: boolean;
}

/** What is wrong with the workload's objects taken together. */
export function partMistakes(
  { path, names, namespace, sharedTriggers, isPartial }: PartsContext,
  objects: readonly Authored[],
  parts: Parts,
): Mistake[] {
  const workload = parts.workloads[0]?.object;
  return [
    ...objects.flatMap((it) => placementMistakes(it, namespace)),
    ...doubled(objects),
    ...(isPartial && workload === undefined ? [] : workloadMistakes(path, parts)),
    ...autoscalerMistakes(parts.autoscalers, workload, { names, shared: sharedTriggers }),
    ...parts.companions.flatMap((it) => companionMistakes(it, parts)),
    ...parts.others.flatMap((it) => danglingMistakes(it, parts, names)),
  ];
}

function doubled(objects: readonly Authored[]): Mistake[] {
  const seen = new Map<string, string>();
  return objects.flatMap(({ path, object }) => {
    const first = seen.get(identity(object));
    seen.set(identity(object), first ?? path);
    if (first === undefined) return [];
    const problem = `a second ${object.kind} has the name of the one at ${first}`;
    return [
      {
        path,
        problem,
        got: object.metadata.name,
        remedy: 'give it a name of its own in metadata.name',
      },
    ];
  });
}

function workloadMistakes(path: string, { workloads }: Parts): Mistake[] {
  const remedy = 'let workload make exactly one Deployment, DaemonSet or StatefulSet';
  const [workload, ...more] = workloads;
  if (workload === undefined)
    return [{ path, problem: 'workload makes nothing that runs pods', remedy }];
  const selector = objectAt(workload.object, 'spec', 'selector');
  const expressions = selector.matchExpressions;
  const found = more.map((it) => ({
    path: it.path,
    problem: `a second workload, a ${it.object.kind}`,
    got: it.object.metadata.name,
    remedy,
  }));
  const own = workloadKindOf(workload.object)?.mistakes(workload) ?? [];
  if (!Array.isArray(expressions) || expressions.length === 0) return [...found, ...own];
  return [
    ...found,
    {
      path: workload.path,
      problem: 'spec.selector.matchExpressions are not supported',
      got: expressions,
      remedy: 'use matchLabels',
    },
    ...own,
  ];
}

/** A VerticalPodAutoscaler that names a track itself is written as it is. */
function isCompanion(object: Manifest, workload: Manifest | undefined): boolean {
  if (isKind(object, 'policy', 'PodDisruptionBudget')) return true;
  if (!isKind(object, 'autoscaling.k8s.io', 'VerticalPodAutoscaler')) return false;
  const { kind, name } = objectAt(object, 'spec', 'targetRef');
  return kind === workload?.kind && name === workload?.metadata.name;
}

/** One for something else would be doubled, and do nothing. */
function companionMistakes({ path, object }: Authored, { workloads }: Parts): Mistake[] {
  const workload = workloads[0]?.object;
  if (workload === undefined) return [];
  if (object.kind === 'VerticalPodAutoscaler') return [];
  const selector = objectAt(object, 'spec', 'selector');
  if (selects(selector, podLabels(workload))) return [];
  const remedy = 'let spec.selector select the workload’s pods';
  return [{ path, problem: 'the PodDisruptionBudget selects other pods', got: selector, remedy }];
}

/** References that Perch does not rewrite would name nothing once the workload is on its tracks. */
function danglingMistakes(
  { path, object }: Authored,
  { workloads }: Parts,
  names: Names,
): Mistake[] {
  const workload = workloads[0]?.object;
  const { kind, metadata } = workload ?? {};
  const name = metadata?.name;
  const address = workload === undefined ? undefined : podLabels(workload)[ADDRESS_LABEL];
  const mistakes: Mistake[] = [];
  visit(object, (key, value, parent) => {
    if (name !== undefined && isObject(value) && value.kind === kind && value.name === name)
      mistakes.push({
        path,
        problem: `${key} of ${object.kind} ${object.metadata.name} names the ${kind}`,
        got: name,
        remedy: `name ${names.workloads.primary} or ${names.workloads.canary}: those are what runs`,
      });
    if (
      key === ADDRESS_LABEL &&
      value !== address &&
      parent !== 'labels' &&
      parent !== 'annotations'
    )
      mistakes.push({
        path,
        problem: `${object.kind} ${object.metadata.name} selects by the label ${ADDRESS_LABEL}, which is never written`,
        got: value,
        remedy: 'select by a label of your own',
      });
  });
  return mistakes;
}

function visit(
  value: Json | undefined,
  see: (key: string, value: Json | undefined, parent: string) => void,
  parent = '',
): void {
  if (Array.isArray(value)) for (const it of value) visit(it, see, parent);
  else if (isObject(value))
    for (const [key, it] of Object.entries(value)) {
      see(key, it, parent);
      visit(it, see, key);
    }
}
