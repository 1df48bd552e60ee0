import type { Construct } from 'constructs';
import { canary, Duration, images, kubernetes, query, Release } from '../lib/index.ts';
import { type PodinfoOverrides, podinfoDeployment } from './podinfo.ts';

const image = images(new URL('images.yaml', import.meta.url));

/** Pods that take their work from a queue: no Service leads to them, and the canary gets its share of the work with its pods. */
export function workerApp(scope: Construct, overrides: PodinfoOverrides = {}): Release {
  return new Release(scope, 'worker', {
    name: 'podinfo',
    namespace: 'worker',
    workload: (workload) =>
      void podinfoDeployment(workload, overrides.image ?? image('podinfo'), 5),
    traffic: kubernetes({ split: 'replicas' }),
    strategy: canary({ stepWeights: [20, 60] }),
    analysis: {
      bakeTime: Duration.minutes(5),
      checks: [
        query({
          name: 'failed-jobs',
          query:
            'sum(increase(queue_jobs_failed_total{namespace="{{namespace}}",pod=~"{{target}}-[^-]+-[^-]+"}[{{interval}}]))',
          max: 0,
        }),
      ],
    },
  });
}
