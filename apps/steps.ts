import type { Construct } from 'constructs';
import { Duration, images, istio, query, Release, steps, successRate } from '../lib/index.ts';
import { type PodinfoOverrides, podinfoWorkload } from './podinfo.ts';

const image = images(new URL('images.yaml', import.meta.url));

const mean = (workload: string) =>
  ['sum', 'count']
    .map(
      (it) =>
        `sum(rate(istio_request_duration_milliseconds_${it}{destination_workload="${workload}"}[{{interval}}]))`,
    )
    .join(' / ');

/** How many times the baseline's mean response time the canary's is. */
const slowerThanBaseline = query({
  name: 'latency-of-baseline',
  query: `(${mean('{{target}}')}) / (${mean('{{baseline}}')})`,
  max: 1.2,
});

/** A list of steps: first testers, then a part of the users beside a baseline of the same size, then everybody. */
export function stepsApp(scope: Construct, overrides: PodinfoOverrides = {}): Release {
  return new Release(scope, 'steps', {
    name: 'podinfo',
    namespace: 'steps',
    workload: (workload) => podinfoWorkload(workload, overrides.image ?? image('podinfo')),
    service: { port: 9898, targetPort: 'http' },
    traffic: istio({ gateways: ['istio-system/public-gateway'], hosts: ['steps.example.com'] }),
    strategy: steps([
      { setCanaryScale: 'match-weight' },
      {
        headerRoute: { name: 'testers', match: [{ headers: { 'x-tester': { prefix: 'team-' } } }] },
      },
      { pause: 'until-approved' },
      { setWeight: 10 },
      { baseline: true },
      { analysis: { checks: [slowerThanBaseline], bake: Duration.minutes(5) } },
      { baseline: false },
      { setWeight: 50 },
    ]),
    analysis: { bakeTime: Duration.minutes(2), checks: [successRate({ min: 99 })] },
  });
}
