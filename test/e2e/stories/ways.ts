import { ApiObject } from 'cdk8s';
import { Cpu, DaemonSet, Deployment, Probe } from 'cdk8s-plus-25';
import type { Construct } from 'constructs';
import {
  type AnalysisProps,
  type Apps,
  type CheckDefinition,
  canary,
  confirmPromotion,
  confirmRollout,
  Duration,
  event,
  gatewayApi,
  type HookDefinition,
  job,
  kubernetes,
  partitions,
  postRollout,
  preRollout,
  query,
  Release,
  type ReleaseProps,
  ramped,
  recreate,
  rollback,
  rollout,
  steps,
  successRate,
} from '../../../lib/index.ts';
import type { Stack } from '../stack/stack.ts';
import { POD_ANNOTATION, READY_AFTER_ANNOTATION } from '../stack/stages.ts';
import { hostOf, type Version } from './release.ts';

/** Ways of releasing, each a release in a namespace of its own name. */
export const WAYS = [
  'listed',
  'recreated',
  'ramped',
  'by-pods',
  'worker',
  'store',
  'on-nodes',
  'tested',
  'asked',
  'existing',
] as const;

/** The name of one. */
export type Way = (typeof WAYS)[number];

/** A version of `tested` whose Job fails. */
export const BAD_JOB = 'bad-job';

/** Key that signs what the hooks of `asked` are sent. */
export const HOOK_KEY = 'gates';

/** The two Services that `existing` leads to. */
export const SHOPS = ['shop-blue', 'shop-green'] as const;

/** What runs at 9898 in every release. */
const PORT = 9898;
const BAKE = Duration.seconds(3);

/** Where a release gets its requests, its hooks, and its version. */
interface Place {
  readonly stack: Stack;
  readonly hooks: string;
  readonly version: Version;
}

/**
 * All of them.
 *
 * @param hooks address of the played service
 */
export function ways(
  apps: Apps,
  versionOf: (id: string) => Version,
  stack: Stack,
  hooks: string,
): void {
  for (const id of WAYS) {
    const place = { stack, hooks, version: versionOf(id) };
    const { analysis, ...own } = PROPS[id](place);
    new Release(apps, id, {
      namespace: id,
      service: { port: 80, targetPort: PORT },
      ...own,
      analysis: { ...ANALYSIS, ...analysis },
    });
  }
}

/** As short as real servers allow; a busy machine makes pods late. */
const ANALYSIS: AnalysisProps = {
  checkPeriod: Duration.seconds(1),
  bakeTime: BAKE,
  settleTime: Duration.seconds(2),
  syncInterval: Duration.seconds(60),
  progressDeadline: Duration.seconds(60),
  threshold: 3,
};

type Props = Pick<ReleaseProps, 'traffic' | 'strategy'> & Partial<ReleaseProps>;

const PROPS: Readonly<Record<Way, (place: Place) => Props>> = {
  listed: ({ stack, version }) => ({
    workload: deployment('listed', version, 2),
    traffic: atGateway(stack, 'listed'),
    strategy: steps([
      { setCanaryScale: { replicas: 1 } },
      { setWeight: 20 },
      { baseline: true },
      { analysis: { checks: [asGoodAsBaseline()], bake: BAKE } },
      { pause: 'until-approved' },
    ]),
    analysis: { checks: [answers()] },
  }),
  recreated: ({ version }) => ({
    workload: deployment('recreated', version, 2),
    traffic: kubernetes(),
    strategy: recreate({ bake: BAKE }),
  }),
  ramped: ({ version }) => ({
    workload: deployment('ramped', version, 3),
    traffic: kubernetes(),
    strategy: ramped({ maxSurge: 1, bake: BAKE }),
  }),
  'by-pods': ({ version }) => ({
    workload: deployment('by-pods', version, 4),
    traffic: kubernetes({ split: 'replicas' }),
    strategy: canary({ stepWeights: [20, 50] }),
  }),
  worker: ({ version }) => ({
    workload: deployment('worker', version, 2),
    service: undefined,
    traffic: kubernetes({ split: 'replicas' }),
    strategy: canary({ stepWeights: [50] }),
    analysis: { progressDeadline: Duration.seconds(30), checks: [failures()] },
  }),
  store: ({ version }) => ({
    workload: statefulSet('store', version, 4),
    traffic: kubernetes(),
    strategy: partitions({ percents: [25, 50] }),
    analysis: { progressDeadline: Duration.seconds(15) },
  }),
  'on-nodes': ({ stack, version }) => ({
    workload: daemonSet('on-nodes', version),
    roots: 'mesh-and-workload',
    traffic: atGateway(stack, 'on-nodes'),
    strategy: canary({ stepWeights: [50] }),
    analysis: { checks: [answers()] },
  }),
  tested: ({ version }) => ({
    workload: (scope) => {
      deployment('tested', version, 1)(scope);
      acceptance(scope, version);
    },
    traffic: kubernetes({ split: 'replicas' }),
    strategy: canary({ stepWeights: [50] }),
    jobs: [job('acceptance', { before: 'traffic' })],
  }),
  asked: ({ stack, hooks, version }) => ({
    workload: deployment('asked', version, 1),
    traffic: atGateway(stack, 'asked'),
    strategy: canary({ stepWeights: [50] }),
    hooks: hooksAt(hooks),
    analysis: { checks: [answers()] },
  }),
  existing: ({ stack, version: { tag } }) => {
    const [stable, green] = SHOPS;
    return {
      existing: { stable, candidate: tag === 'v1' ? stable : green, version: tag },
      service: { port: 80 },
      traffic: atGateway(stack, 'existing'),
      strategy: canary({ stepWeights: [20, 50] }),
      analysis: { bakeTime: Duration.seconds(8), checks: [answers()] },
    };
  },
};

