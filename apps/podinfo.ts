import { Size } from 'cdk8s';
import {
  ConfigMap,
  Cpu,
  Deployment,
  Env,
  HorizontalPodAutoscaler,
  type IConfigMap,
  Metric,
  MetricTarget,
  Probe,
  Volume,
} from 'cdk8s-plus-25';
import type { Construct } from 'constructs';
import {
  type CheckDefinition,
  canary,
  Duration,
  images,
  istio,
  latency,
  query,
  Release,
  successRate,
} from '../lib/index.ts';

const image = images(new URL('images.yaml', import.meta.url));

/** What may differ between two rollouts of podinfo. */
export interface PodinfoOverrides {
  /** @default - the one in images.yaml */
  readonly image?: string;
}

/** The release of the Flagger tutorials: podinfo behind a public gateway, 10 % more traffic each step up to 50 %. */
export function podinfo(scope: Construct, overrides: PodinfoOverrides = {}): Release {
  return new Release(scope, 'podinfo', {
    namespace: 'test',
    workload: (workload) => podinfoWorkload(workload, overrides.image ?? image('podinfo')),
    service: { port: 9898, targetPort: 'http' },
    traffic: istio({
      gateways: ['istio-system/public-gateway'],
      hosts: ['app.example.com'],
      retries: {
        attempts: 3,
        perTryTimeout: Duration.seconds(1),
        retryOn: 'gateway-error,connect-failure,refused-stream',
      },
    }),
    strategy: canary({ stepWeight: 10, maxWeight: 50 }),
    analysis: {
      checkPeriod: Duration.seconds(15),
      bakeTime: Duration.minutes(1),
      threshold: 5,
      checks: [successRate({ min: 99 }), latency({ quantile: 0.99, max: Duration.millis(500) })],
    },
  });
}

/** Deployment, ConfigMap and HPA of podinfo. */
export function podinfoWorkload(scope: Construct, podinfoImage: string): void {
  new HorizontalPodAutoscaler(scope, 'autoscaler', {
    metadata: { name: 'podinfo' },
    target: podinfoDeployment(scope, podinfoImage),
    minReplicas: 2,
    maxReplicas: 4,
    metrics: [Metric.resourceCpu(MetricTarget.averageUtilization(99))],
  });
}

/**
 * The same without an HPA.
 *
 * @param replicas its pods; none where an HPA says
 */
export function podinfoDeployment(
  scope: Construct,
  podinfoImage: string,
  replicas?: number,
): Deployment {
  const config = new ConfigMap(scope, 'config', {
    metadata: { name: 'podinfo-config' },
    data: { PODINFO_UI_COLOR: '#34577c', PODINFO_UI_MESSAGE: 'greetings from podinfo' },
  });
  const deployment = new Deployment(scope, 'deployment', {
    metadata: { name: 'podinfo' },
    podMetadata: {
      labels: { app: 'podinfo' },
      annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '9797' },
    },
    minReady: Duration.seconds(5),
    progressDeadline: Duration.seconds(60),
    automountServiceAccountToken: false,
    ...(replicas === undefined ? {} : { replicas }),
  });
  const container = deployment.addContainer({
    name: 'podinfod',
    image: podinfoImage,
    command: [
      './podinfo',
      '--port=9898',
      '--port-metrics=9797',
      '--grpc-port=9999',
      '--level=info',
    ],
    ports: [
      { name: 'http', number: 9898 },
      { name: 'http-metrics', number: 9797 },
      { name: 'grpc', number: 9999 },
    ],
    // cdk8s-plus declares its interface looser than exactOptionalPropertyTypes reads it.
    envFrom: [Env.fromConfigMap(config as IConfigMap)],
    liveness: Probe.fromHttpGet('/healthz', {
      port: 9898,
      initialDelaySeconds: Duration.seconds(5),
    }),
    readiness: Probe.fromHttpGet('/readyz', {
      port: 9898,
      initialDelaySeconds: Duration.seconds(5),
    }),
    resources: {
      cpu: { request: Cpu.millis(100), limit: Cpu.millis(2000) },
      memory: { request: Size.mebibytes(64), limit: Size.mebibytes(512) },
    },
    securityContext: { user: 100, group: 101, readOnlyRootFilesystem: true },
  });
  container.mount('/data', Volume.fromEmptyDir(deployment, 'data', 'data'));
  return deployment;
}

/** Percent of the requests without a server error, as podinfo counts them itself: where there is neither mesh nor gateway. */
export function countedByPods(props: { readonly min: number }): CheckDefinition {
  const counted =
    'http_request_duration_seconds_count{namespace="{{namespace}}",pod=~"{{target}}-[^-]+-[^-]+"';
  return query({
    name: 'success-rate',
    query: `100 - 100 * (sum(rate(${counted},status=~"5.."}[{{interval}}])) or vector(0)) / sum(rate(${counted}}[{{interval}}]))`,
    min: props.min,
    unit: '%',
  });
}
