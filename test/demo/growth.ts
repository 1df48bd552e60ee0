import type { Traffic, Window } from '../../analyzer/simulated/traffic.ts';
import { type GrowthAsked, growthAsked } from '../embedded/growth.ts';
import type { LabelledValue } from '../embedded/prometheus.ts';

/** Ends of the buckets of Istio's histogram that the synthetic latencies fall between; milliseconds. */
const BUCKETS = [25, 50, 100, 250, 500, 1000, 2500, Number.POSITIVE_INFINITY];

/**
 * How much the counters of the synthetic requests grew before a moment, as the releases' tests ask it; undefined for any
 * other query.
 */
export function growth(
  traffic: Pick<Traffic, 'seen'>,
  query: string,
  atSeconds: number,
): readonly LabelledValue[] | undefined {
  const asked = growthAsked(query);
  if (asked === undefined) return undefined;
  const window = { from: atSeconds - asked.seconds, to: atSeconds };
  return namesIn(asked).flatMap((name) => countsOf(traffic, asked, name, window));
}

/** Services that are asked about: each leads to the workload of its name. */
function namesIn({ matchers }: GrowthAsked): readonly string[] {
  const [, , names = ''] = matchers.find(([label]) => label === 'destination_service_name') ?? [];
  return names.split('|').filter((it) => it !== '');
}

function countsOf(
  traffic: Pick<Traffic, 'seen'>,
  { metric, matchers, by }: GrowthAsked,
  name: string,
  window: Window,
): readonly LabelledValue[] {
  const { requests = 0, successRate = 100, latencyP99Ms = 0 } = traffic.seen(name, window) ?? {};
  const known: Readonly<Record<string, string>> = {
    ...Object.fromEntries(matchers.map(([label, , value]) => [label, value])),
    destination_service_name: name,
  };
  const labels = Object.fromEntries(
    by.flatMap((it) => (it in known ? [[it, known[it] ?? '']] : [])),
  );
  if (metric.endsWith('_bucket'))
    return BUCKETS.map((le) => ({
      labels: { ...labels, le: Number.isFinite(le) ? String(le) : '+Inf' },
      value: requests * partWithin(le, latencyP99Ms),
    }));
  const isGood = matchers.some(([, operator]) => operator === '!~');
  return [{ labels, value: requests * (isGood ? successRate / 100 : 1) }];
}

/** The part of the requests that take at most so long, if a hundredth takes six times the median or longer. */
function partWithin(ms: number, p99: number): number {
  if (!Number.isFinite(ms)) return 1;
  const deviations = (Math.log((6 * ms) / p99) * 2.326) / Math.log(6);
  // The logistic approximation of the normal distribution.
  return 1 / (1 + Math.exp(-1.702 * deviations));
}
