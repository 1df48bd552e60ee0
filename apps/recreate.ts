import type { Construct } from 'constructs';
import { Duration, images, kubernetes, Release, recreate } from '../lib/index.ts';
import { countedByPods, type PodinfoOverrides, podinfoDeployment } from './podinfo.ts';

const image = images(new URL('images.yaml', import.meta.url));

/** No two versions at a time: all pods stop, then those of the candidate start. */
export function recreateApp(scope: Construct, overrides: PodinfoOverrides = {}): Release {
  return new Release(scope, 'recreate', {
    name: 'podinfo',
    namespace: 'recreate',
    workload: (workload) =>
      void podinfoDeployment(workload, overrides.image ?? image('podinfo'), 2),
    service: { port: 9898, targetPort: 'http' },
    traffic: kubernetes(),
    strategy: recreate({ bake: Duration.minutes(2) }),
    analysis: { checks: [countedByPods({ min: 99 })] },
  });
}
