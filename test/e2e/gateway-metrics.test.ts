import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { prometheus } from '../../analyzer/metrics/prometheus.ts';
import {
  Duration,
  type GatewayApiProps,
  gatewayApi,
  latency,
  render,
  successRate,
} from '../../lib/index.ts';
import { sample } from '../lib/sample.ts';
import { isMissing } from './servers/missing.ts';
import { missingPrometheus, type Prometheus, startPrometheus } from './servers/prometheus.ts';

const GATEWAYS = [
  { metrics: 'contour' },
  { metrics: 'contour', kind: 'GRPCRoute' },
  { metrics: 'envoy-gateway' },
  { metrics: 'istio' },
  { metrics: 'istio', kind: 'GRPCRoute' },
] as const satisfies readonly Partial<GatewayApiProps>[];
type Gateway = (typeof GATEWAYS)[number];

/** Requests a second of the canaries of three releases: answered well, refused, and failed. */
const CANARIES = {
  mixed: { good: 18, refused: 1, failed: 1 },
  failing: { good: 0, refused: 0, failed: 3 },
  idle: { good: 0, refused: 0, failed: 0 },
};
type Canary = keyof typeof CANARIES;
type Rates = (typeof CANARIES)[Canary];

/** A family of counters as the gateway exports it: the name without `_total`, and its series. */
interface Counter {
  readonly name: string;
  readonly labels: string;
  readonly rate: number;
}

/** Envoy's names end as they are; OpenMetrics wants `_total` on every counter, so they are told to be unknown. */
function counters(gateway: Gateway, canary: Canary): Counter[] {
  const rates: Rates = CANARIES[canary];
  const { good, refused, failed } = rates;
  if (gateway.metrics === 'istio') {
    const target = `destination_service_namespace="prod",destination_service_name="${canary}-canary"`;
    const labels = (reporter: string, code: string) =>
      `reporter="${reporter}",${target},kind="${'kind' in gateway}",${code}`;
    const grpc = 'kind' in gateway;
    const codes = [
      [good, grpc ? 'response_code="200",grpc_response_status="0"' : 'response_code="200"'],
      [refused, grpc ? 'response_code="200",grpc_response_status="5"' : 'response_code="404"'],
      [failed, grpc ? 'response_code="200",grpc_response_status="14"' : 'response_code="503"'],
    ] as const;
    return codes.flatMap(([rate, code]) => [
      { name: 'istio_requests_total', labels: labels('source', code), rate },
      // What the pod's own proxy says is another story, and must not be mixed in.
      { name: 'istio_requests_total', labels: labels('destination', code), rate: 7 },
    ]);
  }
  if (gateway.metrics === 'contour')
    return envoyCounters('kind' in gateway, `prod_${canary}-canary_80`, rates);
  const rule = (place: string) => `httproute/prod/${canary}/rule/${place}`;
  const mine = ['0/backend/1', '1/backend/1', '1-mirror-0'];
  return [
    // A third of the requests each: the canary's own, those by weight, and copies.
    ...mine.flatMap((it) => envoyCounters(false, rule(it), thirdOf(rates))),
    ...['0/backend/0', '1/backend/0', '1/backend/2', '1/backend/11', '1-mirror-1'].flatMap((it) =>
      envoyCounters(false, rule(it), { good: 0, refused: 0, failed: 7 }),
    ),
  ];
}

function thirdOf({ good, refused, failed }: Rates): Rates {
  return { good: good / 3, refused: refused / 3, failed: failed / 3 };
}

