import type { Counts, Matcher } from '../../metrics/counts.ts';
import type { Track } from '../../plan/plan.ts';
import type { RouterContext } from '../router.ts';

/**
 * Requests to a track's workload, as its own proxy counted them, in Istio's standard metrics
 * (https://istio.io/latest/docs/reference/config/metrics/).
 */
export function istioCounts({ names }: Pick<RouterContext, 'names'>, track: Track): Counts {
  const matchers: readonly Matcher[] = [
    ['reporter', '=', 'destination'],
    ['destination_workload_namespace', '=', names.namespace],
    ['destination_workload', '=~', names.workloads[track]],
  ];
  return {
    kind: 'counted',
    requests: { metric: 'istio_requests_total', matchers },
    failed: { kind: 'labelled', labels: SERVER_ERRORS },
    durations: { metric: 'istio_request_duration_milliseconds_bucket', matchers, unit: 'ms' },
  };
}

/**
 * gRPC answers HTTP 200 whatever became of a request, and says it in a status of its own (unknown, deadline exceeded,
 * unimplemented, internal, unavailable, data loss).
 */
const SERVER_ERRORS = { response_code: '5.*', grpc_response_status: '2|4|12|13|14|15' };