function atGateway({ gateway }: Stack, id: string) {
  const { parentRef } = gateway;
  return gatewayApi({ parentRefs: [parentRef], hostnames: [hostOf(id)], metrics: 'contour' });
}

function answers(): CheckDefinition {
  return successRate({ min: 99, window: Duration.seconds(5) });
}

/** What the pods count themselves, of which nothing may be in the way of the candidate. */
function failures(): CheckDefinition {
  const failed =
    'sum(stack_pod_requests_total{namespace="{{namespace}}",workload="{{target}}",status!="200"})';
  const window = Duration.seconds(5);
  return query({ name: 'failures', query: `${failed} or vector(0)`, max: 0, window });
}

/** The canary answers as well as the stable version beside it, as the pods count. */
function asGoodAsBaseline(): CheckDefinition {
  const count = (workload: string, more: string) =>
    `sum(rate(stack_pod_requests_total{namespace="{{namespace}}",workload="${workload}"${more}}[{{interval}}]))`;
  const good = (workload: string) =>
    `(${count(workload, ',status="200"')} / ${count(workload, '')})`;
  return query({
    name: 'as-good-as-baseline',
    query: `${good('{{target}}')} / ${good('{{baseline}}')}`,
    min: 0.99,
    window: Duration.seconds(5),
  });
}

/** One service plays gates, tests and listeners, and everything is signed. */
function hooksAt(url: string): readonly HookDefinition[] {
  const at = (name: string, path: string, metadata?: Readonly<Record<string, string>>) => ({
    name,
    url: `${url}${path}`,
    key: HOOK_KEY,
    ...(metadata === undefined ? {} : { metadata }),
  });
  return [
    confirmRollout(at('start-gate', '/gate/check')),
    preRollout({ ...at('acceptance', '/', { type: 'bash', cmd: 'accept' }), repeatable: true }),
    rollout(at('load', '/', { cmd: 'load' })),
    confirmPromotion(at('end-gate', '/gate/check')),
    rollback(at('stop', '/rollback/check')),
    postRollout(at('over', '/', { cmd: 'over' })),
    event(at('listener', '/')),
  ];
}

function deployment(id: string, version: Version, replicas: number) {
  return (scope: Construct): void => {
    const made = new Deployment(scope, 'deployment', { ...named(id, version), replicas });
    made.addContainer(container(version));
  };
}

function daemonSet(id: string, version: Version) {
  return (scope: Construct): void => {
    const made = new DaemonSet(scope, 'daemonset', named(id, version));
    made.addContainer(container(version));
  };
}

function named(id: string, { podAnnotations = {} }: Version) {
  return {
    metadata: { name: id },
    podMetadata: { labels: { app: id }, annotations: { ...podAnnotations } },
    minReady: Duration.seconds(1),
  };
}

function container({ tag }: Version) {
  return {
    name: 'app',
    image: imageOf(tag),
    ports: [{ name: 'http', number: PORT }],
    readiness: Probe.fromHttpGet('/', { port: PORT }),
    resources: { cpu: { request: Cpu.millis(50) } },
  };
}

function imageOf(tag: string): string {
  return `story:${tag}`;
}

function statefulSet(id: string, { tag, podAnnotations = {} }: Version, replicas: number) {
  return (scope: Construct): void => {
    new ApiObject(scope, 'statefulset', {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: id },
      spec: {
        replicas,
        serviceName: `${id}-pods`,
        podManagementPolicy: 'Parallel',
        selector: { matchLabels: { app: id } },
        template: {
          metadata: { labels: { app: id }, annotations: { ...podAnnotations } },
          spec: { containers: [{ name: 'app', image: imageOf(tag) }] },
        },
      },
    });
    new ApiObject(scope, 'pods', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: `${id}-pods` },
      spec: { clusterIP: 'None', selector: { app: id }, ports: [{ port: PORT }] },
    });
  };
}

/** Its pod works for a while, or fails. */
function acceptance(scope: Construct, { tag }: Version): void {
  const behaviour =
    tag === BAD_JOB ? { [POD_ANNOTATION]: 'fails' } : { [READY_AFTER_ANNOTATION]: '4s' };
  new ApiObject(scope, 'acceptance', {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'acceptance' },
    spec: {
      backoffLimit: 0,
      template: {
        metadata: { labels: { app: 'acceptance' }, annotations: behaviour },
        spec: { restartPolicy: 'Never', containers: [{ name: 'test', image: 'acceptance:v1' }] },
      },
    },
  });
}

/** What somebody else keeps for `existing`: two Services, and the pods behind them. */
export function shops(): readonly object[] {
  const namespace = 'existing';
  const both = SHOPS.flatMap((name, index) => {
    const metadata = { name, namespace };
    const labels = { app: name };
    return [
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata,
        spec: { selector: labels, ports: [{ port: 80, targetPort: PORT }] },
      },
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata,
        spec: {
          replicas: 2,
          selector: { matchLabels: labels },
          template: {
            metadata: { labels },
            spec: { containers: [{ name: 'app', image: imageOf(`v${index + 1}`) }] },
          },
        },
      },
    ];
  });
  return [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, ...both];
}
