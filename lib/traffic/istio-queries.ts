import { goodShare, quantileOf } from './proxy-queries.ts';
import type { BuiltInQueries } from './router.ts';

/** Requests to the canary's workload, as its own proxy counted them. */
const TARGET =
  'reporter="destination",destination_workload_namespace="{{namespace}}",destination_workload=~"{{target}}"';

/** Istio's standard metrics (https://istio.io/latest/docs/reference/config/metrics/). */
export const ISTIO_QUERIES: BuiltInQueries = {
  successRate: () => goodShare('istio_requests_total', TARGET, 'response_code!~"5.*"'),
  latency: (quantile) => quantileOf('istio_request_duration_milliseconds_bucket', TARGET, quantile),
};
