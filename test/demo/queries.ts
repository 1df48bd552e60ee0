import type { Behaviour, Traffic } from '../../analyzer/simulated/traffic.ts';

/**
 * The value of one of the queries that the demo's releases ask; undefined without requests in its window.
 *
 * @throws Error for any other query
 */
export function answer(
  traffic: Pick<Traffic, 'seen'>,
  query: string,
  atSeconds: number,
): number | undefined {
  const { workload, other, windowSeconds, metric, form } = understand(query);
  const window = { from: atSeconds - windowSeconds, to: atSeconds };
  const own = traffic.seen(workload, window);
  if (form === 'errors')
    return own === undefined ? 0 : ((1 - own.successRate / 100) * own.requests) / windowSeconds;
  if (own === undefined || form === 'value') return own?.[metric];
  const compared = traffic.seen(other, window);
  return compared === undefined ? undefined : own[metric] / compared[metric];
}

/** By a metric's name: what it tells, as itself, in comparison with another workload, or as errors in a second. */
const QUERIES = {
  istio_requests_total: ['successRate', 'value'],
  istio_request_duration_milliseconds_bucket: ['latencyP99Ms', 'value'],
  istio_request_duration_milliseconds_sum: ['latencyP99Ms', 'compared'],
  http_request_duration_seconds_count: ['successRate', 'value'],
  http_requests_total: ['successRate', 'errors'],
} as const;

interface Understood {
  readonly workload: string;
  /** What it is compared with. */
  readonly other: string;
  readonly windowSeconds: number;
  readonly metric: keyof Behaviour;
  readonly form: 'value' | 'compared' | 'errors';
}

/** Reads the few queries that the checks of the demo's releases render to; PromQL as a whole is not spoken here. */
function understand(query: string): Understood {
  const found = Object.entries(QUERIES).find(([it]) => query.includes(it));
  const names = [...query.matchAll(/(?:destination_workload|pod)=~?"([a-z0-9-]+?)(?:-\[[^"]*)?"/g)];
  const workloads = [...new Set(names.map((it) => it[1] ?? ''))];
  const window = /\[(\d+)s\]/.exec(query)?.[1];
  const [workload, other = ''] = workloads;
  if (found === undefined || workload === undefined || window === undefined)
    throw new Error(`the demo's metric store does not know the query ${query}`);
  const [metric, form] = found[1];
  return { workload, other, windowSeconds: Number(window), metric, form };
}
