import type { JsonObject } from '../../manifest/json.ts';
import { goodShare, quantileOf, shareWithout } from '../../metrics/proxy-queries.ts';
import { TRACKS } from '../../names.ts';
import type { BuiltInQueries, BuiltInQuery } from '../router.ts';
import type { RouteKind } from './matches.ts';
import type { GatewayApiProps } from './props.ts';

/** What a gateway counts of each track. */
export interface GatewayMetrics {
  /** @param filters of the author's */
  readonly queries: Readonly<Record<RouteKind, (filters: readonly object[]) => BuiltInQueries>>;
  /** Filters that both backends must have for the gateway to count them apart. */
  readonly backendFilters: readonly JsonObject[];
}

/** Answers that Envoy gives itself, such as 503 where no pod is there, are among these. */
const ENVOY_GOOD = 'envoy_response_code!~"5.*"';

/**
 * gRPC statuses that are the server's fault: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE
 * and DATA_LOSS, as OpenTelemetry's conventions for gRPC servers have it.
 */
const SERVER_ERRORS = [2, 4, 12, 13, 14, 15];

/** Envoy's own statistics of one of its clusters. */
function envoy(all: string): BuiltInQueries {
  return {
    successRate: () => goodShare('envoy_cluster_upstream_rq', all, ENVOY_GOOD),
    latency: (quantile) => quantileOf('envoy_cluster_upstream_rq_time_bucket', all, quantile),
  };
}

function none(problem: string, got: string): BuiltInQuery {
  const remedy = 'ask what your gateway or the application exports with `query`';
  return { kind: 'none', problem: { problem, got, remedy } };
}

/** Contour names a cluster's statistics after the Service and its port. */
const CONTOUR = 'envoy_cluster_name="{{namespace}}_{{target}}_{{port}}"';

/**
 * Envoy Gateway names a cluster after the places of the rule and of the backend in the route, and one of copies
 * after the place of its filter. The number of rules changes from step to step; in each, the backends stand in the
 * order of TRACKS, one of weight 0 keeps its number, and the filter that copies comes after the author's.
 */
const envoyGateway = (route: string, filters: readonly object[]) => {
  const places = `(/backend/${TRACKS.indexOf('canary')}|-mirror-${filters.length})`;
  return `envoy_cluster_name=~"${route}/{{namespace}}/{{service}}/rule/[0-9]+${places}"`;
};

/**
 * Requests to the canary's Service, as the gateway counted them. The gateway knows the Service also when no
 * pod answers; the workload it knows from an answer only.
 */
const ISTIO =
  'reporter="source",destination_service_namespace="{{namespace}}",destination_service_name="{{target}}"';
const ISTIO_GOOD = 'response_code!~"5.*"';
const istioLatency = (quantile: number) =>
  quantileOf('istio_request_duration_milliseconds_bucket', ISTIO, quantile);

/** Gateways whose metrics are known, by the name that authors use. */
export const GATEWAY_METRICS: Readonly<
  Record<NonNullable<GatewayApiProps['metrics']>, GatewayMetrics>
> = {
  contour: {
    queries: {
      HTTPRoute: () => envoy(CONTOUR),
      // A call that failed is a 200 with a trailer to Envoy's own counters.
      GRPCRoute: () => ({
        ...envoy(CONTOUR),
        successRate: () =>
          shareWithout(
            'envoy_cluster_grpc_total',
            SERVER_ERRORS.map((it) => `envoy_cluster_grpc_${it}`),
            CONTOUR,
          ),
      }),
    },
    backendFilters: [],
  },
  'envoy-gateway': {
    queries: {
      HTTPRoute: (filters) => envoy(envoyGateway('httproute', filters)),
      GRPCRoute: (filters) => ({
        ...envoy(envoyGateway('grpcroute', filters)),
        // It counts each method in a metric of its own, with the method in the metric's name.
        successRate: () =>
          none('Envoy Gateway has no success rate of gRPC calls', 'metrics: envoy-gateway'),
      }),
    },
    // Without a filter on a backend, both are one cluster, and nothing tells the tracks apart.
    backendFilters: [
      { type: 'RequestHeaderModifier', requestHeaderModifier: { remove: ['perch-track'] } },
    ],
  },
  istio: {
    queries: {
      HTTPRoute: () => ({
        successRate: () => goodShare('istio_requests_total', ISTIO, ISTIO_GOOD),
        latency: istioLatency,
      }),
      GRPCRoute: () => ({
        successRate: () =>
          goodShare(
            'istio_requests_total',
            ISTIO,
            `${ISTIO_GOOD},grpc_response_status!~"${SERVER_ERRORS.join('|')}"`,
          ),
        latency: istioLatency,
      }),
    },
    backendFilters: [],
  },
};

const UNNAMED = none('traffic.metrics names no gateway, so nothing counts', 'no metrics');

const NO_QUERIES: BuiltInQueries = { successRate: () => UNNAMED, latency: () => UNNAMED };

/** What is known of a gateway that has no name here. */
export const NO_METRICS: GatewayMetrics = {
  queries: {
    HTTPRoute: () => NO_QUERIES,
    GRPCRoute: () => NO_QUERIES,
  },
  backendFilters: [],
};
