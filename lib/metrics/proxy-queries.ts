import type { BuiltInQuery } from '../traffic/router.ts';

/**
 * Percent of the requests that a proxy counted which are good.
 *
 * @param counter name of the counter of requests
 * @param all label matchers of the canary's requests
 * @param good more matchers: what makes one of them good
 */
export function goodShare(counter: string, all: string, good: string): BuiltInQuery {
  // No request in the window: the comparison drops the zero, and a division by nothing gives nothing.
  // Only failed ones: without `vector(0)` there would be no answer instead of 0.
  return promql(
    `100 * (sum(rate(${counter}{${all},${good}}[{{interval}}])) or vector(0)) / ` +
      `(sum(rate(${counter}{${all}}[{{interval}}])) > 0)`,
  );
}

/** The same where each kind of failure is a counter of its own, beside one of everything. */
export function shareWithout(
  total: string,
  failures: readonly string[],
  all: string,
): BuiltInQuery {
  const failed = failures.map((it) => `(sum(rate(${it}{${all}}[{{interval}}])) or vector(0))`);
  // Prometheus extrapolates each counter by itself: the failed ones may come out above the total.
  return promql(
    `clamp_min(100 * (1 - (${failed.join(' + ')}) / (sum(rate(${total}{${all}}[{{interval}}])) > 0)), 0)`,
  );
}

/** A quantile of a histogram in milliseconds. */
export function quantileOf(histogram: string, all: string, quantile: number): BuiltInQuery {
  // No request in the window makes the quantile NaN, which no comparison lets through.
  return promql(
    `histogram_quantile(${quantile}, sum by (le) (rate(${histogram}{${all}}[{{interval}}]))) >= 0`,
  );
}

function promql(text: string): BuiltInQuery {
  return { kind: 'promql', promql: text };
}
