import type { Construct } from 'constructs';
import { abTest, Duration, images, istio, Release, successRate } from '../lib/index.ts';
import { type PodinfoOverrides, podinfoWorkload } from './podinfo.ts';

const image = images(new URL('images.yaml', import.meta.url));

/** An A/B test in a mesh: insiders, by header or cookie, try the candidate; nobody else gets it before it is promoted. */
export function abTestApp(scope: Construct, overrides: PodinfoOverrides = {}): Release {
  return new Release(scope, 'ab-test', {
    name: 'podinfo',
    namespace: 'ab-test',
    workload: (workload) => podinfoWorkload(workload, overrides.image ?? image('podinfo')),
    service: { port: 9898, targetPort: 'http' },
    traffic: istio({ gateways: ['istio-system/public-gateway'], hosts: ['ab.example.com'] }),
    strategy: abTest({
      match: [
        { headers: { 'x-insider': { exact: 'true' } } },
        { cookies: { group: { regex: 'beta-[0-9]+' } } },
      ],
      iterations: 10,
    }),
    analysis: { checkPeriod: Duration.seconds(30), checks: [successRate({ min: 99 })] },
  });
}
