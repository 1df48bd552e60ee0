import type { Construct } from 'constructs';
import { canary, Duration, images, istio, Release, successRate } from '../lib/index.ts';
import { type PodinfoOverrides, podinfoWorkload } from './podinfo.ts';

const image = images(new URL('images.yaml', import.meta.url));

/** Five of a thousand first: a weight that grows by a factor, with a cookie that keeps users on the version that they got. */
export function fractionsApp(scope: Construct, overrides: PodinfoOverrides = {}): Release {
  return new Release(scope, 'fractions', {
    name: 'podinfo',
    namespace: 'fractions',
    workload: (workload) => podinfoWorkload(workload, overrides.image ?? image('podinfo')),
    service: { port: 9898, targetPort: 'http' },
    traffic: istio({
      gateways: ['istio-system/public-gateway'],
      hosts: ['fractions.example.com'],
      weightTotal: 1000,
    }),
    strategy: canary({
      firstWeight: 0.5,
      factor: 4,
      maxWeight: 50,
      mirror: { percent: 1 },
      sessionAffinity: { name: 'podinfo-canary', maxAge: Duration.hours(1), secure: true },
    }),
    analysis: { bakeTime: Duration.minutes(5), checks: [successRate({ min: 99 })] },
  });
}
