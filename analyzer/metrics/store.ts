import type { Selector } from '../../lib/plan/evidence.ts';
import type { Answer } from '../core/answer.ts';
import type { CounterSeries } from '../core/judge/counts.ts';
import type { Grid } from '../core/judge/grid.ts';
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

/** Counters whose growth is asked for: those of one metric, told apart by some of their labels. */
export interface GrowthQuestion {
  readonly selector: Selector;
  /** Series that agree in these labels are summed. */
  readonly by: readonly string[];
  /** How long the interval before each point is. @default - as long as the grid's step */
  readonly intervalSeconds?: number | undefined;
}

/** How much counters grew, by the labels that were asked for. */
export interface Growth {
  readonly series: readonly CounterSeries[];
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
  /**
   * How much counters grew in the interval before each point: the difference of what was last seen at its two ends. A counter that was reset, or was never seen before, grew from 0. Nothing is
   * extrapolated, so the intervals of one answer add up. Points at which no counter was there are left out.
   */
  growth(question: GrowthQuestion, points: Grid, until?: AbortSignal): Promise<Answer<Growth>>;
}

/** Metric stores by the name that checks have for them. */
export type MetricStores = ReadonlyMap<string, MetricStore>;

/** What is known of a store that the configuration does not name. */
export function unknownStore(name: string, stores: MetricStores): Answer<never> {
  const known = [...stores.keys()].join(', ') || 'none';
  const reason = `the analyzer knows no metric store ${name} (it knows: ${known}); name it in --metrics-config`;
  return { kind: 'unknown', reason };
}
