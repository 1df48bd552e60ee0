import { Duration } from 'cdk8s';
import { describe, expect, test } from 'vitest';
import {
  type GatewayApiProps,
  gatewayApi,
  latency,
  query,
  recreate,
  successRate,
} from '../../../../lib/index.ts';
import { listAt, objectAt } from '../../../../lib/manifest/json.ts';
import { latencyQuery } from '../../../../lib/metrics/request-queries.ts';
import type { Track } from '../../../../lib/plan/plan.ts';
import { render } from '../../../../lib/render/render.ts';
import { mistakesOf, sample } from '../../sample.ts';
import { gateway, rules, SHOP } from '../route.ts';

type Gateway = Pick<GatewayApiProps, 'kind' | 'metrics'>;

function release(gateway: Gateway) {
  return sample({
    service: { port: 9898, targetPort: 8080 },
    traffic: gatewayApi({ parentRefs: [{ name: 'public' }], ...gateway } as GatewayApiProps),
    analysis: {
      checks: [successRate({ min: 99 }), latency({ quantile: 0.95, max: Duration.millis(250) })],
    },
  });
}

async function queries(gateway: Gateway): Promise<string[]> {
  return (await render(release(gateway))).plan.checks.map((it) => it.ask.canary);
}

const CONTOUR = 'envoy_cluster_name="prod_shop-canary_9898"';
const ENVOY_GATEWAY = 'envoy_cluster_name=~"httproute/prod/shop/rule/[0-9]+(/backend/1|-mirror-0)"';
const ISTIO =
  'reporter="source",destination_service_namespace="prod",destination_service_name="shop-canary"';
const http = (counter: string, all: string, good: string) =>
  `100 * (sum(rate(${counter}{${all},${good}}[60s])) or vector(0)) / (sum(rate(${counter}{${all}}[60s])) > 0)`;
const p95 = (histogram: string, all: string) =>
  `histogram_quantile(0.95, sum by (le) (rate(${histogram}{${all}}[60s]))) >= 0`;

describe('built-in checks ask what the gateway counted of the canary', () => {
  test.each<[Gateway, string, string]>([
    [
      { metrics: 'contour' },
      http('envoy_cluster_upstream_rq', CONTOUR, 'envoy_response_code!~"5.*"'),
      p95('envoy_cluster_upstream_rq_time_bucket', CONTOUR),
    ],
    [
      { metrics: 'envoy-gateway' },
      http('envoy_cluster_upstream_rq', ENVOY_GATEWAY, 'envoy_response_code!~"5.*"'),
      p95('envoy_cluster_upstream_rq_time_bucket', ENVOY_GATEWAY),
    ],
    [
      { metrics: 'istio' },
      http('istio_requests_total', ISTIO, 'response_code!~"5.*"'),
      p95('istio_request_duration_milliseconds_bucket', ISTIO),
    ],
    [
      { metrics: 'istio', kind: 'GRPCRoute' },
      http(
        'istio_requests_total',
        ISTIO,
        'response_code!~"5.*",grpc_response_status!~"2|4|12|13|14|15"',
      ),
      p95('istio_request_duration_milliseconds_bucket', ISTIO),
    ],
    [
      { metrics: 'contour', kind: 'GRPCRoute' },
      `clamp_min(100 * (1 - (${[2, 4, 12, 13, 14, 15]
        .map((it) => `(sum(rate(envoy_cluster_grpc_${it}{${CONTOUR}}[60s])) or vector(0))`)
        .join(' + ')}) / (sum(rate(envoy_cluster_grpc_total{${CONTOUR}}[60s])) > 0)), 0)`,
      p95('envoy_cluster_upstream_rq_time_bucket', CONTOUR),
    ],
  ])('%j', async (gateway, success, time) => {
    expect(await queries(gateway)).toEqual([success, time]);
  });
});

describe('the numbers in Envoy Gateway’s name are the places of the canary in the route', () => {
  const matched = { name: 'a', match: [{ headers: { a: { exact: '1' } } }] as const };
  const filters = [
    { type: 'RequestHeaderModifier', requestHeaderModifier: { remove: ['a'] } },
  ] as const;

  test.each([undefined, filters])('%j', (given) => {
    const props = { metrics: 'envoy-gateway', ...(given && { filters: given }) } as const;
    const isAskedOf = (track: Track) => {
      const query = latencyQuery(gateway(props).counts(SHOP, track), 0.5, '60s');
      const name = /=~"(.*?)"/.exec(query.kind === 'filled' ? query.query : '')?.[1] ?? '';
      return new RegExp(`^${name}$`);
    };
    const isAsked = isAskedOf('canary');
    const weights = { primary: 50, canary: 40, baseline: 10 };
    const traffic = { weights, routes: [matched], mirrors: [{ percent: 100 }] };
    const clusters = rules(traffic, props).flatMap((rule, index) =>
      [
        ...listAt(rule, 'backendRefs').map((it, place) => [`/backend/${place}`, it.name]),
        ...listAt(rule, 'filters').map((it, place) => [
          `-mirror-${place}`,
          objectAt(it, 'requestMirror', 'backendRef').name,
        ]),
      ].map(([place, to]) => ({ name: `httproute/prod/shop/rule/${index}${place}`, to })),
    );
    expect(clusters.filter((it) => it.to === 'shop-canary')).toHaveLength(3);
    for (const track of ['primary', 'canary', 'baseline'] as const)
      for (const { name: cluster, to } of clusters)
        expect(isAskedOf(track).test(cluster), cluster).toBe(to === `shop-${track}`);
    expect(isAsked.test('httproute/prod/shop-two/rule/0/backend/1')).toBe(false);
    expect(isAsked.test('httproute/prod/shop/rule/0/backend/10')).toBe(false);
  });
});

test('Envoy Gateway counts the only track where there is one', async () => {
  const it = sample({
    traffic: gatewayApi({ parentRefs: [{ name: 'public' }], metrics: 'envoy-gateway' }),
    strategy: recreate(),
    analysis: { checks: [successRate({ min: 99 })] },
  });
  const [check] = (await render(it)).plan.checks;
  expect(check?.ask.canary).toContain(
    '{envoy_cluster_name=~"httproute/prod/shop/rule/[0-9]+/backend/0"}',
  );
  expect(check?.ask).not.toHaveProperty('primary');
});

describe('without a built-in query a built-in check is a mistake', () => {
  const remedy = 'ask what your gateway or the application exports with `query`';
  test.each<[Gateway, string[]]>([
    [
      {},
      [
        `analysis.checks[0] (success-rate): traffic.metrics names no gateway, so nothing counts, got "no metrics"; ${remedy}`,
        `analysis.checks[1] (latency-p95): traffic.metrics names no gateway, so nothing counts, got "no metrics"; ${remedy}`,
      ],
    ],
    [
      { kind: 'GRPCRoute', metrics: 'envoy-gateway' },
      [
        `analysis.checks[0] (success-rate): Envoy Gateway has no success rate of gRPC calls, got "metrics: envoy-gateway"; ${remedy}`,
      ],
    ],
  ])('%j', async (gateway, expected) => {
    expect(await mistakesOf(release(gateway))).toEqual(expected.map((it) => `shop: ${it}`));
  });

  test('a query of the author’s own needs none', async () => {
    const it = sample({
      traffic: gatewayApi({ parentRefs: [{ name: 'public' }] }),
      analysis: { checks: [query({ name: 'errors', query: 'errors{s="{{target}}"}', max: 1 })] },
    });
    expect((await render(it)).plan.checks[0]?.ask.canary).toBe('errors{s="shop-canary"}');
  });
});
