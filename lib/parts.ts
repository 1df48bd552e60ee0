import { isObject, type Json, labelsAt, type Manifest, objectAt } from './json.ts';
import type { Mistake } from './mistake.ts';
import type { Names } from './names.ts';
import { isVersioned } from './versioned.ts';
import { ADDRESS_LABEL, type Authored, groupOf, isKind } from './workload.ts';

/** The objects of a workload, by what is done with them. */
export interface Parts {
  readonly deployments: readonly Authored[];
  readonly autoscalers: readonly Authored[];
  readonly budgets: readonly Authored[];
  readonly versioned: readonly Authored[];
  /** Routing objects of the author's own, in which only the weights are ours. */
  readonly routing: readonly Authored[];
  /** Everything that belongs to no track. */
  readonly others: readonly Authored[];
}

/** Sorts a workload's objects; the order in which they were made does not matter. */
export function partsOf(objects: readonly Authored[], owned: (object: Manifest) => boolean): Parts {
  const parts = {
    deployments: [],
    autoscalers: [],
    budgets: [],
    versioned: [],
    routing: [],
    others: [],
  } as Record<keyof Parts, Authored[]>;
  const byName = [...objects].sort((a, b) => compare(identity(a.object), identity(b.object)));
  for (const it of byName) parts[partOf(it.object, owned)].push(it);
  return parts;
}

