import type { JsonObject } from '../../manifest/json.ts';
import type { Counts, Failures, Matcher, RequestCounts, Uncounted } from '../../metrics/counts.ts';
import type { Names } from '../../names.ts';
import type { Track } from '../../plan/plan.ts';
import type { RouteKind } from './matches.ts';
import type { GatewayApiProps } from './props.ts';
import { BACKENDS } from './rules.ts';

/** Whose requests are counted: those to one track of a release, by one route. */
export interface CountedRequests {
  readonly kind: RouteKind;
  readonly names: Names;
  readonly port: number;
  readonly track: Track;
  /** The author's. */
  readonly filters: readonly object[];
}

/** What a gateway counts of each track. */
export interface GatewayMetrics {
  readonly counts: (it: CountedRequests) => Counts;
  /** Whether it counts by the places of rules and backends in a route, which no route of the author's has to keep. */
  readonly isByPlace: boolean;
  /** Filters that each backend must have for the gateway to count them apart. */
  readonly backendFilters: readonly JsonObject[];
}

/**
 * gRPC statuses that are the server's fault: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE
 * and DATA_LOSS, as OpenTelemetry's conventions for gRPC servers have it.
 */
const SERVER_ERRORS = [2, 4, 12, 13, 14, 15];

/** Gateways whose metrics are known, by the name that authors use. */
export const GATEWAY_METRICS: Readonly<
  Record<NonNullable<GatewayApiProps['metrics']>, GatewayMetrics>
> = {
  contour: { counts: contour, isByPlace: false, backendFilters: [] },
  'envoy-gateway': {
    counts: envoyGateway,
    isByPlace: true,
    // Without a filter on a backend, all of them are one cluster, and nothing tells the tracks apart.
    backendFilters: [
      { type: 'RequestHeaderModifier', requestHeaderModifier: { remove: ['perch-track'] } },
    ],
  },
  istio: { counts: istioGateway, isByPlace: false, backendFilters: [] },
};

/** What is known of a gateway that has no name here. */
export const NO_METRICS: GatewayMetrics = {
  counts: () => none('traffic.metrics names no gateway, so nothing counts', 'no metrics'),
  isByPlace: false,
  backendFilters: [],
};

/** What is counted of requests by routes of the author's. */
export function countsByOwnRoutes(
  { counts, isByPlace }: GatewayMetrics,
  it: CountedRequests,
  gateway: string | undefined,
): Counts {
  if (!isByPlace) return counts(it);
  return none(
    'this gateway counts by the places of rules in a route of Perch, not in one of the author’s',
    `metrics: ${gateway}`,
  );
}

function none(problem: string, got: string): Uncounted {
  const remedy = 'ask what your gateway or the application exports with `query`';
  return { kind: 'none', problem: { problem, got, remedy } };
}

/** Contour names a cluster's statistics after the Service and its port. */
function contour({ kind, names, port, track }: CountedRequests): Counts {
  const cluster: Matcher = [
    'envoy_cluster_name',
    '=',
    `${names.namespace}_${names[track]}_${port}`,
  ];
  const ofCluster = (metric: string) => ({ metric, matchers: [cluster] });
  if (kind === 'HTTPRoute') return envoy(cluster);
  // A call that failed is a 200 with a trailer to Envoy's other counters.
  return {
    ...envoy(cluster),
    requests: ofCluster('envoy_cluster_grpc_total'),
    failed: {
      kind: 'apart',
      counters: SERVER_ERRORS.map((it) => ofCluster(`envoy_cluster_grpc_${it}`)),
    },
  };
}

/**
 * Envoy Gateway names a cluster after the places of the rule and of the backend in the route, and one of copies
 * after the place of its filter. The number of rules changes from step to step; in each, one of weight 0 keeps its
 * number, and the filter that copies comes after the author's.
 */
function envoyGateway({ kind, names, track, filters }: CountedRequests): Counts {
  const backend = `/backend/${BACKENDS.indexOf(track)}`;
  const places = track === 'canary' ? `(${backend}|-mirror-${filters.length})` : backend;
  const route = `${kind.toLowerCase()}/${names.namespace}/${names.apex}`;
  const cluster: Matcher = ['envoy_cluster_name', '=~', `${route}/rule/[0-9]+${places}`];
  if (kind === 'HTTPRoute') return envoy(cluster);
  // It counts each method in a metric of its own, with the method in the metric's name.
  return envoy(
    cluster,
    none('Envoy Gateway has no success rate of gRPC calls', 'metrics: envoy-gateway'),
  );
}

/** Answers that Envoy gives itself, such as 503 where no pod is there, are among these. */
const SERVER_ERROR_CODES: Failures = { kind: 'labelled', labels: { envoy_response_code: '5.*' } };

/** Envoy's own statistics of one of its clusters. */
function envoy(cluster: Matcher, failed: Failures = SERVER_ERROR_CODES): RequestCounts {
  const matchers = [cluster];
  return {
    kind: 'counted',
    requests: { metric: 'envoy_cluster_upstream_rq', matchers },
    failed,
    durations: { metric: 'envoy_cluster_upstream_rq_time_bucket', matchers, unit: 'ms' },
  };
}

/**
 * Requests to the track's Service, as the gateway counted them. The gateway knows the Service also when no pod
 * answers; the workload it knows from an answer only.
 */
function istioGateway({ kind, names, track }: CountedRequests): Counts {
  const matchers: readonly Matcher[] = [
    ['reporter', '=', 'source'],
    ['destination_service_namespace', '=', names.namespace],
    ['destination_service_name', '=', names[track]],
  ];
  const calls = { grpc_response_status: SERVER_ERRORS.join('|') };
  return {
    kind: 'counted',
    requests: { metric: 'istio_requests_total', matchers },
    failed: {
      kind: 'labelled',
      labels: { response_code: '5.*', ...(kind === 'GRPCRoute' ? calls : {}) },
    },
    durations: { metric: 'istio_request_duration_milliseconds_bucket', matchers, unit: 'ms' },
  };
}
