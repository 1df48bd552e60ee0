import type { Counters, Selector, Test } from '../../../lib/plan/evidence.ts';
import type { Answer } from '../answer.ts';
import type { Grid } from './grid.ts';
import type { Sample } from './series.ts';

/** Counters that were summed: the labels that they have in common, and how much they grew before each point. */
export interface CounterSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly samples: readonly Sample[];
}

/** One question about a track's counters, and the labels by which the answer is told apart. */
export interface CounterQuestion {
  readonly selector: Selector;
  readonly by: readonly string[];
}

/** What the counters of one track said: an answer for each of `counterQuestions`, in their order. */
export type TrackCounts = Answer<readonly (readonly CounterSeries[])[]>;

/** The upper end of a bucket, in the histogram's own unit, beyond which a request is slow. */
export interface Bound {
  readonly le: number;
  /** The share of the primary's requests that was, before the rollout. */
  readonly share: number;
}

/** What a test's counters said in the intervals of a step. */
export interface TestCounts {
  readonly test: Test;
  /** Up to when counters were asked; Unix seconds. */
  readonly at: number;
  /** Points are the ends of intervals as long as the grid's step. The first interval is before the step. */
  readonly grid: Grid;
  readonly canary: TrackCounts;
  /** Of what the canary is compared with: the baseline where the step runs one, else the primary. */
  readonly other: TrackCounts;
  /** None where errors are counted. */
  readonly bounds: readonly Bound[];
  /** What has come since the last interval. @default - it was not asked */
  readonly tail?: Tail | undefined;
}

/** What has come since the last whole interval. It may still lack what is reported late. */
export interface Tail {
  /** Unix seconds. */
  readonly from: number;
  readonly to: number;
  readonly canary: TrackCounts;
  readonly other: TrackCounts;
}

/**
 * What is asked about a track: first all its requests, or its buckets; then what tells the bad ones.
 *
 * @param ends of the only buckets that matter @default - all of them
 */
export function counterQuestions(
  counters: Counters,
  strata: readonly string[] = [],
  ends: readonly number[] = [],
): readonly CounterQuestion[] {
  if (counters.kind === 'durations') {
    const { metric, matchers } = counters.buckets;
    const selector =
      ends.length === 0
        ? counters.buckets
        : { metric, matchers: [...matchers, ['le', '=~', endsText(ends)] as const] };
    return [{ selector, by: ['le', ...strata] }];
  }
  const { requests, failures } = counters;
  const others = failures.kind === 'allBut' ? [failures.good] : failures.bad;
  return [requests, ...others].map((selector) => ({ selector, by: strata }));
}

/** Ends of buckets as exporters write them, and the end of the one that holds all requests. */
function endsText(ends: readonly number[]): string {
  const texts = ends.flatMap((it) => [
    String(it),
    ...(Number.isInteger(it) ? [`${it}.0`] : []),
    // As Go writes the large and the small ones: two digits at least.
    ...(it >= 1e6 || it < 1e-4 ? [it.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')] : []),
  ]);
  return ['+Inf', ...texts].map((it) => it.replace(/[.+]/g, '\\$&')).join('|');
}

/** The upper end of a bucket. https://prometheus.io/docs/instrumenting/exposition_formats/#histograms-and-summaries */
export function boundOf(labels: CounterSeries['labels']): number {
  const { le = '' } = labels;
  return le === '+Inf' ? Infinity : le === '' ? Number.NaN : Number(le);
}

/** Values by the points of a grid; NaN where there is none. */
export interface Column {
  /** Of the first value; Unix seconds. */
  readonly start: number;
  readonly stepSeconds: number;
  readonly values: Float64Array;
}

/** Columns by the series that were made of them: whoever knows that there is one makes no samples. */
const columns = new WeakMap<CounterSeries, Column>();

/** A series that is kept as numbers: the samples of a thousand releases at once would be most of a process. */
export function seriesOf(labels: CounterSeries['labels'], column: Column): CounterSeries {
  const series = {
    labels,
    get samples(): readonly Sample[] {
      const samples: Sample[] = [];
      for (const [index, value] of column.values.entries())
        if (!Number.isNaN(value))
          samples.push({ at: column.start + index * column.stepSeconds, value });
      return samples;
    },
  };
  columns.set(series, column);
  return series;
}

/** Calls back for each of a series' values, in order of time. */
export function eachValue(series: CounterSeries, take: (at: number, value: number) => void): void {
  const column = columns.get(series);
  if (column === undefined) {
    for (const { at, value } of series.samples) take(at, value);
    return;
  }
  const { start, stepSeconds, values } = column;
  for (let index = 0; index < values.length; index++) {
    const value = values[index] ?? Number.NaN;
    if (!Number.isNaN(value)) take(start + index * stepSeconds, value);
  }
}
