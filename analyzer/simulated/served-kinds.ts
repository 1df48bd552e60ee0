import type { ObjectRef } from '../core/cluster/reading.ts';

/** A kind that a cluster knows, and how its API names it. */
export interface ServedKind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

/** The built-in kinds of our manifests, and Istio's. */
export const SERVED_KINDS: readonly ServedKind[] = [
  ...kinds('v1', 'Service', 'ConfigMap', 'Secret', 'ServiceAccount', 'Pod'),
  { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false },
  ...kinds('apps/v1', 'Deployment', 'DaemonSet', 'StatefulSet'),
  ...kinds('autoscaling/v2', 'HorizontalPodAutoscaler'),
  ...kinds('policy/v1', 'PodDisruptionBudget'),
  ...kinds('networking.istio.io/v1', 'VirtualService', 'DestinationRule', 'Gateway'),
];

/** Whether a cluster with these kinds knows an object's kind, with or without a namespace. */
export function isServedBy(served: readonly ServedKind[]): (ref: ObjectRef) => boolean {
  return ({ apiVersion, kind, namespace }) =>
    served.some(
      (type) =>
        type.apiVersion === apiVersion &&
        type.kind === kind &&
        type.namespaced === (namespace !== undefined),
    );
}

function kinds(apiVersion: string, ...names: readonly string[]): ServedKind[] {
  return names.map((kind) => ({
    apiVersion,
    kind,
    plural: `${kind.toLowerCase()}s`,
    namespaced: true,
  }));
}
