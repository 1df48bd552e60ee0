import type { BuiltInQueries } from './router.ts';

/** Requests to the canary's workload, as its own proxy counted them. */
const TARGET =
  'reporter="destination",destination_workload_namespace="{{namespace}}",destination_workload=~"{{target}}"';

/** Istio's standard metrics (https://istio.io/latest/docs/reference/config/metrics/). */
export const ISTIO_QUERIES: BuiltInQueries = {
  // No request in the window: the comparison drops the zero, and a division by nothing gives nothing.
  // Only failed ones: without `vector(0)` there would be no answer instead of 0.
  successRate: () =>
    `100 * (sum(rate(istio_requests_total{${TARGET},response_code!~"5.*"}[{{interval}}])) or vector(0)) / ` +
    `(sum(rate(istio_requests_total{${TARGET}}[{{interval}}])) > 0)`,
  // No request in the window makes the quantile NaN, which no comparison lets through.
  latency: (quantile) =>
    `histogram_quantile(${quantile}, sum by (le) (rate(` +
    `istio_request_duration_milliseconds_bucket{${TARGET}}[{{interval}}]))) >= 0`,
};
