import { hashOf, type JsonObject, type Manifest, objectAt } from '../manifest/json.ts';
import type { Authored } from '../manifest/manifest.ts';
import { isKind } from '../manifest/manifest.ts';
import type { Mistake } from '../mistake.ts';

/** What a kind that runs pods can do, and what is never safe with it. */
export interface WorkloadKind {
  readonly kind: 'Deployment' | 'DaemonSet' | 'StatefulSet';
  /** Whether `replicas` says how many pods run; nodes do otherwise. */
  readonly sized: boolean;
  /** Whether two copies can run beside each other. */
  readonly tracked: boolean;
  /** Whether an autoscaler may rule its replicas. */
  readonly autoscaled: boolean;
  /** The fields beside the selector that a cluster never changes, each as text or as a hash. */
  fixed(object: Manifest): Readonly<Record<string, string>>;
  /** `updateStrategy` where only the last of the pods are updated. */
  updateStrategy(object: Manifest, updatedPercent: number): JsonObject | undefined;
  mistakes(it: Authored): Mistake[];
}

const KINDS: readonly WorkloadKind[] = [
  {
    kind: 'Deployment',
    sized: true,
    tracked: true,
    autoscaled: true,
    fixed: () => ({}),
    updateStrategy: () => undefined,
    mistakes: () => [],
  },
  {
    kind: 'DaemonSet',
    sized: false,
    tracked: true,
    autoscaled: false,
    fixed: () => ({}),
    updateStrategy: () => undefined,
    mistakes: onDeleteMistakes,
  },
  {
    kind: 'StatefulSet',
    sized: true,
    tracked: false,
    autoscaled: false,
    fixed: (object) => {
      const { serviceName, volumeClaimTemplates } = objectAt(object, 'spec');
      return {
        'spec.podManagementPolicy': 'Parallel',
        'spec.serviceName': typeof serviceName === 'string' ? serviceName : '',
        'spec.volumeClaimTemplates': hashOf(volumeClaimTemplates ?? [], 10),
      };
    },
    updateStrategy: (object, updatedPercent) => {
      const given = objectAt(object, 'spec', 'updateStrategy');
      const partition = partitionOf(replicasOf(object), updatedPercent);
      const rollingUpdate = { ...objectAt(given, 'rollingUpdate'), partition };
      return { ...given, type: 'RollingUpdate', rollingUpdate };
    },
    mistakes: (it) => [...onDeleteMistakes(it), ...orderMistakes(it)],
  },
];

/** What is known of a workload's kind; undefined for what runs no pods. */
export function workloadKindOf(object: Manifest): WorkloadKind | undefined {
  return KINDS.find((it) => isKind(object, 'apps', it.kind));
}

/** The number that the author gives, or Kubernetes' own. */
export function replicasOf(object: Manifest): number {
  const { replicas } = objectAt(object, 'spec');
  return typeof replicas === 'number' ? replicas : 1;
}

/**
 * The ordinal from which on the pods of a StatefulSet are updated: the rest, rounded up, keeps what it has, but as
 * soon as any are to be updated, one is.
 *
 * @param updatedPercent 0 to 100
 */
export function partitionOf(replicas: number, updatedPercent: number): number {
  const kept = Math.ceil((replicas * (100 - updatedPercent)) / 100);
  return updatedPercent > 0 ? Math.min(kept, Math.max(0, replicas - 1)) : kept;
}

function onDeleteMistakes({ path, object }: Authored): Mistake[] {
  const { type } = objectAt(object, 'spec', 'updateStrategy');
  if (type !== 'OnDelete') return [];
  return [
    {
      path,
      problem: `spec.updateStrategy of ${object.kind} ${object.metadata.name} waits for somebody to delete pods`,
      got: type,
      remedy: 'use RollingUpdate',
    },
  ];
}

function orderMistakes({ path, object }: Authored): Mistake[] {
  const { name } = object.metadata;
  const spec = objectAt(object, 'spec');
  const { partition } = objectAt(spec, 'updateStrategy', 'rollingUpdate');
  const mistakes: Mistake[] = [];
  if (spec.podManagementPolicy !== 'Parallel')
    mistakes.push({
      path,
      problem:
        `StatefulSet ${name} manages its pods in order: one that never gets ready blocks its own rollback, ` +
        'until somebody deletes it by hand (Kubernetes documents this as a forced rollback)',
      got: spec.podManagementPolicy ?? 'OrderedReady (the default)',
      remedy:
        'set spec.podManagementPolicy: Parallel; one that runs already must be made anew for it',
    });
  if (partition !== undefined && partition !== 0)
    mistakes.push({
      path,
      problem: `spec.updateStrategy.rollingUpdate.partition of StatefulSet ${name} is written by the strategy`,
      got: partition,
      remedy: 'leave it out, and use partitions({ percents: […] })',
    });
  return mistakes;
}
