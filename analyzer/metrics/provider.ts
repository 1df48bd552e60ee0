import type { Answer } from '../core/answer.ts';
import type { Sample } from '../core/judge/series.ts';

/** A span of time in Unix seconds, both ends included, and the distance of its points. */
export interface TimeRange {
  readonly start: number;
  readonly end: number;
  readonly stepSeconds: number;
}

/** The samples of one range query, and what the store's clock said. */
export interface Series {
  /** In order of time; points without data are left out. */
  readonly samples: readonly Sample[];
  /** The store's own time in Unix seconds, where it told. */
  readonly serverTime?: number | undefined;
}

/** A store of metrics. It translates; it does not judge, and what goes wrong is an answer, not an exception. */
export interface MetricProvider {
  /**
   * Evaluates `query` at start, start + step, … Several series for one check are `unknown`.
   * @param until ends the question early @default - it has a time limit of its own alone
   */
  range(query: string, range: TimeRange, until?: AbortSignal): Promise<Answer<Series>>;
}
