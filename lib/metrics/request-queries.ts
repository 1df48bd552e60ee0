import type { Counts, Matcher, Selector } from './counts.ts';
import type { Filled, QueryProblem } from './promql.ts';

/**
 * Percent of the requests that did not fail; nothing where there was no request.
 *
 * @param window how far it looks back, such as `60s`
 */
export function successRateQuery(counts: Counts, window: string): Filled {
  if (counts.kind === 'none') return wrong(counts.problem);
  const { requests, failed } = counts;
  switch (failed.kind) {
    case 'none':
      return wrong(failed.problem);
    case 'labelled': {
      const good = Object.entries(failed.labels).map(([label, it]) => `${label}!~${quoted(it)}`);
      // No request in the window: the comparison drops the zero, and a division by nothing gives nothing.
      // Only failed ones: without `vector(0)` there would be no answer instead of 0.
      return filled(
        `100 * (${rate(requests, window, good)} or vector(0)) / (${rate(requests, window)} > 0)`,
      );
    }
    case 'apart': {
      const all = failed.counters.map((it) => `(${rate(it, window)} or vector(0))`).join(' + ');
      // Prometheus extrapolates each counter by itself: the failed ones may come out above the total.
      return filled(`clamp_min(100 * (1 - (${all}) / (${rate(requests, window)} > 0)), 0)`);
    }
  }
}

/**
 * A quantile of the response time in milliseconds; nothing where there was no request.
 *
 * @param window how far it looks back, such as `60s`
 */
export function latencyQuery(counts: Counts, quantile: number, window: string): Filled {
  if (counts.kind === 'none') return wrong(counts.problem);
  const { durations } = counts;
  const factor = { ms: '', s: '1000 * ' }[durations.unit];
  const buckets = `sum by (le) (rate(${selected(durations)}[${window}]))`;
  // No request in the window makes the quantile NaN, which no comparison lets through.
  return filled(`${factor}histogram_quantile(${quantile}, ${buckets}) >= 0`);
}

function rate(selector: Selector, window: string, more: readonly string[] = []): string {
  return `sum(rate(${selected(selector, more)}[${window}]))`;
}

function selected({ metric, matchers }: Selector, more: readonly string[] = []): string {
  return `${metric}{${[...matchers.map(matcherText), ...more].join(',')}}`;
}

function matcherText([label, operator, value]: Matcher): string {
  return `${label}${operator}${quoted(value)}`;
}

/** The escapes of JSON are Go's, as PromQL reads them. */
function quoted(text: string): string {
  return JSON.stringify(text);
}

function filled(query: string): Filled {
  return { kind: 'filled', query };
}

function wrong(problem: QueryProblem): Filled {
  return { kind: 'wrong', problems: [problem] };
}
