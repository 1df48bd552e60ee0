import type { Cluster } from '../cluster/cluster.ts';
import type { Answer } from '../core/answer.ts';
import type { SyncTarget } from '../core/cluster/sync.ts';
import type { CounterSeries } from '../core/judge/counts.ts';
import type { Folds } from '../core/judge/fold.ts';
import type { Grid } from '../core/judge/grid.ts';
import type { HookCalls } from '../hooks/calls.ts';
import type { GrowthQuestion, MetricStores } from '../metrics/store.ts';
import type { ServerClock } from './clocks.ts';

/** Whoever is asked in a pass, besides Git. */
export interface World {
  readonly clusters: readonly ClusterSource[];
  readonly metrics: MetricStores;
  /** Asks the store of that name about counters. @default - each question is asked by itself */
  readonly growth?: AskGrowth | undefined;
  /** What earlier passes have weighed of a release's counters. @default - nothing */
  readonly folds?: Folds | undefined;
  /** Up to when counters are asked, so that all releases of a pass ask the same; Unix seconds. @default - up to now */
  readonly countedAt?: number | undefined;
  /** Calls hooks. @default - none can be called, and nothing is known of them */
  readonly hooks?: HookCalls | undefined;
  /** Servers whose time no other answer tells. @default - none */
  readonly clocks?: readonly ServerClock[] | undefined;
  /** Unix seconds. */
  readonly clock: () => number;
}

/** Asks the metric store of that name. */
export type AskGrowth = (
  source: string,
  question: GrowthQuestion,
  points: Grid,
) => Promise<Answer<Grown>>;

/** How much counters grew, and by how much the clock of their store differs. */
export interface Grown {
  readonly series: readonly CounterSeries[];
  readonly skewSeconds: number;
}

/** The sync objects of one cluster. */
export interface SyncSource {
  readonly target: SyncTarget;
  /** Where they stand: in it, or in a hub. */
  readonly cluster: Cluster;
  /** What `{context}` in their names stands for. */
  readonly context: string;
}

/** A cluster, as far as its sync is concerned. */
export interface Synced {
  /** Which of a release's objects it holds: routing files, the others, or all. */
  readonly holds: 'all' | 'workloads' | 'routes';
  /** What applies `live/` to it. @default - nobody tells */
  readonly sync?: SyncSource | undefined;
}

/** One cluster that `live/` is applied to. */
export interface ClusterSource extends Synced {
  /** Its name in reasons. @default - there is only one */
  readonly name?: string | undefined;
  readonly cluster: Cluster;
}

/** One cluster that holds everything and says nothing of its sync. */
export function oneCluster(cluster: Cluster): readonly ClusterSource[] {
  return [{ holds: 'all', cluster }];
}
