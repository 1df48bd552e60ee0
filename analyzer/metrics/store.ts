import type { Answer } from '../core/answer.ts';
import type { Grid } from '../core/judge/judge.ts';
import type { Sample } from '../core/judge/series.ts';

/** What is asked at each point of a grid. */
export interface Question {
  /** In the store's own language. */
  readonly query: string;
  /** How far back each point looks: a value at t is of (t - window, t]. A query may say so itself. */
  readonly windowSeconds: number;
}

/** What a store answered to one question, and what its clock said. */
export interface Values {
  /** In order of time; points without data are left out. */
  readonly samples: readonly Sample[];
  /** The store's own time in Unix seconds, where it told. */
  readonly serverTime?: number | undefined;
}

/** A store of metrics. It translates; it does not judge, and what goes wrong is an answer, not an exception. */
export interface MetricStore {
  /** Which of the registry's kinds it is. */
  readonly kind: string;
  /**
   * A value at each point; several for one point are `unknown`.
   * @param until ends the question early @default - it has a time limit of its own alone
   */
  values(question: Question, points: Grid, until?: AbortSignal): Promise<Answer<Values>>;
}

/** Metric stores by the name that checks have for them. */
export type MetricStores = ReadonlyMap<string, MetricStore>;
