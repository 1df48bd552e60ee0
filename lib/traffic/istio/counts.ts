import type { Counts, Matcher, RequestCounts } from '../../metrics/counts.ts';
import type { Track } from '../../plan/plan.ts';
import type { RouterContext } from '../router.ts';

/** Whose proxies count the requests that tests weigh. */
export type Reporter = 'source' | 'destination';

/**
 * Requests to a track's workload, as its own proxy counted them, in Istio's standard metrics
 * (https://istio.io/latest/docs/reference/config/metrics/); and as the proxies of the callers did, which know of those that
 * never reached a pod.
 */
export function istioCounts(
  { names }: Pick<RouterContext, 'names'>,
  track: Track,
  reporter: Reporter = 'source',
): Counts {
  const own = countsOf([
    ['reporter', '=', 'destination'],
    ['destination_workload_namespace', '=', names.namespace],
    ['destination_workload', '=~', names.workloads[track]],
  ]);
  if (reporter === 'destination') return own;
  // A caller knows the workload from an answer only.
  const callers = countsOf([
    ['reporter', '=', 'source'],
    ['destination_service_namespace', '=', names.namespace],
    ['destination_service_name', '=', names[track]],
  ]);
  return { ...own, callers };
}

function countsOf(matchers: readonly Matcher[]): RequestCounts {
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
