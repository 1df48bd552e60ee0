import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboard, lines, type Query } from './panels.ts';

/** The two tracks of a release, side by side. */
const SIDES = ['primary', 'canary'] as const;
type Side = (typeof SIDES)[number];

/** Who counts the requests to a track, and what tells a failed one; the checks of a plan count the same. */
interface Counter {
  readonly requests: string;
  readonly durations: string;
  /** Selects the requests to a side. */
  readonly of: (side: Side) => string;
  /** Selects the failed ones of them. */
  readonly failed: readonly string[];
}

const ISTIO = {
  requests: 'istio_requests_total',
  durations: 'istio_request_duration_milliseconds_bucket',
  failed: ['response_code=~"5.*"', 'response_code!~"5.*",grpc_response_status=~"2|4|12|13|14|15"'],
};

/** The first that counts anything is shown: the proxies of the pods know more than a gateway before them. */
const COUNTERS: readonly Counter[] = [
  {
    ...ISTIO,
    of: (side) =>
      `reporter="destination",destination_workload_namespace="$namespace",destination_workload="$name-${side}"`,
  },
  {
    ...ISTIO,
    of: (side) =>
      `reporter="source",destination_service_namespace="$namespace",destination_service_name="$name-${side}"`,
  },
  {
    requests: 'envoy_cluster_upstream_rq',
    durations: 'envoy_cluster_upstream_rq_time_bucket',
    // Contour names a cluster after the Service, Envoy Gateway after the backend's place in the route.
    of: (side) =>
      `envoy_cluster_name=~"$\{namespace}_$name-${side}_[0-9]+|[a-z]+route/$namespace/$name/rule/[0-9]+/backend/${SIDES.indexOf(side)}"`,
    failed: ['envoy_response_code=~"5.*"'],
  },
];

/** "Perch tracks": primary and canary of one release, compared. */
export function tracksDashboard(): DashboardBuilder {
  return dashboard(
    'perch-tracks',
    {
      title: 'Perch tracks',
      description:
        'Primary and canary of one release side by side: requests, errors, latency, pods.',
    },
    [
      {
        name: 'namespace',
        query: 'label_values(container_cpu_usage_seconds_total{pod=~".+-primary-.+"}, namespace)',
      },
      {
        name: 'name',
        query:
          'label_values(container_cpu_usage_seconds_total{namespace="$namespace",pod=~".+-primary-.+"}, pod)',
        // The Services' name is what stands before the track in the name of a pod.
        regex: '/^(.+)-primary-.+$/',
      },
    ],
    {
      Requests: [
        lines(
          { title: 'Requests', description: 'Requests per second to each track.', unit: 'reqps' },
          ...bySide((side) => anyCounter((it) => rate(it.requests, it.of(side)))),
        ),
        lines(
          {
            title: 'Success rate',
            description:
              'Requests that did not fail: no 5xx, and no gRPC status of a server error.',
            unit: 'percent',
          },
          ...bySide((side) => anyCounter((it) => successRate(it, side))),
        ).max(100),
        ...[0.5, 0.99].map((quantile) =>
          lines(
            {
              title: `Latency p${quantile * 100}`,
              description: `${quantile * 100} % of the requests were at least as fast.`,
              unit: 'ms',
            },
            ...bySide((side) => anyCounter((it) => latency(it, side, quantile))),
          ),
        ),
      ],
      Pods: [
        lines(
          { title: 'CPU', description: 'Cores that all pods of a track use.', unit: 'cores' },
          ...bySide((side) => rate('container_cpu_usage_seconds_total', podsOf(side))),
        ),
        lines(
          {
            title: 'CPU of a pod',
            description: 'Cores that a pod uses on average: tracks of other sizes compare.',
            unit: 'cores',
          },
          ...bySide(
            (side) =>
              `${rate('container_cpu_usage_seconds_total', podsOf(side))} / ${podCount('container_cpu_usage_seconds_total', side)}`,
          ),
        ),
        lines(
          { title: 'Memory', description: 'Working set of all pods of a track.', unit: 'bytes' },
          ...bySide((side) => `sum(container_memory_working_set_bytes{${podsOf(side)}})`),
        ),
        lines(
          {
            title: 'Memory of a pod',
            description: 'Working set of a pod on average: tracks of other sizes compare.',
            unit: 'bytes',
          },
          ...bySide(
            (side) =>
              `sum(container_memory_working_set_bytes{${podsOf(side)}}) / ${podCount('container_memory_working_set_bytes', side)}`,
          ),
        ),
      ],
    },
  );
}

function bySide(expr: (side: Side) => string): readonly Query[] {
  return SIDES.map((side) => ({ expr: expr(side), legend: side }));
}

function anyCounter(expr: (it: Counter) => string): string {
  return COUNTERS.map((it) => `(${expr(it)})`).join(' or ');
}

function rate(metric: string, selectors: string): string {
  return `sum(rate(${metric}{${selectors}}[$__rate_interval]))`;
}

function successRate({ requests, of, failed }: Counter, side: Side): string {
  const bad = failed.map((it) => `(${rate(requests, `${of(side)},${it}`)} or vector(0))`);
  return `100 * (1 - (${bad.join(' + ')}) / (${rate(requests, of(side))} > 0))`;
}

function latency({ durations, of }: Counter, side: Side, quantile: number): string {
  const buckets = `sum by (le) (rate(${durations}{${of(side)}}[$__rate_interval]))`;
  return `histogram_quantile(${quantile}, ${buckets}) >= 0`;
}

/** The containers of a track's pods; a sum without names is of the whole pod, and would count twice. */
function podsOf(side: Side): string {
  return `namespace="$namespace",pod=~"$name-${side}-[a-z0-9]+-[a-z0-9]+",container!=""`;
}

function podCount(metric: string, side: Side): string {
  return `count(count by (pod) (${metric}{${podsOf(side)}}))`;
}
