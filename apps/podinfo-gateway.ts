import type { Construct } from 'constructs';
import {
  canary,
  Duration,
  gatewayApi,
  images,
  latency,
  Release,
  successRate,
} from '../lib/index.ts';
import { type PodinfoOverrides, podinfoWorkload } from './podinfo.ts';

const image = images(new URL('images.yaml', import.meta.url));

/** The same application without a mesh: behind Contour, which reads the Gateway API. */
export function podinfoGateway(scope: Construct, overrides: PodinfoOverrides = {}): Release {
  return new Release(scope, 'podinfo-gateway', {
    name: 'podinfo',
    namespace: 'edge',
    workload: (workload) => podinfoWorkload(workload, overrides.image ?? image('podinfo')),
    service: { port: 9898, targetPort: 'http' },
    traffic: gatewayApi({
      parentRefs: [{ name: 'public', namespace: 'projectcontour' }],
      hostnames: ['app.example.com'],
      timeouts: { request: Duration.seconds(15) },
      metrics: 'contour',
    }),
    strategy: canary({ stepWeights: [5, 20, 50] }),
    analysis: {
      checkPeriod: Duration.seconds(15),
      bakeTime: Duration.minutes(1),
      threshold: 5,
      checks: [successRate({ min: 99 }), latency({ quantile: 0.99, max: Duration.millis(500) })],
    },
  });
}
