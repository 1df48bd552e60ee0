import { ApiObject } from 'cdk8s';
import type { Construct } from 'constructs';
import { canary, Duration, images, istio, Release, successRate } from '../lib/index.ts';
import { type PodinfoOverrides, podinfoDeployment } from './podinfo.ts';

const image = images(new URL('images.yaml', import.meta.url));

/** Workers that KEDA scales: by the requests of each track, and by a queue from which both tracks take. */
export function queueApp(scope: Construct, overrides: PodinfoOverrides = {}): Release {
  return new Release(scope, 'queue', {
    name: 'podinfo',
    namespace: 'queue',
    workload: (workload) => workers(workload, overrides.image ?? image('podinfo')),
    service: { port: 9898, targetPort: 'http' },
    traffic: istio(),
    strategy: canary({ stepWeights: [20, 50] }),
    // A small canary: it gets a fifth, then a half of the requests, and takes from the queue as fast as it can.
    tracks: { canary: { minReplicas: 1, maxReplicas: 3 }, sharedTriggers: ['orders'] },
    analysis: { bakeTime: Duration.minutes(2), checks: [successRate({ min: 99 })] },
  });
}

function workers(scope: Construct, workerImage: string): void {
  podinfoDeployment(scope, workerImage);
  new ApiObject(scope, 'scaledobject', {
    apiVersion: 'keda.sh/v1alpha1',
    kind: 'ScaledObject',
    metadata: { name: 'podinfo' },
    spec: {
      scaleTargetRef: { name: 'podinfo' },
      minReplicaCount: 2,
      maxReplicaCount: 10,
      triggers: [
        {
          type: 'prometheus',
          metadata: {
            serverAddress: 'http://prometheus.monitoring:9090',
            query:
              'sum(rate(istio_requests_total{reporter="destination",destination_workload="{{workload}}"}[1m]))',
            threshold: '50',
          },
        },
        {
          name: 'orders',
          type: 'rabbitmq',
          metadata: {
            queueName: 'orders',
            mode: 'QueueLength',
            value: '20',
            hostFromEnv: 'RABBITMQ',
          },
        },
      ],
    },
  });
}
