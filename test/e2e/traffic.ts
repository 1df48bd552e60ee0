/** Requests to one workload, as Istio's proxies count them. */
export interface Traffic {
  readonly workload: string;
  readonly namespace: string;
  readonly requestsPerSecond: number;
  /** Percent of the requests that end with HTTP 500. */
  readonly failedPercent: number;
}

/** Upper bounds of buckets in milliseconds, and the share of the requests that took no longer. */
const BUCKETS = [
  ['25', 0.5],
  ['50', 0.9],
  ['100', 1],
  ['+Inf', 1],
] as const;

/**
 * Constant traffic in OpenMetrics text: one sample each second.
 *
 * @param start Unix seconds
 * @param end Unix seconds
 */
export function trafficHistory(
  all: readonly Traffic[],
  { start, end }: { readonly start: number; readonly end: number },
): string {
  const seconds = Array.from({ length: end - start + 1 }, (_, index) => index);
  const series = (name: string, labels: string, perSecond: number) =>
    seconds.map((it) => `${name}{${labels}} ${it * perSecond} ${start + it}`);
  const counters = all.flatMap((it) => {
    const failed = it.requestsPerSecond * (it.failedPercent / 100);
    const of = (code: number, perSecond: number) =>
      series('istio_requests_total', `${labelsOf(it)},response_code="${code}"`, perSecond);
    return [...of(200, it.requestsPerSecond - failed), ...of(500, failed)];
  });
  const buckets = all.flatMap((it) =>
    BUCKETS.flatMap(([le, share]) =>
      series(
        'istio_request_duration_milliseconds_bucket',
        `${labelsOf(it)},le="${le}"`,
        it.requestsPerSecond * share,
      ),
    ),
  );
  return [
    '# TYPE istio_requests counter',
    ...counters,
    '# TYPE istio_request_duration_milliseconds histogram',
    ...buckets,
    '# EOF\n',
  ].join('\n');
}

function labelsOf({ workload, namespace }: Traffic): string {
  return `reporter="destination",destination_workload="${workload}",destination_workload_namespace="${namespace}"`;
}
