import { Size } from 'cdk8s';
import { Cpu, DaemonSet, Probe } from 'cdk8s-plus-25';
import type { Construct } from 'constructs';
import { canary, Duration, images, istio, Release, successRate } from '../lib/index.ts';

const image = images(new URL('images.yaml', import.meta.url));

/** What may differ between two rollouts of the example. */
export interface DaemonOverrides {
  /** @default - the one in images.yaml */
  readonly image?: string;
}

/** A cache on every node: while it is released there are two on each, and at rest the canary is gone. */
export function daemonApp(scope: Construct, overrides: DaemonOverrides = {}): Release {
  return new Release(scope, 'daemon', {
    name: 'cache',
    namespace: 'daemon',
    workload: (workload) => cache(workload, overrides.image ?? image('nginx')),
    service: { port: 80 },
    traffic: istio(),
    strategy: canary({ stepWeights: [10, 50] }),
    analysis: { bakeTime: Duration.minutes(2), checks: [successRate({ min: 99.5 })] },
  });
}

function cache(scope: Construct, cacheImage: string): void {
  const daemonSet = new DaemonSet(scope, 'daemonset', {
    metadata: { name: 'cache' },
    podMetadata: { labels: { app: 'cache' } },
  });
  daemonSet.addContainer({
    name: 'nginx',
    image: cacheImage,
    // A port of the pod, not of the node: two pods cannot share one of the node.
    ports: [{ name: 'http', number: 80 }],
    readiness: Probe.fromHttpGet('/', { port: 80 }),
    resources: {
      cpu: { request: Cpu.millis(50) },
      memory: { request: Size.mebibytes(32), limit: Size.mebibytes(128) },
    },
    securityContext: { ensureNonRoot: false, readOnlyRootFilesystem: false },
  });
}
