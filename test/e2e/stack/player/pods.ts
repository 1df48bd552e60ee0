import type { KubernetesObject } from '../api.ts';
import type { Behaviour } from './protocol.ts';

/** As much of a Pod as the player reads. */
export interface Pod extends KubernetesObject {
  readonly spec?: {
    readonly containers: readonly {
      readonly name: string;
      readonly image: string;
      readonly ports?: readonly { readonly containerPort: number }[];
    }[];
  };
  readonly status?: { readonly podIP?: string };
}

/** A pod that can be played. */
export interface Role {
  readonly namespace: string;
  readonly pod: string;
  readonly workload: string;
  readonly images: readonly string[];
  /** What its own annotations say. */
  readonly behaviour: Omit<Behaviour, 'image'>;
}

/** Percent, on the pod template; for tests that need a version to carry its own fault. */
export const FAILED_ANNOTATION = 'perch-stack/failed-percent';

/** Milliseconds. */
export const ADDED_ANNOTATION = 'perch-stack/added-ms';

/** The pods by their addresses. */
export function roles(pods: Iterable<Pod>): ReadonlyMap<string, Role> {
  const all = new Map<string, Role>();
  for (const pod of pods) {
    const address = pod.status?.podIP;
    if (address !== undefined) all.set(address, roleOf(pod));
  }
  return all;
}

function roleOf({ metadata, spec }: Pod): Role {
  const { namespace = '', name, annotations = {} } = metadata;
  return {
    namespace,
    pod: name,
    workload: workloadOf({ metadata }),
    images: (spec?.containers ?? []).map((it) => it.image),
    behaviour: {
      failedPercent: Number(annotations[FAILED_ANNOTATION] ?? 0),
      addedMs: Number(annotations[ADDED_ANNOTATION] ?? 0),
    },
  };
}

/** The name of the Deployment that a pod belongs to; its own when it belongs to none. */
export function workloadOf({ metadata }: Pod): string {
  const { name, labels = {}, ownerReferences = [] } = metadata;
  const replicaSet = ownerReferences.find((it) => it.kind === 'ReplicaSet')?.name ?? name;
  const hash = `-${labels['pod-template-hash'] ?? ''}`;
  return replicaSet.endsWith(hash) ? replicaSet.slice(0, -hash.length) : replicaSet;
}

/** How a pod answers: the worst of what its annotations and its images say. */
export function behaviourOf(role: Role, all: readonly Behaviour[]): Required<Role['behaviour']> {
  const mine = all.filter(({ image }) => role.images.some((it) => isImage(it, image)));
  const worst = (of: (it: Role['behaviour']) => number | undefined) =>
    Math.max(...[role.behaviour, ...mine].map((it) => of(it) ?? 0));
  return { failedPercent: worst((it) => it.failedPercent), addedMs: worst((it) => it.addedMs) };
}

function isImage(image: string, asked: string): boolean {
  return image === asked || image.slice(image.lastIndexOf(':') + 1) === asked;
}
