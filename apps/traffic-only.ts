import type { Construct } from 'constructs';
import { canary, Duration, gatewayApi, latency, Release, successRate } from '../lib/index.ts';

/** What may differ between two rollouts of the example. */
export interface TrafficOnlyOverrides {
  /** @default '2' */
  readonly version?: string;
}

/** Two Services that somebody else keeps, blue and green in turns: only the route between them is released. */
export function trafficOnlyApp(
  scope: Construct,
  { version = '2' }: TrafficOnlyOverrides = {},
): Release {
  return new Release(scope, 'traffic-only', {
    name: 'shop',
    namespace: 'traffic-only',
    existing: { stable: 'shop-blue', candidate: 'shop-green', version },
    service: { port: 80 },
    traffic: gatewayApi({
      parentRefs: [{ name: 'public', namespace: 'projectcontour' }],
      hostnames: ['shop.example.com'],
      metrics: 'contour',
    }),
    strategy: canary({ stepWeights: [10, 50] }),
    analysis: {
      bakeTime: Duration.minutes(2),
      checks: [successRate({ min: 99 }), latency({ quantile: 0.99, max: Duration.millis(500) })],
    },
  });
}
