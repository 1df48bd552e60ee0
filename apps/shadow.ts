import type { Construct } from 'constructs';
import { Duration, images, istio, latency, Release, shadow, successRate } from '../lib/index.ts';
import { type PodinfoOverrides, podinfoWorkload } from './podinfo.ts';

const image = images(new URL('images.yaml', import.meta.url));

/** Copies alone: users get the stable version, and a tenth of what they ask is asked of the candidate as well. */
export function shadowApp(scope: Construct, overrides: PodinfoOverrides = {}): Release {
  return new Release(scope, 'shadow', {
    name: 'podinfo',
    namespace: 'shadow',
    workload: (workload) => podinfoWorkload(workload, overrides.image ?? image('podinfo')),
    service: { port: 9898, targetPort: 'http' },
    traffic: istio({ gateways: ['istio-system/public-gateway'], hosts: ['shadow.example.com'] }),
    strategy: shadow({ percent: 10, bake: Duration.minutes(10) }),
    analysis: {
      checks: [successRate({ min: 99 }), latency({ quantile: 0.99, max: Duration.millis(500) })],
    },
  });
}
