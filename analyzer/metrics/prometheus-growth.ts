import type { Selector } from '../../lib/plan/evidence.ts';
import type { GrowthQuestion } from './store.ts';

/**
 * How long a counter may be missing until one that comes back counts as new. Its pod is gone for good after that, or the
 * store was; both are seen in the intervals without it.
 */
export const FORGOTTEN_SECONDS = 1800;

/**
 * PromQL for the growth of counters over the interval before each point. Neither `rate` nor `increase`: both
 * extrapolate to the interval's ends, and leave out what a series had when it was first seen, such as the first error.
 * https://prometheus.io/docs/prometheus/latest/querying/functions/#increase
 *
 * `last_over_time` finds the last value of pods that are gone, and after scrapes that failed: growth is then in the
 * interval in which it was seen. Each series is compared with itself, so that sums hide no reset.
 */
export function growthQuery(
  { selector, by, intervalSeconds }: GrowthQuestion,
  stepSeconds: number,
): string {
  const seen = `last_over_time(${selected(selector)}[${FORGOTTEN_SECONDS}s]`;
  const now = `${seen})`;
  const before = `${seen} offset ${intervalSeconds ?? stepSeconds}s)`;
  return `sum by (${by.join(', ')}) ((${now} - (${before} <= ${now})) or ${now})`;
}

function selected({ metric, matchers }: Selector): string {
  const conditions = matchers.map(
    ([label, operator, value]) => `${label}${operator}${JSON.stringify(value)}`,
  );
  return `${metric}{${conditions.join(',')}}`;
}
