import { ApiObject, JsonPatch } from 'cdk8s';
import {
  Cpu,
  Deployment,
  HorizontalPodAutoscaler,
  Metric,
  MetricTarget,
  Probe,
} from 'cdk8s-plus-25';
import type { Construct } from 'constructs';
import {
  type CheckDefinition,
  canary,
  Duration,
  type EvidenceProps,
  gatewayApi,
  type JobDefinition,
  latency,
  Release,
  type Strategy,
  successRate,
  type TestDefinition,
  type WorkloadFactory,
} from '../../../lib/index.ts';

/** One version of a release. */
export interface Version {
  /** Of the image; the pod player knows versions by it. */
  readonly tag: string;
  /** On the pod template: how simulated pods behave. @default - they get ready at once */
  readonly podAnnotations?: Readonly<Record<string, string>>;
}

/** What differs between the releases of the stories. */
export interface StoryProps {
  readonly id: string;
  /** @default [20, 50] */
  readonly weights?: readonly number[];
  /** @default - a canary with `weights` */
  readonly strategy?: Strategy;
  /** Without the tag. @default story */
  readonly image?: string;
  /** Of each step, in seconds. @default 5 */
  readonly bakeSeconds?: number;
  /** Between two check points, in seconds. @default 1 */
  readonly checkSeconds?: number;
  /** Age at which samples count, in seconds. @default 2 */
  readonly settleSeconds?: number;
  /** @default - the success rate and the median latency of the last five seconds */
  readonly checks?: readonly (CheckDefinition | TestDefinition)[];
  /** How sure tests must be. @default - as the library has it */
  readonly evidence?: EvidenceProps;
  /** Between two looks at a candidate with traffic, in seconds. @default - as the library has it */
  readonly guardSeconds?: number;
  /** What happens happens after so many seconds without answers. @default - a person is asked after half an hour */
  readonly inconclusive?: { readonly seconds: number; readonly policy: 'hold' | 'back' };
  /** Failed checks until the rollback. @default 3 */
  readonly threshold?: number;
  /** Pods of a track. @default 2 */
  readonly replicas?: number;
  /** Whether an HPA rules them, from `replicas` to three times as many. @default false */
  readonly autoscaled?: boolean;
  /** In seconds. @default 12 */
  readonly progressSeconds?: number;
  /** More objects of a version's workload. @default - none */
  readonly more?: (scope: Construct, version: Version) => void;
  /** Which of them are Jobs to wait for. @default - none */
  readonly jobs?: readonly JobDefinition[];
  /** @default false */
  readonly skipAnalysis?: boolean;
  /** Whether no node has more than one pod more of a version than another. @default false */
  readonly spread?: boolean;
}

/** Where a busy machine makes answers late, and how fast they come is not what a story is about. */
export const ANSWERS: readonly CheckDefinition[] = [
  successRate({ min: 99, window: Duration.seconds(5) }),
];

/** The parent of every route: the Gateway of the stack. */
export interface Parent {
  readonly namespace: string;
  readonly name: string;
}

/** The host by which a story's release is reached. */
export function hostOf(id: string): string {
  return `${id}.example.com`;
}

/** A release as short as real servers allow: the windows are five seconds, and samples settle in two. */
export function storyRelease(
  scope: Construct,
  props: StoryProps,
  version: Version,
  parent: Parent,
): Release {
  const window = Duration.seconds(5);
  const { id, weights = [20, 50], bakeSeconds = 5, checkSeconds = 1, threshold = 3 } = props;
  const { inconclusive } = props;
  return new Release(scope, id, {
    namespace: id,
    workload: workloadOf(props, version),
    service: { port: 80, targetPort: 9898 },
    traffic: gatewayApi({ parentRefs: [parent], hostnames: [hostOf(id)], metrics: 'contour' }),
    strategy: props.strategy ?? canary({ stepWeights: [...weights] }),
    jobs: props.jobs ?? [],
    skipAnalysis: props.skipAnalysis ?? false,
    analysis: {
      checkPeriod: Duration.seconds(checkSeconds),
      bakeTime: Duration.seconds(bakeSeconds),
      settleTime: Duration.seconds(props.settleSeconds ?? 2),
      syncInterval: Duration.seconds(60),
      progressDeadline: Duration.seconds(props.progressSeconds ?? 12),
      threshold,
      ...(props.evidence && { evidence: props.evidence }),
      ...(props.guardSeconds && { guardPeriod: Duration.seconds(props.guardSeconds) }),
      ...(inconclusive && {
        inconclusiveDeadline: Duration.seconds(inconclusive.seconds),
        onInconclusive: inconclusive.policy,
      }),
      checks: props.checks ?? [
        successRate({ min: 99, window }),
        latency({ quantile: 0.5, max: Duration.millis(25), window }),
      ],
    },
  });
}

function workloadOf(
  { id, image = 'story', replicas = 2, autoscaled = false, more, spread = false }: StoryProps,
  version: Version,
): WorkloadFactory {
  const { tag, podAnnotations = {} } = version;
  return (scope) => {
    more?.(scope, version);
    const deployment = new Deployment(scope, 'deployment', {
      metadata: { name: id },
      podMetadata: { labels: { app: id }, annotations: { ...podAnnotations } },
      minReady: Duration.seconds(1),
      ...(autoscaled ? {} : { replicas }),
    });
    deployment.addContainer({
      name: 'app',
      image: `${image}:${tag}`,
      ports: [{ name: 'http', number: 9898 }],
      readiness: Probe.fromHttpGet('/', { port: 9898 }),
      resources: { cpu: { request: Cpu.millis(50) } },
    });
    if (spread)
      ApiObject.of(deployment).addJsonPatch(
        JsonPatch.add('/spec/template/spec/topologySpreadConstraints', [EVENLY]),
      );
    if (autoscaled)
      new HorizontalPodAutoscaler(scope, 'autoscaler', {
        metadata: { name: id },
        target: deployment,
        minReplicas: replicas,
        maxReplicas: 3 * replicas,
        metrics: [Metric.resourceCpu(MetricTarget.averageUtilization(80))],
      });
  };
}

/** Of each ReplicaSet. */
const EVENLY = {
  maxSkew: 1,
  topologyKey: 'kubernetes.io/hostname',
  whenUnsatisfiable: 'DoNotSchedule',
  labelSelector: { matchExpressions: [{ key: 'app', operator: 'Exists' }] },
  matchLabelKeys: ['pod-template-hash'],
};
