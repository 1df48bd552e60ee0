import type { Construct } from 'constructs';
import { Duration, images, kubernetes, Release, ramped } from '../lib/index.ts';
import { countedByPods, type PodinfoOverrides, podinfoDeployment } from './podinfo.ts';

const image = images(new URL('images.yaml', import.meta.url));

/** Pod by pod, as Kubernetes does it by itself, and judged afterwards. */
export function rampedApp(scope: Construct, overrides: PodinfoOverrides = {}): Release {
  return new Release(scope, 'ramped', {
    name: 'podinfo',
    namespace: 'ramped',
    workload: (workload) =>
      void podinfoDeployment(workload, overrides.image ?? image('podinfo'), 4),
    service: { port: 9898, targetPort: 'http' },
    traffic: kubernetes(),
    strategy: ramped({ maxSurge: 1, minReady: Duration.seconds(10), bake: Duration.minutes(2) }),
    analysis: { checks: [countedByPods({ min: 99 })] },
  });
}
