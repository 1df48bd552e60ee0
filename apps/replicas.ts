import type { Construct } from 'constructs';
import { canary, Duration, images, kubernetes, Release } from '../lib/index.ts';
import { countedByPods, type PodinfoOverrides, podinfoDeployment } from './podinfo.ts';

const image = images(new URL('images.yaml', import.meta.url));

/** A canary without a router: one Service over both tracks, in which the canary grows pod by pod. */
export function replicasApp(scope: Construct, overrides: PodinfoOverrides = {}): Release {
  return new Release(scope, 'replicas', {
    name: 'podinfo',
    namespace: 'replicas',
    workload: (workload) =>
      void podinfoDeployment(workload, overrides.image ?? image('podinfo'), 4),
    service: { port: 9898, targetPort: 'http' },
    traffic: kubernetes({ split: 'replicas' }),
    strategy: canary({ stepWeights: [20, { weight: 50, bake: Duration.minutes(5) }] }),
    analysis: { bakeTime: Duration.minutes(2), checks: [countedByPods({ min: 99 })] },
  });
}