function envoyCounters(isGrpc: boolean, name: string, { good, refused, failed }: Rates): Counter[] {
  const cluster = `envoy_cluster_name="${name}"`;
  if (isGrpc)
    return [
      { name: 'envoy_cluster_grpc_0', labels: cluster, rate: good },
      { name: 'envoy_cluster_grpc_5', labels: cluster, rate: refused },
      { name: 'envoy_cluster_grpc_14', labels: cluster, rate: failed },
      { name: 'envoy_cluster_grpc_total', labels: cluster, rate: good + refused + failed },
    ];
  const code = (it: number) => `${cluster},envoy_response_code="${it}"`;
  return [
    { name: 'envoy_cluster_upstream_rq', labels: code(200), rate: good },
    { name: 'envoy_cluster_upstream_rq', labels: code(404), rate: refused },
    { name: 'envoy_cluster_upstream_rq', labels: code(503), rate: failed },
  ];
}

/** Every request takes between 100 and 250 ms. */
function buckets(gateway: Gateway, canary: Canary): Counter[] {
  const [first] = counters(gateway, canary);
  const rates: Rates = CANARIES[canary];
  const rate = rates.good + rates.refused + rates.failed;
  const istio = gateway.metrics === 'istio';
  const name = istio
    ? 'istio_request_duration_milliseconds_bucket'
    : 'envoy_cluster_upstream_rq_time_bucket';
  const labels = (first?.labels ?? '').replace(/,(envoy_)?response_code=.*/, '');
  return [
    { name, labels: `${labels},le="100"`, rate: 0 },
    { name, labels: `${labels},le="250"`, rate },
    { name, labels: `${labels},le="+Inf"`, rate },
  ];
}

/** Half an hour, a sample every 15 seconds. */
function history(gateway: Gateway, start: number): string {
  const all = (Object.keys(CANARIES) as Canary[]).flatMap((it) => [
    ...counters(gateway, it),
    ...buckets(gateway, it),
  ]);
  const names = [...new Set(all.map((it) => it.name))];
  const families = names.map((name) => {
    const samples = all
      .filter((it) => it.name === name)
      .flatMap(({ labels, rate }) =>
        Array.from({ length: 121 }, (_, index) => index * 15).map(
          (seconds) => `${name}{${labels}} ${40 + seconds * rate} ${start + seconds}\n`,
        ),
      );
    return `# TYPE ${name} unknown\n${samples.join('')}`;
  });
  return `${families.join('')}# EOF\n`;
}

describe.each(GATEWAYS)(
  'built-in queries on a real Prometheus: %j',
  {
    skip: isMissing(missingPrometheus()),
  },
  (gateway) => {
    const start = Date.UTC(2024, 0, 2, 3, 0, 0) / 1000;
    let server: Prometheus;

    beforeAll(async () => {
      server = await startPrometheus({ openMetrics: history(gateway, start) });
    });
    afterAll(() => server?.stop());

    /** What the two checks of a release answer in the middle of the history. */
    async function answers(name: string): Promise<readonly (number | undefined)[]> {
      const props = { parentRefs: [{ name: 'public' }], ...gateway } as GatewayApiProps;
      const checks = [
        successRate({ min: 99 }),
        latency({ quantile: 0.5, max: Duration.seconds(1) }),
      ];
      const { plan } = await render(
        sample({ traffic: gatewayApi(props), analysis: { checks } }, name),
      );
      const range = { start: start + 900, end: start + 900, stepSeconds: 15 };
      const asked = plan.checks.map((it) =>
        prometheus({ address: server.url }).values(
          { query: it.ask.canary, windowSeconds: it.windowSeconds },
          range,
        ),
      );
      return (await Promise.all(asked)).map((it) => {
        if (it.kind === 'unknown') throw new Error(it.reason);
        return it.value.samples[0]?.value;
      });
    }

    test('a share of failed requests counts, a request that was refused does not', async () => {
      const [success, time] = await answers('mixed');
      expect(success).toBeCloseTo(95, 6);
      expect(time).toBeCloseTo(175, 6);
    });

    test('only failed requests are 0, not nothing', async () => {
      const [success] = await answers('failing');
      expect(success).toBeCloseTo(0, 6);
    });

    test.each(['idle', 'absent'])('no request is nothing: %s', async (name) => {
      expect(await answers(name)).toEqual([undefined, undefined]);
    });
  },
);
