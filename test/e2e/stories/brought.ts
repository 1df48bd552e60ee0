import { ApiObject, JsonPatch } from 'cdk8s';
import {
  type AnalysisProps,
  type Apps,
  type CheckDefinition,
  canary,
  Duration,
  gatewayApi,
  include,
  kubernetes,
  query,
  Release,
  steps,
  successRate,
  type WorkloadFactory,
} from '../../../lib/index.ts';
import type { Stack } from '../stack/stack.ts';
import { hostOf, type Version } from './release.ts';

/** The release that takes over what runs already, under the same name. */
export const ADOPTED = 'adopted';

/** The release whose pods stand for weights. */
export const BY_PODS = 'by-pods';

/** The release of Flagger's tutorials. */
export const PODINFO = 'podinfo';

/** The ports of its pods that answer: requests, and metrics. */
export const PODINFO_PORTS = [9898, 9797];

const [PORT] = PODINFO_PORTS;
const WINDOW = Duration.seconds(5);

/** As short as real servers allow; a busy machine makes pods late. */
const ANALYSIS: AnalysisProps = {
  checkPeriod: Duration.seconds(1),
  bakeTime: Duration.seconds(5),
  settleTime: Duration.seconds(2),
  syncInterval: Duration.seconds(60),
  progressDeadline: Duration.seconds(60),
  threshold: 3,
};

/** All of them, each a release in a namespace of its own name. */
export function brought(apps: Apps, versionOf: (id: string) => Version, stack: Stack): void {
  const service = { port: 80, targetPort: PORT };
  new Release(apps, PODINFO, {
    namespace: PODINFO,
    workload: podinfo(versionOf(PODINFO)),
    service: { port: 80, targetPort: 'http', portDiscovery: true },
    traffic: atGateway(stack, PODINFO),
    strategy: canary({ stepWeights: [20, 50] }),
    analysis: { ...ANALYSIS, checks: [answersByApp()] },
  });
  new Release(apps, ADOPTED, {
    namespace: ADOPTED,
    workload: of([deployment(ADOPTED, versionOf(ADOPTED)), autoscaler(ADOPTED)]),
    service,
    traffic: atGateway(stack, ADOPTED),
    strategy: canary({ stepWeights: [20, 50] }),
    analysis: { ...ANALYSIS, checks: [successRate({ min: 99, window: WINDOW })] },
  });
  new Release(apps, BY_PODS, {
    namespace: BY_PODS,
    workload: of([deployment(BY_PODS, versionOf(BY_PODS), 4)]),
    service,
    traffic: kubernetes({ split: 'replicas' }),
    strategy: steps([{ setWeight: 20 }, { setWeight: 50 }, { pause: 'until-approved' }]),
    analysis: ANALYSIS,
  });
}

function atGateway({ gateway }: Stack, id: string) {
  const { parentRef } = gateway;
  return gatewayApi({ parentRefs: [parentRef], hostnames: [hostOf(id)], metrics: 'contour' });
}

function podinfo({ tag }: Version): WorkloadFactory {
  return include(new URL('podinfo.yaml', import.meta.url), {
    patch(it) {
      const path = '/spec/template/spec/containers/0/image';
      if (it.kind === 'Deployment') it.addJsonPatch(JsonPatch.replace(path, `story:${tag}`));
    },
  });
}

/** Selects series as the templates of Flagger's documentation do. */
export function podsOf(target: string): string {
  return `app="${PODINFO}",pod=~"${target}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"`;
}

/** Percent of the requests without a server error, as the pods count them. */
function answersByApp(): CheckDefinition {
  const counted = (more: string) =>
    `sum(rate(http_requests_total{namespace="{{namespace}}",${podsOf('{{target}}')}${more}}[{{interval}}]))`;
  return query({
    name: 'success-rate',
    query: `100 * ${counted(',status!~"5.."')} / ${counted('')}`,
    min: 99,
    unit: '%',
    window: WINDOW,
  });
}

function of(objects: readonly KubernetesManifest[]): WorkloadFactory {
  return (scope) => {
    for (const it of objects) new ApiObject(scope, it.kind, it);
  };
}

interface KubernetesManifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: object;
}

/** A Deployment whose pods have no label but `app`. @param replicas none where an HPA says */
export function deployment(id: string, { tag }: Version, replicas?: number): KubernetesManifest {
  const labels = { app: id };
  const container = {
    name: 'app',
    image: `story:${tag}`,
    ports: [{ name: 'http', containerPort: PORT }],
    readinessProbe: { httpGet: { path: '/', port: PORT } },
    resources: { requests: { cpu: '50m' } },
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: id, namespace: id },
    spec: {
      ...(replicas === undefined ? {} : { replicas }),
      minReadySeconds: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [container] } },
    },
  };
}

/** An HPA of two to six pods. */
export function autoscaler(id: string): KubernetesManifest {
  const target = { type: 'Utilization', averageUtilization: 80 };
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: id, namespace: id },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: id },
      minReplicas: 2,
      maxReplicas: 6,
      metrics: [{ type: 'Resource', resource: { name: 'cpu', target } }],
    },
  };
}

/** Where requests for it arrive when no release says so. */
export function entrance(id: string, { gateway }: Stack, annotations = {}) {
  const metadata = { name: id, namespace: id, annotations };
  const service: KubernetesManifest = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: { selector: { app: id }, ports: [{ name: 'http', port: 80, targetPort: PORT }] },
  };
  const route: KubernetesManifest = {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata,
    spec: {
      parentRefs: [gateway.parentRef],
      hostnames: [hostOf(id)],
      rules: [{ backendRefs: [{ name: id, port: 80 }] }],
    },
  };
  return { service, route };
}

/**
 * A route for a host that nobody asks for. Contour tells Envoy of routes and of Services apart, in no order, and of Services
 * only while a route names them: this one keeps both known while the other moves.
 */
export function bridge(id: string, { gateway }: Stack): KubernetesManifest {
  const backendRefs = [id, `${id}-primary`].map((name) => ({ name, port: 80 }));
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: `${id}-bridge`, namespace: id },
    spec: {
      parentRefs: [gateway.parentRef],
      hostnames: [`bridge.${hostOf(id)}`],
      rules: [{ backendRefs }],
    },
  };
}

/** Files of a folder that somebody syncs without Perch; one object is no part of what is released. */
export function plainFiles(objects: readonly KubernetesManifest[]): ReadonlyMap<string, string> {
  const other = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'other', namespace: ADOPTED },
  };
  // JSON is YAML, and kustomize reads files of that name alone.
  return new Map(
    [...objects, other].map((it) => [
      `${PLAIN}/${it.kind}-${it.metadata.name}.yaml`.toLowerCase(),
      `${JSON.stringify(it)}\n`,
    ]),
  );
}

/** That folder. */
export const PLAIN = `plain/${ADOPTED}`;
