import { goodShare, quantileOf } from '../../metrics/proxy-queries.ts';
import type { BuiltInQueries } from '../router.ts';

/** Requests to the canary's workload, as its own proxy counted them. */
const TARGET =
  'reporter="destination",destination_workload_namespace="{{namespace}}",destination_workload=~"{{target}}"';

/**
 * What is no server error: gRPC answers HTTP 200 whatever became of a request, and says it in a status of its own
 * (unknown, deadline exceeded, unimplemented, internal, unavailable, data loss).
 */
const GOOD = 'response_code!~"5.*",grpc_response_status!~"2|4|12|13|14|15"';

/** Istio's standard metrics (https://istio.io/latest/docs/reference/config/metrics/). */
export const ISTIO_QUERIES: BuiltInQueries = {
  successRate: () => goodShare('istio_requests_total', TARGET, GOOD),
  latency: (quantile) => quantileOf('istio_request_duration_milliseconds_bucket', TARGET, quantile),
};
