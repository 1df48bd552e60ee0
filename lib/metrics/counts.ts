import type { QueryProblem } from './promql.ts';

/** A condition on one label, as PromQL writes it. */
export type Matcher = readonly [label: string, operator: '=' | '=~', value: string];

/** The series of one metric that have all of these labels. */
export interface Selector {
  readonly metric: string;
  readonly matchers: readonly Matcher[];
}

/** Nobody counts it: the author is told so, and what to ask instead. */
export interface Uncounted {
  readonly kind: 'none';
  readonly problem: QueryProblem;
}

/** Which of the requests failed by the server's fault. */
export type Failures =
  /** Those in the counter of all requests for which one of these labels matches its expression: RE2, over the whole. */
  | { readonly kind: 'labelled'; readonly labels: Readonly<Record<string, string>> }
  /** Those that counters of their own have; one request is in one of them at most. */
  | { readonly kind: 'apart'; readonly counters: readonly Selector[] }
  | Uncounted;

/** The buckets of a histogram, which have the label `le`. */
export interface Histogram extends Selector {
  readonly unit: 'ms' | 's';
}

/** Three counts from which every built-in check follows. */
export interface RequestCounts {
  readonly kind: 'counted';
  /** A counter of all requests. */
  readonly requests: Selector;
  readonly failed: Failures;
  /** How long the answers took. */
  readonly durations: Histogram;
  /**
   * The same as the callers count it, with what never reached a pod: what tests weigh where it is there.
   * @default - nobody else counts
   */
  readonly callers?: RequestCounts;
}

/** What a mesh or gateway counts of the requests to one track, copies among them. */
export type Counts = RequestCounts | Uncounted;