function partOf(object: Manifest, owned: (object: Manifest) => boolean): keyof Parts {
  if (isKind(object, 'apps', 'Deployment')) return 'deployments';
  if (isKind(object, 'autoscaling', 'HorizontalPodAutoscaler')) return 'autoscalers';
  if (isKind(object, 'policy', 'PodDisruptionBudget')) return 'budgets';
  if (isVersioned(object)) return 'versioned';
  return owned(object) ? 'routing' : 'others';
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function identity(object: Manifest): string {
  return `${object.kind}/${groupOf(object.apiVersion)}/${object.metadata.name}`;
}

/** Kinds that run pods, or scale what does, and have no track yet. */
const UNSUPPORTED = new Set(
  'DaemonSet StatefulSet ReplicaSet ReplicationController Pod Job ScaledObject Rollout VerticalPodAutoscaler'.split(
    ' ',
  ),
);

/** Kinds that belong to no namespace. */
const CLUSTER_SCOPED = new Set(
  (
    'Namespace Node PersistentVolume ClusterRole ClusterRoleBinding CustomResourceDefinition StorageClass ' +
    'PriorityClass IngressClass GatewayClass RuntimeClass CSIDriver CSINode VolumeAttachment APIService ' +
    'ValidatingWebhookConfiguration MutatingWebhookConfiguration ValidatingAdmissionPolicy ' +
    'ValidatingAdmissionPolicyBinding MutatingAdmissionPolicy FlowSchema PriorityLevelConfiguration ' +
    'ClusterIssuer ClusterSecretStore ClusterExternalSecret ClusterPolicy CertificateSigningRequest'
  ).split(' '),
);

/** What no release may hold, whatever its kind. */
export function placementMistakes({ path, object }: Authored, namespace: string): Mistake[] {
  const { kind, metadata } = object;
  if (UNSUPPORTED.has(kind))
    return [
      {
        path,
        problem: `${kind} is not supported yet`,
        got: metadata.name,
        remedy: 'use a Deployment, or manage it outside of the release',
      },
    ];
  if (CLUSTER_SCOPED.has(kind))
    return [
      {
        path,
        problem: `${kind} belongs to no namespace`,
        got: metadata.name,
        remedy: 'manage cluster-wide objects outside of the release',
      },
    ];
  if (metadata.namespace === namespace) return [];
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

/** What is wrong with the workload's objects taken together. */
export function partMistakes(
  path: string,
  objects: readonly Authored[],
  parts: Parts,
  names: Names,
): Mistake[] {
  return [
    ...objects.flatMap((it) => placementMistakes(it, names.namespace)),
    ...doubled(objects),
    ...deploymentMistakes(path, parts),
    ...autoscalerMistakes(parts),
    ...parts.budgets.flatMap((it) => budgetMistakes(it, parts)),
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

function deploymentMistakes(path: string, { deployments }: Parts): Mistake[] {
  const remedy = 'let workload make exactly one Deployment';
  const [deployment, ...more] = deployments;
  if (deployment === undefined) return [{ path, problem: 'workload makes no Deployment', remedy }];
  const selector = objectAt(deployment.object, 'spec', 'selector');
  const expressions = selector.matchExpressions;
  const doubles = more.map((it) => ({
    path: it.path,
    problem: 'a second Deployment',
    got: it.object.metadata.name,
    remedy,
  }));
  if (!Array.isArray(expressions) || expressions.length === 0) return doubles;
  return [
    ...doubles,
    {
      path: deployment.path,
      problem: 'spec.selector.matchExpressions are not supported',
      got: expressions,
      remedy: 'use matchLabels',
    },
  ];
}

function autoscalerMistakes({ autoscalers, deployments }: Parts): Mistake[] {
  const deployment = deployments[0]?.object;
  const [, ...more] = autoscalers;
  const doubles = more.map((it) => ({
    path: it.path,
    problem: 'a second HPA for one Deployment',
    got: it.object.metadata.name,
    remedy: 'keep one, with all metrics in it',
  }));
  const others = autoscalers.flatMap(({ path, object }) => {
    const target = objectAt(object, 'spec', 'scaleTargetRef');
    if (deployment === undefined) return [];
    if (target.kind === 'Deployment' && target.name === deployment.metadata.name)
      return versionMistakes(path, object);
    const remedy = `let spec.scaleTargetRef name Deployment ${deployment.metadata.name}`;
    return [
      { path, problem: 'the HPA is for something else than the Deployment', got: target, remedy },
    ];
  });
  return [...doubles, ...others];
}

function versionMistakes(path: string, hpa: Manifest): Mistake[] {
  if (hpa.apiVersion === 'autoscaling/v2') return [];
  return [
    {
      path,
      problem: 'the HPA is of another version',
      got: hpa.apiVersion,
      remedy: 'use autoscaling/v2',
    },
  ];
}

/** A budget for something else would be doubled, and protect nothing. */
function budgetMistakes({ path, object }: Authored, { deployments }: Parts): Mistake[] {
  const deployment = deployments[0]?.object;
  if (deployment === undefined) return [];
  const selector = labelsAt(object, 'spec', 'selector', 'matchLabels');
  const pods = labelsAt(deployment, 'spec', 'template', 'metadata', 'labels');
  if (Object.entries(selector).every(([key, value]) => pods[key] === value)) return [];
  const remedy = 'let spec.selector.matchLabels name labels of the Deployment’s pods';
  return [{ path, problem: 'the PodDisruptionBudget selects other pods', got: selector, remedy }];
}

/** References that Perch does not rewrite would name nothing once the Deployment is on its tracks. */
function danglingMistakes(
  { path, object }: Authored,
  { deployments }: Parts,
  names: Names,
): Mistake[] {
  const name = deployments[0]?.object.metadata.name;
  const mistakes: Mistake[] = [];
  visit(object, (key, value) => {
    if (isObject(value) && value.kind === 'Deployment' && value.name === name)
      mistakes.push({
        path,
        problem: `${key} of ${object.kind} ${object.metadata.name} names the Deployment`,
        got: name,
        remedy: `name ${names.primary} or ${names.canary}: those are what runs`,
      });
    if (key === ADDRESS_LABEL && object.kind !== 'Service' && object.kind !== 'NetworkPolicy')
      mistakes.push({
        path,
        problem: `${object.kind} ${object.metadata.name} selects by the label ${ADDRESS_LABEL}, which is never written`,
        got: value,
        remedy: 'select by a label of your own',
      });
  });
  return mistakes;
}

function visit(value: Json | undefined, see: (key: string, value: Json | undefined) => void): void {
  if (Array.isArray(value)) for (const it of value) visit(it, see);
  else if (isObject(value))
    for (const [key, it] of Object.entries(value)) {
      see(key, it);
      visit(it, see);
    }
}
