import { ApiObject } from 'cdk8s';
import type { Construct } from 'constructs';
import { Duration, images, kubernetes, partitions, query, Release } from '../lib/index.ts';
import type { PodinfoOverrides } from './podinfo.ts';

const image = images(new URL('images.yaml', import.meta.url));

/** Four pods with volumes: one gets the candidate, then two, then all, from the highest ordinal down. */
export function statefulApp(scope: Construct, overrides: PodinfoOverrides = {}): Release {
  return new Release(scope, 'stateful', {
    name: 'store',
    namespace: 'stateful',
    workload: (workload) => store(workload, overrides.image ?? image('podinfo')),
    service: { port: 9898, targetPort: 'http' },
    traffic: kubernetes(),
    strategy: partitions({ percents: [25, 50] }),
    analysis: {
      bakeTime: Duration.minutes(2),
      checks: [
        query({
          name: 'errors',
          query:
            'sum(rate(http_requests_total{namespace="{{namespace}}",pod=~"{{target}}-[0-9]+",status=~"5.."}[{{interval}}])) or vector(0)',
          max: 0.1,
        }),
      ],
    },
  });
}

function store(scope: Construct, storeImage: string): void {
  const labels = { app: 'store' };
  new ApiObject(scope, 'statefulset', {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'store' },
    spec: {
      replicas: 4,
      serviceName: 'store-pods',
      // Else a pod that never gets ready would block its own rollback.
      podManagementPolicy: 'Parallel',
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          automountServiceAccountToken: false,
          securityContext: { runAsUser: 100, runAsGroup: 101, fsGroup: 101 },
          containers: [
            {
              name: 'podinfod',
              image: storeImage,
              command: ['./podinfo', '--port=9898', '--level=info'],
              ports: [{ name: 'http', containerPort: 9898 }],
              readinessProbe: { httpGet: { path: '/readyz', port: 9898 } },
              volumeMounts: [{ name: 'data', mountPath: '/data' }],
            },
          ],
        },
      },
      volumeClaimTemplates: [
        {
          metadata: { name: 'data' },
          spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
        },
      ],
    },
  });
  new ApiObject(scope, 'pods', {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'store-pods' },
    // The pods carry the label of the one track that there is.
    spec: { clusterIP: 'None', selector: { app: 'store' }, ports: [{ port: 9898 }] },
  });
}
