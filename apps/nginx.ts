import { ApiObject, Size } from 'cdk8s';
import { Cpu, Deployment, Probe } from 'cdk8s-plus-25';
import type { Construct } from 'constructs';
import { canary, Duration, images, istio, latency, Release, successRate } from '../lib/index.ts';

const image = images(new URL('images.yaml', import.meta.url));

/** What may differ between two rollouts of nginx. */
export interface NginxOverrides {
  /** @default - the one in images.yaml */
  readonly image?: string;
}

/** Istio's tutorial of a manual canary as a release: two subsets of one host, 90/10, then all traffic. */
export function nginx(scope: Construct, overrides: NginxOverrides = {}): Release {
  return new Release(scope, 'nginx', {
    namespace: 'web',
    workload: (workload) => nginxWorkload(workload, overrides.image ?? image('nginx')),
    service: { port: 80 },
    traffic: istio({ hosts: ['nginx.example.com'], gateways: ['nginx'], subsets: true }),
    strategy: canary({ stepWeights: [10, 100] }),
    analysis: {
      bakeTime: Duration.minutes(2),
      threshold: 2,
      checks: [successRate({ min: 99.5 }), latency({ quantile: 0.95, max: Duration.millis(250) })],
    },
  });
}

function nginxWorkload(scope: Construct, nginxImage: string): void {
  const deployment = new Deployment(scope, 'deployment', {
    metadata: { name: 'nginx' },
    podMetadata: { labels: { app: 'nginx' } },
    replicas: 2,
  });
  deployment.addContainer({
    name: 'nginx',
    image: nginxImage,
    ports: [{ name: 'http', number: 80 }],
    readiness: Probe.fromHttpGet('/', { port: 80 }),
    resources: {
      cpu: { request: Cpu.millis(50) },
      memory: { request: Size.mebibytes(32), limit: Size.mebibytes(128) },
    },
    // The official image binds port 80 and writes its cache, then drops to its own user.
    securityContext: { ensureNonRoot: false, readOnlyRootFilesystem: false },
  });
  new ApiObject(scope, 'gateway', {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Gateway',
    metadata: { name: 'nginx' },
    spec: {
      selector: { istio: 'ingressgateway' },
      servers: [
        { port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['nginx.example.com'] },
      ],
    },
  });
}
